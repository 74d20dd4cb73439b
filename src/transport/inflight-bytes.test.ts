import assert from "node:assert/strict";
import { test } from "node:test";
import { InflightBytes } from "./inflight-bytes.ts";

test("bytes in flight are admitted in order, and the largest request alone", () => {
  const inflight = new InflightBytes({ bytesMax: 100, waitersMax: 2 });
  const admitted: number[] = [];
  const waiter = (cost: number): { cost: number; admit(): void } => ({
    cost,
    admit: () => admitted.push(cost),
  });
  assert.equal(inflight.acquire(waiter(60)), "admitted");
  assert.equal(inflight.acquire(waiter(1000)), "waiting");
  const small = waiter(10);
  assert.equal(inflight.acquire(small), "waiting", "a small one does not overtake");
  assert.equal(inflight.acquire(waiter(0)), "admitted", "nothing costs nothing");
  assert.equal(inflight.acquire(waiter(5)), "refused");
  inflight.release(60);
  assert.deepEqual([admitted, inflight.bytes, inflight.waiting], [[1000], 100, 1]);
  inflight.forget(small);
  inflight.release(1000);
  assert.deepEqual([admitted, inflight.bytes, inflight.waiting], [[1000], 0, 0]);
  inflight.charge(30);
  assert.equal(inflight.acquire(waiter(80)), "waiting");
  inflight.release(30);
  assert.deepEqual([admitted, inflight.bytes], [[1000, 80], 80]);
});
