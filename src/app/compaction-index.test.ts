import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { NativeEngine } from "../engine/native-engine.ts";
import { isVector } from "../model/data-type.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { oneProcessFor } from "./one-process.testing.ts";

const keysBetween = (first: number, last: number): bigint[] =>
  Array.from({ length: last - first + 1 }, (_, i) => BigInt(first + i));

/** Two segments that are too small for an index each, and together are not; one row of each is deleted. */
async function twoSegments(t: TestContext, degree: string) {
  const process = await oneProcessFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  const info = await process.create();
  const field = info.schema.fields.find(({ type }) => isVector(type)) ?? assert.fail();
  await process.insert(info, keysBetween(1, 800));
  await process.flush(info);
  await process.insert(info, keysBetween(801, 1600));
  await process.flush(info);
  await process.remove(info, [5n, 900n]);
  const params = { index_type: "HNSW", metric_type: "L2", M: degree, efConstruction: "40" };
  await process.coords.indexCoord.createIndex(process.ctx, {
    collectionId: info.id,
    field,
    indexName: "vector",
    userParams: params,
    params,
    isAuto: false,
  });
  await process.load(info);
  return { process, info };
}

test("the output of a compaction begins with its index", async (t) => {
  const { process, info } = await twoSegments(t, "8");
  const { coords, ctx } = process;
  assert.equal(await process.compact(info), 1);
  const [output, ...others] = (await coords.dataCoord.listSegments(ctx, { collectionId: info.id })).filter(
    ({ state }) => state === "Flushed",
  );
  assert.deepEqual([output?.rows, others], [1600, []]);
  assert.ok(output !== undefined);
  const [index] = await coords.indexCoord.listSegmentIndexes(ctx, {
    collectionId: info.id,
    segmentIds: [output.id],
  });
  assert.deepEqual([index?.state, index?.rows], ["Finished", 1600]);
  // What was built ahead is kept like any other.
  await coords.indexCoord.segmentsChanged(ctx, { collectionId: info.id });
  const vchannel = process.vchannelOf(info);
  await process.queryNode.syncTarget(ctx, { vchannel });
  const { segments } = await process.queryNode.channelState(ctx, { vchannel });
  assert.deepEqual(
    segments.filter(({ state }) => state === "Sealed").map(({ segmentId, indexId }) => [segmentId, indexId]),
    [[output.id, index?.indexId]],
  );
  assert.deepEqual(await process.nearest(info, 901), [901n]);
  assert.equal(await process.count(info), 1598n);
});

test("a compaction goes on without an index that cannot be built", async (t) => {
  const { process, info } = await twoSegments(t, "100000");
  const { coords, ctx } = process;
  assert.equal(await process.compact(info), 1);
  const [description] = await coords.indexCoord.describeIndex(ctx, {
    collectionId: info.id,
    indexName: "vector",
    at: TIMESTAMP_ZERO,
  });
  assert.equal(description?.state, "Failed");
  assert.equal(await process.count(info), 1598n);
});
