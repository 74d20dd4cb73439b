import assert from "node:assert/strict";
import { test } from "node:test";
import type { Column } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import { checkColumn } from "./check-column.ts";
import { fromWireField } from "./schema-wire.ts";
import { decode } from "./codec.ts";
import { packBytes, packStrings } from "./packed-bytes.ts";

const FIELD: FieldSchema = {
  ...fromWireField(decode("schema.FieldSchema", new Uint8Array(0))),
  name: "f",
  maxLength: 3,
  maxCapacity: 2,
};
const LIMITS = { jsonBytesMax: 8 };

function fixed(type: DataType, values: Float32Array | Float64Array | Uint8Array): Column {
  return { kind: "fixed", type, dim: 0, rows: 1, values, validity: undefined };
}

function strings(type: DataType, values: readonly string[]): Column {
  return { kind: "bytes", type, rows: values.length, ...packStrings(values), validity: undefined };
}

function refused(column: Column, message: RegExp, field = FIELD): void {
  assert.throws(() => checkColumn(column, { ...field, type: column.type }, LIMITS), message);
}

test("numbers must be finite", () => {
  checkColumn(fixed(DataType.Float, Float32Array.of(1, -0, 3e38)), FIELD, LIMITS);
  refused(
    fixed(DataType.Float, Float32Array.of(1, NaN)),
    /^RedkiteError: value 'NaN' is not a number or infinity: invalid parameter$/,
  );
  refused(fixed(DataType.Double, Float64Array.of(-Infinity)), /value '-Inf' is not a number or infinity/);
  refused(fixed(DataType.FloatVector, Float32Array.of(Infinity, -Infinity)), /value '\+Inf' is not/);
  refused(
    fixed(DataType.Float16Vector, Uint8Array.of(0, 0x7c)),
    /float16 vector contain nan or infinity value/,
  );
  refused(
    fixed(DataType.BFloat16Vector, Uint8Array.of(0x80, 0xff)),
    /bfloat16 vector contain nan or infinity value/,
  );
  checkColumn(fixed(DataType.BFloat16Vector, Uint8Array.of(0, 0x7c)), FIELD, LIMITS);
});

test("strings, JSON and arrays must be within their limits", () => {
  checkColumn(strings(DataType.VarChar, ["abc", "é"]), FIELD, LIMITS);
  refused(
    strings(DataType.VarChar, ["a", "éé"]),
    /length of varchar field f exceeds max length, row number: 1, length: 4, max length: 3/,
  );
  refused(
    strings(DataType.JSON, ['{"a":123}']),
    /the length \(9\) of json field \(f\) exceeds max length \(8\)/,
  );
  refused(
    strings(DataType.JSON, ['{"a":123}']),
    /the length \(9\) of dynamic field exceeds max length \(8\)/,
    { ...FIELD, isDynamic: true },
  );
  const list = (values: readonly string[], offsets: number[]): Column => ({
    kind: "list",
    type: DataType.Array,
    rows: offsets.length - 1,
    offsets: Int32Array.from(offsets),
    child: {
      kind: "bytes",
      type: DataType.VarChar,
      rows: values.length,
      ...packStrings(values),
      validity: undefined,
    },
    validity: undefined,
  });
  checkColumn(list(["a", "b", "c"], [0, 1, 3]), FIELD, LIMITS);
  refused(list(["a", "b", "c"], [0, 0, 3]), /the length \(3\) of 1th array exceeds max capacity \(2\)/);
  refused(
    list(["a", "b", "long"], [0, 1, 3]),
    /length of Array array field "f" exceeds max length, row number: 1, array index: 1, length: 4, max length: 3/,
  );
});

test("sparse vectors have ascending indices and finite values that are not negative", () => {
  const sparse = (...words: readonly [number, number][]): Column => {
    const view = new DataView(new ArrayBuffer(words.length * 8));
    words.forEach(([index, value], i) => {
      view.setUint32(i * 8, index, true);
      view.setFloat32(i * 8 + 4, value, true);
    });
    return {
      kind: "bytes",
      type: DataType.SparseFloatVector,
      rows: 1,
      ...packBytes([new Uint8Array(view.buffer)]),
      validity: undefined,
    };
  };
  checkColumn(sparse([0, 1], [4_294_967_294, 2]), FIELD, LIMITS);
  refused(sparse([2, 1], [2, 1]), /unsorted or same indices/);
  refused(sparse([4_294_967_295, 1]), /must be less than 2\^32-1/);
  refused(sparse([1, -1]), /negative value in sparse float vector/);
  refused(sparse([1, NaN]), /value 'NaN' is not/);
  const odd: Column = {
    kind: "bytes",
    type: DataType.SparseFloatVector,
    rows: 1,
    ...packBytes([new Uint8Array(7)]),
    validity: undefined,
  };
  refused(odd, /invalid data length in sparse float vector: 7/);
});
