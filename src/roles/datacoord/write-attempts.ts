import { fenced } from "../../errors/service-errors.ts";
import type { VChannel } from "../../model/ids.ts";

/**
 * Attempts to write files that metadata does not name yet. Only one that was begun here can be committed, and of the flushes of a channel
 * only the one begun last; so an attempt that is not under way here comes to nothing, however long its writer goes on, and what it has
 * written may be collected. Nothing of this is stored: the next leader knows no attempt, and none of before can be committed there.
 */
export class WriteAttempts {
  readonly #flushes = new Map<VChannel, Flush>();
  /** How many reasons there are to keep what each of them has written. */
  readonly #underWay = new Map<bigint, number>();

  /** From now on this flush of the channel is under way, and an earlier one no longer. */
  beginFlush(vchannel: VChannel, attempt: bigint): void {
    const last = this.#flushes.get(vchannel);
    // Requests may overtake each other.
    if (last !== undefined && last.attempt >= attempt) return;
    this.forgetFlush(vchannel);
    this.#hold(attempt);
    this.#flushes.set(vchannel, { attempt, committed: false, committing: undefined });
  }

  /**
   * Runs `commit`, unless the flush was committed before: what it named then may be gone again. A repetition waits for the first one.
   * Refused (`fenced`) when the flush is not the one begun last.
   */
  async commitFlush(vchannel: VChannel, attempt: bigint, commit: () => Promise<void>): Promise<void> {
    const last = this.#flushes.get(vchannel);
    if (last?.attempt !== attempt)
      throw fenced({ of: `flush of ${vchannel}`, held: attempt, current: last?.attempt ?? 0n });
    if (last.committed) return;
    last.committing ??= this.#commit(vchannel, last, commit).finally(() => (last.committing = undefined));
    await last.committing;
  }

  async #commit(vchannel: VChannel, flush: Flush, commit: () => Promise<void>): Promise<void> {
    await this.during(flush.attempt, commit);
    flush.committed = true;
    if (this.#flushes.get(vchannel) === flush) this.#release(flush.attempt);
  }

  /** The attempt is under way until `work` has ended. */
  async during<T>(attempt: bigint, work: () => Promise<T>): Promise<T> {
    this.#hold(attempt);
    try {
      return await work();
    } finally {
      this.#release(attempt);
    }
  }

  isUnderWay(attempt: bigint): boolean {
    return this.#underWay.has(attempt);
  }

  /** No flush of the channel is under way any more. */
  forgetFlush(vchannel: VChannel): void {
    const last = this.#flushes.get(vchannel);
    if (last === undefined) return;
    this.#flushes.delete(vchannel);
    if (!last.committed) this.#release(last.attempt);
  }

  #hold(attempt: bigint): void {
    this.#underWay.set(attempt, (this.#underWay.get(attempt) ?? 0) + 1);
  }

  #release(attempt: bigint): void {
    const left = (this.#underWay.get(attempt) ?? 0) - 1;
    if (left > 0) this.#underWay.set(attempt, left);
    else this.#underWay.delete(attempt);
  }
}

interface Flush {
  readonly attempt: bigint;
  committed: boolean;
  committing: Promise<void> | undefined;
}
