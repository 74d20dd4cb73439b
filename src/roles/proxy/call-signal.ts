import { deadlineExceeded } from "../../errors/service-errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { IncomingCall } from "./incoming-call.ts";

interface Watch {
  readonly controller: AbortController;
  readonly timer: Timer;
  readonly abort: () => void;
}

/**
 * The signal that ends a call's work. A client's own deadline is the transport's business; a call without one ends after
 * `timeoutMs`. Nothing is made for calls that never look at it.
 */
export class CallSignal implements Disposable {
  readonly deadlineMs: number;
  readonly #incoming: IncomingCall;
  readonly #clock: Clock;
  #own: Watch | undefined;

  constructor(incoming: IncomingCall, clock: Clock, timeoutMs: number) {
    this.#incoming = incoming;
    this.#clock = clock;
    this.deadlineMs = incoming.deadlineMs ?? clock.nowMs() + timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#incoming.deadlineMs !== undefined) return this.#incoming.signal;
    this.#own ??= this.#watch();
    return this.#own.controller.signal;
  }

  [Symbol.dispose](): void {
    if (this.#own === undefined) return;
    this.#own.timer.cancel();
    this.#incoming.signal.removeEventListener("abort", this.#own.abort);
  }

  #watch(): Watch {
    const { signal } = this.#incoming;
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const leftMs = Math.max(0, this.deadlineMs - this.#clock.nowMs());
    const timer = this.#clock.timer(leftMs, () => controller.abort(deadlineExceeded()));
    return { controller, timer, abort };
  }
}
