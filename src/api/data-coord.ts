import type { CallContext } from "../model/call-context.ts";
import type {
  CollectionId,
  Epoch,
  NodeId,
  FieldId,
  PartitionId,
  PlanId,
  SegmentId,
  VChannel,
} from "../model/ids.ts";
import type {
  ChannelTarget,
  Checkpoint,
  DeltaLogMeta,
  ManifestRef,
  SegmentMeta,
} from "../model/segment-meta.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { ServiceTable } from "./service-table.ts";

/**
 * Segments, channels and their owners, flush, compaction, garbage collection. Every state change is one metadata
 * transaction that also compares the channel's epoch.
 */
export interface DataCoord extends Component {
  /** RootCoord calls it when a collection's channels begin to exist or end. Idempotent. */
  addChannels(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly vchannels: readonly VChannel[] },
  ): Promise<void>;
  dropChannels(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly vchannels: readonly VChannel[] },
  ): Promise<void>;
  dropPartition(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly partitionId: PartitionId;
      readonly at: Timestamp;
    },
  ): Promise<void>;
  /** Segments all of whose rows are at or below `at` are dropped. */
  truncate(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly at: Timestamp },
  ): Promise<void>;
  /** Who owns the channel now; assigns an owner when there is none. */
  locateChannel(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<ChannelLocation>;

  /**
   * A growing segment of the partition with room for `rows`: the same request finds the same segment until it is full or
   * sealed. The owner counts what it places, and names those that it has retired.
   */
  allocSegment(
    ctx: CallContext,
    request: AllocSegmentRequest,
  ): Promise<{ readonly segmentId: SegmentId; readonly rowsMax: number }>;
  /** The owner's periodic report; the answer names segments to seal now. */
  reportSegments(ctx: CallContext, request: SegmentReport): Promise<{ readonly seal: readonly SegmentId[] }>;
  /** Growing -> Sealed at a position: no record behind it adds rows to them. */
  sealSegments(
    ctx: CallContext,
    request: {
      readonly vchannel: VChannel;
      readonly epoch: Epoch;
      readonly segments: readonly { readonly id: SegmentId; readonly rows: number }[];
    },
  ): Promise<void>;
  /** The flush of the channel that may be committed from now on, and no other; its files lie under the attempt's id. */
  beginFlush(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly epoch: Epoch },
  ): Promise<{ readonly attempt: bigint }>;
  /** Commits flushed segments, new delta logs and the channel checkpoint in one transaction; refused when the epoch is stale, or another flush was begun since. */
  commitFlush(ctx: CallContext, request: CommitFlushRequest): Promise<void>;

  /** Seals what is growing in the collections (or all) at a timestamp taken now; `flushedAt` is that timestamp. */
  flush(
    ctx: CallContext,
    request: { readonly collectionIds: readonly CollectionId[] },
  ): Promise<readonly FlushResult[]>;
  /** True when every segment is flushed (or gone) and the channels' checkpoints have passed `flushedAt`. */
  getFlushState(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly segmentIds: readonly SegmentId[];
      readonly flushedAt: Timestamp;
    },
  ): Promise<{ readonly flushed: boolean }>;

  /** What a reader of the channel loads and from where it consumes (one consistent snapshot of metadata). */
  getTarget(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly reader: NodeId },
  ): Promise<ChannelTarget>;
  /** Readers name the targets that they still use; older ones may be collected after that. */
  reportTargets(
    ctx: CallContext,
    request: {
      readonly reader: NodeId;
      readonly targets: readonly { readonly vchannel: VChannel; readonly version: bigint }[];
    },
  ): Promise<void>;
  listSegments(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly SegmentMeta[]>;
  /** Stored rows of sealed and growing segments by partition (num_entities). */
  getStatistics(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly { readonly partitionId: PartitionId; readonly rows: number }[]>;

  manualCompaction(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly major: boolean },
  ): Promise<{ readonly compactionId: PlanId; readonly plans: number }>;
  getCompactionState(ctx: CallContext, request: { readonly compactionId: PlanId }): Promise<CompactionState>;
}

export interface ChannelLocation {
  readonly vchannel: VChannel;
  readonly owner: NodeId;
  readonly address: string;
  readonly epoch: Epoch;
}

export interface AllocSegmentRequest {
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
  readonly rows: number;
  readonly bytes: number;
  /** Segments that the owner is sealing: none of them. */
  readonly excluded: readonly SegmentId[];
}

export interface SegmentReport {
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
  /** Growing ones. */
  readonly segments: readonly { readonly id: SegmentId; readonly rows: number; readonly bytes: number }[];
  /** Sealed ones with row versions that have ended. */
  readonly ended: readonly { readonly id: SegmentId; readonly rows: number }[];
}

export interface CommitFlushRequest {
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
  readonly attempt: bigint;
  readonly segments: readonly FlushedSegment[];
  readonly deltaLogs: readonly DeltaLogMeta[];
  readonly checkpoint: Checkpoint;
}

export interface FlushedSegment {
  readonly id: SegmentId;
  readonly rows: number;
  readonly bytes: number;
  readonly startPosition: bigint;
  readonly flushedPosition: bigint;
  readonly minTimestamp: Timestamp;
  readonly maxTimestamp: Timestamp;
  readonly deletesAppliedTo: Timestamp;
  /** Versions that ended at or below it may be gone (compaction); 0 when none is. */
  readonly historyFrom: Timestamp;
  readonly schemaVersion: number;
  /** Undefined when no row is left: the segment is dropped. */
  readonly manifest: ManifestRef | undefined;
}

export interface FlushResult {
  readonly collectionId: CollectionId;
  /** Segments being flushed by this call, and those flushed before. */
  readonly sealing: readonly SegmentId[];
  readonly flushed: readonly SegmentId[];
  readonly flushedAt: Timestamp;
}

export interface CompactionState {
  readonly state: "Executing" | "Completed" | "Undefined";
  readonly executing: number;
  readonly completed: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly plans: readonly { readonly sources: readonly SegmentId[]; readonly target: SegmentId }[];
}

/** One compaction for a DataNode to carry out. */
export interface CompactionPlan {
  readonly id: PlanId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
  readonly inputs: readonly SegmentMeta[];
  readonly deltaLogs: readonly DeltaLogMeta[];
  readonly outputId: SegmentId;
  /** Versions that ended at or below it are dropped. */
  readonly dropEndedUpTo: Timestamp;
  /** Versions that began at or below it are dropped (TTL, truncation). */
  readonly dropBegunUpTo: Timestamp;
  /** Versions that had expired by the time in this field at `dropEndedUpTo` are dropped. */
  readonly expiryField: FieldId | undefined;
  /** Deletes stored up to here are applied in the output. */
  readonly deletesTo: Timestamp;
}

const yes = { idempotent: true } as const;

export const dataCoordTable: ServiceTable<DataCoord> = {
  name: "DataCoord",
  methods: {
    ...componentMethods,
    addChannels: yes,
    dropChannels: yes,
    dropPartition: yes,
    truncate: yes,
    locateChannel: yes,
    allocSegment: yes,
    reportSegments: yes,
    sealSegments: yes,
    beginFlush: yes,
    commitFlush: yes,
    flush: yes,
    getFlushState: yes,
    getTarget: yes,
    reportTargets: yes,
    listSegments: yes,
    getStatistics: yes,
    manualCompaction: { idempotent: false },
    getCompactionState: yes,
  },
};
