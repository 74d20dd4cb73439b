import assert from "node:assert/strict";
import { test } from "node:test";
import { partitionId, segmentId, type SegmentId } from "../../model/ids.ts";
import { SegmentPlacer } from "./segment-placer.ts";

const ONE = partitionId(1n);
const TWO = partitionId(2n);

/** A placer whose segments are numbered from 1 and hold ten rows. */
function placer(before: (next: SegmentId) => void = () => undefined) {
  const calls = { full: [] as SegmentId[], excluded: [] as (readonly SegmentId[])[] };
  let last = 0n;
  const made = new SegmentPlacer({
    alloc: async (_partition, _rows, _bytes, excluded) => {
      calls.excluded.push(excluded);
      const id = segmentId(++last);
      before(id);
      return { segmentId: id, rowsMax: 10 };
    },
    full: async (id) => void calls.full.push(id),
  });
  return { made, calls };
}

test("rows of a partition go into one segment until it is full", async () => {
  const { made, calls } = placer();
  const placed: SegmentId[] = [];
  for (const rows of [4, 6, 1, 9, 1]) placed.push(await made.place(ONE, rows, 0));
  assert.deepEqual(placed, [1n, 1n, 2n, 2n, 3n]);
  assert.deepEqual(calls.full, [1n, 2n]);
  assert.equal(await made.place(TWO, 1, 0), 4n);
});

test("a batch larger than a segment gets one of its own", async () => {
  const { made, calls } = placer();
  assert.equal(await made.place(ONE, 25, 0), 1n);
  assert.equal(await made.place(ONE, 1, 0), 2n);
  assert.deepEqual(calls.full, [1n]);
});

test("a retired segment never gets a row again, not even one retired while it was asked for", async () => {
  const early = placer((id) => id === 1n && early.made.retire([id]));
  assert.equal(await early.made.place(ONE, 1, 0), 2n);
  assert.deepEqual(early.calls.excluded, [[], [1n]]);

  const { made } = placer();
  await made.place(ONE, 1, 0);
  await made.place(TWO, 1, 0);
  made.retire([segmentId(1n)]);
  assert.equal(await made.place(ONE, 1, 0), 3n);
  assert.equal(await made.place(TWO, 1, 0), 2n);
  assert.deepEqual(made.retireAll().toSorted(), [2n, 3n]);
  assert.equal(await made.place(TWO, 1, 0), 4n);
});

test("what is forgotten is excluded no longer", async () => {
  const { made, calls } = placer();
  await made.place(ONE, 1, 0);
  made.retire([segmentId(1n)]);
  made.forget([segmentId(1n)]);
  await made.place(ONE, 1, 0);
  assert.deepEqual(calls.excluded, [[], []]);
});

test("a failure to seal or to get a segment reaches the caller, and the next batch tries anew", async () => {
  let broken = true;
  const made = new SegmentPlacer({
    alloc: async () => {
      if (broken) throw new Error("no coordinator");
      return { segmentId: segmentId(1n), rowsMax: 10 };
    },
    full: async () => undefined,
  });
  await assert.rejects(made.place(ONE, 1, 0), /no coordinator/);
  broken = false;
  assert.equal(await made.place(ONE, 1, 0), 1n);
});
