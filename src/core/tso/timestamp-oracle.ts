import { Mutex } from "../../base/mutex.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { fenced } from "../../errors/service-errors.ts";
import { composeTimestamp, LOGICAL_MAX, type Timestamp } from "../../model/timestamp.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import type { Leadership } from "../leader/leadership.ts";

const KEY = "root/tso";
/** How far ahead of what is handed out the stored bound is kept. */
const WINDOW_MS = 3_000n;
/** Extended when less than this is left, before anyone has to wait for it. */
const LOW_WATER_MS = 1_000n;

/**
 * Strictly increasing hybrid timestamps. The bound stored in metadata is always above everything handed out; a successor
 * starts above it, whatever its clock says. When the clock goes back, time stands still here until it has caught up.
 */
export class TimestampOracle {
  readonly #meta: MetaStore;
  readonly #clock: Clock;
  readonly #leadership: Leadership;
  readonly #extending = new Mutex();
  #physicalMs: bigint;
  #logical = 0n;
  /** Timestamps with a physical part below it may be handed out. */
  #boundMs: bigint;

  constructor(meta: MetaStore, clock: Clock, leadership: Leadership, boundMs: bigint) {
    this.#meta = meta;
    this.#clock = clock;
    this.#leadership = leadership;
    this.#physicalMs = boundMs;
    this.#boundMs = boundMs;
  }

  static async open(meta: MetaStore, clock: Clock, leadership: Leadership): Promise<TimestampOracle> {
    const stored = await meta.get(KEY);
    const boundMs =
      stored === undefined
        ? 0n
        : new DataView(stored.value.buffer, stored.value.byteOffset, 8).getBigUint64(0, true);
    const oracle = new TimestampOracle(meta, clock, leadership, boundMs);
    await oracle.#extend(0n);
    return oracle;
  }

  /** `count` consecutive timestamps, the first returned. Throws `fenced` when another oracle may lead. */
  async alloc(count: number): Promise<Timestamp> {
    // More would not fit the logical part, and the rest would be handed out twice.
    if (!Number.isInteger(count) || count < 1 || BigInt(count) > LOGICAL_MAX)
      throw parameterInvalid(`${count} timestamps at once: from 1 to ${LOGICAL_MAX} can be had`);
    for (;;) {
      this.#leadership.assertHeld();
      const first = this.#take(BigInt(count));
      if (first !== undefined) return first;
      await this.#extend(this.#physicalMs);
    }
  }

  #take(count: bigint): Timestamp | undefined {
    const now = BigInt(this.#clock.nowMs());
    let physicalMs = this.#physicalMs;
    let logical = this.#logical;
    if (now > physicalMs) {
      physicalMs = now;
      logical = 0n;
    }
    if (logical + count > LOGICAL_MAX) {
      physicalMs += 1n;
      logical = 0n;
    }
    if (physicalMs >= this.#boundMs) {
      this.#physicalMs = physicalMs;
      this.#logical = logical;
      return undefined;
    }
    this.#physicalMs = physicalMs;
    this.#logical = logical + count;
    if (this.#boundMs - physicalMs < LOW_WATER_MS && !this.#extending.locked) {
      // Nobody waits for it; when it fails, the next allocation that needs room meets the error.
      this.#extend(physicalMs).catch(() => undefined);
    }
    return composeTimestamp(physicalMs, logical);
  }

  async #extend(fromMs: bigint): Promise<void> {
    await this.#extending.run(async () => {
      if (this.#boundMs > fromMs && this.#boundMs - fromMs >= LOW_WATER_MS) return;
      const now = BigInt(this.#clock.nowMs());
      const base = [now, this.#physicalMs, this.#boundMs].reduce((max, ms) => (ms > max ? ms : max));
      const boundMs = base + WINDOW_MS;
      const value = new Uint8Array(8);
      new DataView(value.buffer).setBigUint64(0, boundMs, true);
      const { succeeded } = await this.#meta.txn({
        compare: [this.#leadership.compare],
        ops: [{ op: "put", key: KEY, value }],
      });
      if (!succeeded) throw fenced({ of: KEY, held: this.#boundMs });
      this.#boundMs = boundMs;
    });
  }
}
