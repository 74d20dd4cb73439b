import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferPool } from "./buffer-pool.ts";

const MiB = 1 << 20;

for (const [memory, type] of [
  ["shared", SharedArrayBuffer],
  ["private", ArrayBuffer],
] as const) {
  test(`${memory} memory that was given back is taken again for about its size`, () => {
    const pool = new BufferPool(memory, 10 * MiB);
    const first = pool.take(1_500_000);
    assert.ok(first.buffer instanceof type);
    assert.equal(first.length, 1_500_000);
    pool.giveBack(first);
    assert.equal(pool.idleBytes, 1.5 * MiB);
    const second = pool.take(1_200_000);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 1_200_000);
    assert.equal(pool.idleBytes, 0);
    assert.notEqual(pool.take(1_500_000).buffer, first.buffer);
  });
}

test("what is kept is bounded, and small or foreign buffers are not kept at all", () => {
  const pool = new BufferPool("shared", 3 * MiB);
  for (const buffer of [1, 2, 3].map(() => pool.take(MiB + 1))) pool.giveBack(buffer);
  assert.equal(pool.idleBytes, 3 * MiB);
  const empty = new BufferPool("private", 3 * MiB);
  const small = empty.take(100);
  assert.equal(small.buffer.byteLength, 100);
  empty.giveBack(small);
  empty.giveBack(new Uint8Array(100_001));
  assert.equal(empty.idleBytes, 0);
});
