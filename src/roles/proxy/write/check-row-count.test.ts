import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type Init } from "../../../wire/codec.ts";
import type { InsertRequest } from "../../../wire/messages.gen.ts";
import { checkRowCount } from "./check-row-count.ts";

const request = (fields: Init<InsertRequest>): InsertRequest =>
  decode("milvus.InsertRequest", encode("milvus.InsertRequest", fields));
const longs = (count: number) => ({
  fieldName: "id",
  scalars: { longData: { data: new BigInt64Array(count) } },
});
const texts = (count: number) => ({
  fieldName: "text",
  scalars: { stringData: { data: { offsets: new Int32Array(count + 1), bytes: new Uint8Array(0) } } },
});

test("no rows are refused", () => {
  assert.throws(() => checkRowCount(request({ numRows: 0, fieldsData: [longs(1)] })), {
    kind: "parameterInvalid",
    message: /num_rows should be greater than 0/,
  });
});

test("billions of rows without their values are refused before any memory is taken for them", () => {
  const hostile: Init<InsertRequest>[] = [
    { numRows: 2 ** 31 - 1 },
    { numRows: 2_016_407_662, fieldsData: [longs(3), texts(3)] },
    { numRows: 100_000, fieldsData: [longs(100_000), texts(3)] },
    { numRows: 100_000, fieldsData: [{ fieldName: "x", validData: new Uint8Array(99_999) }] },
    { numRows: 100_000, fieldsData: [{ fieldName: "x", vectors: { dim: 4n } }] },
  ];
  for (const fields of hostile)
    assert.throws(() => checkRowCount(request(fields)), {
      kind: "parameterInvalid",
      message: /is not equal to passed num_rows \(\d+\)/,
    });
});

test("as many rows as there are values pass, and small requests are left to the fields", () => {
  const vectors = { fieldName: "v", vectors: { dim: 2n, floatVector: { data: new Float32Array(200_000) } } };
  const nulls = { fieldName: "n", validData: new Uint8Array(100_000) };
  checkRowCount(request({ numRows: 100_000, fieldsData: [longs(100_000), texts(100_000), vectors, nulls] }));
  checkRowCount(request({ numRows: 5, fieldsData: [longs(1)] }));
});
