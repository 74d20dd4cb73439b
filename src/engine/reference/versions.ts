import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { keyCount, type Keys } from "../../model/columns.ts";
import { TIMESTAMP_MAX, TIMESTAMP_ZERO, timestamp, type Timestamp } from "../../model/timestamp.ts";
import type { Visibility } from "../../ports/engine.ts";
import { bytesToken } from "./scalar-values.ts";

type KeyToken = bigint | string;

/** When each row version began and ended, and which rows hold a key. */
export class Versions {
  readonly #kind: Keys["kind"];
  readonly #begins: bigint[] = [];
  /** TIMESTAMP_MAX while nothing has ended the version. */
  readonly #ends: bigint[] = [];
  /** Rows of a key, ascending. */
  readonly #rowsOf = new Map<KeyToken, number[]>();
  #maxBegin = 0n;

  constructor(kind: Keys["kind"]) {
    this.#kind = kind;
  }

  get rows(): number {
    return this.#begins.length;
  }

  get maxBegin(): Timestamp {
    return this.#maxBegin === 0n ? TIMESTAMP_ZERO : timestamp(this.#maxBegin);
  }

  get memoryBytes(): number {
    return this.#begins.length * 24;
  }

  append(keys: Keys, begins: ArrayLike<bigint>): void {
    tokens(keys, this.#kind).forEach((key, i) => {
      const row = this.#begins.length;
      const begin = begins[i] ?? 0n;
      this.#begins.push(begin);
      this.#ends.push(TIMESTAMP_MAX);
      if (begin > this.#maxBegin) this.#maxBegin = begin;
      const rows = this.#rowsOf.get(key);
      if (rows === undefined) this.#rowsOf.set(key, [row]);
      else rows.push(row);
    });
  }

  begin(row: number): bigint {
    return this.#begins[row] ?? 0n;
  }

  setEnd(row: number, end: bigint): void {
    this.#ends[row] = end;
  }

  isVisible(row: number, { at, minBegin }: Visibility): boolean {
    const begin = this.#begins[row] ?? 0n;
    const end = this.#ends[row] ?? 0n;
    return begin <= at && (minBegin === 0n || begin > minBegin) && (end === TIMESTAMP_MAX || end > at);
  }

  /** The visible version of each key that began last (of equal ones the last row); -1 where there is none. */
  lookup(keys: Keys, visibility: Visibility): Int32Array {
    return Int32Array.from(tokens(keys, this.#kind), (key) => {
      let best = -1;
      for (const row of this.#rowsOf.get(key) ?? []) {
        if (this.isVisible(row, visibility) && (best < 0 || this.begin(row) >= this.begin(best))) best = row;
      }
      return best;
    });
  }

  latest(keys: Keys): BigUint64Array {
    return BigUint64Array.from(tokens(keys, this.#kind), (key) => {
      let latest = 0n;
      for (const row of this.#rowsOf.get(key) ?? []) {
        const end = this.#ends[row] ?? TIMESTAMP_MAX;
        for (const at of [this.begin(row), end === TIMESTAMP_MAX ? 0n : end]) if (at > latest) latest = at;
      }
      return latest;
    });
  }

  /** Bit i of the answer: some version of keys[i] ended by this call, or ended earlier than it did before. */
  applyDeletes(keys: Keys, timestamps: BigUint64Array): Uint8Array {
    if (timestamps.length !== keyCount(keys)) {
      throw parameterInvalid("timestamps of deletes", {
        expected: keyCount(keys),
        actual: timestamps.length,
      });
    }
    const ended = new Uint8Array(Math.ceil(timestamps.length / 8));
    tokens(keys, this.#kind).forEach((key, i) => {
      const at = timestamps[i] ?? 0n;
      for (const row of this.#rowsOf.get(key) ?? []) {
        if (this.begin(row) >= at || (this.#ends[row] ?? 0n) <= at) continue;
        this.#ends[row] = at;
        ended[i >> 3] = (ended[i >> 3] ?? 0) | (1 << (i & 7));
      }
    });
    return ended;
  }

  endedRows(at: Timestamp): number {
    return this.#ends.reduce((count, end) => count + (end !== TIMESTAMP_MAX && end <= at ? 1 : 0), 0);
  }

  ends(): { rows: Uint32Array; timestamps: BigUint64Array } {
    const rows = this.#ends.flatMap((end, row) => (end === TIMESTAMP_MAX ? [] : [row]));
    const timestamps = BigUint64Array.from(rows, (row) => this.#ends[row] ?? 0n);
    return { rows: Uint32Array.from(rows), timestamps };
  }
}

function tokens(keys: Keys, expected: Keys["kind"]): KeyToken[] {
  if (keys.kind !== expected) throw parameterInvalid("kind of primary keys", { expected, actual: keys.kind });
  if (keys.kind === "int64") return [...keys.values];
  return Array.from({ length: keyCount(keys) }, (_, i) =>
    bytesToken(keys.bytes.subarray(keys.offsets[i] ?? 0, keys.offsets[i + 1] ?? 0)),
  );
}
