import type { DataCoord } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import type { IndexCoord } from "../api/index-coord.ts";
import type { CacheInvalidation, Proxy } from "../api/proxy.ts";
import type { QueryCoord } from "../api/query-coord.ts";
import { queryNodeTable, type QueryNode } from "../api/query-node.ts";
import type { RootCoord } from "../api/root-coord.ts";
import type { Links, ProcessSettings } from "../app/process-ports.ts";
import type { ComponentMetrics, ComponentState } from "../api/component.ts";
import { mergeHits } from "../core/search/merge-hits.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import { gatherKeys, keysFrom } from "../format/column-select.ts";
import { routeKeys } from "../format/key-hash.ts";
import type { CallContext } from "../model/call-context.ts";
import type { Keys } from "../model/columns.ts";
import type { PartitionId, VChannel } from "../model/ids.ts";
import type { MetricType, ReadScope, ShardQueryResult } from "../model/read.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { composeTimestamp, timestamp, TIMESTAMP_ZERO, type Timestamp } from "../model/timestamp.ts";
import type { WriteCondition, WriteResult } from "../model/write-batch.ts";
import type { Rng } from "../ports/rng.ts";
import { CoordinatorMetaCache } from "../roles/proxy/meta-cache.ts";
import { OwnerClient } from "../transport/owner-client.ts";
import { encodeRows, FIELD, integersOf, keyList, textsOf, type SimKey, type SimRow } from "./rows.ts";
import type { NetProcess } from "./net.ts";

export interface SimProxyDeps extends NetProcess {
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
  readonly links: Links;
  readonly rng: Rng;
  readonly settings: ProcessSettings;
}

/**
 * The paths of a proxy without its wire format: metadata cache, routing, timestamps, fan-out, merge. Writes of one request go to all
 * owners at once, reads to all shards at one timestamp.
 */
export class SimProxy implements Proxy {
  readonly deps: SimProxyDeps;
  readonly cache: CoordinatorMetaCache;
  readonly #owners: OwnerClient;
  #sequence = 0n;

