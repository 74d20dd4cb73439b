import assert from "node:assert/strict";
import { test } from "node:test";
import { runAtMost } from "./run-at-most.ts";

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve();
};

test("results come in the order of the items, and never more run at once than allowed", async () => {
  let running = 0;
  let most = 0;
  const results = await runAtMost(3, [9, 1, 5, 2, 7, 3], async (item) => {
    running++;
    most = Math.max(most, running);
    await turns(item);
    running--;
    return item * 10;
  });
  assert.deepEqual(results, [90, 10, 50, 20, 70, 30]);
  assert.equal(most, 3);
  assert.deepEqual(await runAtMost(3, [], async () => 1), []);
});

test("the first failure is thrown when those under way have ended, and no other begins", async () => {
  const ended: number[] = [];
  const tried = runAtMost(2, [1, 8, 3, 4], async (item) => {
    await turns(item);
    ended.push(item);
    if (item === 1) throw new Error("the first");
  });
  await assert.rejects(tried, /the first/);
  assert.deepEqual(ended, [1, 8]);
});
