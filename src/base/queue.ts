import { assert } from "./assert.ts";
import { Ring } from "./ring.ts";

/** Thrown by `push` on a queue that is closed. */
export class QueueClosedError extends Error {
  override readonly name = "QueueClosedError";
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * A bounded first-in, first-out queue between asynchronous producers and consumers.
 * `tryPush` is for those who answer "busy", `push` for those who can wait; both sides are served in order of arrival.
 * After `close`, consumers still get what is in it, then undefined; after `fail`, everyone gets the reason.
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly capacity: number;
  readonly #items = new Ring<T>();
  readonly #consumers = new Ring<Waiter<T | undefined>>();
  readonly #producers = new Ring<Waiter<void> & { readonly item: T }>();
  #closed = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor({ capacity }: { capacity: number }) {
    assert(
      Number.isInteger(capacity) && capacity > 0,
      `a queue needs a capacity of at least 1, not ${capacity}`,
    );
    this.capacity = capacity;
  }

  /** Items that wait for a consumer, without those whose producers wait for room. */
  get size(): number {
    return this.#items.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** False when full or closed. */
  tryPush(item: T): boolean {
    if (this.#closed) return false;
    const consumer = this.#consumers.shift();
    if (consumer !== undefined) {
      consumer.resolve(item);
      return true;
    }
    if (this.#items.size >= this.capacity || this.#producers.size > 0) return false;
    this.#items.push(item);
    return true;
  }

  /** Waits for room. Rejects with `QueueClosedError`, with the reason of `fail`, or with the signal's reason. */
  async push(item: T, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) return await Promise.reject(this.#failure.reason);
    if (this.#closed) throw new QueueClosedError("the queue is closed");
    if (this.tryPush(item)) return;
    await this.#wait<void, Waiter<void> & { readonly item: T }>(this.#producers, signal, (waiter) => ({
      ...waiter,
      item,
    }));
  }

  /** The oldest item without waiting; undefined when there is none. */
  tryShift(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#admitProducer();
    return item;
  }

  /** The oldest item, waiting for one; undefined once the queue is closed and empty. */
  async shift(signal?: AbortSignal): Promise<T | undefined> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) return await Promise.reject(this.#failure.reason);
    if (this.#items.size > 0) {
      const item = this.#items.shift();
      this.#admitProducer();
      return item;
    }
    if (this.#closed) return undefined;
    return await this.#wait<T | undefined, Waiter<T | undefined>>(
      this.#consumers,
      signal,
      (waiter) => waiter,
    );
  }

  /** No more items; what is queued can still be taken. Producers that wait for room are turned away. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#turnAway(new QueueClosedError("the queue was closed while waiting for room"));
    for (let waiter = this.#consumers.shift(); waiter; waiter = this.#consumers.shift())
      waiter.resolve(undefined);
  }

  /** Drops what is queued and gives `reason` to everyone who waits or comes later. */
  fail(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = { reason };
    this.#items.clear();
    this.#turnAway(reason);
    for (let waiter = this.#consumers.shift(); waiter; waiter = this.#consumers.shift())
      waiter.reject(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = await this.shift();
      if (item === undefined) return;
      yield item;
    }
  }

  #admitProducer(): void {
    const producer = this.#producers.shift();
    if (producer === undefined) return;
    this.#items.push(producer.item);
    producer.resolve();
  }

  #turnAway(reason: unknown): void {
    for (let waiter = this.#producers.shift(); waiter; waiter = this.#producers.shift())
      waiter.reject(reason);
  }

  #wait<R, W extends Waiter<R>>(
    waiters: Ring<W>,
    signal: AbortSignal | undefined,
    build: (waiter: Waiter<R>) => W,
  ): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const stopListening = () => signal?.removeEventListener("abort", abort);
    const waiter = build({
      resolve: (value) => {
        stopListening();
        resolve(value);
      },
      reject: (reason) => {
        stopListening();
        reject(reason);
      },
    });
    const abort = () => {
      waiters.remove(waiter);
      waiter.reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    waiters.push(waiter);
    return promise;
  }
}