  constructor(deps: SimProxyDeps) {
    this.deps = deps;
    this.cache = new CoordinatorMetaCache({ ...deps, limits: { cachedCollectionsMax: 16 } });
    this.#owners = new OwnerClient({
      dataCoord: deps.dataCoord,
      connect: (nodeId, address) => deps.links.connect(dataNodeTable, { nodeId, address }),
      clock: deps.clock,
      pauseMs: deps.settings.coordinators.retryPauseMs,
      triesMax: deps.settings.coordinators.ownerTriesMax,
    });
  }

  async invalidateCache(_ctx: CallContext, invalidation: CacheInvalidation): Promise<void> {
    this.cache.invalidate(invalidation);
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.deps.nodeId, role: "proxy", state: "Healthy", reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return { name: "proxy", nodeId: this.deps.nodeId, infos: {} };
  }

  /** All or nothing per vchannel; one outcome each. */
  async write(ctx: CallContext, name: string, write: SimWrite): Promise<readonly ShardOutcome[]> {
    const done = new Map<VChannel, ShardOutcome>();
    for (;;) {
      const info = await this.cache.collection(ctx, name);
      const parts = split(info, write).filter((part) => !done.has(part.vchannel));
      const outcomes = await Promise.all(parts.map(async (part) => this.#writePart(ctx, info, write, part)));
      for (const outcome of outcomes) if (!isOutdated(outcome.error)) done.set(outcome.vchannel, outcome);
      if (done.size >= split(info, write).length) return [...done.values()];
      this.cache.forget(info.id);
    }
  }

  /** Rows that match at one timestamp, by key. */
  async query(ctx: CallContext, name: string, read: SimRead): Promise<SimQueryAnswer> {
    return this.#read(ctx, name, read, async (info, scope) => {
      const extras = info.schema.fields.filter((field) => field.id > FIELD.vector);
      const outputFieldIds = [FIELD.stamp, FIELD.age, FIELD.tag, ...extras.map((field) => field.id)];
      const shards = await this.#shards(ctx, info, async (node, vchannel) =>
        node.query(ctx, {
          ...scope,
          vchannel,
          keys: read.keys && keysFrom(typeof read.keys[0] === "string" ? "varchar" : "int64", read.keys),
          limit: read.limit ?? -1,
          countOnly: read.countOnly === true,
          outputFieldIds: read.countOnly === true ? [] : outputFieldIds,
        }),
      );
      const rows = shards.flatMap((shard) =>
        rowsOf(
          shard,
          extras.map((field) => field.name),
        ),
      );
      rows.sort((a, b) => (a.key < b.key ? -1 : 1));
      const count = shards.reduce((sum, shard) => sum + shard.count, 0n);
      return {
        info,
        readAt: scope.readAt,
        count,
        rows: read.limit === undefined ? rows : rows.slice(0, read.limit),
      };
    });
  }

  async search(ctx: CallContext, name: string, read: SimRead & SimSearch): Promise<SimSearchAnswer> {
    return this.#read(ctx, name, read, async (info, scope) => {
      const shards = await this.#shards(ctx, info, async (node, vchannel) =>
        node.search(ctx, {
          ...scope,
          vchannel,
          fieldId: FIELD.vector,
          metric: read.metric,
          nq: 1,
          queries: new Uint8Array(Float32Array.from(read.vector).buffer),
          queryOffsets: undefined,
          k: read.k,
          params: {},
          range: undefined,
          groupBy: undefined,
          outputFieldIds: [FIELD.stamp],
        }),
      );
      const merged = mergeHits(
        shards.map(({ starts, scores, keys }) => ({ starts, scores, keys, groups: undefined })),
        { metric: read.metric, nq: 1, k: read.k, groupSize: 1 },
      );
      const hits = Array.from(merged.source, (source, i) => {
        const shard = shards[source];
        const at = merged.position[i] ?? 0;
        const stamps = shard?.fields[0] && integersOf(shard.fields[0]);
        return {
          key: keyList(shard?.keys ?? NO_KEYS)[at] ?? 0n,
          score: shard?.scores[at] ?? NaN,
          stamp: stamps?.[at] ?? 0n,
        };
      });
      return { info, readAt: scope.readAt, hits };
    });
  }

  async #read<T>(
    ctx: CallContext,
    name: string,
    read: SimRead,
    run: (info: CollectionInfo, scope: Omit<ReadScope, "vchannel">) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      const info = await this.cache.collection(ctx, name);
      try {
        const readAt = await this.#readAt(ctx, info, read);
        return await run(info, {
          collectionId: info.id,
          partitionIds: partitionsOf(info, read.partition),
          readAt,
          minBegin: info.truncatedAt <= readAt ? info.truncatedAt : TIMESTAMP_ZERO,
          ignoreGrowing: false,
          schema: info.schema,
          filter: { text: read.filter, templates: [] },
        });
      } catch (error) {
        // A shard has moved, or a Strong read met a drop of a partition that it did not know of yet.
        const stale = isRedkiteError(error, "staleRead") && read.at.level === "Strong";
        if ((!isMoved(error) && !stale) || tries >= TRIES_MAX || ctx.signal.aborted) throw error;
        this.cache.forget(info.id);
        await this.deps.clock.sleep(this.deps.settings.coordinators.retryPauseMs, ctx.signal);
      }
    }
  }

  async #readAt(ctx: CallContext, info: CollectionInfo, { at }: SimRead): Promise<Timestamp> {
    switch (at.level) {
      case "Strong":
        return this.deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
      case "Explicit":
        return at.timestamp;
      case "Bounded":
        return composeTimestamp(BigInt(this.deps.clock.nowMs() - at.graceMs), 0n);
      case "Eventually":
        return this.#closed(ctx, info);
      case "Session": {
        const closed = await this.#closed(ctx, info);
        return closed > at.last ? closed : at.last;
      }
    }
  }

  async #closed(ctx: CallContext, info: CollectionInfo): Promise<Timestamp> {
    const closed = await this.#shards(ctx, info, async (node, vchannel) =>
      node.closedTimestamp(ctx, { vchannel }),
    );
    return timestamp(closed.reduce((min, at) => (at < min ? at : min)));
  }

  async #shards<T>(
    ctx: CallContext,
    info: CollectionInfo,
    use: (node: QueryNode, vchannel: VChannel) => Promise<T>,
  ): Promise<readonly T[]> {
    const leaders = await this.cache.shardLeaders(ctx, info.id);
    return Promise.all(
      leaders.map(async ({ vchannel, nodes }) => {
        const node = nodes[this.deps.rng.int(nodes.length)];
        if (node === undefined) throw serviceUnavailable(`nobody serves ${vchannel}`);
        return use(this.deps.links.connect(queryNodeTable, node), vchannel);
      }),
    );
  }

  async #writePart(
    ctx: CallContext,
    info: CollectionInfo,
    write: SimWrite,
    part: WritePart,
  ): Promise<ShardOutcome> {
    const { vchannel } = part;
    const inserted = livePartition(info, write.partition);
    const deleted = write.deleteIn === undefined ? undefined : livePartition(info, write.deleteIn);
    const batch = {
      collectionId: info.id,
      vchannel,
      schemaVersion: info.schema.version,
      session: this.deps.nodeId,
      sequence: ++this.#sequence,
      deletes: part.deletes === undefined ? [] : [{ partitionId: deleted, keys: part.deletes }],
      inserts:
        part.rows.length === 0
          ? []
          : [
              {
                partitionId: inserted,
                rows: part.rows.length,
                batch: encodeRows(part.rows, info.schema.fields),
              },
            ],
      condition: write.condition,
    };
    const common = { vchannel, deletes: part.deletes, rows: part.rows };
    try {
      const result = await this.#owners.call(ctx, vchannel, async (owner) => owner.write(ctx, batch));
      return { ...common, result, error: undefined };
    } catch (error) {
      return { ...common, result: undefined, error };
    }
  }
}

