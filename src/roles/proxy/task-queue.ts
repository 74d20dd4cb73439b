import { assert } from "../../base/assert.ts";
import { Ring } from "../../base/ring.ts";
import { abortReason, serviceTooManyRequests } from "../../errors/service-errors.ts";

export interface TaskQueueOptions {
  /** Tasks that run or wait; one more is refused with serviceTooManyRequests. */
  readonly capacity: number;
  /** Tasks that run at once. */
  readonly concurrency: number;
}

interface Waiting {
  readonly serialKey: string | undefined;
  readonly start: () => void;
}

/**
 * One of a proxy's queues for DDL, DML and DQL: first come, first served; tasks of the same serial key run one after another.
 * A task whose caller gives up while it waits leaves the queue; one that runs is ended by its own signal.
 */
export class TaskQueue {
  readonly #options: TaskQueueOptions;
  readonly #waiting = new Ring<Waiting>();
  readonly #busyKeys = new Set<string>();
  #running = 0;

  constructor(options: TaskQueueOptions) {
    assert(options.concurrency > 0 && options.capacity > 0, "a task queue needs room for a task");
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  async run<T>(task: () => Promise<T>, signal: () => AbortSignal, serialKey?: string): Promise<T> {
    const { capacity, concurrency } = this.#options;
    if (this.#running + this.#waiting.size >= capacity) throw serviceTooManyRequests(capacity);
    const free = this.#running < concurrency && this.#waiting.size === 0 && !this.#isBusy(serialKey);
    if (!free) await this.#turn(signal(), serialKey);
    else this.#begin(serialKey);
    try {
      return await task();
    } finally {
      this.#end(serialKey);
    }
  }

  #turn(signal: AbortSignal, serialKey: string | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiting = {
      serialKey,
      start: () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
    };
    const abort = (): void => {
      this.#waiting.remove(waiter);
      reject(abortReason(signal));
    };
    if (signal.aborted) return Promise.reject(abortReason(signal));
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.push(waiter);
    // It may be free to go at once, when only others wait for their keys.
    this.#startNext();
    return promise;
  }

  #begin(serialKey: string | undefined): void {
    this.#running++;
    if (serialKey !== undefined) this.#busyKeys.add(serialKey);
  }

  #end(serialKey: string | undefined): void {
    this.#running--;
    if (serialKey !== undefined) this.#busyKeys.delete(serialKey);
    this.#startNext();
  }

  /** Starts waiting tasks in their order, passing over those whose key is busy. */
  #startNext(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (this.#running >= this.#options.concurrency) return;
      if (this.#isBusy(next.serialKey)) return this.#passOver();
      this.#waiting.shift();
      this.#start(next);
    }
  }

  #passOver(): void {
    for (const waiter of this.#waiting.toArray()) {
      if (this.#running >= this.#options.concurrency) return;
      if (this.#isBusy(waiter.serialKey)) continue;
      this.#waiting.remove(waiter);
      this.#start(waiter);
    }
  }

  #start(waiter: Waiting): void {
    this.#begin(waiter.serialKey);
    waiter.start();
  }

  #isBusy(serialKey: string | undefined): boolean {
    return serialKey !== undefined && this.#busyKeys.has(serialKey);
  }
}
