import type { CallContext } from "../model/call-context.ts";
import type { CollectionId, NodeId, PartitionId, SegmentId, VChannel } from "../model/ids.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { ServiceTable } from "./service-table.ts";

/** What is loaded, where, and how far; keeps the query nodes at the newest target. */
export interface QueryCoord extends Component {
  /** Loads a collection (partitions empty: all, later ones included) or adds partitions. Returns when recorded; progress tells the rest. */
  load(ctx: CallContext, request: LoadRequest): Promise<void>;
  /** Releases the collection, or the partitions. Succeeds when not loaded. */
  release(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly partitionIds: readonly PartitionId[] },
  ): Promise<void>;
  getLoadState(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly partitionIds: readonly PartitionId[] },
  ): Promise<LoadState>;
  listLoaded(
    ctx: CallContext,
    request: Record<string, never>,
  ): Promise<readonly { readonly collectionId: CollectionId; readonly progress: number }[]>;
  /** Where each shard is served; collectionNotLoaded, or collectionNotFullyLoaded (retriable) while it is not. */
  getShardLeaders(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly ShardLeader[]>;
  /** Brings the delegators to the newest target now: flushed segments, new indexes, dropped partitions. */
  refresh(ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void>;
  getSegmentInfo(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly LoadedSegmentInfo[]>;
  getReplicas(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly ReplicaInfo[]>;
  /** DataCoord and IndexCoord call it after a commit, so that hand-over does not wait for the next round. */
  targetChanged(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void>;
}

export interface LoadRequest {
  readonly collectionId: CollectionId;
  readonly partitionIds: readonly PartitionId[];
  readonly replicas: number;
  /** Fields to load; empty for all. */
  readonly fieldIds: readonly number[];
  readonly refresh: boolean;
}

export interface LoadState {
  readonly state: "NotLoad" | "Loading" | "Loaded";
  /** 0 to 100. */
  readonly progress: number;
  /** Why it may never be loaded; empty while there is hope. It is tried again and again all the same. */
  readonly failReason: string;
  readonly loadedPartitions: readonly PartitionId[];
  /** True when the collection as a whole was asked for. */
  readonly wholeCollection: boolean;
}

export interface ShardLeader {
  readonly vchannel: VChannel;
  /** One per replica, the leader of each; any of them answers. */
  readonly nodes: readonly { readonly nodeId: NodeId; readonly address: string }[];
}

export interface LoadedSegmentInfo {
  readonly segmentId: SegmentId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly rows: number;
  readonly memoryBytes: number;
  readonly nodeId: NodeId;
  readonly state: "Growing" | "Sealed";
  readonly indexName: string;
  readonly indexId: bigint;
}

export interface ReplicaInfo {
  readonly id: bigint;
  readonly collectionId: CollectionId;
  readonly partitionIds: readonly PartitionId[];
  readonly shards: readonly {
    readonly vchannel: VChannel;
    readonly leader: NodeId;
    readonly leaderAddress: string;
  }[];
  readonly nodeIds: readonly NodeId[];
}

const yes = { idempotent: true } as const;

export const queryCoordTable: ServiceTable<QueryCoord> = {
  name: "QueryCoord",
  methods: {
    ...componentMethods,
    load: yes,
    release: yes,
    getLoadState: yes,
    listLoaded: yes,
    getShardLeaders: yes,
    refresh: yes,
    getSegmentInfo: yes,
    getReplicas: yes,
    targetChanged: yes,
  },
};
