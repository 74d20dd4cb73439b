import type { Clock, Timer } from "../../src/ports/clock.ts";

/** A clock that moves only by `advance`. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  get pendingTimers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const timer = this.timer(ms, resolve);
      signal?.addEventListener("abort", () => (timer.cancel(), reject(signal.reason)), { once: true });
    });
  }

  timer(ms: number, callback: () => void): Timer {
    const entry = { atMs: this.#nowMs + ms, callback };
    this.#timers.add(entry);
    return { cancel: () => this.#timers.delete(entry) };
  }

  /** Fires what is due, in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets everything run that waits for promises only. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
