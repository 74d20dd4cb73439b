import type { ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { DataCoord, FlushResult } from "../../api/data-coord.ts";
import type { IndexCoord, IndexDescription } from "../../api/index-coord.ts";
import type { LoadState, QueryCoord } from "../../api/query-coord.ts";
import type { CreateCollectionRequest, DatabaseInfo, RootCoord } from "../../api/root-coord.ts";
import { Config } from "../../config/config.ts";
import {
  aliasNotFound,
  collectionNotFound,
  collectionNotLoaded,
  databaseNotFound,
} from "../../errors/meta-errors.ts";
import { unexpected } from "../../errors/service-errors.ts";
import { NO_TRACE, type CallContext } from "../../model/call-context.ts";
import {
  collectionId,
  databaseId,
  fieldId,
  indexId,
  nodeId,
  partitionId,
  pchannel,
  planId,
  segmentId,
  vchannel,
  type CollectionId,
  type PartitionId,
} from "../../model/ids.ts";
import type { CollectionInfo, IndexInfo, KeyValues } from "../../model/schema.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import { composeTimestamp, timestamp, type Timestamp } from "../../model/timestamp.ts";
import { StructuredLogger, LogThreshold, type LogRecord } from "../../obs/logger.ts";
import { MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import { decode, encode, type Init } from "../../wire/codec.ts";
import type { MessageTypes, Status } from "../../wire/messages.gen.ts";
import { OPEN_AUTHENTICATOR } from "./authenticator.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { OPEN_LIMITER } from "./limiter.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { proxyLimits } from "./proxy-limits.ts";
import { ProxyRole } from "./proxy.ts";
import type { PublicMethod } from "./public-service.ts";
import { RPC_SPECS, type RequestOf, type ResponseOf, type RpcName } from "./rpc-specs.ts";

/** Time that moves only when a test says so. */
export class ManualClock implements Clock {
  #nowMs = 1_767_225_600_000;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  get timers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error("nothing in a proxy sleeps"));
  }

  timer(ms: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

const healthy =
  (role: string, state: () => ComponentStateCode = () => "Healthy") =>
  (): Promise<ComponentState> =>
    Promise.resolve({ nodeId: nodeId(1n), role, state: state(), reason: "" });

const plainMetrics = (name: string) => () =>
  Promise.resolve({ name, nodeId: nodeId(1n), infos: { type: name } });

const never = (what: string) => (): Promise<never> =>
  Promise.reject(unexpected(new Error(`${what} is not expected here`)));

/** Coordinators that keep what they are told in maps and answer from them, with a proxy in front. */
export class FakeDeployment {
  readonly clock = new ManualClock();
  readonly logs: LogRecord[] = [];
  readonly calls: string[] = [];
  readonly databases = new Map<string, DatabaseInfo>();
  readonly collections = new Map<CollectionId, CollectionInfo>();
  readonly indexes = new Map<CollectionId, IndexInfo[]>();
  readonly loaded = new Map<
    CollectionId,
    { readonly partitionIds: readonly PartitionId[]; progress: number; readonly failReason?: string }
  >();
  readonly segments: SegmentMeta[] = [];
  readonly compactions = new Map<bigint, CollectionId>();
  flushed = true;
  rootState: ComponentStateCode = "Healthy";
  readonly deps: ProxyDeps;
  readonly proxy: ProxyRole;
  readonly #methods: ReadonlyMap<string, PublicMethod>;
  #next = 100n;

  constructor(changes: Partial<ProxyDeps> = {}) {
    const context = (signal = new AbortController().signal): CallContext => ({
      principal: "",
      database: "default",
      deadlineMs: undefined,
      signal,
      trace: NO_TRACE,
      clientRequestId: "",
    });
    this.deps = {
      nodeId: nodeId(7n),
      address: "127.0.0.1:19530",
      rootCoord: this.#rootCoord(),
      dataCoord: this.#dataCoord(),
      queryCoord: this.#queryCoord(),
      indexCoord: this.#indexCoord(),
      owner: never("a call of a channel's owner"),
      queryNode: () => {
        throw new Error("a call of a query node is not expected here");
      },
      clock: this.clock,
      rng: { float: () => 0, int: () => 0, fork: () => this.deps.rng },
      limits: proxyLimits(new Config()),
      logger: new StructuredLogger({
        role: "proxy",
        threshold: new LogThreshold("debug"),
        sink: (record) => this.logs.push(record),
        nowMs: () => this.clock.nowMs(),
      }),
      metrics: new MetricsRegistry(),
      authenticator: OPEN_AUTHENTICATOR,
      limiter: OPEN_LIMITER,
      build: {
        milvusVersion: "v2.6.0",
        version: "0.1.0",
        commit: "abc",
        builtAt: "2026-01-01",
        runtime: "node",
        deployMode: "STANDALONE",
      },
      context,
      ...changes,
    };
    this.databases.set("default", database("default", 1n));
    this.proxy = new ProxyRole(this.deps);
    this.proxy.start();
    this.#methods = new Map(this.proxy.methods().map((method) => [method.path, method]));
  }

  /** The whole way of a call: encoded, decoded, intercepted, handled, encoded, decoded. */
  async call<Name extends RpcName>(
    name: Name,
    request: Init<RequestOf<Name>>,
    incoming: Partial<IncomingCall> & { readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<ResponseOf<Name>> {
    const { headers = {}, ...rest } = incoming;
    const spec: { readonly request: keyof MessageTypes; readonly response: keyof MessageTypes } =
      RPC_SPECS[name];
    const method = this.#methods.get(`/milvus.proto.milvus.MilvusService/${name}`);
    if (method === undefined) throw new Error(`${name} has no method`);
    const bytes = encode(spec.request, request as object);
    const answer = await method.handle(
      {
        metadata: { get: (key) => headers[key] },
        deadlineMs: undefined,
        signal: new AbortController().signal,
        peer: "127.0.0.1:50000",
        requestBytes: bytes.length,
        ...rest,
      },
      method.decode(bytes),
    );
    return decode(spec.response, method.encode(answer, 0)) as ResponseOf<Name>;
  }

  /** The status of an answer, wherever it stands. */
  async status<Name extends RpcName>(
    name: Name,
    request: Init<RequestOf<Name>>,
    incoming: Parameters<FakeDeployment["call"]>[2] = {},
  ): Promise<Status> {
    const answer: object = await this.call(name, request, incoming);
    const inner = (answer as { readonly status?: Status }).status;
    return inner ?? (answer as Status);
  }

  collection(name: string, databaseName = "default"): CollectionInfo {
    const known = this.#find(databaseName, name);
    if (known === undefined) throw new Error(`no collection ${name}`);
    return known;
  }

  change(info: CollectionInfo): void {
    this.collections.set(info.id, info);
    const names = [info.name, ...info.aliases];
    this.proxy.metaCache.invalidate({
      database: info.databaseName,
      collectionId: info.id,
      names,
      at: info.updatedAt,
    });
  }

  now(): Timestamp {
    return composeTimestamp(BigInt(this.clock.nowMs()), this.#next++ & 0xffn);
  }

  #find(databaseName: string, name: string): CollectionInfo | undefined {
    return [...this.collections.values()].find(
      (info) => info.databaseName === databaseName && (info.name === name || info.aliases.includes(name)),
    );
  }

  #named(ctx: CallContext, name: string): CollectionInfo {
    if (!this.databases.has(ctx.database)) throw databaseNotFound(ctx.database);
    const info = this.#find(ctx.database, name);
    if (info === undefined) throw collectionNotFound({ db: ctx.database, collection: name });
    return info;
  }

  #rootCoord(): RootCoord {
    const edit = (
      ctx: CallContext,
      name: string,
      change: (info: CollectionInfo) => Partial<CollectionInfo>,
    ) => {
      const info = this.#named(ctx, name);
      this.change({ ...info, ...change(info), updatedAt: this.now() });
      return Promise.resolve();
    };
    return {
      getComponentStates: healthy("rootcoord", () => this.rootState),
      getMetrics: plainMetrics("rootcoord"),
      createDatabase: async (_, { name, properties }) => {
        this.databases.set(name, { ...database(name, this.#next++), properties });
      },
      dropDatabase: async (_, { name }) => void this.databases.delete(name),
      listDatabases: async () => [...this.databases.values()],
      describeDatabase: async (_, { name }) => {
        const found = this.databases.get(name);
        if (found === undefined) throw databaseNotFound(name);
        return found;
      },
      alterDatabase: async (_, { name, set, remove }) => {
        const found = this.databases.get(name);
        if (found === undefined) throw databaseNotFound(name);
        this.databases.set(name, { ...found, properties: altered(found.properties, set, remove) });
      },
      createCollection: async (ctx, request) => this.#create(ctx, request),
      dropCollection: async (ctx, { name }) => {
        const info = this.#find(ctx.database, name);
        if (info === undefined) return;
        this.change(info);
        this.collections.delete(info.id);
      },
      describeCollection: async (ctx, request) => {
        this.calls.push("describeCollection");
        await Promise.resolve();
        if (request.by === "name") return this.#named(ctx, request.name);
        const info = this.collections.get(request.id);
        if (info === undefined) throw collectionNotFound({ collection: request.id });
        return info;
      },
      listCollections: async (ctx) =>
        [...this.collections.values()].filter((info) => info.databaseName === ctx.database),
      renameCollection: (ctx, { from, to, toDatabase }) =>
        edit(ctx, from, (info) => ({
          name: to,
          databaseName: toDatabase,
          schema: { ...info.schema, name: to },
        })),
      alterCollection: (ctx, { name, set, remove }) =>
        edit(ctx, name, (info) => ({ properties: altered(info.properties, set, remove) })),
      alterCollectionField: (ctx, { name, field, set, remove }) =>
        edit(ctx, name, (info) => ({
          schema: {
            ...info.schema,
            fields: info.schema.fields.map((one) =>
              one.name === field ? { ...one, typeParams: altered(one.typeParams, set, remove) } : one,
            ),
          },
        })),
      addCollectionField: (ctx, { name, field }) =>
        edit(ctx, name, (info) => ({
          schema: {
            ...info.schema,
            fields: [...info.schema.fields, { ...field, id: fieldId(100 + info.schema.fields.length) }],
            enableDynamicField: info.schema.enableDynamicField || field.isDynamic,
          },
        })),
      dropDynamicField: (ctx, { name }) =>
        edit(ctx, name, ({ schema }) => ({
          schema: {
            ...schema,
            fields: schema.fields.filter(({ isDynamic }) => !isDynamic),
            enableDynamicField: false,
          },
        })),
      truncateCollection: (ctx, { name }) => edit(ctx, name, () => ({ truncatedAt: this.now() })),
      createPartition: (ctx, { collection, partition }) =>
        edit(ctx, collection, (info) => ({
          partitions: [
            ...info.partitions,
            {
              id: partitionId(this.#next++),
              name: partition,
              state: "Created",
              createdAt: this.now(),
              droppedAt: undefined,
            },
          ],
        })),
      dropPartition: (ctx, { collection, partition }) =>
        edit(ctx, collection, (info) => ({
          partitions: info.partitions.filter((one) => one.name !== partition),
        })),
      createAlias: (ctx, { alias, collection }) =>
        edit(ctx, collection, (info) => ({ aliases: [...info.aliases, alias] })),
      alterAlias: (ctx, { alias, collection }) =>
        edit(ctx, collection, (info) => ({ aliases: [...info.aliases, alias] })),
      dropAlias: async (ctx, { alias }) => {
        const info = this.#find(ctx.database, alias);
        if (info !== undefined) {
          this.change({ ...info, aliases: info.aliases.filter((one) => one !== alias) });
        }
      },
      describeAlias: async (ctx, { alias }) => {
        const info = this.#find(ctx.database, alias);
        if (!info?.aliases.includes(alias)) throw aliasNotFound({ db: ctx.database, alias });
        return { alias, collection: info.name };
      },
      listAliases: async (ctx, { collection }) =>
        collection === ""
          ? [...this.collections.values()].flatMap((info) => info.aliases)
          : this.#named(ctx, collection).aliases,
      allocTimestamp: async () => this.now(),
      allocId: async () => this.#next++,
      raiseEpoch: never("raiseEpoch"),
      openIntents: never("openIntents"),
    };
  }

  #create(ctx: CallContext, request: CreateCollectionRequest): CollectionInfo {
    const home = this.databases.get(ctx.database);
    if (home === undefined) throw databaseNotFound(ctx.database);
    const id = collectionId(this.#next++);
    const at = this.now();
    const named = request.partitionKeyPartitions;
    const names = named === 0 ? ["_default"] : Array.from({ length: named }, (_, i) => `_default_${i}`);
    const info: CollectionInfo = {
      id,
      databaseId: home.id,
      databaseName: home.name,
      name: request.schema.name,
      aliases: [],
      schema: {
        ...request.schema,
        fields: request.schema.fields.map((field, i) => ({ ...field, id: fieldId(100 + i) })),
      },
      vchannels: Array.from({ length: request.shards }, (_, i) =>
        vchannel(`by-dev-rootcoord-dml_${i}_${id}v${i}`),
      ),
      pchannels: Array.from({ length: request.shards }, (_, i) => pchannel(`by-dev-rootcoord-dml_${i}`)),
      partitions: names.map((name) => ({
        id: partitionId(this.#next++),
        name,
        state: "Created",
        createdAt: at,
        droppedAt: undefined,
      })),
      partitionKeyPartitions: named,
      consistencyLevel: request.consistencyLevel,
      properties: request.properties,
      state: "Created",
      createdAt: at,
      updatedAt: at,
      truncatedAt: timestamp(0n),
      hashVersion: 1,
    };
    this.collections.set(id, info);
    return info;
  }

  #dataCoord(): DataCoord {
    const flush = (id: CollectionId): FlushResult => ({
      collectionId: id,
      sealing: this.#segmentsOf(id, "Sealed"),
      flushed: this.#segmentsOf(id, "Flushed"),
      flushedAt: this.now(),
    });
    return {
      getComponentStates: healthy("datacoord"),
      getMetrics: plainMetrics("datacoord"),
      addChannels: never("addChannels"),
      dropChannels: never("dropChannels"),
      dropPartition: never("dropPartition"),
      truncate: never("truncate"),
      locateChannel: never("locateChannel"),
      allocSegment: never("allocSegment"),
      reportSegments: never("reportSegments"),
      sealSegments: never("sealSegments"),
      beginFlush: never("beginFlush"),
      commitFlush: never("commitFlush"),
      flush: async (_, { collectionIds }) =>
        (collectionIds.length === 0 ? [...this.collections.keys()] : collectionIds).map(flush),
      getFlushState: async () => ({ flushed: this.flushed }),
      getTarget: never("getTarget"),
      reportTargets: never("reportTargets"),
      listSegments: async (_, request) =>
        this.segments.filter((segment) => segment.collectionId === request.collectionId),
      getStatistics: async (_, request) => {
        const rows = new Map<PartitionId, number>();
        for (const segment of this.segments) {
          if (segment.collectionId !== request.collectionId) continue;
          rows.set(segment.partitionId, (rows.get(segment.partitionId) ?? 0) + segment.rows);
        }
        return [...rows].map(([id, count]) => ({ partitionId: id, rows: count }));
      },
      manualCompaction: async (_, request) => {
        const id = planId(this.#next++);
        this.compactions.set(id, request.collectionId);
        return { compactionId: id, plans: 1 };
      },
      getCompactionState: async (_, request) => ({
        state: this.compactions.has(request.compactionId) ? "Completed" : "Undefined",
        executing: 0,
        completed: this.compactions.has(request.compactionId) ? 1 : 0,
        failed: 0,
        timedOut: 0,
        plans: this.compactions.has(request.compactionId)
          ? [{ sources: [segmentId(1n), segmentId(2n)], target: segmentId(3n) }]
          : [],
      }),
    };
  }

  #segmentsOf(id: CollectionId, state: SegmentMeta["state"]): SegmentMeta["id"][] {
    return this.segments
      .filter((segment) => segment.collectionId === id && segment.state === state)
      .map((segment) => segment.id);
  }

  #queryCoord(): QueryCoord {
    const none: LoadState = {
      state: "NotLoad",
      progress: 0,
      failReason: "",
      loadedPartitions: [],
      wholeCollection: false,
    };
    return {
      getComponentStates: healthy("querycoord"),
      getMetrics: plainMetrics("querycoord"),
      load: async (_, request) => {
        this.calls.push(`load fields [${request.fieldIds.join(" ")}] replicas ${request.replicas}`);
        this.loaded.set(request.collectionId, { partitionIds: request.partitionIds, progress: 100 });
      },
      release: async (_, { collectionId: id }) => void this.loaded.delete(id),
      getLoadState: async (_, { collectionId: id, partitionIds }) => {
        const found = this.loaded.get(id);
        if (found === undefined) return none;
        const whole = found.partitionIds.length === 0;
        if (!whole && !partitionIds.every((one) => found.partitionIds.includes(one))) return none;
        return {
          state: found.progress === 100 ? "Loaded" : "Loading",
          progress: found.progress,
          failReason: found.failReason ?? "",
          loadedPartitions: found.partitionIds,
          wholeCollection: whole,
        };
      },
      listLoaded: async () => [...this.loaded].map(([id, { progress }]) => ({ collectionId: id, progress })),
      getShardLeaders: async (_, { collectionId: id }) => {
        this.calls.push("getShardLeaders");
        if (!this.loaded.has(id)) throw collectionNotLoaded(id);
        const channels = this.collections.get(id)?.vchannels ?? [];
        return channels.map((channel) => ({
          vchannel: channel,
          nodes: [{ nodeId: nodeId(9n), address: "q:1" }],
        }));
      },
      refresh: never("refresh"),
      getSegmentInfo: async (_, { collectionId: id }) =>
        this.segments
          .filter((segment) => segment.collectionId === id)
          .map((segment) => ({
            segmentId: segment.id,
            collectionId: id,
            partitionId: segment.partitionId,
            rows: segment.rows,
            memoryBytes: segment.bytes,
            nodeId: nodeId(9n),
            state: segment.state === "Growing" ? "Growing" : "Sealed",
            indexName: "vec",
            indexId: 5n,
          })),
      getReplicas: async (_, { collectionId: id }) => {
        if (!this.loaded.has(id)) throw collectionNotLoaded(id);
        const channels = this.collections.get(id)?.vchannels ?? [];
        return [
          {
            id: 1n,
            collectionId: id,
            partitionIds: [],
            shards: channels.map((channel) => ({
              vchannel: channel,
              leader: nodeId(9n),
              leaderAddress: "q:1",
            })),
            nodeIds: [nodeId(9n)],
          },
        ];
      },
      targetChanged: never("targetChanged"),
    };
  }

  #indexCoord(): IndexCoord {
    const of = (id: CollectionId): IndexInfo[] => this.indexes.get(id) ?? [];
    return {
      getComponentStates: healthy("indexcoord"),
      getMetrics: plainMetrics("indexcoord"),
      createIndex: async (_, request) => {
        const info: IndexInfo = {
          id: indexId(this.#next++),
          collectionId: request.collectionId,
          fieldId: request.field.id,
          name: request.indexName,
          userParams: request.userParams,
          params: request.params,
          isAuto: request.isAuto,
          createdAt: this.now(),
          droppedAt: undefined,
        };
        const others = of(request.collectionId).filter((one) => one.name !== info.name);
        this.indexes.set(request.collectionId, [...others, info]);
        return info;
      },
      alterIndex: async (_, { collectionId: id, indexName, set, remove }) => {
        const changed = of(id).map((one) =>
          one.name === indexName ? { ...one, userParams: altered(one.userParams, set, remove) } : one,
        );
        this.indexes.set(id, changed);
      },
      dropIndex: async (_, { collectionId: id, indexName, fieldId: ofField }) => {
        const meant = (one: IndexInfo): boolean =>
          (indexName === "" || one.name === indexName) && (ofField === undefined || one.fieldId === ofField);
        this.indexes.set(
          id,
          of(id).filter((one) => !meant(one)),
        );
      },
      describeIndex: async (_, { collectionId: id, indexName }) =>
        of(id)
          .filter((one) => indexName === "" || one.name === indexName)
          .map((info): IndexDescription => ({
            info,
            indexedRows: 10n,
            totalRows: 12n,
            pendingRows: 2n,
            state: "InProgress",
            failReason: "",
          })),
      listIndexes: async (_, { collectionId: id }) => {
        this.calls.push("listIndexes");
        return of(id);
      },
      listSegmentIndexes: never("listSegmentIndexes"),
      segmentsChanged: never("segmentsChanged"),
      buildAhead: never("buildAhead"),
      endAhead: never("endAhead"),
      indexLost: never("indexLost"),
      dropCollection: never("dropCollection"),
    };
  }
}

function altered(properties: KeyValues, set: KeyValues, remove: readonly string[]): KeyValues {
  const kept = Object.entries({ ...properties, ...set }).filter(([key]) => !remove.includes(key));
  return Object.fromEntries(kept);
}

function database(name: string, id: bigint): DatabaseInfo {
  return { id: databaseId(id), name, properties: {}, createdAt: timestamp(1n) };
}
