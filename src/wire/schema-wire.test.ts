import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../model/data-type.ts";
import { decode, encode, type Init } from "./codec.ts";
import type { CollectionSchema } from "./messages.gen.ts";
import { decodeCollectionSchema, fromWireSchema, toWireSchema } from "./schema-wire.ts";

const WIRE: Init<CollectionSchema> = {
  name: "books",
  description: "all of them",
  enableDynamicField: true,
  version: 2,
  fields: [
    { fieldID: 100n, name: "id", isPrimaryKey: true, autoID: true, dataType: DataType.Int64 },
    {
      fieldID: 101n,
      name: "title",
      dataType: DataType.VarChar,
      nullable: true,
      isPartitionKey: true,
      typeParams: [
        { key: "max_length", value: "128" },
        { key: "enable_match", value: "true" },
      ],
      defaultValue: { stringData: "" },
    },
    { fieldID: 102n, name: "year", dataType: DataType.Int16, defaultValue: { intData: 1999 } },
    {
      fieldID: 103n,
      name: "tags",
      dataType: DataType.Array,
      elementType: DataType.VarChar,
      typeParams: [
        { key: "max_capacity", value: "8" },
        { key: "max_length", value: "10" },
      ],
    },
    {
      fieldID: 104n,
      name: "vector",
      dataType: DataType.FloatVector,
      isFunctionOutput: true,
      typeParams: [{ key: "dim", value: "384" }],
    },
    {
      fieldID: 105n,
      name: "price",
      dataType: DataType.Double,
      isClusteringKey: true,
      defaultValue: { doubleData: 0.5 },
    },
    { fieldID: 106n, name: "count", dataType: DataType.Int64, defaultValue: { longData: -5n } },
    { fieldID: 107n, name: "ok", dataType: DataType.Bool, defaultValue: { boolData: false } },
    {
      fieldID: 108n,
      name: "$meta",
      dataType: DataType.JSON,
      isDynamic: true,
      defaultValue: { bytesData: Uint8Array.of(0x7b, 0x7d) },
    },
  ],
  functions: [
    {
      id: 1n,
      name: "embed",
      type: 2,
      inputFieldNames: ["title"],
      inputFieldIds: [101n],
      outputFieldNames: ["vector"],
      outputFieldIds: [104n],
      params: [{ key: "provider", value: "x" }],
    },
  ],
  structArrayFields: [
    {
      fieldID: 109n,
      name: "clips",
      fields: [{ fieldID: 110n, name: "text", dataType: DataType.Array, elementType: DataType.VarChar }],
    },
  ],
};

test("a schema goes to the model and back without losing anything", () => {
  const bytes = encode("schema.CollectionSchema", WIRE);
  const schema = decodeCollectionSchema(bytes);
  const back = encode("schema.CollectionSchema", toWireSchema(schema));
  const expected = { ...decode("schema.CollectionSchema", bytes), autoID: true };
  assert.deepEqual(decode("schema.CollectionSchema", back), expected);
});

test("numbers of type parameters are read, others are kept as they came", () => {
  const { fields } = fromWireSchema(
    decode("schema.CollectionSchema", encode("schema.CollectionSchema", WIRE)),
  );
  const byName = new Map(fields.map((field) => [field.name, field]));
  assert.equal(byName.get("vector")?.dim, 384);
  assert.equal(byName.get("title")?.maxLength, 128);
  assert.deepEqual({ ...byName.get("title")?.typeParams }, { max_length: "128", enable_match: "true" });
  assert.equal(byName.get("tags")?.maxCapacity, 8);
  assert.deepEqual(byName.get("year")?.defaultValue, { kind: "int", value: 1999n });
  assert.deepEqual(byName.get("title")?.defaultValue, { kind: "string", value: "" });
  const clips = byName.get("clips");
  assert.equal(clips?.type, DataType.ArrayOfStruct);
  assert.deepEqual(
    clips?.children.map((child) => child.name),
    ["text"],
  );
});

test("a dimension that is no number is left to whoever needs it", () => {
  const wire = {
    fields: [{ name: "v", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "many" }] }],
  };
  const [field] = decodeCollectionSchema(encode("schema.CollectionSchema", wire)).fields;
  assert.equal(field?.dim, 0);
  assert.equal(field?.typeParams["dim"], "many");
});

test("a default of another type is refused", () => {
  const wire = { fields: [{ name: "v", dataType: DataType.Int64, defaultValue: { stringData: "1" } }] };
  assert.throws(
    () => decodeCollectionSchema(encode("schema.CollectionSchema", wire)),
    /type \(Int64\) of field \(v\) is not equal to the type\(DataType_VarChar\) of default_value: invalid parameter$/,
  );
  const vector = {
    fields: [{ name: "v", dataType: DataType.FloatVector, defaultValue: { longData: 1n } }],
  };
  assert.throws(
    () => decodeCollectionSchema(encode("schema.CollectionSchema", vector)),
    /type not support default_value, type:FloatVector, name:v: invalid parameter$/,
  );
});
