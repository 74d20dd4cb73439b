import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionId, partitionId, segmentId, vchannel, type SegmentId } from "../../model/ids.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import { timestamp } from "../../model/timestamp.ts";
import { planCompactions, type CompactionCandidates, type CompactionLimits } from "./plan-compactions.ts";

const limits: CompactionLimits = {
  segmentBytesMax: 1000,
  smallShare: 0.5,
  smallMin: 3,
  deletedShareMax: 0.2,
  deltaLogsMax: 4,
  inputsMax: 5,
};

function meta(id: number, more: Partial<SegmentMeta> = {}): SegmentMeta {
  return {
    id: segmentId(BigInt(id)),
    collectionId: collectionId(1n),
    partitionId: partitionId(1n),
    vchannel: vchannel("v"),
    state: "Flushed",
    rows: 100,
    bytes: 900,
    createdAtMs: 0,
    startPosition: 1n,
    flushedPosition: 2n,
    minTimestamp: timestamp(100n),
    maxTimestamp: timestamp(200n),
    deletesAppliedTo: timestamp(200n),
    compactedAt: timestamp(0n),
    compactedFrom: [],
    compactedInto: [],
    historyFrom: timestamp(0n),
    schemaVersion: 0,
    manifest: undefined,
    droppedAtMs: undefined,
    ...more,
  };
}

function plans(segments: readonly SegmentMeta[], more: Partial<CompactionCandidates> = {}) {
  const candidates = {
    segments,
    endedRows: new Map<SegmentId, number>(),
    deltaLogs: [],
    resting: new Set<SegmentId>(),
    dropBegunUpTo: timestamp(0n),
    manual: false,
    ...more,
  };
  return planCompactions(candidates, limits).map(({ reason, inputs }) => [
    reason,
    inputs.map(({ id }) => Number(id)),
  ]);
}

const ended = (counts: Readonly<Record<number, number>>): ReadonlyMap<SegmentId, number> =>
  new Map(Object.entries(counts).map(([id, count]) => [segmentId(BigInt(id)), count]));

test("nothing is done for large segments without deletes", () => {
  assert.deepEqual(plans([meta(1), meta(2), meta(3), meta(4)]), []);
  assert.deepEqual(plans([]), []);
});

test("a segment is rewritten when more than its share has ended", () => {
  const segments = [meta(1), meta(2), meta(3, { rows: 0 })];
  assert.deepEqual(plans(segments, { endedRows: ended({ 1: 20, 2: 21, 3: 0 }) }), [["deleted", [2]]]);
});

test("by hand, every segment that could gain anything is rewritten", () => {
  assert.deepEqual(plans([meta(1), meta(2)], { endedRows: ended({ 1: 1 }), manual: true }), [
    ["deleted", [1]],
  ]);
  assert.deepEqual(plans([meta(1, { bytes: 10 }), meta(2, { bytes: 10 })], { manual: true }), [
    ["small", [1, 2]],
  ]);
});

test("a segment whose rows have all expired goes at once, one with some only by hand", () => {
  const segments = [
    meta(1, { maxTimestamp: timestamp(150n) }),
    meta(2),
    meta(3, { minTimestamp: timestamp(180n) }),
  ];
  const dropBegunUpTo = timestamp(150n);
  assert.deepEqual(plans(segments, { dropBegunUpTo }), [["expired", [1]]]);
  assert.deepEqual(plans(segments, { dropBegunUpTo, manual: true }), [
    ["expired", [1]],
    ["expired", [2]],
  ]);
});

test("enough small segments of one partition are merged, smallest first, into no more than one holds", () => {
  const small = (id: number, bytes: number, partition = 1) =>
    meta(id, { bytes, partitionId: partitionId(BigInt(partition)) });
  assert.deepEqual(plans([small(1, 10), small(2, 10)]), []);
  assert.deepEqual(plans([small(1, 30), small(2, 20), small(3, 10)]), [["small", [3, 2, 1]]]);
  assert.deepEqual(plans([small(1, 10), small(2, 10), small(3, 10, 2)]), []);
  assert.deepEqual(
    plans([small(1, 500), small(2, 10), small(3, 10)]),
    [],
    "half of the maximum is not small",
  );
  assert.deepEqual(plans([1, 2, 3, 4, 5, 6].map((id) => small(id, 300))), [
    ["small", [1, 2, 3]],
    ["small", [4, 5, 6]],
  ]);
  assert.deepEqual(plans([1, 2, 3, 4, 5, 6, 7].map((id) => small(id, 1))), [["small", [1, 2, 3, 4, 5]]]);
});

test("small segments are merged rather than rewritten one by one for their deletes", () => {
  const segments = [1, 2, 3, 4].map((id) => meta(id, { bytes: id < 4 ? 10 : 900 }));
  assert.deepEqual(plans(segments, { endedRows: ended({ 1: 50, 2: 50, 4: 50 }) }), [
    ["small", [1, 2, 3]],
    ["deleted", [4]],
  ]);
});

test("segments that keep surplus delta logs from going are rewritten, and no others", () => {
  const segments = [3, 1, 2].map((id) => meta(id, { deletesAppliedTo: timestamp(BigInt(100 * id)) }));
  const logs = (...to: readonly number[]) => to.map((at) => timestamp(BigInt(at)));
  assert.deepEqual(plans(segments, { deltaLogs: logs(150, 250, 350, 450) }), []);
  assert.deepEqual(plans(segments, { deltaLogs: logs(450, 150, 250, 350, 550) }), [["deltas", [1]]]);
  assert.deepEqual(plans(segments, { deltaLogs: logs(150, 250, 350, 450, 550, 650) }), [
    ["deltas", [1]],
    ["deltas", [2]],
  ]);
  const many = Array.from({ length: 8 }, (_, i) => meta(i + 1));
  assert.equal(plans(many, { deltaLogs: logs(900, 901, 902, 903, 904) }).length, limits.inputsMax);
});

test("what was just rewritten for its deletes is left alone", () => {
  const resting = new Set([segmentId(1n)]);
  assert.deepEqual(plans([meta(1), meta(2)], { endedRows: ended({ 1: 99, 2: 99 }), resting }), [
    ["deleted", [2]],
  ]);
});

test("no segment is in two plans", () => {
  const segments = Array.from({ length: 9 }, (_, i) =>
    meta(i + 1, { bytes: 10, maxTimestamp: timestamp(110n) }),
  );
  const planned = plans(segments, {
    endedRows: ended({ 1: 100, 2: 100 }),
    deltaLogs: Array.from({ length: 99 }, () => timestamp(999n)),
    dropBegunUpTo: timestamp(105n),
    manual: true,
  }).flatMap(([, inputs]) => inputs as number[]);
  assert.equal(new Set(planned).size, planned.length);
  assert.equal(planned.length, 9);
});
