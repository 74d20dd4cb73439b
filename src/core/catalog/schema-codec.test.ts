import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../tests/fuzz/samples.ts";
import { ByteFormatError, concatBytes } from "../../base/bytes.ts";
import type { CollectionSchema, ScalarValue } from "../../model/schema.ts";
import { collectionCodec, collectionSchemaCodec } from "./schema-codec.ts";

test("a collection with every kind of default comes back as it was", () => {
  assert.deepEqual(collectionCodec.decode(collectionCodec.encode(collectionSample)), collectionSample);
});

test("defaults of zero and nothing stay defaults", () => {
  const values: readonly ScalarValue[] = [
    { kind: "bool", value: false },
    { kind: "int", value: 0n },
    { kind: "float", value: 0 },
    { kind: "string", value: "" },
    { kind: "bytes", value: new Uint8Array(0) },
  ];
  const [field] = collectionSample.schema.fields;
  assert.ok(field !== undefined);
  for (const defaultValue of values) {
    const schema: CollectionSchema = { ...collectionSample.schema, fields: [{ ...field, defaultValue }] };
    assert.deepEqual(collectionSchemaCodec.decode(collectionSchemaCodec.encode(schema)), schema);
  }
});

test("the ids of fields that are gone stay known", () => {
  const schema: CollectionSchema = { ...collectionSample.schema, lastFieldId: 170 };
  assert.deepEqual(collectionSchemaCodec.decode(collectionSchemaCodec.encode(schema)), schema);
});

test("a kind of default that a newer release has is refused, not read as another", () => {
  // A schema with one field (3) whose default (13) is of kind (1) "date".
  const date = Uint8Array.of(10, 4, 0x64, 0x61, 0x74, 0x65);
  const bytes = concatBytes([Uint8Array.of(26, date.length + 2, 106, date.length), date]);
  assert.throws(() => collectionSchemaCodec.decode(bytes), {
    name: ByteFormatError.name,
    message: /kind "date" is not known/,
  });
});

test("what a newer release knows of a default survives a rewrite", () => {
  // A default of kind (1) "int", value (2) 5, with a field 9 of 7.
  const value = Uint8Array.of(10, 3, 0x69, 0x6e, 0x74, 16, 5, 72, 7);
  const bytes = concatBytes([Uint8Array.of(26, value.length + 2, 106, value.length), value]);
  const schema = collectionSchemaCodec.decode(bytes);
  assert.equal(schema.fields[0]?.defaultValue?.value, 5n);
  assert.ok(Buffer.from(collectionSchemaCodec.encode(schema)).includes(value));
});
