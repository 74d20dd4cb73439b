import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzExpressions } from "./expr.fuzz.ts";

test("whatever text comes, a filter or a RedkiteError comes out", () => {
  const { inputs, accepted, refusals } = fuzzExpressions("in the test run", 8000);
  assert.equal(inputs, 8000);
  assert.ok(accepted > 500, `only ${accepted} inputs compiled`);
  assert.ok(refusals > 50, `only ${refusals} kinds of refusal were reached`);
});

test("the same seed makes the same run", () => {
  assert.deepEqual(fuzzExpressions(7, 300), fuzzExpressions(7, 300));
});
