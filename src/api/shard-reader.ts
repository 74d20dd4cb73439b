import type { CallContext } from "../model/call-context.ts";
import type { PartitionId, SegmentId, VChannel } from "../model/ids.ts";
import type { CollectionSchema } from "../model/schema.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { ServiceTable } from "./service-table.ts";

/**
 * A query node as other threads of its process see it: they read its segments by themselves (D11) and ask only for what has changed.
 * It makes no sense between processes.
 */
export interface ShardReader {
  /**
   * The segments that are served now. With `schema`, which a reader gives when it knows a newer one than the last view had, the segments
   * have its fields first. Handles are weak: a segment may be closed before it is attached, then a newer view is there. Errors:
   * channelMisrouted when this node does not serve the channel.
   */
  openView(ctx: CallContext, request: ViewRequest): Promise<ShardViewInfo>;
  /** Returns when everything up to `at` is applied and none is still to come; the watermark says so by then. */
  waitClosed(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly at: Timestamp },
  ): Promise<void>;
  /** A search met a decayed block of an attached index: it is detached before this returns, and built anew. */
  indexDecayed(ctx: CallContext, request: DecayedIndex): Promise<void>;
}

export interface DecayedIndex {
  readonly vchannel: VChannel;
  readonly segmentId: SegmentId;
  readonly fieldId: number;
}

export interface ViewRequest {
  readonly vchannel: VChannel;
  readonly schema: CollectionSchema | undefined;
}

export interface ShardViewInfo {
  /** As the watermark has it while this is the newest view. */
  readonly viewVersion: bigint;
  readonly watermark: SharedArrayBuffer;
  readonly schemaVersion: number;
  readonly segments: readonly ViewSegment[];
  /** Undefined: all, later ones too. */
  readonly loadedPartitions: readonly PartitionId[] | undefined;
  /** Reads of the partition (undefined: of any) below the timestamp would miss rows. */
  readonly history: readonly (readonly [PartitionId | undefined, Timestamp])[];
  /** The same for partitions of which compactions dropped row versions without leaving a segment. */
  readonly emptied: readonly (readonly [PartitionId | undefined, Timestamp])[];
}

interface ViewSegmentBase {
  /** `Segment.share()`. */
  readonly handle: bigint;
  readonly id: SegmentId;
  readonly partitionId: PartitionId;
  readonly minTimestamp: Timestamp;
}

export type ViewSegment =
  | (ViewSegmentBase & { readonly kind: "growing" })
  | (ViewSegmentBase & {
      readonly kind: "sealed";
      readonly maxTimestamp: Timestamp;
      readonly historyFrom: Timestamp;
    });

export const shardReaderTable: ServiceTable<ShardReader> = {
  name: "ShardReader",
  methods: {
    openView: { idempotent: true },
    waitClosed: { idempotent: true },
    indexDecayed: { idempotent: true },
  },
};
