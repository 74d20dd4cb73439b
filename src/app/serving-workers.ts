import { Worker } from "node:worker_threads";

/**
 * Serving threads before anybody has work for them. They load their modules while this thread loads its own, which is most of a
 * start, and wait for the message that says who they are. None keeps the process alive until it is taken.
 */
export class ServingWorkers {
  readonly #waiting: WaitingWorker[];

  constructor(count: number) {
    this.#waiting = Array.from({ length: count }, () => new WaitingWorker());
  }

  /** `failed` is called when the thread ends by itself, also if it has done so already. */
  take(failed: (error: unknown) => void): Worker {
    return (this.#waiting.shift() ?? new WaitingWorker()).take(failed);
  }
}

class WaitingWorker {
  readonly #worker = new Worker(new URL("./serving-thread.ts", import.meta.url), { name: "serving" });
  #failure: { readonly error: unknown } | undefined;
  #failed: (error: unknown) => void = (error) => (this.#failure ??= { error });

  constructor() {
    this.#worker.unref();
    this.#worker.on("error", (error) => this.#failed(error));
    this.#worker.on("exit", (code) => this.#failed(new Error(`a serving thread ended with code ${code}`)));
  }

  take(failed: (error: unknown) => void): Worker {
    this.#failed = failed;
    if (this.#failure !== undefined) failed(this.#failure.error);
    this.#worker.ref();
    return this.#worker;
  }
}
