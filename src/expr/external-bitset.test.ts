import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Encode } from "../base/bytes.ts";
import { newBitset, setBit } from "../base/bitset.ts";
import { Prng } from "../base/prng.ts";
import type { BytesColumn, Column, FixedColumn, ListColumn } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import type { TriBitmap } from "../model/filter-program.ts";
import type { FieldSchema } from "../model/schema.ts";
import { compileFilter } from "./compile-filter.ts";
import { evaluate, type RowAccessor } from "./evaluate.ts";
import { externalBitmaps } from "./external-bitset.ts";
import type { Cell, Truth } from "./leaf.ts";
import { printPredicate } from "./print.ts";
import { randomPredicate, randomRow, testColumn, testSchema } from "./testing.ts";

function truthAt({ isTrue, isFalse }: TriBitmap, row: number): Truth {
  const bit = (words: BigUint64Array) => (((words[row >> 6] ?? 0n) >> BigInt(row & 63)) & 1n) === 1n;
  assert.ok(!(bit(isTrue) && bit(isFalse)));
  return bit(isTrue) ? true : bit(isFalse) ? false : null;
}

function bytesColumn(
  type: DataType,
  texts: readonly (string | null)[],
  validity: Uint8Array | undefined,
): BytesColumn {
  const parts = texts.map((text) => utf8Encode(text ?? ""));
  // The first offset need not be 0: a column may be a slice of a larger one.
  const offsets = new Int32Array(parts.length + 1);
  offsets[0] = 3;
  parts.forEach((part, i) => (offsets[i + 1] = (offsets[i] ?? 0) + part.length));
  const bytes = new Uint8Array(offsets.at(-1) ?? 0);
  parts.forEach((part, i) => bytes.set(part, offsets[i] ?? 0));
  return { kind: "bytes", type, rows: texts.length, offsets, bytes, validity };
}

function fixedColumn(type: DataType, cells: readonly Cell[], validity: Uint8Array | undefined): FixedColumn {
  const base = { kind: "fixed", type, dim: 0, rows: cells.length, validity } as const;
  const numbers = cells.map((cell) => Number(cell ?? 0));
  switch (type) {
    case DataType.Bool:
      return { ...base, values: Uint8Array.from(numbers) };
    case DataType.Int8:
      return { ...base, values: Int8Array.from(numbers) };
    case DataType.Int32:
      return { ...base, values: Int32Array.from(numbers) };
    case DataType.Int64:
      return {
        ...base,
        values: BigInt64Array.from(cells.map((cell) => (typeof cell === "bigint" ? cell : 0n))),
      };
    case DataType.Float:
      return { ...base, values: Float32Array.from(numbers) };
    default:
      return { ...base, values: Float64Array.from(numbers) };
  }
}

function columnOf(field: FieldSchema, cells: readonly Cell[]): Column {
  const validity = newBitset(cells.length);
  cells.forEach((cell, i) => {
    if (cell !== null) setBit(validity, i);
  });
  const nulls = cells.includes(null) ? validity : undefined;
  if (field.type === DataType.Array) {
    const rows = cells.map((cell) => (Array.isArray(cell) ? (cell as readonly Cell[]) : []));
    const flat = rows.flat();
    const offsets = new Int32Array(cells.length + 1);
    rows.forEach((row, i) => (offsets[i + 1] = (offsets[i] ?? 0) + row.length));
    const child =
      field.elementType === DataType.VarChar
        ? bytesColumn(DataType.VarChar, flat.map(String), undefined)
        : fixedColumn(field.elementType, flat, undefined);
    const list: ListColumn = {
      kind: "list",
      type: field.type,
      rows: cells.length,
      offsets,
      child,
      validity: nulls,
    };
    return list;
  }
  if (field.type === DataType.VarChar || field.type === DataType.JSON) {
    return bytesColumn(
      field.type,
      cells.map((cell) => (cell === null ? null : String(cell))),
      nulls,
    );
  }
  if (field.type === DataType.FloatVector) {
    const values = new Float32Array(cells.length * field.dim);
    return { kind: "fixed", type: field.type, dim: field.dim, rows: cells.length, values, validity: nulls };
  }
  return fixedColumn(field.type, cells, nulls);
}

test("bitmaps over columns say what the evaluator says of each row", () => {
  const random = Prng.fromSeed("external");
  const rows: RowAccessor[] = Array.from({ length: 150 }, () => randomRow(random));
  const columns = new Map(
    testSchema.fields.map((field) => [
      field.id,
      columnOf(
        field,
        rows.map((row) => row(field.id)),
      ),
    ]),
  );
  const source = { rows: rows.length, column: (field: FieldSchema["id"]) => columns.get(field) };
  for (let i = 0; i < 250; i++) {
    const predicate = randomPredicate(random, 2);
    const [bitmap] = externalBitmaps([predicate], source);
    assert.ok(bitmap);
    assert.equal(bitmap.isTrue.length, 3);
    rows.forEach((row, r) =>
      assert.equal(truthAt(bitmap, r), evaluate(predicate, row), printPredicate(predicate)),
    );
    assert.equal(truthAt(bitmap, rows.length), null, "behind the last row nothing is set");
  }
});

test("a field that the segment does not have is null in every row", () => {
  const { externals } = compileFilter("doc['a'] > 1 or not exists doc['a']", testSchema);
  const [bitmap] = externalBitmaps(externals, { rows: 70, column: () => undefined });
  assert.ok(bitmap);
  assert.equal(truthAt(bitmap, 69), true);
  const [comparison] = externalBitmaps(compileFilter("doc['a'] != 1", testSchema).externals, {
    rows: 5,
    column: () => undefined,
  });
  assert.ok(comparison);
  assert.equal(truthAt(comparison, 2), null);
});

test("a checkpoint can stop a long computation", () => {
  const docs = columnOf(
    { ...testColumnSchema("doc") },
    Array.from({ length: 10_000 }, () => '{"a":1}'),
  );
  let calls = 0;
  const stop = () => {
    if (++calls === 2) throw new Error("stopped");
  };
  const { externals } = compileFilter("doc['a'] > 0", testSchema);
  assert.throws(() => externalBitmaps(externals, { rows: 10_000, column: () => docs }, stop), /stopped/);
  assert.equal(calls, 2);
});

function testColumnSchema(name: string): FieldSchema {
  const id = testColumn(name).fieldId;
  const found = testSchema.fields.find((field) => field.id === id);
  assert.ok(found);
  return found;
}
