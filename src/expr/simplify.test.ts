import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import type { Predicate } from "./ast.ts";
import { checkFilter } from "./compile-filter.ts";
import { evaluate } from "./evaluate.ts";
import { pushNotDown } from "./negation.ts";
import { printPredicate } from "./print.ts";
import { simplify } from "./simplify.ts";
import { randomPredicate, randomRow, testColumn, testSchema } from "./testing.ts";

const cases: readonly (readonly [string, string])[] = [
  // Constants.
  ["i64 > 1 + 2 * 3", "i64 > 7"],
  ["1 == 1 and i64 > 1", "i64 > 1"],
  ["i64 > 1 or 2 > 1", "true"],
  // NOT goes down.
  ["not (i64 > 1)", "i64 <= 1"],
  ["not (i64 > 1 and text == 'a')", 'i64 <= 1 or text != "a"'],
  ["not (not (i64 is null))", "i64 is null"],
  ["not (f64 > 1)", "not (f64 > 1.0)"],
  ["not (f64 == 1)", "f64 != 1.0"],
  ["not (doc['a'] < 2)", 'doc["a"] >= 2'],
  // Null tests.
  ["id is null", "false"],
  ["id is not null", "true"],
  ["i64 is not null and i64 > 5", "i64 > 5"],
  ["i64 is null and i64 > 5", "false"],
  ["i64 is null or i64 is not null", "true"],
  ["i64 is not null or i64 > 5", "i64 is not null"],
  ["doc is null or not exists doc['a']", 'doc is null or not (exists doc["a"])'],
  // Lists.
  ["id in []", "false"],
  ["id not in []", "true"],
  ["i64 not in []", "i64 is not null"],
  ["i64 in [3, 1, 3]", "i64 in [1, 3]"],
  ["i64 in [7]", "i64 == 7"],
  ["i8 in [1, 300]", "i8 == 1"],
  ["i64 == 1 or i64 == 2 or i64 in [2, 9]", "i64 in [1, 2, 9]"],
  ["i64 in [1, 2, 3] and i64 in [2, 3, 4]", "i64 in [2, 3]"],
  ["i64 in [1, 2, 3] and i64 > 2", "i64 == 3"],
  ["i64 in [1, 2, 3] and i64 > 5", "false"],
  ["text in ['b', 'a'] or text == 'c'", 'text in ["a", "b", "c"]'],
  ["doc['a'] in [2, 1, 1.0, 1.5]", 'doc["a"] in [1, 2, 1.5]'],
  ["flag in [true, false]", "flag is not null"],
  // Ranges.
  ["i64 > 5 and i64 > 7", "i64 >= 8"],
  ["f64 > 5 and f64 < 9", "5.0 < f64 < 9.0"],
  ["f64 >= 5 and f64 <= 5", "f64 == 5.0"],
  ["f64 > 5 and f64 < 5", "false"],
  ["f64 < 3 or f64 < 8", "f64 < 8.0"],
  ["text > 'a' and text <= 'c' and text >= 'b'", '"b" <= text <= "c"'],
  ["1 < i64 < 3", "1 < i64 < 3"],
  ["i64 > 1 and i64 < 3", "i64 == 2"],
  ["i64 < 5 or i64 >= 5", "i64 is not null"],
  ["f64 < 5 or f64 >= 5", "f64 < 5.0 or f64 >= 5.0"],
  ["i64 != 1 and i64 != 3", "i64 not in [1, 3]"],
  ["i64 != 1 and i64 != 2", "i64 <= 0 or i64 >= 3"],
  ["i64 == 3 or i64 == 4 or i64 > 4", "i64 >= 3"],
  ["i8 < 200", "true"],
  ["i8 > 127", "false"],
  ["i32 == 3000000000", "false"],
  ["i32 != 3000000000", "i32 is not null"],
  // JSON: paths may be missing and hold other kinds, so that nothing is folded to true.
  ["doc['a'] > 1 or doc['a'] <= 1", 'doc["a"] > 1 or doc["a"] <= 1'],
  ["doc['a'] > 5 and doc['a'] < 3", "false"],
  ["doc['a'] > 5 and doc['a'] > 7.5", 'doc["a"] > 7.5'],
  ["doc['a'] > 5 and doc['a'] > 'x'", 'doc["a"] > 5 and doc["a"] > "x"'],
  // Patterns and arrays.
  ["text like 'abc'", 'text == "abc"'],
  ["text like '%'", "text is not null"],
  ["text like 'a%'", 'text like "a%"'],
  ["text =~ '' or text =~ '^$'", "text is not null"],
  ["not (text !~ '^abc$')", 'text == "abc"'],
  ["not (text =~ 'a|b')", 'not (text =~ "a|b")'],
  ["array_contains_any(ints, [])", "false"],
  ["array_contains_all(texts, [])", "true"],
  ["array_length(ints) >= -1", "ints is not null"],
  // Booleans have one form.
  ["flag != false", "flag == true"],
  ["flag >= false", "flag is not null"],
  // Repetition and nesting.
  ["(text == 'a' or i64 == 1) or (text == 'a' or doc['k'] == 2)", 'text == "a" or i64 == 1 or doc["k"] == 2'],
  ["text like 'a%' and text like 'a%'", 'text like "a%"'],
];

test("filters become as short as they can", () => {
  for (const [text, expected] of cases) {
    assert.equal(printPredicate(simplify(checkFilter(text, testSchema))), expected, text);
  }
});

test("a simplified filter is true for exactly the same rows", () => {
  const random = Prng.fromSeed("simplify");
  for (let i = 0; i < 3000; i++) {
    const predicate = randomPredicate(random, 3);
    const simple = simplify(predicate);
    for (let r = 0; r < 8; r++) {
      const row = randomRow(random);
      const message = () => `${printPredicate(predicate)}\n  became ${printPredicate(simple)}`;
      if ((evaluate(predicate, row) === true) !== (evaluate(simple, row) === true)) assert.fail(message());
    }
  }
});

test("pushing NOT down keeps unknown apart from false", () => {
  const random = Prng.fromSeed("push");
  for (let i = 0; i < 2000; i++) {
    const predicate: Predicate = { kind: "not", child: randomPredicate(random, 3) };
    const pushed = pushNotDown(predicate);
    for (let r = 0; r < 5; r++) {
      const row = randomRow(random);
      if (evaluate(predicate, row) !== evaluate(pushed, row)) assert.fail(printPredicate(predicate));
    }
  }
});

test("simplifying twice changes nothing", () => {
  const random = Prng.fromSeed("twice");
  for (let i = 0; i < 1000; i++) {
    const once = simplify(randomPredicate(random, 3));
    assert.equal(printPredicate(simplify(once)), printPredicate(once));
  }
});

test("thousands of exclusions of one column merge in one sort", () => {
  const children = Array.from({ length: 5000 }, (_, i): Predicate => {
    return {
      kind: "compare",
      column: testColumn("i64"),
      op: "!=",
      value: { kind: "int", value: BigInt(i * 2) },
    };
  });
  const simple = simplify({ kind: "and", children });
  assert.equal(simple.kind, "not");
  assert.equal(simple.kind === "not" && simple.child.kind === "in" && simple.child.values.length, 5000);
});
