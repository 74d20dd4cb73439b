import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionId, partitionId, vchannel } from "../../model/ids.ts";
import type { ReadScope } from "../../model/read.ts";
import { timestamp, TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import { readableSegments, type ReadableShard } from "./read-segments.ts";

const HERE = partitionId(1n);
const ELSEWHERE = partitionId(2n);

test("a read from before a compaction that left no row of a partition is refused", () => {
  const shard: ReadableShard = {
    segments: [],
    history: new Map(),
    emptied: new Map([[HERE, timestamp(100n)]]),
    loaded: undefined,
  };
  assert.throws(() => readableSegments(shard, scope(99n, undefined)), { kind: "staleRead" });
  assert.throws(() => readableSegments(shard, scope(99n, [HERE, ELSEWHERE])), { kind: "staleRead" });
  assert.deepEqual(readableSegments(shard, scope(99n, [ELSEWHERE])), []);
  assert.deepEqual(readableSegments(shard, scope(100n, undefined)), []);
});

test("a partition that is not loaded does not make a read too old", () => {
  const shard: ReadableShard = {
    segments: [],
    history: new Map(),
    emptied: new Map([[HERE, timestamp(100n)]]),
    loaded: new Set([ELSEWHERE]),
  };
  assert.deepEqual(readableSegments(shard, scope(99n, undefined)), []);
});

test("partitions that a read must see are loaded, or it is refused", () => {
  const shard: ReadableShard = {
    segments: [],
    history: new Map(),
    emptied: new Map(),
    loaded: new Set([ELSEWHERE]),
  };
  const read = scope(100n, undefined);
  assert.throws(() => readableSegments(shard, { ...read, mustBeLoaded: [HERE, ELSEWHERE] }), {
    kind: "partitionNotLoaded",
  });
  assert.deepEqual(readableSegments(shard, { ...read, mustBeLoaded: [ELSEWHERE] }), []);
  assert.deepEqual(readableSegments({ ...shard, loaded: undefined }, { ...read, mustBeLoaded: [HERE] }), []);
});

function scope(readAt: bigint, partitionIds: ReadScope["partitionIds"]): ReadScope {
  return {
    collectionId: collectionId(1n),
    vchannel: vchannel("v0"),
    partitionIds,
    readAt: timestamp(readAt),
    minBegin: TIMESTAMP_ZERO,
    ignoreGrowing: false,
    schema: { name: "c", description: "", fields: [], functions: [], enableDynamicField: false, version: 0 },
    filter: { text: "", templates: [], timeZone: "UTC" },
  };
}
