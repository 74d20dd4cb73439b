import type { NodeId } from "../../model/ids.ts";
import type { WriteResult } from "../../model/write-batch.ts";

/** Answers of the latest batches, so that a repeated one gets the first one's answer. Bounded; the oldest go first. */
export class RecentWrites {
  readonly #answers = new Map<string, WriteResult>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  find(session: NodeId, sequence: bigint): WriteResult | undefined {
    return this.#answers.get(`${session}/${sequence}`);
  }

  add(session: NodeId, sequence: bigint, answer: WriteResult): void {
    const key = `${session}/${sequence}`;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size > this.#max) {
      const oldest = this.#answers.keys().next();
      if (oldest.done !== true) this.#answers.delete(oldest.value);
    }
  }
}
