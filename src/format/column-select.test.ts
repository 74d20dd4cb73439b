import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, randomColumn, testField } from "../../tests/contract/random-columns.ts";
import { AssertionError } from "../base/assert.ts";
import { Prng } from "../base/prng.ts";
import { DataType } from "../model/data-type.ts";
import { columnBytes } from "./column-buffers.ts";
import { constantColumn, emptyColumn, missingColumn, nullColumn } from "./column-fill.ts";
import {
  columnOfKeys,
  concatColumns,
  gatherColumn,
  gatherKeys,
  keyAt,
  keysFrom,
  keysOf,
  sliceColumn,
} from "./column-select.ts";
import { GrowableColumn } from "./growable-column.ts";

const fields = fieldsOfEveryType(100);

test("slice, gather, concat and append agree with each other for every type", () => {
  const prng = Prng.fromSeed(1);
  for (const field of fields) {
    const column = randomColumn(prng, field, 41);
    const cuts = [0, 0, 3, 16, 29, 41, 41];
    const parts = cuts.slice(1).map((end, i) => sliceColumn(column, cuts[i] ?? 0, end));
    const all = Array.from({ length: 41 }, (_, row) => row);
    const grown = new GrowableColumn(field);
    for (const part of parts) grown.append(part);
    const expected = columnBytes(column);
    assert.deepEqual(columnBytes(concatColumns(parts)), expected, field.name);
    assert.deepEqual(columnBytes(gatherColumn(column, all)), expected, field.name);
    assert.deepEqual(columnBytes(grown.view()), expected, field.name);
    assert.deepEqual(columnBytes(grown.view(20)), columnBytes(sliceColumn(column, 0, 20)), field.name);

    const picked = [40, 3, 3, 17, 0];
    const oneByOne = concatColumns(picked.map((row) => sliceColumn(column, row, row + 1)));
    assert.deepEqual(columnBytes(gatherColumn(column, picked)), columnBytes(oneByOne), field.name);
  }
});

test("a view of a growing column keeps its rows while more are appended", () => {
  const field = testField(100, DataType.VarChar, { nullable: true });
  const prng = Prng.fromSeed(2);
  const grown = new GrowableColumn(field);
  grown.append(randomColumn(prng, field, 5));
  const view = grown.view();
  const before = structuredClone(columnBytes(view));
  for (let i = 0; i < 50; i++) grown.append(randomColumn(prng, field, 7));
  assert.deepEqual(columnBytes(view), before);
  assert.equal(grown.rows, 355);
});

test("rows outside of the column and mixed types are our bugs", () => {
  const int = randomColumn(Prng.fromSeed(3), testField(100, DataType.Int64), 3);
  const float = randomColumn(Prng.fromSeed(3), testField(100, DataType.Float), 3);
  assert.throws(() => gatherColumn(int, [3]), AssertionError);
  assert.throws(() => gatherColumn(int, [-1]), AssertionError);
  assert.throws(() => sliceColumn(int, 2, 4), AssertionError);
  assert.throws(() => concatColumns([int, float]), AssertionError);
  assert.throws(() => concatColumns([]), AssertionError);
});

test("keys go into columns and back", () => {
  for (const [kind, values] of [
    ["int64", [5n, -1n, 1n << 62n]],
    ["varchar", ["b", "", "日本"]],
  ] as const) {
    const keys = keysFrom(kind, values);
    assert.deepEqual(
      values.map((_, i) => keyAt(keys, i)),
      values,
    );
    assert.deepEqual(keysOf(columnOfKeys(keys)), keys);
    assert.equal(keyAt(gatherKeys(keys, [2, 0]), 0), values[2]);
    assert.throws(() => keyAt(keys, 3), AssertionError);
  }
  const nullable = nullColumn(testField(100, DataType.Int64, { nullable: true }), 1);
  assert.throws(() => keysOf(nullable), AssertionError);
});

test("missing fields read as their default, else as null", () => {
  for (const field of fields) {
    const nulls = missingColumn(field, 9);
    assert.deepEqual([...(nulls.validity ?? [])], [0, 0], field.name);
    assert.equal(emptyColumn(field).rows, 0);
  }
  const text = testField(100, DataType.VarChar, { defaultValue: { kind: "string", value: "né" } });
  assert.deepEqual(columnBytes(missingColumn(text, 2)).values, new TextEncoder().encode("néné"));
  const bool = testField(100, DataType.Bool, { defaultValue: { kind: "bool", value: true } });
  assert.deepEqual([...columnBytes(missingColumn(bool, 3)).values], [1, 1, 1]);
  const long = testField(100, DataType.Int64);
  assert.deepEqual(
    keysOf(constantColumn(long, { kind: "int", value: -3n }, 2)),
    keysFrom("int64", [-3n, -3n]),
  );
  const float = constantColumn(testField(100, DataType.Float), { kind: "float", value: 0.5 }, 1);
  assert.deepEqual(float.kind === "fixed" && [...float.values], [0.5]);
});

test("a default that does not fit its type is refused", () => {
  const wrong = (type: DataType, value: Parameters<typeof constantColumn>[1]) =>
    assert.throws(() => constantColumn(testField(100, type), value, 1), /cannot hold/);
  wrong(DataType.Int8, { kind: "int", value: 200n });
  wrong(DataType.Int64, { kind: "string", value: "1" });
  wrong(DataType.Bool, { kind: "int", value: 1n });
  wrong(DataType.VarChar, { kind: "int", value: 1n });
  wrong(DataType.Float, { kind: "string", value: "1" });
  wrong(DataType.SparseFloatVector, { kind: "string", value: "1" });
});
