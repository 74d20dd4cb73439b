const TICK_MS = 8;
/** A power of two. */
const SLOTS = 512;
const OUTSIDE = -1;
const EXPIRING = -2;

/**
 * Many timeouts on one timer: entries hang in a ring of slots, one slot per tick, and the timer sleeps until the next
 * slot that holds something. Adding and removing allocate nothing, so that each call can afford a deadline.
 * An entry that lies more than a turn of the ring ahead stays in its slot and is looked at once per turn.
 * Entries expire up to one tick late, never early.
 */
export class TimeoutWheel {
  readonly #slots: (WheelEntry | undefined)[] = new Array<WheelEntry | undefined>(SLOTS);
  readonly #originMs = performance.now();
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #armedTick = Infinity;
  #doneTick = 0;

  get size(): number {
    return this.#size;
  }

  /** `expiresAtMs` is on the clock of `performance.now()`. An entry is in one wheel once at a time. */
  add(entry: WheelEntry, expiresAtMs: number): void {
    this.remove(entry);
    entry.wheelExpiresAtMs = expiresAtMs;
    const tick = Math.max(this.#doneTick + 1, Math.ceil((expiresAtMs - this.#originMs) / TICK_MS));
    const slot = tick & (SLOTS - 1);
    const head = this.#slots[slot];
    entry.wheelSlot = slot;
    entry.wheelNext = head;
    entry.wheelPrevious = undefined;
    if (head !== undefined) head.wheelPrevious = entry;
    this.#slots[slot] = entry;
    this.#size++;
    if (tick < this.#armedTick) this.#arm(tick);
  }

  remove(entry: WheelEntry): void {
    if (entry.wheelSlot < 0) {
      entry.wheelSlot = OUTSIDE;
      return;
    }
    if (entry.wheelNext !== undefined) entry.wheelNext.wheelPrevious = entry.wheelPrevious;
    if (entry.wheelPrevious !== undefined) entry.wheelPrevious.wheelNext = entry.wheelNext;
    else this.#slots[entry.wheelSlot] = entry.wheelNext;
    entry.wheelSlot = OUTSIDE;
    entry.wheelNext = undefined;
    entry.wheelPrevious = undefined;
    this.#size--;
  }

  #arm(tick: number): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#armedTick = tick;
    // A tick too far for one timer is approached in turns of the ring.
    const delayMs = Math.min(this.#originMs + tick * TICK_MS - performance.now(), SLOTS * TICK_MS);
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, Math.ceil(delayMs)));
    this.#timer.unref();
  }

  #fire(): void {
    this.#timer = undefined;
    this.#armedTick = Infinity;
    const nowMs = performance.now();
    const nowTick = Math.floor((nowMs - this.#originMs) / TICK_MS);
    const firstTick = Math.max(this.#doneTick + 1, nowTick - SLOTS + 1);
    this.#doneTick = nowTick;
    for (let tick = firstTick; tick <= nowTick; tick++) this.#expire(tick & (SLOTS - 1), nowMs);
    if (this.#size === 0) return;
    let next = nowTick + 1;
    while (next < nowTick + SLOTS && this.#slots[next & (SLOTS - 1)] === undefined) next++;
    if (next < this.#armedTick) this.#arm(next);
  }

  #expire(slot: number, nowMs: number): void {
    const expired: WheelEntry[] = [];
    for (let entry = this.#slots[slot]; entry !== undefined;) {
      const next: WheelEntry | undefined = entry.wheelNext;
      if (entry.wheelExpiresAtMs <= nowMs) {
        this.remove(entry);
        entry.wheelSlot = EXPIRING;
        expired.push(entry);
      }
      entry = next;
    }
    for (const entry of expired) {
      // One that an earlier one removed or added again is not expired any more.
      if (entry.wheelSlot !== EXPIRING) continue;
      entry.wheelSlot = OUTSIDE;
      entry.onTimeout(nowMs);
    }
  }
}

/** Base of what hangs in a wheel; the `wheel*` fields belong to the wheel. */
export abstract class WheelEntry {
  wheelSlot = OUTSIDE;
  wheelExpiresAtMs = Infinity;
  wheelNext: WheelEntry | undefined = undefined;
  wheelPrevious: WheelEntry | undefined = undefined;

  abstract onTimeout(nowMs: number): void;
}
