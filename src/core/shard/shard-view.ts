import type { PartitionId, SegmentId } from "../../model/ids.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { GrowingSegment, Segment } from "../../ports/engine.ts";
import type { SegmentRef } from "./segment-ref.ts";

/** One segment as a reader of a shard sees it. */
export type ShardSegment = GrowingEntry | SealedEntry;

export interface GrowingEntry {
  readonly kind: "growing";
  readonly id: SegmentId;
  readonly partitionId: PartitionId;
  readonly ref: SegmentRef<GrowingSegment>;
  /** As of its first row: its files hold these fields. */
  readonly schema: CollectionSchema;
  /** Position of the first record with rows for it. */
  readonly startPosition: bigint;
  readonly minTimestamp: Timestamp;
}

export interface SealedEntry {
  readonly kind: "sealed";
  readonly id: SegmentId;
  readonly partitionId: PartitionId;
  readonly ref: SegmentRef;
  readonly meta: SegmentMeta;
  /** Least and greatest int64 key; undefined for varchar keys. */
  readonly keyRange: { readonly min: bigint; readonly max: bigint } | undefined;
}

/**
 * The segments of a shard at one moment. Holding it keeps them open; appends and deletes go on underneath, and
 * timestamps keep them out of older reads.
 */
export class ShardView {
  readonly version: bigint;
  readonly segments: readonly ShardSegment[];
  #open = true;

  constructor(version: bigint, segments: readonly ShardSegment[]) {
    this.version = version;
    this.segments = segments;
    for (const entry of segments) entry.ref.retain();
  }

  /** Safe to call twice. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const entry of this.segments) entry.ref.release();
  }
}

export function segmentOf(entry: ShardSegment): Segment {
  return entry.ref.segment;
}
