import { randomFillSync } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { Rng } from "../../ports/rng.ts";

/** Randomness from the operating system, fetched a few kilobytes at a time. */
export class NodeRng implements Rng {
  readonly #words = new Uint32Array(1024);
  #next = this.#words.length;

  /** 53 random bits. */
  float(): number {
    return ((this.#word() >>> 5) * 0x400_0000 + (this.#word() >>> 6)) / 0x20_0000_0000_0000;
  }

  int(below: number): number {
    assert(Number.isSafeInteger(below) && below > 0, `int needs a positive integer bound, not ${below}`);
    return Math.floor(this.float() * below);
  }

  /** Nothing is seeded, so any two streams are independent. */
  fork(_name: string): Rng {
    return new NodeRng();
  }

  #word(): number {
    if (this.#next === this.#words.length) {
      randomFillSync(this.#words);
      this.#next = 0;
    }
    return this.#words[this.#next++] ?? 0;
  }
}
