import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { openMemoryMetaStore } from "../adapters/meta/memory.ts";
import { nodeClock } from "../adapters/node/clock.ts";
import { queryNodeTable, type QueryNode } from "../api/query-node.ts";
import { shardReaderTable, type ShardReader } from "../api/shard-reader.ts";
import { FilterCache } from "../core/search/filter-cache.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { DataType } from "../model/data-type.ts";
import { timestamp } from "../model/timestamp.ts";
import { ThreadReader } from "../roles/querynode/thread-reader.ts";
import { testField } from "../../tests/contract/random-columns.ts";
import { connectWorker, serveWorker } from "../transport/worker-channel.ts";
import { backgroundContext } from "./default-settings.ts";
import { startOneProcess } from "./one-process.testing.ts";
import type { ReadingThreadData } from "./thread-reader.testing.ts";

const engine = new NativeEngine({ threads: 1, deterministic: false });
const ctx = backgroundContext(new AbortController().signal);

/** A loaded collection on this thread, and a thread that reads it. `asked` counts what the thread had to ask this one. */
async function start(t: TestContext, inlineWorkMax: number) {
  const folder = await mkdtemp(join(tmpdir(), "redkite-"));
  const meta = await openMemoryMetaStore(nodeClock);
  const node = await startOneProcess(folder, meta, engine);
  const reads = new MessageChannel();
  const queryNode = new MessageChannel();
  const shardReader = new MessageChannel();
  const asked = { openView: 0, waitClosed: 0 };
  const counted: ShardReader = {
    openView: async (call, request) => {
      asked.openView += 1;
      return node.queryNode.openView(call, request);
    },
    waitClosed: async (call, request) => {
      asked.waitClosed += 1;
      return node.queryNode.waitClosed(call, request);
    },
    indexDecayed: async (call, request) => node.queryNode.indexDecayed(call, request),
  };
  const refuse = async (): Promise<never> => assert.fail("a read left its thread");
  serveWorker(queryNode.port1, queryNodeTable, {
    ...({} as QueryNode),
    search: refuse,
    query: refuse,
    closedTimestamp: refuse,
  });
  serveWorker(shardReader.port1, shardReaderTable, counted);
  const workerData: ReadingThreadData = {
    reads: reads.port2,
    queryNode: queryNode.port2,
    shardReader: shardReader.port2,
    inlineWorkMax,
  };
  const worker = new Worker(new URL("./thread-reader.testing.ts", import.meta.url), {
    workerData,
    transferList: [reads.port2, queryNode.port2, shardReader.port2],
  });
  node.queryNode.onViewChange((vchannel) => worker.postMessage(vchannel));
  t.after(async () => {
    for (const { port1 } of [reads, queryNode, shardReader]) port1.close();
    await worker.terminate();
    await node.stop();
    await meta.close();
    await rm(folder, { recursive: true });
  });
  const info = await node.create();
  await node.load(info);
  return { node, info, worker, asked, reader: connectWorker(reads.port1, queryNodeTable).client };
}

/** Waits until no thread has any of the segments open. */
async function closedEverywhere(handles: readonly bigint[]): Promise<void> {
  const isOpen = (handle: bigint): boolean => {
    try {
      engine.attach(handle).close();
      return true;
    } catch {
      return false;
    }
  };
  while (handles.some(isOpen)) await nodeClock.sleep(2, ctx.signal);
}

for (const [where, inlineWorkMax] of [
  ["on the thread itself", 1e9],
  ["in the engine's pool", 0],
] as const) {
  test(`a thread that searches ${where} sees every row once while rows are replaced, flushed and compacted`, async (t) => {
    const { node, info, reader } = await start(t, inlineWorkMax);
    const keys = Array.from({ length: 60 }, (_, i) => BigInt(i + 1));
    await node.insert(info, keys);
    const writing = { on: true };
    let reads = 0;
    const readOn = async (): Promise<void> => {
      while (writing.on || reads < 10) {
        const { count } = await reader.query(ctx, await node.queryOf(info, "", true));
        assert.equal(count, 60n, `${reads} reads before`);
        const found = await reader.query(ctx, await node.queryOf(info, "age >= 0", false));
        assert.deepEqual(found.keys, { kind: "int64", values: BigInt64Array.from(keys) });
        const hits = await reader.search(ctx, await node.searchOf(info, 7, 3));
        assert.equal(hits.keys.kind === "int64" && hits.keys.values[0], 7n);
        assert.equal(new Set(hits.keys.kind === "int64" ? hits.keys.values : []).size, 3);
        reads += 1;
      }
    };
    const reading = [readOn(), readOn()];
    for (let round = 0; round < 3; round++) {
      for (let part = 0; part < 6; part++)
        await node.insert(info, keys.slice(part * 10 - round, part * 10 + 13));
      await node.flush(info);
      await node.insert(
        info,
        keys.filter((key) => key % 3n === BigInt(round)),
      );
      if (round > 0) await node.compact(info);
    }
    writing.on = false;
    await Promise.all(reading);
    assert.ok(reads >= 10);
  });
}

