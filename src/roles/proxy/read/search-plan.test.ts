import assert from "node:assert/strict";
import { test } from "node:test";
import { segmentId } from "../../../model/ids.ts";
import type { SegmentSearchStats, ShardSearchResult } from "../../../model/read.ts";
import { searchPlan } from "./search-plan.ts";

function shard(...stats: readonly Omit<SegmentSearchStats, "segmentId">[]): ShardSearchResult {
  return {
    starts: Int32Array.of(0),
    keys: { kind: "int64", values: new BigInt64Array(0) },
    scores: new Float32Array(0),
    groupValues: undefined,
    fields: [],
    stats: stats.map((one, i) => ({ segmentId: segmentId(BigInt(i)), ...one })),
  };
}

test("segments of all shards are counted by how they were searched", () => {
  const results = [
    shard(
      { path: "graph", distances: 300, visibleRows: 10_000 },
      { path: "flat", distances: 50, visibleRows: 50 },
    ),
    shard({ path: "graph", distances: 200, visibleRows: 20_000 }),
    shard(),
  ];
  assert.deepEqual(searchPlan(results), {
    shards: 3,
    segments: 3,
    paths: { graph: 2, flat: 1 },
    visibleRows: 30_050,
    distances: 550,
  });
  assert.deepEqual(searchPlan([]), { shards: 0, segments: 0, paths: {}, visibleRows: 0, distances: 0 });
});
