import type { PartitionId, SegmentId } from "../../model/ids.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { GrowingSegment, Segment } from "../../ports/engine.ts";
import type { SegmentRef } from "./segment-ref.ts";

/** One segment of a shard. */
export type ShardSegment = GrowingEntry | SealedEntry;

/** What a read needs to know of a segment, wherever it was opened. */
export type ReadableSegment =
  | (Pick<GrowingEntry, "kind" | "id" | "partitionId" | "minTimestamp"> & { readonly ref: SegmentRef })
  | (Pick<SealedEntry, "kind" | "id" | "partitionId" | "ref"> & {
      readonly meta: Pick<SegmentMeta, "minTimestamp" | "maxTimestamp" | "historyFrom">;
    });

/** From when on partitions can be read (undefined: all of them); what is not named can be read from the beginning. */
export type History = ReadonlyMap<PartitionId | undefined, Timestamp>;

export function historyFrom(history: History, partitionId: PartitionId | undefined): Timestamp {
  const whole = history.get(undefined) ?? TIMESTAMP_ZERO;
  const own = history.get(partitionId) ?? TIMESTAMP_ZERO;
  return own > whole ? own : whole;
}

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
export class ShardView<Entry extends ReadableSegment = ReadableSegment> {
  readonly segments: readonly Entry[];
  #open = true;

  constructor(segments: readonly Entry[]) {
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

export function segmentOf(entry: ReadableSegment): Segment {
  return entry.ref.segment;
}
