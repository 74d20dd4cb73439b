import { assert } from "./assert.ts";

/**
 * A seeded pseudo-random stream (sfc32, by Chris Doty-Humphrey's PractRand): 32-bit arithmetic only, so it is as fast as
 * Math.random and gives the same numbers on every machine. Not for secrets.
 *
 * `fork(name)` depends on the seed and the name alone, never on how many numbers were drawn, so that a new
 * draw in one part of a simulation changes no other part.
 */
export class Prng {
  readonly #identity: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  private constructor(identity: string) {
    this.#identity = identity;
    [this.#a, this.#b, this.#c] = hash(identity);
    // Neighbouring seeds differ little at first; sfc32 needs about a dozen rounds to mix them.
    for (let round = 0; round < 15; round++) this.uint32();
  }

  static fromSeed(seed: number | bigint | string): Prng {
    return new Prng(String(seed));
  }

  /** An independent stream; the same name gives the same stream again. */
  fork(name: string | number): Prng {
    // The length keeps ("a", "bc") apart from ("ab", "c").
    return new Prng(`${this.#identity}/${String(name).length}:${name}`);
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** Uniform in [0, 2^64). */
  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }

  /** Uniform in [0, 1), 53 bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  }

  /** Uniform integer in [0, bound). */
  int(bound: number): number {
    assert(
      Number.isSafeInteger(bound) && bound > 0,
      () => `int needs a positive integer bound, not ${bound}`,
    );
    if (bound > 0x1_0000_0000) return Math.floor(this.float() * bound);
    // Values above the last whole multiple of `bound` would make small results likelier: draw again.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** Uniform integer in [min, max], both included. */
  between(min: number, max: number): number {
    assert(max >= min, () => `between needs min <= max, not ${min} and ${max}`);
    return min + this.int(max - min + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** Normally distributed, mean 0, deviation 1 (Box and Muller 1958). */
  gaussian(): number {
    return Math.sqrt(-2 * Math.log(1 - this.float())) * Math.cos(2 * Math.PI * this.float());
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, "cannot pick from an empty list");
    return items[this.int(items.length)] as T;
  }

  /** One of the entries' values, each as likely as its weight. */
  weighted<T>(entries: readonly (readonly [weight: number, value: T])[]): T {
    let total = 0;
    for (const [weight] of entries) total += weight;
    assert(total > 0, "weights must add up to more than 0");
    let left = this.float() * total;
    for (const [weight, value] of entries) {
      if (weight > 0 && left < weight) return value;
      left -= weight;
    }
    // Rounding only: the last entry with a weight.
    return entries.findLast(([weight]) => weight > 0)?.[1] as T;
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.int(last + 1);
      const kept = items[last] as T;
      items[last] = items[other] as T;
      items[other] = kept;
    }
    return items;
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i += 4) {
      const word = this.uint32();
      for (let j = i; j < Math.min(i + 4, count); j++) bytes[j] = word >>> ((j - i) * 8);
    }
    return bytes;
  }
}

/** Three well-mixed words of a text: FNV-1a with different offsets, each finished as in MurmurHash3. */
function hash(text: string): [number, number, number] {
  const word = (offset: number) => {
    let value = offset;
    for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
    value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35);
    return value ^ (value >>> 16);
  };
  return [word(0x811c_9dc5 | 0), word(0x9e37_79b9 | 0), word(0x2545_f491)];
}
