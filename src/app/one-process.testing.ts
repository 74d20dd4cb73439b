import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openMemoryMetaStore } from "../adapters/meta/memory.ts";
import { nodeClock } from "../adapters/node/clock.ts";
import { NodeDisk, type BufferFactory } from "../adapters/node/disk.ts";
import { NodeRng } from "../adapters/node/rng.ts";
import { FsObjectStore } from "../adapters/objects/fs.ts";
import { FileWal } from "../adapters/stream/file-wal/file-wal.ts";
import { ObservedStream } from "../adapters/stream/observed-stream.ts";
import { TaskRunner } from "../adapters/tasks.ts";
import { dataCoordTable } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import { indexCoordTable, indexNodeTable } from "../api/index-coord.ts";
import { queryCoordTable } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable } from "../api/root-coord.ts";
import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { registerSession, SessionDirectory } from "../core/session/sessions.ts";
import { SegmentFiles } from "../core/shard/segment-files.ts";
import { SegmentScrubber } from "../core/shard/segment-scrubber.ts";
import { encodeRowBatch } from "../format/row-batch.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId, nodeId } from "../model/ids.ts";
import {
  dynamicField,
  plainField,
  type CollectionInfo,
  type CollectionSchema,
  type FieldSchema,
  type KeyValues,
} from "../model/schema.ts";
import { timestamp, TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { SILENT_LOGGER } from "../obs/logger.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import type { Engine } from "../ports/engine.ts";
import { NO_FAULTS } from "../ports/faults.ts";
import { backgroundContext, defaultSettings } from "./default-settings.ts";
import { LocalLinks } from "./local-links.ts";
import { leadMixCoord } from "./mixcoord.ts";
import type { ProcessPorts } from "./process-ports.ts";
import { startWorkerRoles } from "./worker-roles.ts";

/** The roles of one process on a folder of their own, stopped and removed when the test ends. */
export async function oneProcessFor(t: TestContext, engine: Engine) {
  const { start } = await processFolderFor(t, engine);
  return start();
}

/** A folder on which processes are started one after the other. The last one is stopped, and the folder removed, when the test ends. */
export async function processFolderFor(t: TestContext, engine: Engine, mapFile?: BufferFactory["mapFile"]) {
  const folder = await mkdtemp(join(tmpdir(), "redkite-"));
  const meta = await openMemoryMetaStore(nodeClock);
  let running: OneProcess | undefined;
  t.after(async () => {
    await running?.stop();
    await meta.close();
    await rm(folder, { recursive: true });
  });
  return {
    folder,
    start: async () => {
      running = await startOneProcess(folder, meta, engine, mapFile);
      return running;
    },
  };
}

export type OneProcess = Awaited<ReturnType<typeof startOneProcess>>;

/** The roles of one process on a folder, and what tests do with them; everything on one thread, in the deterministic order of its calls. */
export async function startOneProcess(
  folder: string,
  meta: ProcessPorts["meta"],
  engine: Engine,
  mapFile?: BufferFactory["mapFile"],
) {
  const stopping = new AbortController();
  // Mapped files must live in memory that the engine reads.
  const buffers: BufferFactory = {
    allocate: (bytes) => engine.allocate(bytes),
    mapFile:
      mapFile ??
      ((path) => {
        const bytes = readFileSync(path);
        const buffer = engine.allocate(bytes.length);
        buffer.bytes.set(bytes);
        return buffer;
      }),
  };
  const disk = new NodeDisk(folder, buffers);
  const stream = await FileWal.open({
    disk,
    folder: "log",
    clock: nodeClock,
    checksum: crc32c,
    report: () => undefined,
  });
  const metrics = new MetricsRegistry();
  const ports: ProcessPorts = {
    clock: nodeClock,
    rng: new NodeRng(),
    tasks: new TaskRunner(nodeClock, new NodeRng(), () => undefined),
    faults: NO_FAULTS,
    engine,
    meta,
    stream: new ObservedStream(stream, metrics, nodeClock),
    metrics,
    objects: await FsObjectStore.open(disk, "objects"),
  };
  const links = new LocalLinks({ freeze: true });
  const defaults = defaultSettings({
    nodeId: nodeId(BigInt(Date.now())),
    address: "local",
    stopping: stopping.signal,
  });
  // Nothing begins by itself: what a timer starts on a slow machine comes between two steps of a test.
  const settings = {
    ...defaults,
    coordinators: {
      ...defaults.coordinators,
      // Nor does anything end because the machine had no time for the test.
      leaseMs: NEVER_MS,
      data: { ...defaults.coordinators.data, compactionEnabled: false },
    },
    workers: { ...defaults.workers, reportIntervalMs: NEVER_MS },
  };
  const sessions = await SessionDirectory.watch(meta, ports.tasks);
  const session = await registerSession(
    { meta, clock: nodeClock, tasks: ports.tasks, leaseMs: NEVER_MS },
    ["datanode", "querynode", "indexnode"].map((role) => ({
      role,
      nodeId: settings.nodeId,
      address: "local",
    })),
    (error) => assert.fail(String(error)),
  );
  const coords = await leadMixCoord(ports, links, sessions, settings, stopping.signal, (error) =>
    assert.fail(String(error)),
  );
  links.serve(rootCoordTable, coords.rootCoord);
  links.serve(dataCoordTable, coords.dataCoord);
  links.serve(queryCoordTable, coords.queryCoord);
  links.serve(indexCoordTable, coords.indexCoord);
  const workers = startWorkerRoles(
    ports,
    links,
    { rootCoord: coords.rootCoord, dataCoord: coords.dataCoord, indexCoord: coords.indexCoord },
    settings,
  );
  links.serve(dataNodeTable, workers.dataNode);
  links.serve(queryNodeTable, workers.queryNode);
  links.serve(indexNodeTable, workers.indexNode);
  const ctx = backgroundContext(stopping.signal);

  const vchannelOf = (info: CollectionInfo) => info.vchannels[0] ?? assert.fail("no vchannel");
  const query = async (info: CollectionInfo, text: string, countOnly: boolean) =>
    workers.reads.query(ctx, await queryOf(info, text, countOnly));
  /** At a timestamp taken now. */
  const queryOf = async (info: CollectionInfo, text: string, countOnly: boolean) => ({
    ...(await scopeOf(info, text)),
    keys: undefined,
    limit: -1,
    countOnly,
    outputFieldIds: [],
  });
  const searchOf = async (info: CollectionInfo, at: number, k: number) => ({
    ...(await scopeOf(info, "")),
    fieldId: 102,
    metric: "L2" as const,
    nq: 1,
    queries: new Uint8Array(Float32Array.of(at, 0).buffer),
    queryOffsets: undefined,
    k,
    params: {},
    range: undefined,
    groupBy: undefined,
    outputFieldIds: [],
  });
  const scopeOf = async (info: CollectionInfo, text: string) => ({
    collectionId: info.id,
    vchannel: vchannelOf(info),
    partitionIds: undefined,
    readAt: await coords.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined }),
    minBegin: TIMESTAMP_ZERO,
    ignoreGrowing: false,
    schema: info.schema,
    filter: { text, templates: [], timeZone: "UTC" },
  });
  const write = async (
    info: CollectionInfo,
    batch: { readonly inserts?: readonly bigint[]; readonly deletes?: readonly bigint[] },
  ) => {
    const vchannel = vchannelOf(info);
    await coords.dataCoord.locateChannel(ctx, { vchannel });
    await workers.dataNode.write(ctx, {
      collectionId: info.id,
      vchannel,
      schemaVersion: info.schema.version,
      session: settings.nodeId,
      sequence: timestamp(await coords.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined })),
      deletes:
        batch.deletes === undefined
          ? []
          : [{ partitionId: undefined, keys: { kind: "int64", values: BigInt64Array.from(batch.deletes) } }],
      inserts:
        batch.inserts === undefined
          ? []
          : [
              {
                partitionId: (info.partitions[0] ?? assert.fail()).id,
                rows: batch.inserts.length,
                batch: rowsOf(batch.inserts, info.schema),
              },
            ],
      condition: undefined,
    });
  };
  const loaded = async (info: CollectionInfo) => {
    while (
      (await coords.queryCoord.getLoadState(ctx, { collectionId: info.id, partitionIds: [] })).state !==
      "Loaded"
    ) {
      await nodeClock.sleep(2, ctx.signal);
    }
  };
  return {
    ctx,
    metrics,
    nodeId: settings.nodeId,
    coords,
    queryNode: workers.queryNode,
    /** Looks once at every file of the open segments. */
    scrub: async () => {
      const scrubber = new SegmentScrubber({
        files: new SegmentFiles(engine, ports.objects),
        clock: nodeClock,
        tasks: ports.tasks,
        logger: SILENT_LOGGER,
        shards: () => workers.shards.states(),
        damaged: (vchannel, error) => workers.queryNode.noteDamage(vchannel, error),
        indexes: () => workers.queryNode.indexFiles(),
        intervalMs: NEVER_MS,
      });
      await scrubber.round(stopping.signal);
    },
    vchannelOf,
    loaded,
    create: async (properties: KeyValues = {}) =>
      coords.rootCoord.createCollection(ctx, {
        schema: { name: "c", description: "", fields, functions: [], enableDynamicField: false, version: 0 },
        shards: 1,
        consistencyLevel: "Strong",
        properties,
        partitionKeyPartitions: 0,
      }),
    load: async (info: CollectionInfo) => {
      await coords.queryCoord.load(ctx, {
        collectionId: info.id,
        partitionIds: [],
        replicas: 1,
        fieldIds: [],
        refresh: false,
      });
      await loaded(info);
    },
    release: async (info: CollectionInfo) =>
      coords.queryCoord.release(ctx, { collectionId: info.id, partitionIds: [] }),
    insert: async (info: CollectionInfo, inserts: readonly bigint[]) => write(info, { inserts }),
    remove: async (info: CollectionInfo, deletes: readonly bigint[]) => write(info, { deletes }),
    keys: async (info: CollectionInfo, text: string) => {
      const { keys } = await query(info, text, false);
      return keys.kind === "int64" ? [...keys.values] : assert.fail();
    },
    count: async (info: CollectionInfo) => (await query(info, "", true)).count,
    queryOf,
    searchOf,
    nearest: async (info: CollectionInfo, at: number) => {
      const { keys } = await workers.reads.search(ctx, await searchOf(info, at, 1));
      return keys.kind === "int64" ? [...keys.values] : assert.fail();
    },
    flush: async (info: CollectionInfo) => {
      const [result] = await coords.dataCoord.flush(ctx, { collectionIds: [info.id] });
      assert.ok(result !== undefined);
      const request = {
        collectionId: info.id,
        segmentIds: result.sealing,
        flushedAt: timestamp(result.flushedAt),
      };
      while (!(await coords.dataCoord.getFlushState(ctx, request)).flushed)
        await nodeClock.sleep(2, ctx.signal);
    },
    /** Returns how many compactions there were to do. */
    compact: async (info: CollectionInfo): Promise<number> => {
      const { compactionId, plans } = await coords.dataCoord.manualCompaction(ctx, {
        collectionId: info.id,
        major: false,
      });
      while ((await coords.dataCoord.getCompactionState(ctx, { compactionId })).state !== "Completed")
        await nodeClock.sleep(2, ctx.signal);
      assert.equal((await coords.dataCoord.getCompactionState(ctx, { compactionId })).failed, 0);
      return plans;
    },
    stop: async () => {
      if (stopping.signal.aborted) return;
      await workers.stop();
      await coords.stop();
      await session.end();
      stopping.abort();
      await ports.tasks.stop();
      await stream.close();
    },
  };
}

