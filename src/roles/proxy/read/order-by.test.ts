import assert from "node:assert/strict";
import { test } from "node:test";
import type { Column } from "../../../model/columns.ts";
import { DataType } from "../../../model/data-type.ts";
import { AGE, field, KEY, VECTOR } from "../write/proxy-in-process.testing.ts";
import { orderedRows, parseOrderBy, rowComparison } from "./order-by.ts";

const NAME = field(110, "name", DataType.VarChar, { maxLength: 9, nullable: true });
const schema = {
  name: "c",
  description: "",
  fields: [KEY, AGE, NAME, VECTOR],
  functions: [],
  enableDynamicField: false,
  version: 0,
};

const ages: Column = {
  kind: "fixed",
  type: DataType.Int64,
  dim: 0,
  rows: 4,
  values: BigInt64Array.of(2n, 1n, 2n, 1n),
  validity: undefined,
};
/** b, null, a, null */
const names: Column = {
  kind: "bytes",
  type: DataType.VarChar,
  rows: 4,
  offsets: Int32Array.of(0, 1, 1, 2, 2),
  bytes: Uint8Array.of(98, 97),
  validity: Uint8Array.of(0b0101),
};

function order(text: string, columns: readonly Column[]): readonly number[] {
  return orderedRows(0, 4, rowComparison(parseOrderBy(text, schema), columns));
}

test("fields one after another, each in its direction; equal rows stay as they are", () => {
  assert.deepEqual(order("age", [ages]), [1, 3, 0, 2]);
  assert.deepEqual(order("age:DESC, name:asc", [ages, names]), [2, 0, 1, 3]);
});

test("nulls are last when ascending, first when descending, or where the request says", () => {
  assert.deepEqual(order("name", [names]), [2, 0, 1, 3]);
  assert.deepEqual(order("name:desc", [names]), [1, 3, 0, 2]);
  assert.deepEqual(order("name:desc:nulls_last", [names]), [0, 2, 1, 3]);
  assert.deepEqual(order("name:asc:nulls_first", [names]), [1, 3, 2, 0]);
});

test("groups are ordered by their first rows", () => {
  const compare = rowComparison(parseOrderBy("name:desc:nulls_last", schema), [names]);
  assert.deepEqual(orderedRows(0, 4, compare, ages), [0, 2, 1, 3]);
  assert.deepEqual(orderedRows(1, 4, compare, ages), [2, 1, 3]);
});

test("what cannot be ordered by is refused in Milvus's words", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["age:up", /invalid order direction 'up' for field 'age', must be 'asc' or 'desc'/],
    ["age:asc:maybe", /invalid null ordering 'maybe', must be 'nulls_first' or 'nulls_last'/],
    ["age:asc:nulls_last:x", /too many order_by field options in 'age:asc:nulls_last:x'/],
    [":asc", /empty field name in order_by_fields/],
    ["vector", /order_by field 'vector' has type FloatVector which is not sortable/],
    ["nope", /order_by field 'nope' does not exist in collection schema/],
  ];
  for (const [text, says] of refused) assert.throws(() => parseOrderBy(text, schema), says);
  assert.deepEqual(parseOrderBy(" , ", schema), []);
});
