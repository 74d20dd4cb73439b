import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test, type TestContext } from "node:test";
import { nodeClock } from "../adapters/node/clock.ts";
import type { BufferFactory } from "../adapters/node/disk.ts";
import type { CollectionId } from "../model/ids.ts";
import { fieldByName, type KeyValues } from "../model/schema.ts";
import type { SegmentIndexMeta } from "../model/segment-meta.ts";
import { createBufferFactory } from "../engine/native-buffer.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { processFolderFor, type OneProcess } from "./one-process.testing.ts";

test("those who wait for a collection whose file is damaged are told which, and it is loaded once the file is mended", async (t) => {
  const { folder, start } = await processFolderFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  let process = await start();
  const info = await process.create();
  await process.load(info);
  await process.insert(info, [1n, 2n, 3n]);
  await process.flush(info);
  await process.stop();
  const [file = assert.fail("no file of a field")] = globSync(join(folder, "objects/segments/**/*.arrow"));
  const whole = await readFile(file);
  await writeFile(file, whole.with(whole.length >> 1, (whole.at(whole.length >> 1) ?? 0) ^ 1));

  process = await start();
  const failReason = await failReasonOf(process, info.id);
  assert.match(failReason, /^data integrity check failed.*\.arrow/);
  await assert.rejects(process.coords.queryCoord.getShardLeaders(process.ctx, { collectionId: info.id }), {
    message: `${failReason}: collection not fully loaded[collection=${info.id}]`,
  });
  await writeFile(file, whole);
  await process.loaded(info);
  assert.deepEqual(await process.keys(info, ""), [1n, 2n, 3n]);
});

test("those who wait for a collection whose file is gone are told which, and it is loaded once the file is back", async (t) => {
  const { folder, start } = await processFolderFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  let process = await start();
  const info = await process.create();
  await process.load(info);
  await process.insert(info, [1n, 2n, 3n]);
  await process.flush(info);
  await process.insert(info, [9n]);
  await process.remove(info, [2n]);
  await process.flush(info);
  await process.stop();
  for (const pattern of [
    "segments/**/*.arrow",
    "segments/**/manifest",
    "segments/**/keys.idx",
    "deltas/*/*/*",
  ]) {
    const [file = assert.fail(`no ${pattern}`)] = globSync(join(folder, "objects", pattern));
    await rename(file, join(folder, "aside"));
    process = await start();
    const failReason = await failReasonOf(process, info.id);
    assert.equal(failReason, `object not found[key=${relative(join(folder, "objects"), file)}]`);
    await rename(join(folder, "aside"), file);
    await process.loaded(info);
    assert.deepEqual(await process.keys(info, ""), [1n, 3n, 9n]);
    await process.stop();
  }
});

test("a file that decays after it was opened is found, not served any more, and not compacted", async (t) => {
  const { folder, start } = await processFolderFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  const process = await start();
  const info = await process.create();
  await process.load(info);
  for (const keys of [
    [1n, 2n, 3n],
    [4n, 5n, 6n],
  ]) {
    await process.insert(info, keys);
    await process.flush(info);
  }
  await process.scrub();
  assert.equal(await process.count(info), 6n);
  const [file = assert.fail("no file of a field")] = globSync(join(folder, "objects/segments/**/101.arrow"));
  const whole = await readFile(file);
  const at = whole.length - 20;
  await writeFile(file, whole.with(at, (whole[at] ?? 0) ^ 1));
  const { compactionId } = await process.coords.dataCoord.manualCompaction(process.ctx, {
    collectionId: info.id,
    major: false,
  });
  let { state, failed } = await process.coords.dataCoord.getCompactionState(process.ctx, { compactionId });
  while (state !== "Completed") {
    await nodeClock.sleep(2, process.ctx.signal);
    ({ state, failed } = await process.coords.dataCoord.getCompactionState(process.ctx, { compactionId }));
  }
  assert.equal(failed, 1);
  assert.equal(await process.count(info), 6n);
  await process.scrub();
  const damaged = { kind: "corrupted", message: /101\.arrow.*checksum/ };
  await assert.rejects(process.count(info), damaged);
  await assert.rejects(process.nearest(info, 1), damaged);
});