/** The dynamic field, where there is one, holds the key as `n`. */
function rowsOf(keys: readonly bigint[], schema: CollectionSchema): Uint8Array {
  const rows = keys.length;
  const dynamic = dynamicField(schema);
  const texts = keys.map((key) => utf8Encode(`{"n":${key}}`));
  const offsets = new Int32Array(rows + 1);
  texts.forEach((text, row) => (offsets[row + 1] = (offsets[row] ?? 0) + text.length));
  const meta = { rows, offsets, bytes: concatBytes(texts), validity: undefined };
  return encodeRowBatch({
    rows,
    columns: new Map([
      [
        100,
        {
          kind: "fixed",
          type: DataType.Int64,
          dim: 0,
          rows,
          values: BigInt64Array.from(keys),
          validity: undefined,
        },
      ],
      [
        101,
        {
          kind: "fixed",
          type: DataType.Int64,
          dim: 0,
          rows,
          values: BigInt64Array.from(keys, (key) => key * 10n),
          validity: undefined,
        },
      ],
      [
        102,
        {
          kind: "fixed",
          type: DataType.FloatVector,
          dim: 2,
          rows,
          values: Float32Array.from(keys.flatMap((key) => [Number(key), 0])),
          validity: undefined,
        },
      ],
      ...(dynamic === undefined
        ? []
        : [[dynamic.id, { kind: "bytes", type: DataType.JSON, ...meta }] as const]),
    ]),
  });
}

const NEVER_MS = 24 * 3600_000;

const fields: readonly FieldSchema[] = [
  { ...plain("id", DataType.Int64), id: fieldId(100), isPrimaryKey: true },
  { ...plain("age", DataType.Int64), id: fieldId(101) },
  { ...plain("vector", DataType.FloatVector), id: fieldId(102), dim: 2 },
];

function plain(name: string, type: FieldSchema["type"]): FieldSchema {
  return plainField(fieldId(0), name, type);
}
