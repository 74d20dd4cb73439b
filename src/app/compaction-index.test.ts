import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openMemoryMetaStore } from "../adapters/meta/memory.ts";
import { nodeClock } from "../adapters/node/clock.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { isVector } from "../model/data-type.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { startOneProcess } from "./one-process.testing.ts";

const keysBetween = (first: number, last: number): bigint[] =>
  Array.from({ length: last - first + 1 }, (_, i) => BigInt(first + i));

async function withTwoSegments(
  run: (parts: {
    readonly process: Awaited<ReturnType<typeof startOneProcess>>;
    readonly info: Awaited<ReturnType<Awaited<ReturnType<typeof startOneProcess>>["create"]>>;
    readonly createIndex: (degree: string) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "redkite-"));
  const meta = await openMemoryMetaStore(nodeClock);
  const process = await startOneProcess(folder, meta, new NativeEngine({ threads: 1, deterministic: true }));
  try {
    const info = await process.create();
    const field = info.schema.fields.find(({ type }) => isVector(type)) ?? assert.fail();
    const createIndex = async (degree: string): Promise<void> => {
      const params = { index_type: "HNSW", metric_type: "L2", M: degree, efConstruction: "40" };
      await process.coords.indexCoord.createIndex(process.ctx, {
        collectionId: info.id,
        field,
        indexName: "vector",
        userParams: params,
        params,
        isAuto: false,
      });
    };
    // Each of them is too small for an index, both together are not.
    await process.insert(info, keysBetween(1, 800));
    await process.flush(info);
    await process.insert(info, keysBetween(801, 1600));
    await process.flush(info);
    await process.remove(info, [5n, 900n]);
    await run({ process, info, createIndex });
  } finally {
    await process.stop();
    await meta.close();
    await rm(folder, { recursive: true });
  }
}

test("the output of a compaction begins with its index", async () => {
  await withTwoSegments(async ({ process, info, createIndex }) => {
    const { coords, ctx } = process;
    await createIndex("8");
    await process.load(info);
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
      segments
        .filter(({ state }) => state === "Sealed")
        .map(({ segmentId, indexId }) => [segmentId, indexId]),
      [[output.id, index?.indexId]],
    );
    assert.deepEqual(await process.nearest(info, 901), [901n]);
    assert.equal(await process.count(info), 1598n);
  });
});

test("a compaction goes on without an index that cannot be built", async () => {
  await withTwoSegments(async ({ process, info, createIndex }) => {
    const { coords, ctx } = process;
    await createIndex("100000");
    await process.load(info);
    assert.equal(await process.compact(info), 1);
    const [description] = await coords.indexCoord.describeIndex(ctx, {
      collectionId: info.id,
      indexName: "vector",
      at: TIMESTAMP_ZERO,
    });
    assert.equal(description?.state, "Failed");
    assert.equal(await process.count(info), 1598n);
  });
});