test("an index whose file is damaged or gone is built anew, and until then the rows are scanned", async (t) => {
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const { folder, process, info, builds } = await indexedRows(t, engine, { vector: GRAPH, age: SORTED });
  const before = await builds();
  const files = globSync(join(folder, "objects/indexes/**"), { withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  assert.equal(files.length, 2);
  const [gone, damaged] = files.map(({ parentPath, name }) => join(parentPath, name));
  assert.ok(gone !== undefined && damaged !== undefined);
  await rm(gone);
  const whole = await readFile(damaged);
  const at = whole.length - 5;
  await writeFile(damaged, whole.with(at, (whole[at] ?? 0) ^ 1));
  await process.load(info);
  assert.deepEqual(await process.nearest(info, 77), [77n]);
  assert.deepEqual(await process.keys(info, "age == 770"), [77n]);
  const after = await builds();
  for (const [field, { buildId }] of before) assert.notEqual(after.get(field)?.buildId, buildId);
  await process.queryNode.syncTarget(process.ctx, { vchannel: process.vchannelOf(info) });
  assert.deepEqual(await process.keys(info, "age == 10230"), [1023n]);
});

test("an index of which a block decays while it is in use is built anew, and until then the rows are scanned", async (t) => {
  const params = { index_type: "DISKANN", metric_type: "L2", search_cache_budget_gb_ratio: "0" };
  const indexed = await indexedVectors(t, params);
  const before = await indexed.build();
  // Behind the header and what is in memory: all blocks.
  await indexed.decay((bytes) => bytes >> 1);
  await indexed.isRight();
  await indexed.isBuiltAnew(before);
});

test("an index that decays where no search has come to is found, and built anew", async (t) => {
  const indexed = await indexedVectors(t, GRAPH);
  const before = await indexed.build();
  await indexed.process.scrub();
  assert.equal((await indexed.build()).buildId, before.buildId);
  await indexed.decay((bytes) => bytes - 5);
  await indexed.process.scrub();
  await indexed.isRight();
  await indexed.isBuiltAnew(before);
});

/** Why the collection is not loaded, waited for. */
async function failReasonOf({ coords, ctx }: OneProcess, collectionId: CollectionId): Promise<string> {
  for (;;) {
    const { failReason } = await coords.queryCoord.getLoadState(ctx, { collectionId, partitionIds: [] });
    if (failReason !== "") return failReason;
    await nodeClock.sleep(2, ctx.signal);
  }
}

const GRAPH = { index_type: "HNSW", metric_type: "L2", M: "4", efConstruction: "16" };
const SORTED = { index_type: "STL_SORT" };

/** A collection of 1,024 flushed rows with indexes on fields, by their names. */
async function indexedRows(
  t: TestContext,
  engine: NativeEngine,
  indexes: Readonly<Record<string, KeyValues>>,
  mapFile?: BufferFactory["mapFile"],
) {
  const { folder, start } = await processFolderFor(t, engine, mapFile);
  const process = await start();
  const { coords, ctx } = process;
  const info = await process.create();
  await process.insert(
    info,
    Array.from({ length: 1024 }, (_, i) => BigInt(i)),
  );
  await process.flush(info);
  const collectionId = info.id;
  for (const [name, params] of Object.entries(indexes)) {
    await coords.indexCoord.createIndex(ctx, {
      collectionId,
      field: fieldByName(info.schema, name) ?? assert.fail(`no field ${name}`),
      indexName: name,
      userParams: params,
      params,
      isAuto: false,
    });
  }
  const segmentIds = (await coords.dataCoord.listSegments(ctx, { collectionId })).map(({ id }) => id);
  /** The finished builds by field, waited for. */
  const builds = async (): Promise<ReadonlyMap<number, SegmentIndexMeta>> => {
    for (;;) {
      const records = await coords.indexCoord.listSegmentIndexes(ctx, { collectionId, segmentIds });
      const finished = records.filter(({ state }) => state === "Finished");
      if (finished.length === Object.keys(indexes).length)
        return new Map(finished.map((record) => [record.fieldId, record]));
      await nodeClock.sleep(2, ctx.signal);
    }
  };
  return { folder, process, info, builds };
}

/** The same, loaded, with an index on the vectors, and files that are mapped. */
async function indexedVectors(t: TestContext, params: KeyValues) {
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const { folder, process, info, builds } = await indexedRows(t, engine, { vector: params }, (path) =>
    createBufferFactory().mapFile(path),
  );
  const build = async (): Promise<SegmentIndexMeta> =>
    [...(await builds()).values()][0] ?? assert.fail("no build");
  const isRight = async (): Promise<void> => {
    for (const near of [77, 500, 1000]) assert.deepEqual(await process.nearest(info, near), [BigInt(near)]);
  };
  const first = await build();
  await process.load(info);
  await isRight();
  return {
    process,
    /** The finished build, waited for. */
    build,
    isRight,
    /** Flips bits of the file under its mapping, from a place on. */
    decay: async (from: (bytes: number) => number): Promise<void> => {
      const path = join(folder, "objects", first.file?.key ?? "");
      const whole = await readFile(path);
      const file = await open(path, "r+");
      for (let at = from(whole.length); at < whole.length; at += 512)
        await file.write(Uint8Array.of((whole[at] ?? 0) ^ 1), 0, 1, at);
      await file.sync();
      await file.close();
    },
    /** Waits for it. */
    isBuiltAnew: async (before: SegmentIndexMeta): Promise<void> => {
      let after = await build();
      while (after.buildId === before.buildId) {
        await nodeClock.sleep(2, process.ctx.signal);
        after = await build();
      }
      await process.queryNode.syncTarget(process.ctx, { vchannel: process.vchannelOf(info) });
      await isRight();
      assert.equal((await build()).buildId, after.buildId);
    },
  };
}
