import assert from "node:assert/strict";
import { test } from "node:test";
import { smallestWidth } from "./filters.ts";

test("the smallest width that reaches a recall is found within a sixteenth", async () => {
  for (const needed of [1, 10, 11, 25, 170, 4999, 5000]) {
    const asked: number[] = [];
    const found = await smallestWidth(
      10,
      5000,
      async (width) => {
        asked.push(width);
        return width >= needed ? 0.95 : 0.9;
      },
      0.95,
    );
    assert.ok(found !== undefined && found >= needed, `${found} for ${needed}`);
    assert.ok(found <= Math.max(10, needed + (needed >> 4) + 1), `${found} for ${needed}`);
    assert.ok(asked.length < 25, `${asked.length} widths for ${needed}`);
  }
});

test("a recall that the largest width does not reach has no smallest width", async () => {
  assert.equal(await smallestWidth(10, 100, async () => 0.5, 0.95), undefined);
});
