import type { CallContext } from "../../model/call-context.ts";
import type { CancelFlag } from "../../ports/engine.ts";

/** Ends the engine's work when a call ends. Nothing is made for calls that never leave their thread: they cannot be met by it. */
export class CancelOnAbort implements Disposable {
  readonly #ctx: Pick<CallContext, "signal">;
  #flag: CancelFlag | undefined;
  readonly #abort = (): void => {
    if (this.#flag !== undefined) Atomics.store(this.#flag.word, 0, 1);
  };

  constructor(ctx: Pick<CallContext, "signal">) {
    this.#ctx = ctx;
  }

  get flag(): CancelFlag {
    if (this.#flag !== undefined) return this.#flag;
    this.#flag = { word: new Int32Array(new SharedArrayBuffer(4)) };
    const { signal } = this.#ctx;
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
    return this.#flag;
  }

  [Symbol.dispose](): void {
    if (this.#flag !== undefined) this.#ctx.signal.removeEventListener("abort", this.#abort);
  }
}
