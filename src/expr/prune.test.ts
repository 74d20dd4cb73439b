import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import type { FieldId } from "../model/ids.ts";
import { compileFilter } from "./compile-filter.ts";
import { compareText } from "./constants.ts";
import { evaluate, type RowAccessor } from "./evaluate.ts";
import { printPredicate } from "./print.ts";
import { cannotMatch, type FieldBounds } from "./prune.ts";
import { simplify } from "./simplify.ts";
import { randomPredicate, randomRow, testColumn, testSchema } from "./testing.ts";

function boundsOf(rows: readonly RowAccessor[], field: FieldId): FieldBounds | undefined {
  const cells = rows.map((row) => row(field));
  const known = cells.filter((cell) => cell !== null);
  const nulls = cells.length - known.length;
  const unordered = { rows: rows.length, nulls, min: undefined, max: undefined };
  if (known.some((cell) => typeof cell === "object")) return unordered;
  const ordered = known.filter((cell) => !Number.isNaN(cell)) as (bigint | number | string | boolean)[];
  ordered.sort((a, b) =>
    typeof a === "string" && typeof b === "string" ? compareText(a, b) : a < b ? -1 : 1,
  );
  return { rows: rows.length, nulls, min: ordered[0], max: ordered.at(-1) };
}

test("a pruned segment has no row that matches", () => {
  const random = Prng.fromSeed("prune");
  let pruned = 0;
  for (let i = 0; i < 4000; i++) {
    const rows = Array.from({ length: random.between(1, 3) }, () => randomRow(random));
    const predicate = simplify(randomPredicate(random, 2));
    const statistics = (field: FieldId) => (random.chance(0.9) ? boundsOf(rows, field) : undefined);
    if (!cannotMatch(predicate, statistics)) continue;
    pruned++;
    for (const row of rows) assert.notEqual(evaluate(predicate, row), true, printPredicate(predicate));
  }
  assert.ok(pruned > 800, `only ${pruned} were pruned`);
});

test("bounds decide comparisons, lists, prefixes and null tests", () => {
  const bounds = new Map<number, FieldBounds>([
    [testColumn("i64").fieldId, { rows: 10, nulls: 2, min: 10n, max: 20n }],
    [testColumn("text").fieldId, { rows: 10, nulls: 0, min: "fig", max: "plum" }],
    [testColumn("flag").fieldId, { rows: 10, nulls: 0, min: true, max: true }],
    [testColumn("f64").fieldId, { rows: 10, nulls: 10, min: undefined, max: undefined }],
  ]);
  const prunes = (text: string) =>
    cannotMatch(compileFilter(text, testSchema).ast, (field) => bounds.get(field));
  const impossible = [
    "i64 > 20",
    "i64 in [1, 2, 30]",
    "i64 == 9 or i64 == 21",
    "i64 > 20 and doc['a'] == 1",
    "not (i64 <= 20)",
    "text like 'a%'",
    "text like 'z%'",
    "text is null",
    "flag == false",
    "f64 is not null",
    "f64 != 1",
    "not (f64 > 1)",
  ];
  const possible = [
    "i64 >= 20",
    "i64 in [1, 15]",
    "i64 != 10",
    "i64 > 20 or doc['a'] == 1",
    "text like 'f%'",
    "text like 'figs%'",
    "not (text like 'a%')",
    "i64 is null",
    "flag == true",
    "f64 is null",
    "i32 > 5",
    "i64 + 1 > 500",
  ];
  for (const text of impossible) assert.equal(prunes(text), true, text);
  for (const text of possible) assert.equal(prunes(text), false, text);
});

test("a segment without rows matches nothing", () => {
  const { ast } = compileFilter("i64 != 1", testSchema);
  assert.equal(
    cannotMatch(ast, () => ({ rows: 0, nulls: 0, min: undefined, max: undefined })),
    true,
  );
});
