/**
 * The log. A topic is an ordered, durable sequence of records. Several writers may append to one topic; the stream need not
 * refuse a fenced one (readers sort that out by epoch records, core/channel). Positions are ordered within a topic and opaque
 * otherwise. Errors: topicNotFound (kind mqTopicNotFound); diskFull and streamUnavailable (retriable); corrupted (names file and position; stops the topic);
 * positionGone when a position lies before the truncation point. After a rejected append the outcome is unknown:
 * the record may still appear.
 */
export interface MessageStream {
  /** Idempotent. */
  createTopic(topic: string): Promise<void>;
  /** Idempotent. Readers of it end. */
  dropTopic(topic: string): Promise<void>;
  /**
   * Appends in call order per topic and instance. Resolves when durable with the record's position. Before that no
   * reader sees it. The chunks are not copied: they stay unchanged until the promise settles.
   */
  append(topic: string, chunks: readonly Uint8Array[], options?: AppendOptions): Promise<Position>;
  /** Durable records behind `after`, in order; waits at the end for more. Ends when the signal aborts. */
  read(topic: string, after: Position, signal: AbortSignal): AsyncIterable<readonly StreamRecord[]>;
  /** Position of the last durable record, or the truncation point. Every record acknowledged before the call is at or before it. */
  lastPosition(topic: string): Promise<Position>;
  /** Records at or before it are no longer needed by anyone. */
  truncate(topic: string, upTo: Position): Promise<void>;
}

export interface AppendOptions {
  /** `reserve`: may use what is kept free for a full disk. For records that help to free space: deletes, drops, compaction. */
  readonly priority?: "reserve";
}

export type Position = bigint & { readonly __position?: never };

/** Before the first record of any topic. */
export const POSITION_ZERO = 0n as Position;

export interface StreamRecord {
  readonly position: Position;
  /** Valid until the next batch is asked for. */
  readonly payload: Uint8Array;
}
