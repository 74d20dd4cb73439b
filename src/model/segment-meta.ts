import type { CollectionId, Epoch, NodeId, PartitionId, SegmentId, VChannel } from "./ids.ts";
import type { SegmentState } from "./segment.ts";
import type { Timestamp } from "./timestamp.ts";

/** What DataCoord knows of a segment; one metadata record each. */
export interface SegmentMeta {
  readonly id: SegmentId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
  readonly state: SegmentState;
  /** Growing: as last reported. */
  readonly rows: number;
  readonly bytes: number;
  readonly createdAtMs: number;
  /** Position of the first record that names it; undefined while none does. */
  readonly startPosition: bigint | undefined;
  /** Rows of records at or before it are in the files; replay skips them. 0 while growing. */
  readonly flushedPosition: bigint;
  /** Begin timestamps of its rows lie in [minTimestamp, maxTimestamp]. */
  readonly minTimestamp: Timestamp;
  readonly maxTimestamp: Timestamp;
  /** Deletes of its vchannel up to here are recorded in the segment's ends file; later ones apply when it is opened. */
  readonly deletesAppliedTo: Timestamp;
  /** Version chain: a compaction's output begins to live and its inputs cease to at this timestamp; 0 for flushed ones. */
  readonly compactedAt: Timestamp;
  /** Segments this one was compacted from. */
  readonly compactedFrom: readonly SegmentId[];
  readonly compactedInto: readonly SegmentId[];
  /** Row versions that ended at or below it are really gone (dropped by a compaction); reads below it are refused. */
  readonly historyFrom: Timestamp;
  readonly schemaVersion: number;
  /** Undefined until flushed. */
  readonly manifest: ManifestRef | undefined;
  /** When state became Dropped or Compacted; garbage collection waits for readers after it. */
  readonly droppedAtMs: number | undefined;
}

/** Names a manifest object and its checksum: the commit of a segment's files. */
export interface ManifestRef {
  readonly key: string;
  readonly crc32c: number;
  readonly bytes: number;
}

/** A stored delete log of one vchannel and range of timestamps (docs/internals/delta-log.md). */
export interface DeltaLogMeta {
  readonly id: bigint;
  readonly vchannel: VChannel;
  readonly key: string;
  readonly crc32c: number;
  readonly bytes: number;
  readonly entries: number;
  /** Timestamps of its entries lie in (from, to]. */
  readonly from: Timestamp;
  readonly to: Timestamp;
}

export interface Checkpoint {
  readonly position: bigint;
  readonly timestamp: Timestamp;
  /** In force behind the position. */
  readonly epoch: Epoch;
}

/** The channel's state in metadata: who owns it, and from where a replay starts. */
export interface ChannelMeta {
  readonly vchannel: VChannel;
  readonly collectionId: CollectionId;
  readonly epoch: Epoch;
  readonly owner: NodeId | undefined;
  /** Everything at or before it is in flushed segments and delta logs. */
  readonly checkpoint: Checkpoint;
  readonly dropped: boolean;
  /** What compactions have dropped that left no row, so that no segment says it; at most one entry per partition. */
  readonly emptied: readonly EmptiedPartition[];
}

/** Row versions of a partition that ended at or below the timestamp are really gone: `SegmentMeta.historyFrom` of outputs without a row. */
export interface EmptiedPartition {
  readonly partitionId: PartitionId;
  readonly historyFrom: Timestamp;
}

/** An index over one field of one segment. */
export interface SegmentIndexMeta {
  readonly segmentId: SegmentId;
  readonly indexId: bigint;
  readonly fieldId: number;
  readonly buildId: bigint;
  readonly state: "Unissued" | "InProgress" | "Finished" | "Failed";
  readonly failReason: string;
  readonly rows: number;
  /** Set when Finished. */
  readonly file: { readonly key: string; readonly crc32c: number; readonly bytes: number } | undefined;
}

/** What a reader of a channel opens, and from where it consumes: one consistent snapshot of metadata. */
export interface ChannelTarget {
  readonly vchannel: VChannel;
  readonly collectionId: CollectionId;
  /** Grows with each change of the channel's segments. */
  readonly version: bigint;
  /** A reader consumes behind it; rows of listed segments at or below their flushedPosition are skipped. */
  readonly startPosition: bigint;
  readonly startTimestamp: Timestamp;
  /** In force at startPosition. */
  readonly epoch: Epoch;
  /** Flushed segments, all partitions. */
  readonly segments: readonly SegmentMeta[];
  /** Ended segments whose rows may still appear in the log behind startPosition: their rows are skipped (keys still end older versions). */
  readonly gone: readonly SegmentId[];
  readonly emptied: readonly EmptiedPartition[];
  readonly deltaLogs: readonly DeltaLogMeta[];
}
