import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type {
  LoadedSegmentInfo,
  LoadRequest,
  LoadState,
  QueryCoord,
  ReplicaInfo,
  ShardLeader,
} from "../../api/query-coord.ts";
import type { ChannelState } from "../../api/query-node.ts";
import { KeyedMutex } from "../../base/mutex.ts";
import { Catalog, put, remove, type RecordKind } from "../../core/catalog/catalog.ts";
import { collectionNotFullyLoaded, collectionNotLoaded } from "../../errors/meta-errors.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { defineMessage, field, repeated } from "../../format/message.ts";
import type { CallContext } from "../../model/call-context.ts";
import {
  collectionId as toCollectionId,
  partitionId as toPartitionId,
  type CollectionId,
  type NodeId,
  type PartitionId,
  type VChannel,
} from "../../model/ids.ts";
import { assignShards, isNamed, isServing, type Assignment, type LoadRecord } from "./loaded-collection.ts";
import type { QueryCoordDeps } from "./query-coord-deps.ts";

export const LOADS: RecordKind<LoadRecord> = {
  prefix: "query/load/",
  codec: defineMessage<LoadRecord>("LoadRecord", {
    collectionId: field(1, "uint64"),
    wholeCollection: field(2, "bool"),
    partitionIds: repeated(3, "uint64"),
    replicas: field(4, "uint32"),
    fieldIds: repeated(5, "uint32"),
  }),
};

/**
 * What is loaded, and which query node serves which shard. Owns the metadata under `query/`: only what users asked for. Where shards are is
 * decided anew after a crash, and whenever a query node comes or goes.
 */
export class QueryCoordRole implements QueryCoord {
  readonly #deps: QueryCoordDeps;
  readonly #catalog: Catalog;
  readonly #loads = new Map<CollectionId, Loaded>();
  /** What is loaded of a collection changes one step after the other. */
  readonly #changing = new KeyedMutex<CollectionId>();
  #state: ComponentStateCode = "Initializing";
  #stopListening: (() => void) | undefined;

  constructor(deps: QueryCoordDeps) {
    this.#deps = deps;
    this.#catalog = new Catalog(deps.meta, deps.leadership);
  }

