import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonEntries, jsonObject, keepJsonKeys } from "./json-entries.ts";

test("members keep their text: digits, nesting, strings that look like structure", () => {
  const text = ' { "a" : 12345678901234567890 , "b\\"":{"x":["}",1]},"c":"\\\\","d":null , "a":1.0 }';
  const entries = jsonEntries(text);
  assert.deepEqual(
    [...(entries ?? [])],
    [
      ["a", "1.0"],
      ['b"', '{"x":["}",1]}'],
      ["c", '"\\\\"'],
      ["d", "null"],
    ],
  );
  assert.deepEqual(JSON.parse(jsonObject(entries ?? [])), JSON.parse(text));
});

test("what is not one object has no members", () => {
  for (const text of ["", "[1]", "1", "null", '{"a":1', '{"a":1}}', "{a:1}"])
    assert.equal(jsonEntries(text), undefined, text);
  assert.deepEqual([...(jsonEntries("{}") ?? [])], []);
});

test("some keys of an object", () => {
  const bytes = new TextEncoder().encode('{"a":1,"b":[2],"__proto__":3}');
  assert.equal(
    new TextDecoder().decode(keepJsonKeys(bytes, new Set(["b", "__proto__", "z"]))),
    '{"b":[2],"__proto__":3}',
  );
});
