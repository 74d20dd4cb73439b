import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import { checkFilter } from "./compile-filter.ts";
import { printPredicate } from "./print.ts";
import { randomPredicate, testColumn, testSchema } from "./testing.ts";
import type { Predicate } from "./ast.ts";

test("what is printed parses back to the same predicate", () => {
  const random = Prng.fromSeed("print");
  for (let i = 0; i < 2000; i++) {
    const predicate = randomPredicate(random, 3);
    const text = printPredicate(predicate);
    assert.deepEqual(checkFilter(text, testSchema), predicate, text);
  }
});

test("long lists are cut to the asked number of elements", () => {
  const values = [1n, 2n, 3n, 4n].map((value) => ({ kind: "int", value }) as const);
  const predicate: Predicate = { kind: "in", column: testColumn("id"), values };
  assert.equal(printPredicate(predicate, 2), "id in [1, 2, ... 2 more]");
  assert.equal(printPredicate(predicate), "id in [1, 2, 3, 4]");
});

test("parentheses stand only where the meaning needs them", () => {
  const a: Predicate = { kind: "is-null", column: testColumn("i32") };
  const b: Predicate = {
    kind: "compare",
    column: testColumn("i64"),
    op: ">",
    value: { kind: "int", value: 1n },
  };
  const or: Predicate = { kind: "or", children: [a, b] };
  assert.equal(printPredicate(or), "i32 is null or i64 > 1");
  assert.equal(printPredicate({ kind: "and", children: [or, b] }), "(i32 is null or i64 > 1) and i64 > 1");
  assert.equal(printPredicate({ kind: "not", child: or }), "not (i32 is null or i64 > 1)");
  assert.equal(printPredicate({ kind: "not", child: a }), "i32 is not null");
});
