import type { NodeId } from "../../model/ids.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { WriteResult } from "../../model/write-batch.ts";

/**
 * Answers of the latest batches, so that a repeated one gets the first one's answer. Bounded; the oldest go first. A batch that is
 * not here is not in the log either when its sequence, a timestamp from before it was sent, is not below `completeFrom`.
 */
export class RecentWrites {
  readonly #answers = new Map<string, WriteResult>();
  readonly #max: number;
  #completeFrom: Timestamp;

  /** @param completeFrom every batch of a later timestamp will be added */
  constructor(max: number, completeFrom: Timestamp) {
    this.#max = max;
    this.#completeFrom = completeFrom;
  }

  /** Batches with timestamps at or below it may be forgotten. */
  get completeFrom(): Timestamp {
    return this.#completeFrom;
  }

  find(session: NodeId, sequence: bigint): WriteResult | undefined {
    return this.#answers.get(`${session}/${sequence}`);
  }

  add(session: NodeId, sequence: bigint, answer: WriteResult): void {
    const key = `${session}/${sequence}`;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size > this.#max) {
      const oldest = this.#answers.entries().next();
      if (oldest.done === true) return;
      const [first, { timestamp }] = oldest.value;
      this.#answers.delete(first);
      if (timestamp > this.#completeFrom) this.#completeFrom = timestamp;
    }
  }
}
