import assert from "node:assert/strict";
import { test } from "node:test";
import { nextFloat, rangeBehind } from "./search-iterator.ts";

test("the next float is the very next", () => {
  for (const value of [1, -1, 0.1, 3e38, -1e-40, 1e-45].map(Math.fround)) {
    const up = nextFloat(value, 1);
    assert.ok(up > value, String(value));
    assert.equal(nextFloat(up, -1), value);
    assert.ok(Math.fround((value + up) / 2) === value || Math.fround((value + up) / 2) === up);
  }
  assert.ok(nextFloat(0, 1) > 0 && nextFloat(0, -1) < 0);
  assert.equal(nextFloat(-0, 1), nextFloat(0, 1));
});

test("a page goes on behind the last score, within the client's own range", () => {
  const free = { radius: undefined, rangeFilter: undefined };
  assert.equal(rangeBehind(undefined, "L2", free), undefined);
  assert.deepEqual(rangeBehind(1, "L2", free), { radius: Infinity, rangeFilter: nextFloat(1, 1) });
  assert.deepEqual(rangeBehind(1, "IP", free), { radius: -Infinity, rangeFilter: nextFloat(1, -1) });
  assert.deepEqual(rangeBehind(1, "L2", { radius: 9, rangeFilter: 4 }), { radius: 9, rangeFilter: 4 });
  assert.deepEqual(rangeBehind(5, "COSINE", { radius: 0, rangeFilter: 0.5 }), {
    radius: 0,
    rangeFilter: 0.5,
  });
});
