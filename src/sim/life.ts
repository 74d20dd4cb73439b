import type { Clock, Timer } from "../ports/clock.ts";
import type { World } from "./world.ts";

/**
 * One run of a process, from its start to its crash. Everything that the process waits for comes through here, so that a dead
 * one never learns anything more: its promises stay open and its code stands still where it waits. What it had sent or
 * written before is on its way without it.
 */
export class Life {
  readonly name: string;
  readonly world: World;
  readonly #deaths = new Set<() => void>();
  #alive = true;
  #stalledUntilMs = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Idempotent. */
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    const deaths = [...this.#deaths];
    this.#deaths.clear();
    for (const onDeath of deaths) onDeath();
  }

  /** Nothing happens in it for a while, although the world goes on: the machine swaps, or a virtual one is moved. */
  stall(forMs: number): void {
    this.#stalledUntilMs = this.world.nowMs + forMs;
  }

  /** Runs it now, or when the process goes on; never when it has died by then. */
  wake(run: () => void): void {
    if (!this.#alive) return;
    const waitMs = this.#stalledUntilMs - this.world.nowMs;
    if (waitMs <= 0) run();
    else this.world.after(waitMs, "stalled", () => this.wake(run));
  }

  /** Returns how not to hear of it any more. */
  onDeath(listener: () => void): () => void {
    if (this.#alive) this.#deaths.add(listener);
    else listener();
    return () => this.#deaths.delete(listener);
  }

  /** The answer of `act`, which runs after the delay unless the process has died by then. */
  after<T>(delayMs: number, label: string, act: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.world.after(delayMs, label, () =>
        this.wake(() => {
          try {
            Promise.resolve(act()).then(this.#ifAlive(resolve), this.#ifAlive(reject));
          } catch (error) {
            reject(error);
          }
        }),
      );
    });
  }

  /** Passes a promise of the outside world on, as long as the process lives. */
  hear<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => void promise.then(this.#ifAlive(resolve), this.#ifAlive(reject)));
  }

  #ifAlive<A>(then: (value: A) => void): (value: A) => void {
    return (value) => this.wake(() => then(value));
  }
}

/** The clocks of one process: a wall clock that is off and jumps, a monotonic one that runs a little fast or slow. */
export class SimClock implements Clock {
  readonly #life: Life;
  readonly #machine: MachineTime;

  constructor(life: Life, machine: MachineTime) {
    this.#life = life;
    this.#machine = machine;
  }

  nowMs(): number {
    return Math.floor(EPOCH_MS + this.#life.world.nowMs + this.#machine.offsetMs);
  }

  monotonicMs(): number {
    return this.#life.world.nowMs * this.#machine.rate;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const abort = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = this.timer(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  timer(ms: number, callback: () => void): Timer {
    let due = true;
    const event = this.#life.world.after(ms / this.#machine.rate, "timer", () =>
      this.#life.wake(() => {
        if (due) callback();
      }),
    );
    return {
      cancel: () => {
        due = false;
        event.cancel();
      },
    };
  }
}

/** What a machine's clocks are like; outlives its processes. */
export interface MachineTime {
  /** Of the wall clock; changes at a jump. */
  offsetMs: number;
  /** Of the monotonic clock, near 1. */
  readonly rate: number;
}

/** Some moment to begin at: 2026-01-01. */
export const EPOCH_MS = 1_767_225_600_000;
