import { Deferred } from "../base/deferred.ts";
import type { Logger } from "../obs/logger.ts";

/**
 * How a process ends: on the first SIGTERM or SIGINT (or a failure) what was started is ended in reverse order, each step within the time
 * given; a second signal ends the process at once.
 */
export class Shutdown {
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  readonly #steps: { readonly name: string; readonly end: () => Promise<void> }[] = [];
  readonly #requested = new Deferred<void>();
  readonly #stopping = new AbortController();
  #exitCode = 0;

  constructor(timeoutMs: number, logger: Logger) {
    this.#timeoutMs = timeoutMs;
    this.#logger = logger;
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.#onSignal(signal));
  }

  get requested(): Promise<void> {
    return this.#requested.promise;
  }

  get exitCode(): number {
    return this.#exitCode;
  }

  /** Aborts when the steps before it have run: for work that nobody waits for. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Ends before everything that was added earlier. */
  last(name: string, end: () => Promise<void>): void {
    this.#steps.push({ name, end });
  }

  /** Something that the server cannot go on without is gone. */
  fail(reason: string, error: unknown): void {
    if (this.#requested.settled) return;
    this.#logger.error(reason, { error });
    this.#exitCode = 1;
    this.#requested.resolve();
  }

  async run(): Promise<void> {
    this.#requested.resolve();
    for (const { name, end } of this.#steps.splice(0).reverse()) {
      const timeout = new Deferred<"timeout">();
      const timer = setTimeout(() => timeout.resolve("timeout"), this.#timeoutMs);
      try {
        const outcome = await Promise.race([end(), timeout.promise]);
        if (outcome === "timeout")
          this.#logger.warn("did not end in time", { part: name, timeoutMs: this.#timeoutMs });
      } catch (error) {
        this.#logger.warn("did not end cleanly", { part: name, error });
      } finally {
        clearTimeout(timer);
      }
      this.#stopping.abort();
    }
  }

  #onSignal(signal: string): void {
    if (this.#requested.settled) process.exit(signal === "SIGINT" ? 130 : 143);
    this.#requested.resolve();
  }
}
