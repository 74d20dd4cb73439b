import assert from "node:assert/strict";
import { test } from "node:test";
import { Deferred } from "./deferred.ts";
import { SharedRuns } from "./shared-runs.ts";

function counting(): { readonly runs: SharedRuns<number>; readonly begun: Deferred<number>[] } {
  const begun: Deferred<number>[] = [];
  const runs = new SharedRuns(async () => {
    const run = new Deferred<number>();
    begun.push(run);
    return run.promise;
  });
  return { runs, begun };
}

test("who asks while a run is under way shares the next one, which begins after it", async () => {
  const { runs, begun } = counting();
  const first = runs.run();
  const second = runs.run();
  const third = runs.run();
  assert.equal(begun.length, 1);
  begun[0]?.resolve(1);
  assert.equal(await first, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(begun.length, 2);
  const fourth = runs.run();
  begun[1]?.resolve(2);
  assert.deepEqual(await Promise.all([second, third]), [2, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  begun[2]?.resolve(3);
  assert.equal(await fourth, 3);
  assert.equal(begun.length, 3);
});

test("a failed run fails those who shared it, and the next one goes on", async () => {
  const { runs, begun } = counting();
  const first = assert.rejects(runs.run(), /lost/);
  const second = runs.run();
  begun[0]?.reject(new Error("lost"));
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  begun[1]?.resolve(7);
  assert.equal(await second, 7);
  const third = runs.run();
  begun[2]?.resolve(8);
  assert.equal(await third, 8);
});
