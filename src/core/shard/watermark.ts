import { timestamp, type Timestamp } from "../../model/timestamp.ts";

/**
 * How far a shard is, in memory that all threads of the process see: which set of segments is the current one, and up to which
 * timestamp everything is applied in it.
 *
 * A reader on another thread looks at `closed` first and at the view version second, and reads at T only when T is closed and the
 * segments that it holds are those of that version. Then it sees every row and delete up to T, and sees it once:
 * - The writer applies a record in the engine, stores the view version if that changed the set of segments, and only then stores a
 *   `closed` that covers the record. Atomics are sequentially consistent: whoever sees the `closed` sees the version too.
 * - So if a record at or below T had begun a segment, the reader would have met a newer version than it holds. If a segment of its
 *   own had been replaced (flushed, compacted) before a record at or below T was applied, the same: ends of rows go into the
 *   segments that are current, no longer into those that were replaced.
 * - What happens after the two looks cannot harm: later records are above T (T is closed), and segments that are replaced stay open
 *   while the reader holds them, with all rows and ends up to T.
 */
export class Watermark {
  readonly shared: SharedArrayBuffer;
  readonly #words: BigUint64Array;

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#words = new BigUint64Array(shared);
  }

  static create(): Watermark {
    return new Watermark(new SharedArrayBuffer(2 * BigUint64Array.BYTES_PER_ELEMENT));
  }

  /** The same one on another thread. */
  static over(shared: SharedArrayBuffer): Watermark {
    return new Watermark(shared);
  }

  get closed(): Timestamp {
    return timestamp(Atomics.load(this.#words, CLOSED));
  }

  /** Undefined: nothing is served any more, and what was held of it has to be given back. */
  get viewVersion(): bigint | undefined {
    const version = Atomics.load(this.#words, VIEW_VERSION);
    return version === REVOKED ? undefined : version;
  }

  /** The version goes before the timestamp that is closed in it. */
  publish(viewVersion: bigint, closed: Timestamp): void {
    Atomics.store(this.#words, VIEW_VERSION, viewVersion);
    Atomics.store(this.#words, CLOSED, closed);
  }

  revoke(): void {
    Atomics.store(this.#words, VIEW_VERSION, REVOKED);
  }
}

const CLOSED = 0;
const VIEW_VERSION = 1;
/** Versions begin at 1. */
const REVOKED = 0n;