  static async open(deps: QueryCoordDeps): Promise<QueryCoordRole> {
    const role = new QueryCoordRole(deps);
    const records = await role.#catalog.load(LOADS);
    // Above every version that an earlier leader gave out: versions are revisions.
    const version = await role.#catalog.revision();
    for (const record of records) {
      role.#loads.set(toCollectionId(record.collectionId), {
        record,
        version,
        vchannels: [],
        assignments: [],
        busy: false,
        again: false,
      });
    }
    return role;
  }

  start(): void {
    this.#state = "Healthy";
    this.#stopListening = this.#deps.sessions.listen(() => this.#reconcileAll());
    this.#reconcileAll();
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
    this.#stopListening?.();
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "querycoord", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return { name: "querycoord", nodeId: this.#deps.nodeId, infos: { loadedCollections: this.#loads.size } };
  }

  async load(ctx: CallContext, request: LoadRequest): Promise<void> {
    const { collectionId } = request;
    const info = await this.#deps.rootCoord.describeCollection(ctx, { by: "id", id: collectionId });
    const replicas = Math.max(1, request.replicas);
    const nodes = this.#deps.sessions.live("querynode").length;
    if (replicas > nodes) {
      throw parameterInvalid(`failed to load collection: not enough query nodes for ${replicas} replicas`, {
        expected: replicas,
        actual: nodes,
      });
    }
    await this.#changing.run(collectionId, async () => this.#changeLoad(request, replicas, info.vchannels));
    this.#reconcile(collectionId);
    await this.#deps.faults.point("load.after-record");
  }

  async #changeLoad(
    { collectionId, partitionIds, fieldIds }: LoadRequest,
    replicas: number,
    vchannels: readonly VChannel[],
  ): Promise<void> {
    const known = this.#loads.get(collectionId);
    const record: LoadRecord = {
      collectionId,
      wholeCollection: partitionIds.length === 0 || known?.record.wholeCollection === true,
      partitionIds: [...new Set([...(known?.record.partitionIds ?? []), ...partitionIds])],
      replicas,
      fieldIds,
    };
    const version = await this.#catalog.write([put(LOADS, String(collectionId), record)]);
    if (known !== undefined) Object.assign(known, { record, version, vchannels });
    else
      this.#loads.set(collectionId, {
        record,
        version,
        vchannels,
        assignments: [],
        busy: false,
        again: false,
      });
  }

  async release(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly partitionIds: readonly PartitionId[] },
  ): Promise<void> {
    const { collectionId } = request;
    const tell = await this.#changing.run(collectionId, async () => {
      const loaded = this.#loads.get(collectionId);
      if (loaded === undefined) return undefined;
      const record = await this.#afterRelease(ctx, loaded.record, request.partitionIds);
      if (record === loaded.record) return undefined;
      if (record !== undefined) {
        const version = await this.#catalog.write([put(LOADS, String(collectionId), record)]);
        Object.assign(loaded, { record, version });
        // Whoever cannot be told now is told later.
        this.#reconcile(collectionId);
        return async () => this.#watchAll(ctx, loaded);
      }
      const version = await this.#catalog.write([remove(LOADS, String(collectionId))]);
      this.#loads.delete(collectionId);
      return async () => this.#unwatchAll(ctx, loaded, version);
    });
    await tell?.();
  }

  async getLoadState(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly partitionIds: readonly PartitionId[] },
  ): Promise<LoadState> {
    const loaded = this.#loads.get(request.collectionId);
    const none: LoadState = {
      state: "NotLoad",
      progress: 0,
      failReason: "",
      loadedPartitions: [],
      wholeCollection: false,
    };
    if (loaded === undefined) return none;
    const { record } = loaded;
    const has = (id: PartitionId): boolean => record.wholeCollection || record.partitionIds.includes(id);
    if (!request.partitionIds.every(has)) return none;
    const progress = progressOf(loaded);
    return {
      state: progress === 100 ? "Loaded" : "Loading",
      progress,
      failReason: this.#lastingFailure(loaded),
      loadedPartitions: record.partitionIds.map(toPartitionId),
      wholeCollection: record.wholeCollection,
    };
  }

  async listLoaded(): Promise<readonly { readonly collectionId: CollectionId; readonly progress: number }[]> {
    return [...this.#loads].map(([collectionId, loaded]) => ({ collectionId, progress: progressOf(loaded) }));
  }

  async getShardLeaders(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly ShardLeader[]> {
    const loaded = this.#loads.get(request.collectionId);
    if (loaded === undefined) throw collectionNotLoaded(request.collectionId);
    const leaders = loaded.vchannels.map((vchannel) => ({
      vchannel,
      nodes: loaded.assignments
        .filter((one) => one.vchannel === vchannel && isServing(one))
        .map(({ node }) => ({ nodeId: node.nodeId, address: node.address })),
    }));
    if (leaders.length === 0 || leaders.some(({ nodes }) => nodes.length === 0)) {
      const reason = loaded.assignments.find(({ failure }) => failure !== undefined)?.failure?.reason;
      throw collectionNotFullyLoaded(request.collectionId, reason);
    }
    return leaders;
  }

  async refresh(ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void> {
    const loaded = this.#loads.get(request.collectionId);
    if (loaded === undefined) throw collectionNotLoaded(request.collectionId);
    for (const assignment of loaded.assignments.filter(isServing)) await this.#sync(ctx, assignment);
  }

  async getSegmentInfo(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly LoadedSegmentInfo[]> {
    const loaded = this.#loads.get(request.collectionId);
    if (loaded === undefined) throw collectionNotLoaded(request.collectionId);
    const indexes = await this.#deps.indexCoord.listIndexes(ctx, { collectionId: request.collectionId });
    const infos: LoadedSegmentInfo[] = [];
    for (const { vchannel, node } of loaded.assignments.filter(isServing)) {
      const state = await this.#deps
        .connectQueryNode(node.nodeId, node.address)
        .channelState(ctx, { vchannel });
      for (const segment of state.segments) {
        const index = indexes.find((info) => info.id === segment.indexId);
        infos.push({ ...segment, indexName: index?.name ?? "" });
      }
    }
    return infos;
  }

  async getReplicas(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly ReplicaInfo[]> {
    const loaded = this.#loads.get(request.collectionId);
    if (loaded === undefined) throw collectionNotLoaded(request.collectionId);
    return Array.from({ length: loaded.record.replicas }, (_, replica) => {
      const copies = loaded.assignments.filter((one) => one.replica === replica);
      return {
        id: request.collectionId + BigInt(replica + 1),
        collectionId: request.collectionId,
        partitionIds: loaded.record.partitionIds.map(toPartitionId),
        shards: copies.map(({ vchannel, node }) => ({
          vchannel,
          leader: node.nodeId,
          leaderAddress: node.address,
        })),
        nodeIds: [...new Set(copies.map(({ node }) => node.nodeId))],
      };
    });
  }

  async targetChanged(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void> {
    for (const { assignments } of this.#loads.values()) {
      for (const assignment of assignments) {
        if (assignment.vchannel === request.vchannel && isServing(assignment))
          await this.#sync(ctx, assignment);
      }
    }
  }

  /** The record without the partitions; undefined when nothing is left. */
  async #afterRelease(
    ctx: CallContext,
    record: LoadRecord,
    partitionIds: readonly PartitionId[],
  ): Promise<LoadRecord | undefined> {
    if (partitionIds.length === 0) return undefined;
    const gone = new Set<bigint>(partitionIds);
    if (!record.wholeCollection) {
      const left = record.partitionIds.filter((id) => !gone.has(id));
      return left.length === 0 ? undefined : { ...record, partitionIds: left };
    }
    const info = await this.#deps.rootCoord.describeCollection(ctx, {
      by: "id",
      id: toCollectionId(record.collectionId),
    });
    const live = info.partitions.filter((part) => part.state === "Created").map((part) => part.id);
    // A dropped partition takes nothing from a collection that is loaded as a whole.
    if (partitionIds.every((id) => !live.includes(id))) return record;
    const left = live.filter((id) => !gone.has(id));
    return left.length === 0 ? undefined : { ...record, wholeCollection: false, partitionIds: left };
  }

  #reconcileAll(): void {
    for (const collectionId of this.#loads.keys()) this.#reconcile(collectionId);
  }

  /** Brings assignments in line with the live nodes; one round at a time per collection. */
  #reconcile(collectionId: CollectionId): void {
    const loaded = this.#loads.get(collectionId);
    if (loaded === undefined) return;
    if (loaded.busy) {
      loaded.again = true;
      return;
    }
    loaded.busy = true;
    this.#deps.tasks.spawn(
      `load collection ${collectionId}`,
      async (signal) => {
        do {
          loaded.again = false;
          await this.#round(collectionId, loaded, signal);
        } while (loaded.again && !signal.aborted);
        loaded.busy = false;
      },
      { restarts: Number.MAX_SAFE_INTEGER, failed: () => (loaded.busy = false) },
    );
  }

  async #round(collectionId: CollectionId, loaded: Loaded, signal: AbortSignal): Promise<void> {
    const ctx = this.#deps.context(signal);
    if (loaded.vchannels.length === 0) {
      loaded.vchannels = (
        await this.#deps.rootCoord.describeCollection(ctx, { by: "id", id: collectionId })
      ).vchannels;
    }
    const nodes = this.#deps.sessions.live("querynode");
    const alive = new Set(nodes.map((node) => node.nodeId));
    loaded.assignments = loaded.assignments.filter(
      (one) => alive.has(one.node.nodeId) && one.replica < loaded.record.replicas,
    );
    loaded.assignments.push(
      ...assignShards(loaded.vchannels, loaded.record.replicas, loaded.assignments, nodes, this.#load()),
    );
    await this.#watchAll(ctx, loaded);
    while (!signal.aborted && !loaded.again && this.#loads.get(collectionId) === loaded) {
      let waiting = loaded.assignments.length < loaded.vchannels.length * loaded.record.replicas;
      for (const assignment of loaded.assignments) {
        if (isServing(assignment)) continue;
        await this.#poll(ctx, assignment);
        if (!isServing(assignment)) waiting = true;
      }
      if (!waiting) return;
      await this.#deps.clock.sleep(this.#deps.pollMs, signal);
    }
  }

  async #watchAll(ctx: CallContext, loaded: Loaded): Promise<void> {
    for (const assignment of loaded.assignments) await this.#watch(ctx, loaded, assignment);
  }

  /** Tells the node what is to be loaded now, which may be more or less than when the round began. */
  async #watch(ctx: CallContext, { record, version }: Loaded, assignment: Assignment): Promise<void> {
    const { vchannel, node } = assignment;
    await this.#deps.connectQueryNode(node.nodeId, node.address).watchChannel(ctx, {
      vchannel,
      version,
      collectionId: toCollectionId(record.collectionId),
      partitionIds: record.wholeCollection ? undefined : record.partitionIds.map(toPartitionId),
      fieldIds: record.fieldIds,
    });
    if (version > assignment.told) assignment.told = version;
  }

  async #poll(ctx: CallContext, assignment: Assignment): Promise<void> {
    const { vchannel, node } = assignment;
    const queryNode = this.#deps.connectQueryNode(node.nodeId, node.address);
    const state = await queryNode.channelState(ctx, { vchannel });
    assignment.state = state;
    const nowMs = this.#deps.clock.monotonicMs();
    if (state.state === "Serving") assignment.failure = undefined;
    if (state.state !== "Failed") return;
    const { failure } = assignment;
    if (failure !== undefined && nowMs < failure.retryAtMs) return;
    // Tried again: the cause may pass (a full disk, a lost connection); the reason stays visible meanwhile.
    const pauseMs =
      failure === undefined ? this.#deps.pollMs : Math.min(2 * failure.pauseMs, RETRY_PAUSE_MS_MAX);
    assignment.failure = {
      reason: state.failReason,
      isLasting: await this.#isLasting(ctx, vchannel, state),
      sinceMs: failure?.sinceMs ?? nowMs,
      pauseMs,
      retryAtMs: nowMs + pauseMs,
    };
    const loaded = [...this.#loads.values()].find(({ assignments }) => assignments.includes(assignment));
    if (loaded !== undefined) await this.#watch(ctx, loaded, assignment);
  }

  /**
   * An object that is not there may belong to a target of before: a segment was compacted and its files collected while it was being opened,
   * and the next try begins with the newest target. One that the newest target names, behind the failure, was named all the time.
   */
  async #isLasting(ctx: CallContext, vchannel: VChannel, failed: ChannelState): Promise<boolean> {
    const { isDamaged, missing } = failed;
    if (isDamaged || missing === undefined) return isDamaged;
    const { nodeId, dataCoord } = this.#deps;
    return isNamed(await dataCoord.getTarget(ctx, { vchannel, reader: nodeId }), missing);
  }

  #lastingFailure({ assignments }: Loaded): string {
    const nowMs = this.#deps.clock.monotonicMs();
    const lasts = ({ failure }: Assignment): boolean =>
      failure !== undefined && (failure.isLasting || nowMs - failure.sinceMs >= this.#deps.timeoutMs);
    return assignments.find(lasts)?.failure?.reason ?? "";
  }

  async #sync(ctx: CallContext, { vchannel, node }: Assignment): Promise<void> {
    try {
      await this.#deps.connectQueryNode(node.nodeId, node.address).syncTarget(ctx, { vchannel });
    } catch (error) {
      // A node that does not serve it (any more) gets the newest target when it opens the channel.
      if (!isRedkiteError(error) || error.kind !== "channelMisrouted") throw error;
    }
  }

  async #unwatchAll(ctx: CallContext, { assignments }: Loaded, version: bigint): Promise<void> {
    for (const { vchannel, node } of assignments) {
      if (!this.#deps.sessions.isLive(node.nodeId)) continue;
      await this.#deps.connectQueryNode(node.nodeId, node.address).unwatchChannel(ctx, { vchannel, version });
    }
  }

  #load(): ReadonlyMap<NodeId, number> {
    const load = new Map<NodeId, number>();
    for (const { assignments } of this.#loads.values()) {
      for (const { node } of assignments) load.set(node.nodeId, (load.get(node.nodeId) ?? 0) + 1);
    }
    return load;
  }
}

const RETRY_PAUSE_MS_MAX = 2_000;

interface Loaded {
  record: LoadRecord;
  /** Revision of the record. */
  version: bigint;
  vchannels: readonly VChannel[];
  assignments: Assignment[];
  busy: boolean;
  again: boolean;
}

/** Copies count that serve what is to be loaded now: one that has not been told yet may lack partitions. */
function progressOf({ assignments, record, version, vchannels }: Loaded): number {
  const wanted = vchannels.length * record.replicas;
  if (wanted === 0) return 0;
  const ready = assignments.filter((one) => isServing(one) && one.told >= version);
  return Math.floor((100 * ready.length) / wanted);
}
