import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { firstKey, jsonKeys, jsonPointer } from "./json-pointer.ts";
import { testSchema } from "./testing.ts";

const fieldNamed = (name: string) => {
  const field = testSchema.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
};

test("a path becomes a JSON pointer in its field", () => {
  const doc = fieldNamed("doc");
  equal(jsonPointer(jsonKeys("doc", testSchema, doc)), "");
  equal(jsonPointer(jsonKeys(`doc['a']["b"]`, testSchema, doc)), "/a/b");
  equal(jsonPointer(jsonKeys("doc['a'][0]['b/c']['~']", testSchema, doc)), "/a/0/b~1c/~0");
  const dynamic = fieldNamed("$meta");
  equal(jsonPointer(jsonKeys("color['hue']", testSchema, dynamic)), "/color/hue");
  equal(jsonPointer(jsonKeys("$meta['color']", testSchema, dynamic)), "/color");
});

test("what is no path in the field is refused", () => {
  const doc = fieldNamed("doc");
  throws(
    () => jsonPointer(jsonKeys("doc['a'] + 1", testSchema, doc)),
    /doc\['a'\] \+ 1 is no path in a JSON field/,
  );
  throws(() => jsonPointer(jsonKeys("color", testSchema, doc)), /fieldID not match with field name/);
  throws(
    () => jsonPointer(jsonKeys("text['a']", testSchema, doc)),
    /data type not supported accessed with \[\]/,
  );
  throws(() => jsonPointer(jsonKeys("doc[", testSchema, doc)));
});

test("the first key of a pointer names a key of the dynamic field", () => {
  equal(firstKey("/color/hue"), "color");
  equal(firstKey("/a~1b~0/0"), "a/b~");
  equal(firstKey(""), "");
});
