import { untilAborted } from "../../errors/until-aborted.ts";
import type { CallContext } from "../../model/call-context.ts";

interface Fill {
  readonly result: Promise<unknown>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * Concurrent fetches of the same key share one. A caller that gives up leaves the others theirs; the fetch itself is aborted
 * when the last one has left.
 */
export class SharedFills {
  readonly #running = new Map<string, Fill>();

  /**
   * @param fetch gets a context that outlives the first caller, and a question whether its result may be kept: no longer once
   * it was detached
   */
  async run<T>(
    key: string,
    ctx: CallContext,
    fetch: (shared: CallContext, isCurrent: () => boolean) => Promise<T>,
  ): Promise<T> {
    ctx.signal.throwIfAborted();
    const fill = this.#running.get(key) ?? this.#start(key, ctx, fetch);
    fill.waiters++;
    try {
      // The key decides what is fetched, so that whoever joins gets the type that the starter's fetch has.
      return (await untilAborted(fill.result, ctx.signal)) as T;
    } finally {
      if (--fill.waiters === 0) {
        if (this.#running.get(key) === fill) this.#running.delete(key);
        fill.controller.abort();
      }
    }
  }

  /** Nobody joins the running fetch of the key any more, and what it brings is not kept. */
  detach(key: string): void {
    this.#running.delete(key);
  }

  detachAll(): void {
    this.#running.clear();
  }

  #start<T>(
    key: string,
    ctx: CallContext,
    fetch: (shared: CallContext, isCurrent: () => boolean) => Promise<T>,
  ): Fill {
    const controller = new AbortController();
    const isCurrent = (): boolean => this.#running.get(key) === fill;
    const shared = { ...ctx, deadlineMs: undefined, signal: controller.signal };
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fill: Fill = { result: promise, controller, waiters: 0 };
    this.#running.set(key, fill);
    fetch(shared, isCurrent)
      .finally(() => {
        if (isCurrent()) this.#running.delete(key);
      })
      .then(resolve, reject);
    return fill;
  }
}
