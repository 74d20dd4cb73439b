import assert from "node:assert/strict";
import { test } from "node:test";
import { RedkiteError } from "../errors/redkite-error.ts";
import { compileFilter, type CompiledFilter } from "./compile-filter.ts";
import { printConstant } from "./print.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { templateConstants } from "./template-values.ts";
import { testColumn, testSchema } from "./testing.ts";

function compile(text: string): CompiledFilter {
  return compileFilter(text, testSchema);
}

function refusal(text: string, limits: Partial<typeof DEFAULT_LIMITS>): string {
  try {
    compileFilter(text, testSchema, { limits: { ...DEFAULT_LIMITS, ...limits } });
  } catch (error) {
    assert.ok(error instanceof RedkiteError);
    assert.equal(error.code, 1100);
    assert.equal(error.retriable, false);
    return error.message;
  }
  return assert.fail("accepted");
}

test("an empty filter matches everything", () => {
  for (const text of ["", " \n\t"]) {
    const filter = compile(text);
    assert.equal(filter.kind, "always-true");
    assert.deepEqual(filter.usedFields, []);
    assert.equal(filter.keyConstraint, undefined);
  }
});

test("filters that say nothing of the rows are told apart", () => {
  assert.equal(compile("id > 1 or true").kind, "always-true");
  assert.equal(compile("id > 1 and id < 1").kind, "always-false");
  assert.equal(compile("id is null").kind, "always-false");
  assert.equal(compile("id > 1").kind, "predicate");
});

test("used fields are what the simplified filter reads", () => {
  const ids = (...names: string[]) => names.map((name) => testColumn(name).fieldId).sort((a, b) => a - b);
  assert.deepEqual(
    compile("price > 1 and (i32 < i64 or i32 is null)").usedFields,
    ids("$meta", "i32", "i64"),
  );
  assert.deepEqual(compile("id > 1 and (true or text == 'a')").usedFields, ids("id"));
});

test("point lookups by primary key are found", () => {
  const keys = (text: string) => {
    const constraint = compile(text).keyConstraint;
    return constraint && [constraint.values.map(printConstant).join(" "), constraint.isWholeFilter];
  };
  assert.deepEqual(keys("id == 5"), ["5", true]);
  assert.deepEqual(keys("id in [3, 1, 3]"), ["1 3", true]);
  assert.deepEqual(keys("id == 1 or id == 2"), ["1 2", true]);
  assert.deepEqual(keys("text == 'a' and id in [1, 2] and i64 > 1"), ["1 2", false]);
  assert.deepEqual(keys("id in [1, 2, 3] and id != 2"), ["1 3", true]);
  assert.equal(keys("id in [1] or text == 'a'"), undefined);
  assert.equal(keys("id not in [1]"), undefined);
  assert.equal(keys("id > 5"), undefined);
  assert.equal(compile("id in []").kind, "always-false");
});

test("values of the partition key are found through AND and OR", () => {
  const values = (text: string) => compile(text).partitionKeyValues?.map(printConstant).join(" ");
  assert.equal(values("tenant == 'a'"), '"a"');
  assert.equal(values("tenant in ['b', 'a'] and i64 > 1"), '"a" "b"');
  assert.equal(values("(tenant == 'a' and i64 > 1) or (tenant == 'b' and i64 < 1)"), '"a" "b"');
  assert.equal(values("tenant == 'a' or i64 > 1"), undefined);
  assert.equal(values("tenant != 'a'"), undefined);
});

test("each bound has a message that names it", () => {
  assert.match(refusal("i64 == 12345", { lengthMax: 10 }), /has 12 characters, at most 10 are allowed/);
  assert.match(refusal(`${"(".repeat(9)}true`, { depthMax: 8 }), /nested deeper than 8 levels/);
  assert.match(refusal("i64 == 1+1+1+1+1+1+1+1+1", { depthMax: 8 }), /nested deeper than 8 levels/);
  assert.match(refusal("i64 == 1 or i64 == 2", { nodesMax: 5 }), /more than 5 operators and operands/);
  assert.match(refusal("i64 in [1, 2, 3] or i32 in [4, 5, 6]", { listItemsMax: 5 }), /more than 5 elements/);
  const templates = templateConstants([{ name: "x", value: [1n, 2n, 3n] }]);
  const limits = { ...DEFAULT_LIMITS, listItemsMax: 2 };
  assert.throws(() => compileFilter("i64 in {x}", testSchema, { templates, limits }), /more than 2 elements/);
});

test("the default bounds let large but reasonable filters through", () => {
  const list = Array.from({ length: 50_000 }, (_, i) => 10n ** 15n + BigInt(i));
  assert.equal(compile(`id in [${list.join(",")}]`).keyConstraint?.values.length, list.length);
  assert.equal(
    compile(Array.from({ length: 5000 }, (_, i) => `text like 'a${i}%'`).join(" or ")).kind,
    "predicate",
  );
  assert.equal(compile(`${"(".repeat(200)}id > 1${")".repeat(200)}`).kind, "predicate");
});

test("a message quotes a long filter only in part", () => {
  const text = `id in [${"1,".repeat(100_000)}`;
  assert.ok(refusal(text, {}).length < 6000);
});
