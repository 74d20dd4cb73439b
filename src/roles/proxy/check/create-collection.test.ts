import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import type { Init } from "../../../wire/codec.ts";
import type { CollectionSchema, CreateCollectionRequest } from "../../../wire/messages.gen.ts";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, field, idField, pair, vectorField, type WireField } from "../requests.testing.ts";

interface Case {
  readonly name?: string;
  readonly fields?: readonly WireField[];
  readonly schema?: Init<CollectionSchema>;
  readonly request?: Init<CreateCollectionRequest>;
  readonly code: number;
  /** Part of the message. */
  readonly says: string;
}

const properties = (key: string, value: string): Init<CreateCollectionRequest> => ({
  properties: [pair(key, value)],
});
const text = (more: WireField = {}): WireField =>
  field("t", DataType.VarChar, { typeParams: [pair("max_length", "9")], ...more });
const keyed = text({ name: "k", isPartitionKey: true });

const refused: readonly Case[] = [
  // Names
  { name: "", code: 1100, says: "collection name should not be empty: invalid parameter" },
  {
    name: "1a",
    code: 1100,
    says: "Invalid collection name: 1a. the first character of a collection name must be an underscore or letter",
  },
  {
    name: "a b",
    code: 1100,
    says: "collection name can only contain numbers, letters and underscores",
  },
  {
    name: "a".repeat(256),
    code: 1100,
    says: "the length of a collection name must be less than 255 characters",
  },
  { request: { collectionName: "other" }, code: 1100, says: "collection name = other, schema.Name=c" },
  // Counts
  { request: { shardsNum: 17 }, code: 1100, says: "maximum shards's number should be limited to 16" },
  { request: { shardsNum: -1 }, code: 1100, says: "should be in range [1, 16]" },
  {
    fields: [idField, vectorField, ...Array.from({ length: 63 }, (_, i) => field(`f${i}`, DataType.Int8))],
    code: 1100,
    says: "maximum field's number should be limited to 64",
  },
  {
    fields: [idField, ...Array.from({ length: 11 }, (_, i) => ({ ...vectorField, name: `v${i}` }))],
    code: 1100,
    says: "maximum vector field's number should be limited to 10",
  },
  { fields: [idField], code: 1100, says: "schema does not contain vector field" },
  // Keys
  { fields: [vectorField], code: 1101, says: "primary key is not specified: missing parameter" },
  {
    fields: [idField, { ...idField, name: "id2" }, vectorField],
    code: 1100,
    says: "there are more than one primary key, field name = id, id2",
  },
  {
    fields: [field("id", DataType.Float, { isPrimaryKey: true }), vectorField],
    code: 1100,
    says: "the data type of primary key should be Int64 or VarChar",
  },
  {
    fields: [{ ...idField, nullable: true }, vectorField],
    code: 1100,
    says: "primary field not support null, type:Int64, name:id",
  },
  {
    fields: [{ ...idField, defaultValue: { longData: 1n } }, vectorField],
    code: 1100,
    says: "primary field not support default_value, type:Int64, name:id",
  },
  {
    fields: [idField, vectorField, field("a", DataType.Int64, { autoID: true })],
    code: 1100,
    says: "only primary field can speficy AutoID with true, field name = a",
  },
  {
    fields: [{ ...idField, autoID: true }, vectorField, field("a", DataType.Int64, { autoID: true })],
    code: 1100,
    says: "only one field can speficy AutoID with true, field name = id, a",
  },
  {
    fields: [idField, vectorField, keyed, { ...keyed, name: "k2" }],
    code: 1100,
    says: "there are more than one partition key, field name = k, k2",
  },
  {
    fields: [{ ...idField, isPartitionKey: true }, vectorField],
    code: 1100,
    says: "the partition key field must not be primary field",
  },
  {
    fields: [idField, vectorField, { ...keyed, nullable: true }],
    code: 1100,
    says: "partition key field not support nullable",
  },
  {
    fields: [idField, vectorField, field("k", DataType.Float, { isPartitionKey: true })],
    code: 1100,
    says: "the data type of partition key should be Int64 or VarChar",
  },
  {
    fields: [idField, vectorField, keyed],
    request: { numPartitions: 5000n },
    code: 1100,
    says: "partition number (5000) exceeds max configuration (1024)",
  },
  {
    request: { numPartitions: 4n },
    code: 1100,
    says: "num_partitions should only be specified with partition key field enabled",
  },
  {
    fields: [idField, vectorField, field("k", DataType.JSON, { isClusteringKey: true })],
    code: 105,
    says: "clustering key field k has unsupported data type JSON: illegal collection schema[collection=c]",
  },
  {
    fields: [
      idField,
      vectorField,
      field("a", DataType.Int64, { isClusteringKey: true }),
      field("b", DataType.Int64, { isClusteringKey: true }),
    ],
    code: 105,
    says: "there are more than one clustering key, field name = a, b",
  },
  // Fields
  {
    fields: [idField, vectorField, field("id", DataType.Int8)],
    code: 1100,
    says: "duplicated field name id found",
  },
  {
    fields: [idField, vectorField, field("", DataType.Int8)],
    code: 1701,
    says: "field name should not be empty",
  },
  {
    fields: [idField, vectorField, field("1x", DataType.Int8)],
    code: 1701,
    says: "Invalid field name: 1x. The first character of a field name must be an underscore or letter.",
  },
  {
    fields: [idField, vectorField, field("x-y", DataType.Int8)],
    code: 1701,
    says: "Field name can only contain numbers, letters, and underscores.",
  },
  {
    fields: [idField, vectorField, field("like", DataType.Int8)],
    code: 1701,
    says: "like is keyword in milvus.",
  },
  {
    fields: [idField, vectorField, field("NuLL", DataType.Int8)],
    code: 1701,
    says: "NuLL is keyword in milvus.",
  },
  {
    fields: [idField, vectorField, field("Timestamp", DataType.Int64)],
    code: 1701,
    says: 'field name "Timestamp" is reserved for internal use',
  },
  {
    fields: [idField, vectorField, field("d", DataType.JSON, { isDynamic: true })],
    code: 1100,
    says: "cannot explicitly set a field as a dynamic field",
  },
  {
    fields: [idField, { ...vectorField, typeParams: [] }],
    code: 1100,
    says: "dimension is not defined in field type params of field vec",
  },
  {
    fields: [idField, { ...vectorField, typeParams: [pair("dim", "1")] }],
    code: 1100,
    says: "invalid dimension: 1. should be in range 2 ~ 32768",
  },
  {
    fields: [idField, { ...vectorField, typeParams: [pair("dim", "32769")] }],
    code: 1100,
    says: "invalid dimension: 32769 of field vec. float vector dimension should be in range 2 ~ 32768",
  },
  {
    fields: [idField, { ...vectorField, typeParams: [pair("dim", "x")] }],
    code: 1100,
    says: 'parsing "x": invalid syntax',
  },
  {
    fields: [idField, field("b", DataType.BinaryVector, { typeParams: [pair("dim", "12")] })],
    code: 1100,
    says: "invalid dimension: 12 of field b. binary vector dimension should be multiple of 8. ",
  },
  {
    fields: [idField, field("b", DataType.BinaryVector, { typeParams: [pair("dim", "262152")] })],
    code: 1100,
    says: "binary vector dimension should be in range 2 ~ 262144",
  },
  {
    fields: [idField, field("s", DataType.SparseFloatVector, { typeParams: [pair("dim", "4")] })],
    code: 1100,
    says: "dim should not be specified for sparse vector field s(0)",
  },
  {
    fields: [idField, vectorField, text({ typeParams: [] })],
    code: 1101,
    says: "type param(max_length) should be specified for the field(t) of collection c",
  },
  {
    fields: [idField, vectorField, text({ typeParams: [pair("max_length", "65536")] })],
    code: 1100,
    says: "the maximum length specified for the field(t) should be in (0, 65535], but got 65536 instead",
  },
  {
    fields: [idField, vectorField, field("a", DataType.Array, { elementType: DataType.Int8 })],
    code: 1101,
    says: "type param(max_capacity) should be specified for array field a of collection c",
  },
  {
    fields: [
      idField,
      vectorField,
      field("a", DataType.Array, { elementType: DataType.Int8, typeParams: [pair("max_capacity", "4097")] }),
    ],
    code: 1100,
    says: "the maximum capacity specified for a Array should be in (0, 4096]",
  },
  {
    fields: [
      idField,
      vectorField,
      field("a", DataType.Array, { elementType: DataType.JSON, typeParams: [pair("max_capacity", "4")] }),
    ],
    code: 1100,
    says: "element type JSON is not supported",
  },
  {
    fields: [idField, vectorField, field("s", DataType.String)],
    code: 1100,
    says: "string data type not supported yet, please use VarChar type instead",
  },
  {
    fields: [idField, vectorField, field("n", DataType.None)],
    code: 1100,
    says: "data type None is not valid",
  },
  {
    fields: [
      idField,
      vectorField,
      field("j", DataType.JSON, { defaultValue: { bytesData: Uint8Array.of(123, 125) } }),
    ],
    code: 1100,
    says: "type not support default_value, type:JSON, name:j",
  },
  {
    fields: [idField, vectorField, field("i", DataType.Int8, { defaultValue: { intData: 200 } })],
    code: 1100,
    says: "default value out of range: invalid parameter[200 out of range -128 <= value <= 127]",
  },
  {
    fields: [idField, vectorField, text({ defaultValue: { stringData: "0123456789" } })],
    code: 1100,
    says: "the length (10) of string exceeds max length (9): invalid parameter[expected=valid length string]",
  },
  {
    fields: [idField, vectorField, field("i", DataType.Int8, { defaultValue: { longData: 1n } })],
    code: 1100,
    says: "type (Int8) of field (i) is not equal to the type(DataType_Int64) of default_value",
  },
  {
    fields: [{ ...idField, typeParams: [pair("field.skipLoad", "true")] }, vectorField],
    code: 1100,
    says: "Primary key field id cannot skip loading",
  },
  {
    fields: [idField, { ...vectorField, typeParams: [pair("dim", "8"), pair("field.skipLoad", "true")] }],
    code: 1100,
    says: "cannot config all vector field(s) skip loading",
  },
  // Properties
  {
    request: properties("collection.ttl.seconds", "soon"),
    code: 1100,
    says: 'collection ttl property value not valid, parse error: strconv.ParseInt: parsing "soon": invalid syntax',
  },
  {
    request: properties("collection.ttl.seconds", "-2"),
    code: 1100,
    says: "collection TTL is out of range, expect [-1, 3155760000], got -2",
  },
  {
    request: properties("timezone", "Moon/Sea"),
    code: 1100,
    says: "unknown or invalid IANA Time Zone ID: Moon/Sea",
  },
  {
    request: properties("mmap.enabled", "maybe"),
    code: 1100,
    says: "invalid mmap.enabled value: maybe, expected: true, false",
  },
  {
    request: properties("warmup", "sync"),
    code: 1100,
    says: "warmup key 'warmup' is only allowed at field level",
  },
  {
    request: properties("warmup.scalarField", "hot"),
    code: 1100,
    says: "invalid warmup policy: hot, must be 'disable', 'sync' or 'async'",
  },
  {
    request: properties("partitionkey.isolation", "true"),
    code: 105,
    says: "partition key isolation mode is enabled but no partition key field is set",
  },
  {
    request: properties("allow_insert_auto_id", "true"),
    code: 1100,
    says: "the value for allow_insert_auto_id must be false when autoID is false",
  },
  { request: properties("consistency_level", "7"), code: 1100, says: "consistency level 7 is unknown" },
  { request: { consistencyLevel: 9 }, code: 1100, says: "consistency level 9 is unknown" },
  {
    schema: { description: "d".repeat(70_000) },
    code: 1100,
    says: "the length of a collection description must not exceed",
  },
  // Not served, by name
  {
    schema: { functions: [{ name: "bm", type: 1, inputFieldNames: ["t"], outputFieldNames: ["s"] }] },
    code: 10,
    says: "the function bm of type BM25 is not served by this version",
  },
  {
    fields: [idField, vectorField, field("x", DataType.Text)],
    code: 10,
    says: "the data type Text of field x",
  },
  {
    fields: [
      idField,
      vectorField,
      field("z", DataType.Timestamptz, { defaultValue: { stringData: "soon" } }),
    ],
    code: 1100,
    says: "invalid timestamp string: 'soon'. Does not match any known format",
  },
  {
    fields: [idField, vectorField, field("g", DataType.Geometry, { defaultValue: { stringData: "here" } })],
    code: 1100,
    says: "invalid default value for geometry field: syntax error at position 4",
  },
  {
    schema: { structArrayFields: [{ name: "clips", fields: [] }] },
    code: 10,
    says: "the data type ArrayOfStruct of field clips",
  },
  {
    fields: [
      idField,
      vectorField,
      text({ typeParams: [pair("max_length", "9"), pair("enable_match", "true")] }),
    ],
    code: 10,
    says: "text match (enable_match of field t)",
  },
  {
    request: properties("ttl_field", "z"),
    code: 1100,
    says: "ttl field name z not found in schema",
  },
  {
    request: properties("ttl_field", idField.name ?? ""),
    code: 1100,
    says: `ttl field must be timestamptz, field name = ${idField.name}`,
  },
];

