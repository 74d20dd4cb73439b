import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import { decode, encode } from "./codec.ts";
import { packBytes, packStrings } from "./packed-bytes.ts";
import { decodePlaceholderGroup, floatsOf, queriesFor, type QueryVectors } from "./placeholder-group.ts";
import { decodeTemplates } from "./plan-template.ts";
import { fromWireField } from "./schema-wire.ts";
import { countResults, fromWireIds, searchResultData, toWireIds } from "./search-results.ts";

const FIELD = { ...fromWireField(decode("schema.FieldSchema", new Uint8Array(0))), name: "v" };

function field(type: DataType, dim: number): FieldSchema {
  return { ...FIELD, type, dim };
}

function queries(type: number, values: readonly Uint8Array[]): QueryVectors {
  const bytes = encode("common.PlaceholderGroup", {
    placeholders: [{ tag: "$0", type, values: packBytes(values) }],
  });
  return decodePlaceholderGroup(bytes);
}

const floatBytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

test("query vectors come as one block of bytes for the field that is searched", () => {
  const result = queriesFor(
    field(DataType.FloatVector, 2),
    queries(DataType.FloatVector, [floatBytes(1, 2), floatBytes(3, 4)]),
  );
  assert.ok(result.kind === "dense");
  assert.equal(result.count, 2);
  assert.deepEqual(floatsOf(result.bytes), Float32Array.of(1, 2, 3, 4));
  const binary = queriesFor(
    field(DataType.BinaryVector, 16),
    queries(DataType.BinaryVector, [Uint8Array.of(1, 2)]),
  );
  assert.deepEqual(binary.kind === "dense" && binary.bytes, Uint8Array.of(1, 2));
});

test("float vectors are rounded for half precision fields, to the nearest and ties to even", () => {
  const vectors = queries(DataType.FloatVector, [floatBytes(1, -2.5)]);
  const half = queriesFor(field(DataType.Float16Vector, 2), vectors);
  assert.ok(half.kind === "dense");
  assert.deepEqual(new Float16Array(half.bytes.buffer), Float16Array.of(1, -2.5));
  const bits = Uint32Array.of(0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x7fc0_0000);
  const brain = queriesFor(
    field(DataType.BFloat16Vector, 4),
    queries(DataType.FloatVector, [new Uint8Array(bits.buffer)]),
  );
  assert.ok(brain.kind === "dense");
  assert.deepEqual(new Uint16Array(brain.bytes.buffer), Uint16Array.of(0x3f80, 0x3f82, 0x3f81, 0x7fc0));
});

test("sparse queries are rows of pairs, checked", () => {
  const row = new Uint8Array(Uint32Array.of(3, 0x3f80_0000).buffer);
  const sparse = field(DataType.SparseFloatVector, 0);
  const result = queriesFor(sparse, queries(DataType.SparseFloatVector, [row, row]));
  assert.ok(result.kind === "sparse");
  assert.equal(result.rows.offsets.length, 3);
  assert.throws(
    () => queriesFor(sparse, queries(DataType.SparseFloatVector, [row.subarray(0, 5)])),
    /invalid data length/,
  );
});

test("query vectors of another dimension or type are refused", () => {
  const vector = field(DataType.FloatVector, 4);
  assert.throws(
    () => queriesFor(vector, queries(DataType.FloatVector, [floatBytes(1, 2)])),
    /vector dimension mismatch, expected vector size\(byte\) 16, actual 8.: segcore error\[segcoreCode=2032\]/,
  );
  assert.throws(
    () => queriesFor(vector, queries(DataType.BinaryVector, [Uint8Array.of(1)])),
    /vector type must be the same, field v - type FloatVector, search ph type BinaryVector/,
  );
  assert.throws(
    () => queriesFor(field(DataType.Float16Vector, 4), queries(DataType.Int8Vector, [Uint8Array.of(1)])),
    /vector type must be the same: field type Float16Vector, search type Int8Vector/,
  );
  assert.throws(() => queriesFor(vector, decodePlaceholderGroup(new Uint8Array(0))), /must have queries/);
});

