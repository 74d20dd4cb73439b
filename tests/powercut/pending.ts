import type { Prng } from "../../src/base/prng.ts";

/** A value on a disk: what is durable, and what it has been set to since. A power cut may leave any of them. */
export class Pending<T> {
  /** The durable one first, then what came later, each with the number of its call. */
  #versions: { readonly at: number; readonly value: T }[];

  constructor(durable: T) {
    this.#versions = [{ at: -1, value: durable }];
  }

  get latest(): T {
    return (this.#versions.at(-1) as { readonly value: T }).value;
  }

  /** Whether a power cut leaves but one value. */
  get settled(): boolean {
    return this.#versions.length === 1;
  }

  set(value: T, at: number): void {
    this.#versions.push({ at, value });
  }

  /** What was set before the call `before` is durable. */
  sync(before: number): void {
    const kept = this.#versions.findLastIndex(({ at }) => at < before);
    this.#versions = this.#versions.slice(kept);
  }

  /** @param share probability of the latest value, else any of the others */
  survivor(rng: Prng, share: number): T {
    if (this.settled || rng.chance(share)) return this.latest;
    return rng.pick(this.#versions.slice(0, -1)).value;
  }
}
