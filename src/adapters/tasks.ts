import { backoffDelayMs } from "../base/backoff.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { TaskGroup, TaskHandle, TaskOptions } from "../ports/executor.ts";
import type { Rng } from "../ports/rng.ts";

/**
 * Background tasks as promises on this thread. Uses only ports, so production and simulation share it.
 * A run that lasted `STEADY_MS` counts as recovered: the restarts before it are forgotten.
 */
export class TaskRunner implements TaskGroup {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #report: TaskReport;
  readonly #running = new Map<TaskHandle, string>();
  readonly #children: TaskRunner[] = [];
  #stopped = false;

  /** @param report hears of every failure: of restarts, and of ends that no `failed` callback takes */
  constructor(clock: Clock, rng: Rng, report: TaskReport) {
    this.#clock = clock;
    this.#rng = rng;
    this.#report = report;
  }

  /** Names of the tasks that have not ended. */
  get names(): readonly string[] {
    return [...this.#running.values()];
  }

  child(): TaskGroup {
    const child = new TaskRunner(this.#clock, this.#rng, this.#report);
    this.#children.push(child);
    return child;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([
      ...this.#children.map((child) => child.stop()),
      ...[...this.#running.keys()].map((task) => task.stop()),
    ]);
  }

  spawn(name: string, run: (signal: AbortSignal) => Promise<void>, options: TaskOptions = {}): TaskHandle {
    const abort = new AbortController();
    if (this.#stopped) abort.abort();
    const ended = this.#supervise(name, run, options, abort.signal).finally(() =>
      this.#running.delete(handle),
    );
    const handle: TaskHandle = {
      stop: () => {
        abort.abort();
        return ended;
      },
    };
    this.#running.set(handle, name);
    return handle;
  }

  /** Never rejects. */
  async #supervise(
    name: string,
    run: (signal: AbortSignal) => Promise<void>,
    options: TaskOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { endless = false } = options;
    const restartsMax = endless ? Infinity : (options.restarts ?? DEFAULT_RESTARTS);
    let restarts = 0;
    for (;;) {
      const startedMs = this.#clock.monotonicMs();
      try {
        // Behind a turn of the queue, so that the caller holds the handle before the first line runs.
        await Promise.resolve();
        if (!signal.aborted) await run(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#clock.monotonicMs() - startedMs >= STEADY_MS) restarts = 0;
        const mayGoOn = isTransient(error) || (endless && isRedkiteError(error));
        if (!mayGoOn || restarts >= restartsMax) {
          if (options.failed === undefined) this.#report({ task: name, outcome: "ended", error });
          else options.failed(error);
          return;
        }
        const pauseMs = backoffDelayMs(RESTART_BACKOFF, restarts++, () => this.#rng.float());
        this.#report({ task: name, outcome: "restarts", pauseMs, error });
        if (!(await this.#pause(pauseMs, signal))) return;
      }
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#clock.sleep(ms, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

/**
 * A client is not told to repeat what an input/output error or a transaction of unknown outcome cut short. Background work can be
 * repeated as a whole, and must be: nobody else will do it.
 */
function isTransient(error: unknown): boolean {
  return isRedkiteError(error) && (error.retriable || MAY_PASS.has(error.kind));
}

const MAY_PASS: ReadonlySet<string> = new Set(["diskFailed", "ioFailed", "metaUnknownOutcome"]);

export type TaskReport = (failure: TaskFailure) => void;

export type TaskFailure =
  | { readonly task: string; readonly outcome: "restarts"; readonly pauseMs: number; readonly error: unknown }
  | { readonly task: string; readonly outcome: "ended"; readonly error: unknown };

const DEFAULT_RESTARTS = 8;
const STEADY_MS = 60_000;
const RESTART_BACKOFF = { baseMs: 50, maxMs: 5_000 };
