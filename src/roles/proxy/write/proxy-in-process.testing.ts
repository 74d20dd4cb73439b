import { BufferPool } from "../../../base/buffer-pool.ts";
import assert from "node:assert/strict";
import { openMemoryMetaStore } from "../../../adapters/meta/memory.ts";
import { nodeClock } from "../../../adapters/node/clock.ts";
import { NodeRng } from "../../../adapters/node/rng.ts";
import { MemoryObjectStore } from "../../../adapters/objects/memory.ts";
import { MemoryMessageStream } from "../../../adapters/stream/memory.ts";
import { TaskRunner } from "../../../adapters/tasks.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { DataNode } from "../../../api/data-node.ts";
import { dataCoordTable } from "../../../api/data-coord.ts";
import { dataNodeTable } from "../../../api/data-node.ts";
import { indexCoordTable, indexNodeTable } from "../../../api/index-coord.ts";
import { queryCoordTable } from "../../../api/query-coord.ts";
import type { QueryNode } from "../../../api/query-node.ts";
import { queryNodeTable } from "../../../api/query-node.ts";
import { rootCoordTable } from "../../../api/root-coord.ts";
import { backgroundContext, defaultSettings } from "../../../app/default-settings.ts";
import { LocalLinks } from "../../../app/local-links.ts";
import { leadMixCoord } from "../../../app/mixcoord.ts";
import { startWorkerRoles } from "../../../app/worker-roles.ts";
import { FilterCache } from "../../../core/search/filter-cache.ts";
import { registerSession, SessionDirectory } from "../../../core/session/sessions.ts";
import { ReferenceEngine } from "../../../engine/reference-engine.ts";
import { DataType } from "../../../model/data-type.ts";
import { fieldId, nodeId } from "../../../model/ids.ts";
import {
  type CollectionInfo,
  type CollectionSchema,
  type FieldSchema,
  plainField,
} from "../../../model/schema.ts";
import type { MessageTypes } from "../../../wire/messages.gen.ts";
import { decode, encode, type Init, type MessageName } from "../../../wire/codec.ts";
import { MetricsRegistry } from "../../../obs/metrics.ts";
import { NO_FAULTS } from "../../../ports/faults.ts";
import { OwnerClient } from "../../../transport/owner-client.ts";
import { OPEN_AUTHENTICATOR } from "../authenticator.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { OPEN_LIMITER } from "../limiter.ts";
import { CoordinatorMetaCache } from "../meta-cache.ts";
import type { ProxyDeps } from "../proxy-deps.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { ClientRegistry } from "../client-registry.ts";
import { SearchParamsCache } from "../read/search-params-cache.ts";

export const TEST_LIMITS: ProxyLimits = {
  nameBytesMax: 255,
  nameCharsAllowed: "$",
  descriptionBytesMax: 1000,
  fieldsMax: 64,
  vectorFieldsMax: 4,
  dimensionMax: 32_768,
  shardsMax: 16,
  arrayCapacityMax: 4_096,
  varCharBytesMax: 65_535,
  partitionsMax: 1_024,
  indexParamsBytesMax: 1 << 20,
  mustUsePartitionKey: false,
  insertBytesMax: -1,
  topKMax: 16_384,
  nqMax: 16_384,
  resultWindowMax: 16_384,
  resultEntriesMax: -1,
  resultBytesMax: 104_857_600,
  segmentMiB: 1024,
  tasksMax: 1_024,
  ddlConcurrency: 16,
  dmlConcurrency: 64,
  dqlConcurrency: 64,
  ddlTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  cachedCollectionsMax: 100,
  clientsMax: 100,
  clientIdleMs: 60_000,
  slowRequestMs: 5_000,
  gracefulTimeMs: 5_000,
  timestampLagMsMax: 86_400_000,
  retentionMs: 300_000,
  defaultPartitionName: "_default",
  defaultIndexName: "_default_idx",
};

const LEASE_MS = 3_600_000;
const HERE = { nodeId: nodeId(7n), address: "local" };

/** What a test may put between the proxy and the roles. */
export interface Wraps {
  readonly owner?: (owner: DataNode) => DataNode;
  readonly queryNode?: (node: QueryNode) => QueryNode;
  readonly limits?: Partial<ProxyLimits>;
  /** How far the wall clock of all roles is ahead of the machine's; 0 when absent. */
  readonly aheadMs?: () => number;
}