test("hits go to the wire with their ids, scores and counts", () => {
  const ids = { kind: "varchar", ...packStrings(["a", "b", "c"]) } as const;
  const data = searchResultData({
    limit: 2,
    counts: BigInt64Array.of(2n, 1n),
    ids,
    scores: Float32Array.of(0.9, 0.8, 0.7),
    fields: [
      { type: DataType.Int64, fieldName: "n", scalars: { longData: { data: BigInt64Array.of(1n, 2n, 3n) } } },
    ],
    outputFields: ["n"],
    primaryFieldName: "id",
  });
  const results = decode("schema.SearchResultData", encode("schema.SearchResultData", data));
  assert.equal(results.numQueries, 2n);
  assert.equal(results.topK, 2n);
  assert.deepEqual(results.topks, BigInt64Array.of(2n, 1n));
  assert.deepEqual(results.scores, Float32Array.of(0.9, 0.8, 0.7));
  assert.deepEqual(fromWireIds(results.ids), ids);
  assert.equal(results.primaryFieldName, "id");
  assert.equal(results.searchIteratorV2Results, undefined);
});

test("ids of both kinds go and come, and none are no integers", () => {
  const keys = { kind: "int64", values: BigInt64Array.of(5n, -5n) } as const;
  assert.deepEqual(fromWireIds(decode("schema.IDs", encode("schema.IDs", toWireIds(keys)))), keys);
  assert.deepEqual(fromWireIds(undefined), { kind: "int64", values: new BigInt64Array(0) });
  const count = decode("milvus.QueryResults", encode("milvus.QueryResults", countResults(7n)));
  assert.deepEqual(count.fieldsData[0]?.scalars?.longData?.data, BigInt64Array.of(7n));
  assert.deepEqual(count.outputFields, ["count(*)"]);
});

test("template values become constants of the expression language", () => {
  const encoder = new TextEncoder();
  const json = ["1", "1.0", '"x"', "true", "9007199254740993", "[1,2]", "99999999999999999999"];
  const request = decode(
    "milvus.QueryRequest",
    encode("milvus.QueryRequest", {
      exprTemplateValues: new Map([
        ["b", { boolVal: false }],
        ["i", { int64Val: 0n }],
        ["f", { floatVal: 1.5 }],
        ["s", { stringVal: "" }],
        ["l", { arrayVal: { longData: { data: BigInt64Array.of(1n, 2n) } } }],
        ["t", { arrayVal: { stringData: { data: packStrings(["x"]) } } }],
        ["n", { arrayVal: { arrayData: { data: [{ doubleData: { data: Float64Array.of(2.5) } }] } } }],
        ["j", { arrayVal: { jsonData: { data: packBytes(json.map((text) => encoder.encode(text))) } } }],
      ]),
    }),
  );
  const int = (value: bigint): object => ({ kind: "int", value });
  assert.deepEqual(
    decodeTemplates(request.exprTemplateValues),
    new Map<string, object>([
      ["b", { kind: "bool", value: false }],
      ["i", int(0n)],
      ["f", { kind: "float", value: 1.5 }],
      ["s", { kind: "string", value: "" }],
      ["l", { kind: "array", items: [int(1n), int(2n)] }],
      ["t", { kind: "array", items: [{ kind: "string", value: "x" }] }],
      ["n", { kind: "array", items: [{ kind: "array", items: [{ kind: "float", value: 2.5 }] }] }],
      [
        "j",
        {
          kind: "array",
          items: [
            int(1n),
            { kind: "float", value: 1 },
            { kind: "string", value: "x" },
            { kind: "bool", value: true },
            int(9007199254740993n),
            { kind: "array", items: [int(1n), int(2n)] },
            { kind: "float", value: 1e20 },
          ],
        },
      ],
    ]),
  );
});

test("a template value that is nothing is refused", () => {
  const empty = decode("schema.TemplateValue", new Uint8Array(0));
  assert.throws(
    () => decodeTemplates(new Map([["x", empty]])),
    /expression elements can only be scalars: query plan failed/,
  );
});
