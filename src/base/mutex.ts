import { Ring } from "./ring.ts";

/** Mutual exclusion for asynchronous sections; whoever asked first is next. Not reentrant. */
export class Mutex {
  readonly #waiters = new Ring<() => void>();
  #locked = false;

  get locked(): boolean {
    return this.#locked;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Runs `section` alone; its result or error passes through. */
  async run<T>(section: () => T | PromiseLike<T>, signal?: AbortSignal): Promise<T> {
    using _ = await this.acquire(signal);
    return await section();
  }

  /** The lock, to be released by disposing it (twice is harmless). Rejects with the signal's reason. */
  async acquire(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#locked) await this.#turn(signal);
    else this.#locked = true;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#release();
        held = false;
      },
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    };
    const abort = () => {
      this.#waiters.remove(waiter);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiters.push(waiter);
    return promise;
  }

  /** Hands the lock to the next one directly, so that nobody can slip in between. */
  #release(): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#locked = false;
    else next();
  }
}

/** A mutex per key; keys that nobody uses take no memory. */
export class KeyedMutex<K> {
  readonly #mutexes = new Map<K, Mutex>();

  /** Keys in use. */
  get size(): number {
    return this.#mutexes.size;
  }

  async run<T>(key: K, section: () => T | PromiseLike<T>, signal?: AbortSignal): Promise<T> {
    let mutex = this.#mutexes.get(key);
    if (mutex === undefined) {
      mutex = new Mutex();
      this.#mutexes.set(key, mutex);
    }
    try {
      return await mutex.run(section, signal);
    } finally {
      if (!mutex.locked && this.#mutexes.get(key) === mutex) this.#mutexes.delete(key);
    }
  }
}
