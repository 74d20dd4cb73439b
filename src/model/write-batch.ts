import type { Keys } from "./columns.ts";
import type { CollectionId, NodeId, PartitionId, SegmentId, VChannel } from "./ids.ts";
import type { Timestamp } from "./timestamp.ts";

/** What a proxy hands to the owner of a vchannel: becomes one record at one timestamp, all or nothing. */
export interface WriteBatch {
  readonly collectionId: CollectionId;
  readonly vchannel: VChannel;
  /** Of the schema that the rows were encoded with; an owner refuses an older one (collectionSchemaMismatch). */
  readonly schemaVersion: number;
  /** A repeated batch, of the same session and sequence, gets the first one's answer. */
  readonly session: NodeId;
  /** A timestamp of its own from before it was sent first: an owner refuses what is older than its memory of batches. */
  readonly sequence: Timestamp;
  /** Keys to end, before the inserts of the same batch take effect. */
  readonly deletes: readonly DeletePart[];
  /** At most one row per key over all parts: within one record the last row wins, and the proxy has dropped the others. */
  readonly inserts: readonly InsertPart[];
  /** Set by partial upserts and deletes by filter, which decided on what they read. */
  readonly condition: WriteCondition | undefined;
}

export interface DeletePart {
  /** Undefined: in every partition. */
  readonly partitionId: PartitionId | undefined;
  readonly keys: Keys;
}

export interface InsertPart {
  readonly partitionId: PartitionId;
  readonly rows: number;
  /** docs/internals/row-batch.md, in memory that other threads can read. */
  readonly batch: Uint8Array;
}

/**
 * A batch that read at `readAt`: `refuse` rejects it when one of its keys has a version or an end newer than that (partial upsert),
 * `skip` leaves such keys out of its deletes and names them in the answer (delete by filter).
 */
export interface WriteCondition {
  readonly readAt: Timestamp;
  readonly onConflict: "refuse" | "skip";
}

export interface WriteResult {
  readonly timestamp: Timestamp;
  /** For `skip`: indexes into the keys of deletes[0] that had newer versions. */
  readonly skipped: readonly number[];
}

/** A row batch with its segment, as the log holds it. */
export interface PlacedInsert extends InsertPart {
  readonly segmentId: SegmentId;
}