/** All real roles in memory, and calls as the proxy's pipeline would make them: requests and answers pass through the codec. */
export async function startProxy(wraps: Wraps = {}) {
  const stopping = new AbortController();
  const { aheadMs = () => 0 } = wraps;
  const clock: Clock = { ...nodeClock, nowMs: () => nodeClock.nowMs() + aheadMs() };
  const meta = await openMemoryMetaStore(clock);
  const rng = new NodeRng();
  const ports = {
    clock,
    rng,
    tasks: new TaskRunner(clock, rng, (failure) => assert.fail(String(failure.error))),
    faults: NO_FAULTS,
    metrics: new MetricsRegistry(),
    engine: new ReferenceEngine(),
    meta,
    stream: new MemoryMessageStream(),
    objects: new MemoryObjectStore(),
  };
  const links = new LocalLinks({ freeze: true });
  const defaults = defaultSettings({ nodeId: nodeId(7n), address: "local", stopping: stopping.signal });
  // The machine may have no time for the test.
  const settings = { ...defaults, coordinators: { ...defaults.coordinators, leaseMs: LEASE_MS } };
  const sessions = await SessionDirectory.watch(meta, ports.tasks);
  const session = await registerSession(
    { meta, clock, tasks: ports.tasks, leaseMs: LEASE_MS },
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
  const workers = startWorkerRoles(ports, links, coords, settings);
  links.serve(dataNodeTable, workers.dataNode);
  links.serve(queryNodeTable, workers.queryNode);
  links.serve(indexNodeTable, workers.indexNode);
  const rootCoord = links.connect(rootCoordTable, HERE);
  const queryCoord = links.connect(queryCoordTable, HERE);
  const dataCoord = links.connect(dataCoordTable, HERE);
  const owners = new OwnerClient({
    dataCoord,
    connect: () => (wraps.owner ?? ((owner) => owner))(links.connect(dataNodeTable, HERE)),
    clock,
    pauseMs: 2,
    triesMax: 20,
  });
  const deps: ProxyDeps = {
    nodeId: settings.nodeId,
    address: "local",
    rootCoord,
    dataCoord,
    queryCoord,
    indexCoord: links.connect(indexCoordTable, HERE),
    owner: async (ctx, vchannel, use) => owners.call(ctx, vchannel, use),
    queryNode: () => (wraps.queryNode ?? ((node) => node))(links.connect(queryNodeTable, HERE)),
    clock,
    rng,
    limits: { ...TEST_LIMITS, ...wraps.limits },
    logger: SILENT,
    metrics: new MetricsRegistry(),
    authenticator: OPEN_AUTHENTICATOR,
    limiter: OPEN_LIMITER,
    build: {
      milvusVersion: "2.6.0",
      version: "0",
      commit: "",
      builtAt: "",
      runtime: "test",
      deployMode: "STANDALONE",
    },
    context: () => backgroundContext(stopping.signal),
  };
  const metaCache = new CoordinatorMetaCache(deps);
  const ctx = backgroundContext(AbortSignal.any([stopping.signal, AbortSignal.timeout(20_000)]));
  const call: ProxyCall = {
    rpc: "Test",
    ctx,
    deps,
    metaCache,
    self: {
      state: "Healthy",
      clients: new ClientRegistry({ clientsMax: 10, clientIdleMs: 1000 }),
      filters: new FilterCache(100),
      searchParams: new SearchParamsCache(deps.limits),
      batchMemory: new BufferPool("shared", 1 << 20),
    },
    arrivedMs: 0,
    client: undefined,
    peer: "test",
    requestBytes: 0,
    note: () => undefined,
  };
  return {
    call,
    coords,
    metaCache,
    /** Runs a handler on a request that went through the codec; the answer did, too. */
    async run<Req extends MessageName, Res extends MessageName>(
      handler: Handler<MessageTypes[Req], Init<MessageTypes[Res]>>,
      names: readonly [Req, Res],
      request: Init<MessageTypes[Req]>,
      changes: Partial<ProxyCall> = {},
    ): Promise<MessageTypes[Res]> {
      const wire = decode(names[0], encode(names[0], request));
      const answer = await handler({ ...call, ...changes }, wire);
      return decode(names[1], encode(names[1], answer));
    },
    async create(
      schema: Pick<CollectionSchema, "name" | "fields"> & Partial<CollectionSchema>,
      options: {
        readonly shards?: number;
        readonly partitionKeyPartitions?: number;
        readonly properties?: Record<string, string>;
      } = {},
    ): Promise<CollectionInfo> {
      return rootCoord.createCollection(ctx, {
        schema: { description: "", functions: [], enableDynamicField: false, version: 0, ...schema },
        shards: options.shards ?? 1,
        consistencyLevel: "Strong",
        properties: options.properties ?? {},
        partitionKeyPartitions: options.partitionKeyPartitions ?? 0,
      });
    },
    async load(info: CollectionInfo, partitionIds: CollectionInfo["partitions"][number]["id"][] = []) {
      const request = { collectionId: info.id, partitionIds };
      await queryCoord.load(ctx, { ...request, replicas: 1, fieldIds: [], refresh: false });
      while ((await queryCoord.getLoadState(ctx, request)).state !== "Loaded")
        await clock.sleep(1, ctx.signal);
    },
    async [Symbol.asyncDispose]() {
      await workers.stop();
      await coords.stop();
      await session.end();
      stopping.abort();
      await ports.stream.close();
      await meta.close();
      await ports.tasks.stop();
    },
  };
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  isEnabled: () => false,
  child: () => SILENT,
} as unknown as ProxyDeps["logger"];

export function field(
  id: number,
  name: string,
  type: DataType,
  extra: Partial<FieldSchema> = {},
): FieldSchema {
  return plainField(fieldId(id), name, type, extra);
}

export const KEY = field(100, "id", DataType.Int64, { isPrimaryKey: true });
export const AGE = field(101, "age", DataType.Int64);
export const VECTOR = field(102, "vector", DataType.FloatVector, { dim: 2 });
export const META = field(103, "$meta", DataType.JSON, { isDynamic: true });

type FieldInit = Init<MessageTypes["schema.FieldData"]>;

export function longs(fieldName: string, values: readonly (number | bigint)[]): FieldInit {
  return {
    type: DataType.Int64,
    fieldName,
    scalars: { longData: { data: BigInt64Array.from(values, BigInt) } },
  };
}

export function texts(
  fieldName: string,
  values: readonly string[],
  type: DataType = DataType.VarChar,
): FieldInit {
  const data = packTexts(values);
  return {
    type,
    fieldName,
    scalars: type === DataType.JSON ? { jsonData: { data } } : { stringData: { data } },
  };
}

export function dynamic(rows: readonly object[]): FieldInit {
  return {
    ...texts(
      "",
      rows.map((row) => JSON.stringify(row)),
      DataType.JSON,
    ),
    isDynamic: true,
  };
}

export function vectors(fieldName: string, rows: readonly (readonly number[])[]): FieldInit {
  return {
    type: DataType.FloatVector,
    fieldName,
    vectors: { dim: BigInt(rows[0]?.length ?? 0), floatVector: { data: Float32Array.from(rows.flat()) } },
  };
}

export function packTexts(values: readonly string[]): { offsets: Int32Array; bytes: Uint8Array } {
  const parts = values.map((value) => new TextEncoder().encode(value));
  const offsets = new Int32Array(values.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = (offsets[i] ?? 0) + part.length));
  return { offsets, bytes: new Uint8Array(Buffer.concat(parts)) };
}

export function placeholders(queries: readonly (readonly number[])[]): Uint8Array {
  const values = queries.map((query) => new Uint8Array(Float32Array.from(query).buffer));
  const offsets = Int32Array.from([
    0,
    ...values.map((_, i) => values.slice(0, i + 1).reduce((n, v) => n + v.length, 0)),
  ]);
  return encode("common.PlaceholderGroup", {
    placeholders: [
      {
        tag: "$0",
        type: DataType.FloatVector,
        values: { offsets, bytes: new Uint8Array(Buffer.concat(values)) },
      },
    ],
  });
}

export function params(values: Record<string, string | number>): { key: string; value: string }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}
