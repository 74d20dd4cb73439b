import type { CallContext } from "../model/call-context.ts";
import type { Epoch, FieldId, SegmentId, VChannel } from "../model/ids.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { WriteBatch, WriteResult } from "../model/write-batch.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { CompactionPlan, FlushedSegment } from "./data-coord.ts";
import type { DdlIntent } from "./root-coord.ts";
import type { ServiceTable } from "./service-table.ts";

/** Owns vchannels: the one writer of each, its flushes, and compactions. */
export interface DataNode extends Component {
  /** Takes the channel over: raises its epoch, replays behind the checkpoint, then serves. Idempotent while it owns it. */
  openChannel(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<{ readonly epoch: Epoch }>;
  /** Stops taking batches, finishes those begun, forgets the channel. */
  closeChannel(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void>;
  /**
   * Durable and visible to every later read when it returns. Repeating the same (session, sequence) returns the first
   * answer. Errors: collectionSchemaMismatch, channelNotOwned (retriable: ask DataCoord again), writeConflict, diskFull, serviceTooManyRequests.
   */
  write(ctx: CallContext, request: WriteBatch): Promise<WriteResult>;
  /** No record at or below `at` will be appended any more; all of them lie at or before the position returned. */
  closeTimestamp(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly at: Timestamp },
  ): Promise<{ readonly position: bigint }>;
  /** Stops taking batches for a change of the collection (released by appendDdl, or when `intent` is withdrawn or expires). */
  pauseForDdl(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intent: DdlIntent },
  ): Promise<void>;
  /** Appends the change at its timestamp and goes on. Idempotent. */
  appendDdl(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intent: DdlIntent },
  ): Promise<{ readonly position: bigint }>;
  cancelDdl(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly intentId: bigint },
  ): Promise<void>;
  /** Seals the segments (all growing ones when empty) now and begins to flush them. Returns what was sealed and a timestamp not below any of their rows. */
  sealSegments(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly segmentIds: readonly SegmentId[] },
  ): Promise<{ readonly sealed: readonly SegmentId[]; readonly at: Timestamp }>;
  /** DataCoord calls it after a commit that the owner did not make: compaction, dropped partition, truncation. */
  syncTarget(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void>;
  /** Rows of sealed segments that no read at `at` or later sees: ended, or expired by the time in the field. Those of segments without one are left out. */
  unseenRows(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly expiryField: FieldId; readonly at: Timestamp },
  ): Promise<readonly { readonly id: SegmentId; readonly rows: number }[]>;
  /** Carries out a compaction; the answer is what to commit. */
  compact(ctx: CallContext, request: CompactionPlan): Promise<CompactionResult>;
}

export interface CompactionResult {
  readonly planId: bigint;
  readonly output: FlushedSegment;
}

const yes = { idempotent: true } as const;

export const dataNodeTable: ServiceTable<DataNode> = {
  name: "DataNode",
  methods: {
    ...componentMethods,
    openChannel: yes,
    closeChannel: yes,
    write: yes,
    closeTimestamp: yes,
    pauseForDdl: yes,
    appendDdl: yes,
    cancelDdl: yes,
    sealSegments: yes,
    syncTarget: yes,
    unseenRows: yes,
    compact: yes,
  },
};