test("what is acknowledged is seen at once, and a closed timestamp is read without a question", async (t) => {
  const { node, info, reader, asked } = await start(t, 1e9);
  for (let key = 1n; key <= 20n; key++) {
    await node.insert(info, [key]);
    assert.equal((await reader.query(ctx, await node.queryOf(info, "", true))).count, key);
  }
  const before = { ...asked };
  const vchannel = node.vchannelOf(info);
  const closed = await reader.closedTimestamp(ctx, { vchannel });
  for (let i = 0; i < 10; i++) {
    const request = { ...(await node.queryOf(info, "", true)), readAt: closed };
    assert.equal((await reader.query(ctx, request)).count, 20n);
  }
  assert.deepEqual(asked, before);
  // Reads at fresh timestamps share their questions.
  await Promise.all(
    Array.from({ length: 20 }, async () => reader.query(ctx, await node.queryOf(info, "", true))),
  );
  assert.ok(asked.waitClosed - before.waitClosed <= 10, String(asked.waitClosed - before.waitClosed));
});

test("a read above every timestamp ends with its call, and others go on", async (t) => {
  const { node, info, reader } = await start(t, 1e9);
  await node.insert(info, [1n]);
  const controller = new AbortController();
  const request = { ...(await node.queryOf(info, "", true)), readAt: timestamp(1n << 63n) };
  const ended = assert.rejects(reader.query({ ...ctx, signal: controller.signal }, request));
  controller.abort();
  await ended;
  assert.equal((await reader.query(ctx, await node.queryOf(info, "", true))).count, 1n);
});

test("segments that were replaced, released or left by a closed reader stay open nowhere", async (t) => {
  const { node, info, reader, worker } = await start(t, 1e9);
  const vchannel = node.vchannelOf(info);
  const handles = async (): Promise<bigint[]> => {
    const view = await node.queryNode.openView(ctx, { vchannel, schema: undefined });
    return view.segments.map(({ handle }) => handle);
  };
  const count = async (): Promise<bigint> =>
    (await reader.query(ctx, await node.queryOf(info, "", true))).count;
  await node.insert(info, [1n, 2n]);
  assert.equal(await count(), 2n);
  const growing = await handles();
  assert.equal(growing.length, 1);
  await node.flush(info);
  await closedEverywhere(growing);
  assert.equal(await count(), 2n);
  const sealed = await handles();
  await node.release(info);
  while ((await node.queryNode.getMetrics()).infos["channels"] !== 0) await nodeClock.sleep(2, ctx.signal);
  await assert.rejects(count(), { kind: "channelMisrouted" });
  await node.load(info);
  assert.equal(await count(), 2n);
  worker.postMessage("close");
  await assert.rejects(async () => {
    for (;;) await count();
  }, /no longer reads/);
  await node.stop();
  await closedEverywhere([...sealed, ...growing]);
});

test("a view whose segments are closed before they are attached is asked for again", async () => {
  const key = testField(100, DataType.Int64, { isPrimaryKey: true });
  const segment = engine.createGrowing({ fields: [key], rowsMax: 10, seed: 1 });
  const gone = engine.createGrowing({ fields: [key], rowsMax: 10, seed: 1 });
  const dead = gone.share();
  gone.close();
  const watermark = new SharedArrayBuffer(16);
  new BigUint64Array(watermark).set([100n, 1n]);
  let asked = 0;
  const shardReader: ShardReader = {
    openView: async () => ({
      viewVersion: 1n,
      watermark,
      schemaVersion: 0,
      segments: [
        {
          kind: "growing",
          handle: asked++ < 2 ? dead : segment.share(),
          id: 1n as never,
          partitionId: 1n as never,
          minTimestamp: timestamp(1n),
        },
      ],
      loadedPartitions: undefined,
      history: [],
      emptied: [],
    }),
    waitClosed: async () => assert.fail("nothing has to be closed"),
    indexDecayed: async () => assert.fail("there is no index"),
  };
  const reader = new ThreadReader({
    queryNode: {} as QueryNode,
    shardReader,
    engine,
    filters: new FilterCache(1),
    policy: { inlineWorkMax: 1 },
    context: () => ctx,
  });
  assert.equal(await reader.closedTimestamp(ctx, { vchannel: "v" as never }), 100n);
  assert.equal(asked, 3);
  reader.close();
  segment.close();
});