export interface SimWrite {
  readonly rows: readonly SimRow[];
  /** Keys to delete without an insert. */
  readonly deletes: readonly SimKey[];
  /** For the rows; the default one when undefined. */
  readonly partition: string | undefined;
  /** Deletes only in this partition. */
  readonly deleteIn: string | undefined;
  readonly condition: WriteCondition | undefined;
}

export interface ShardOutcome {
  readonly vchannel: VChannel;
  readonly deletes: Keys | undefined;
  readonly rows: readonly SimRow[];
  readonly result: WriteResult | undefined;
  readonly error: unknown;
}

export type ReadLevel =
  | { readonly level: "Strong" | "Eventually" }
  | { readonly level: "Bounded"; readonly graceMs: number }
  | { readonly level: "Session"; readonly last: Timestamp }
  | { readonly level: "Explicit"; readonly timestamp: Timestamp };

export interface SimRead {
  readonly filter: string;
  readonly at: ReadLevel;
  readonly keys?: readonly SimKey[];
  readonly limit?: number;
  readonly countOnly?: boolean;
  /** Only this partition. */
  readonly partition?: string | undefined;
}

export interface SimSearch {
  readonly vector: readonly number[];
  readonly metric: MetricType;
  readonly k: number;
}

/** What a row looked like when it was read. */
export type SeenRow = Omit<SimRow, "vector">;

export interface SimQueryAnswer {
  readonly info: CollectionInfo;
  readonly readAt: Timestamp;
  readonly count: bigint;
  readonly rows: readonly SeenRow[];
}

export interface SimSearchAnswer {
  readonly info: CollectionInfo;
  readonly readAt: Timestamp;
  readonly hits: readonly { readonly key: SimKey; readonly score: number; readonly stamp: bigint }[];
}

interface WritePart {
  readonly vchannel: VChannel;
  readonly deletes: Keys | undefined;
  readonly rows: readonly SimRow[];
}

const TRIES_MAX = 20;
const NO_KEYS: Keys = { kind: "int64", values: new BigInt64Array(0) };

/** The request's share of each vchannel that has one. */
function split(info: CollectionInfo, write: SimWrite): readonly WritePart[] {
  const kind = typeof (write.deletes[0] ?? write.rows[0]?.key) === "string" ? "varchar" : "int64";
  const routes = (keys: readonly SimKey[]): Uint32Array =>
    routeKeys(keysFrom(kind, keys), info.vchannels.length);
  const rowRoutes = routes(write.rows.map((row) => row.key));
  const deleteRoutes = routes(write.deletes);
  const deletes = keysFrom(kind, write.deletes);
  return info.vchannels.flatMap((vchannel, shard) => {
    const rows = write.rows.filter((_, i) => rowRoutes[i] === shard);
    const positions = [...write.deletes.keys()].filter((i) => deleteRoutes[i] === shard);
    if (rows.length === 0 && positions.length === 0) return [];
    return [{ vchannel, rows, deletes: positions.length === 0 ? undefined : gatherKeys(deletes, positions) }];
  });
}

function livePartition(info: CollectionInfo, name: string | undefined): PartitionId {
  const found = info.partitions.find(
    (part) => part.state === "Created" && part.name === (name ?? "_default"),
  );
  if (found === undefined) throw serviceUnavailable(`partition ${name} is gone`);
  return found.id;
}

/** All that are loaded, unless one is named. */
function partitionsOf(info: CollectionInfo, name: string | undefined): readonly PartitionId[] | undefined {
  return name === undefined ? undefined : [livePartition(info, name)];
}

function rowsOf(shard: ShardQueryResult, extraNames: readonly string[]): readonly SeenRow[] {
  const [stamps, ages, tags, ...extras] = shard.fields;
  if (stamps === undefined || ages === undefined || tags === undefined) return [];
  const stampValues = integersOf(stamps);
  const ageValues = integersOf(ages);
  const tagValues = textsOf(tags);
  const extraValues = extras.map(integersOf);
  return keyList(shard.keys).map((key, i) => ({
    key,
    stamp: stampValues[i] ?? 0n,
    age: ageValues[i],
    tag: tagValues[i] ?? "",
    extras: Object.fromEntries(extraNames.map((name, e) => [name, extraValues[e]?.[i]])),
  }));
}

/** The owner knows a newer schema. */
function isOutdated(error: unknown): boolean {
  return isRedkiteError(error, "collectionSchemaMismatch");
}

function isMoved(error: unknown): boolean {
  return (
    isRedkiteError(error, "channelMisrouted") ||
    isRedkiteError(error, "channelNotAvailable") ||
    isRedkiteError(error, "collectionNotFullyLoaded") ||
    isRedkiteError(error, "serviceUnavailable") ||
    isRedkiteError(error, "nodeOffline") ||
    isRedkiteError(error, "fenced")
  );
}