test("wrong and unserved definitions are refused in Milvus's words", async () => {
  const deployment = new FakeDeployment();
  for (const { name = "c", fields, schema, request, code, says } of refused) {
    const status = await deployment.status("CreateCollection", createRequest(name, fields, schema, request));
    ok(status.reason.includes(says), `expected "${says}", got "${status.reason}"`);
    equal(status.code, code, status.reason);
    equal(status.retriable, false, status.reason);
  }
  equal(deployment.collections.size, 0);
});

test("a schema that cannot be read is refused, not taken for an empty one", async () => {
  const deployment = new FakeDeployment();
  const schema = Uint8Array.of(0x0a, 0xff);
  const status = await deployment.status("CreateCollection", { collectionName: "c", schema });
  equal(status.code, 1100);
});

test("a rich schema is created and described as it was given", async () => {
  const deployment = new FakeDeployment();
  const request = createRequest(
    "rich",
    [
      { ...idField, autoID: true },
      vectorField,
      field("sparse", DataType.SparseFloatVector),
      field("bin", DataType.BinaryVector, { typeParams: [pair("dim", "16")] }),
      keyed,
      field("age", DataType.Int16, { nullable: true, defaultValue: { intData: 3 } }),
      field("tags", DataType.Array, {
        elementType: DataType.VarChar,
        typeParams: [pair("max_capacity", "4"), pair("max_length", "7")],
      }),
    ],
    { enableDynamicField: true, description: "all of it" },
    {
      shardsNum: 0,
      consistencyLevel: 2,
      properties: [pair("collection.ttl.seconds", "60"), pair("my.own", "x")],
    },
  );
  equal((await deployment.status("CreateCollection", request)).reason, "");
  const stored = deployment.collection("rich");
  deepEqual(
    [stored.partitionKeyPartitions, stored.vchannels.length, stored.consistencyLevel],
    [16, 1, "Bounded"],
  );
  const dynamic = stored.schema.fields.at(-1);
  deepEqual([dynamic?.name, dynamic?.isDynamic, dynamic?.type], ["$meta", true, DataType.JSON]);
  const described = await deployment.call("DescribeCollection", { collectionName: "rich" });
  deepEqual(
    described.schema?.fields.map(({ fieldID, name }) => [fieldID, name]),
    ["id", "vec", "sparse", "bin", "k", "age", "tags"].map((name, i) => [BigInt(100 + i), name]),
  );
  deepEqual(described.schema?.fields[1]?.typeParams, [pair("dim", "8")]);
  deepEqual(described.schema?.fields[5]?.defaultValue?.intData, 3);
  deepEqual(
    [described.schema?.enableDynamicField, described.schema?.autoID, described.schema?.description],
    [true, false, "all of it"],
  );
  deepEqual([described.numPartitions, described.shardsNum, described.consistencyLevel], [16n, 1, 2]);
  deepEqual(described.properties, [pair("collection.ttl.seconds", "60"), pair("my.own", "x")]);
  equal(described.createdUtcTimestamp, described.createdTimestamp >> 18n);
});
