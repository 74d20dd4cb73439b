import assert from "node:assert/strict";
import { test } from "node:test";
import { isValid, type Column, type ListColumn } from "../../../model/columns.ts";
import { DataType } from "../../../model/data-type.ts";
import type { UpsertRequest } from "../../../wire/messages.gen.ts";
import { applyArrayOp, arrayOps } from "./array-ops.ts";
import { AGE, field, KEY } from "./proxy-in-process.testing.ts";

const TAGS = field(103, "tags", DataType.Array, {
  elementType: DataType.Int64,
  nullable: true,
  maxCapacity: 4,
});
const schema = {
  name: "c",
  description: "",
  fields: [KEY, AGE, TAGS],
  functions: [],
  enableDynamicField: false,
  version: 0,
};

function arrays(rows: readonly (readonly number[] | null)[]): ListColumn {
  const validity = Uint8Array.of(rows.reduce((bits, row, i) => (row === null ? bits : bits | (1 << i)), 0));
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => (offsets[i + 1] = (offsets[i] ?? 0) + (row?.length ?? 0)));
  const values = BigInt64Array.from(
    rows.flatMap((row) => row ?? []),
    BigInt,
  );
  const child = {
    kind: "fixed",
    type: DataType.Int64,
    dim: 0,
    rows: values.length,
    values,
    validity: undefined,
  } as const;
  return { kind: "list", type: DataType.Array, rows: rows.length, offsets, child, validity };
}

function texts(rows: readonly (readonly string[])[]): ListColumn {
  const parts = rows.flat().map((text) => new TextEncoder().encode(text));
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = (offsets[i] ?? 0) + part.length));
  const child = {
    kind: "bytes",
    type: DataType.VarChar,
    rows: parts.length,
    offsets,
    bytes: new Uint8Array(Buffer.concat(parts)),
    validity: undefined,
  } as const;
  return { ...arrays(rows.map((row) => row.map(() => 0))), child };
}

function shown(column: Column): unknown {
  assert.equal(column.kind, "list");
  const { child, offsets } = column;
  return Array.from({ length: column.rows }, (_, row) => {
    if (!isValid(column.validity, row)) return null;
    const at = Array.from(
      { length: (offsets[row + 1] ?? 0) - (offsets[row] ?? 0) },
      (_e, i) => (offsets[row] ?? 0) + i,
    );
    return at.map((i) =>
      child.kind === "fixed"
        ? Number(child.values[i])
        : new TextDecoder().decode(child.bytes.subarray(child.offsets[i], child.offsets[i + 1])),
    );
  });
}

test("elements are appended to what is stored, in the order of the request's rows", () => {
  const merged = applyArrayOp(
    "append",
    TAGS,
    arrays([[1], [2, 3], null]),
    Int32Array.of(1, 0, 2, -1),
    arrays([[9], null, [7], [8]]),
  );
  assert.deepEqual(shown(merged), [[2, 3, 9], [1], [7], [8]]);
});

test("every element that equals a given one is removed; a row that is new begins empty, null stays null", () => {
  const merged = applyArrayOp(
    "remove",
    TAGS,
    arrays([[1, 2, 1, 3], [4], null]),
    Int32Array.of(0, 1, 2, -1),
    arrays([[1, 9], [], [5], [6]]),
  );
  assert.deepEqual(shown(merged), [[2, 3], [4], null, []]);
  const wordField = { ...TAGS, elementType: DataType.VarChar };
  const words = applyArrayOp(
    "remove",
    wordField,
    texts([["a", "bc", "é"]]),
    Int32Array.of(0),
    texts([["é", "x"]]),
  );
  assert.deepEqual(shown(words), [["a", "bc"]]);
});

test("an array does not grow beyond its capacity", () => {
  assert.throws(
    () => applyArrayOp("append", TAGS, arrays([[1, 2]]), Int32Array.of(0), arrays([[3, 4, 5]])),
    /array length 5 exceeds max_capacity 4: invalid parameter/,
  );
});

test("operations are checked in Milvus's words", () => {
  const check = (fieldOps: UpsertRequest["fieldOps"], given: readonly string[] = ["id", "age", "tags"]) =>
    arrayOps({ fieldOps, fieldsData: given.map((fieldName) => ({ fieldName }) as never) }, schema);
  assert.deepEqual(
    [
      ...check([
        { fieldName: "tags", op: 1 },
        { fieldName: "age", op: 0 },
      ]),
    ],
    [["tags", "append"]],
  );
  assert.deepEqual([...check([{ fieldName: "tags", op: 2 }])], [["tags", "remove"]]);
  const refused: readonly (readonly [string, number, RegExp])[] = [
    ["", 1, /FieldPartialUpdateOp.field_name is required/],
    ["nope", 1, /field "nope" not found in collection schema/],
    ["id", 1, /field "id" is the primary key and cannot carry a partial-update op/],
    ["age", 2, /op ARRAY_REMOVE requires Array field, but field "age" is Int64/],
    ["tags", 7, /unsupported partial update op: 7/],
  ];
  for (const [fieldName, op, says] of refused) assert.throws(() => check([{ fieldName, op }]), says);
  assert.throws(
    () => check([{ fieldName: "tags", op: 1 }], ["id"]),
    /targets field "tags" not present in fields_data/,
  );
  assert.throws(
    () =>
      check([
        { fieldName: "tags", op: 1 },
        { fieldName: "tags", op: 2 },
      ]),
    /duplicate partial-update op for field "tags"/,
  );
});
