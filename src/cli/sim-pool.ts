import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SeedReport, SeedTask } from "./sim-seed.ts";

/**
 * Runs seeds in processes of their own: several at once, and one that brings its process down, or does not end, is a failed seed and
 * not the end of the run. Processes end with this one.
 */
export class SeedPool {
  readonly #program: string;
  readonly #jobs: number;
  readonly #limitMs: number;
  readonly #queue: Waiting[] = [];
  readonly #idle: ChildProcess[] = [];
  readonly #busy = new Set<ChildProcess>();
  /** Of every process that has not ended yet, also of those that were killed. */
  readonly #exits = new Map<ChildProcess, Promise<void>>();

  constructor({ jobs, program = PROGRAM, limitMs = LIMIT_MS }: SeedPoolOptions) {
    this.#jobs = jobs;
    this.#program = program;
    this.#limitMs = limitMs;
  }

  /** Never rejects: whatever happens to the process is what the report says. */
  run(task: SeedTask): Promise<SeedReport> {
    return new Promise((resolve) => {
      this.#queue.push({ task, resolve });
      this.#next();
    });
  }

  /** Reports in the order of the tasks, which run a little ahead. */
  async *inOrder(tasks: Iterable<SeedTask>): AsyncGenerator<SeedReport> {
    const ahead: Promise<SeedReport>[] = [];
    for (const task of tasks) {
      ahead.push(this.run(task));
      if (ahead.length < this.#jobs * AHEAD) continue;
      const report = await ahead.shift();
      if (report !== undefined) yield report;
    }
    for (const report of ahead) yield report;
  }

  /** Kills what still runs, whose tasks are lost; fulfilled when no process is left. */
  async close(): Promise<void> {
    this.#queue.length = 0;
    for (const child of this.#exits.keys()) child.kill("SIGKILL");
    await Promise.all(this.#exits.values());
  }

  #next(): void {
    if (this.#busy.size >= this.#jobs) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    const child = this.#idle.pop() ?? this.#start();
    this.#busy.add(child);
    const settle = (report: SeedReport, again: "reuse" | "end"): void => {
      clearTimeout(timer);
      child.off("message", answered).off("exit", ended);
      this.#busy.delete(child);
      if (again === "reuse") this.#idle.push(child);
      waiting.resolve(report);
      this.#next();
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      settle(lost(waiting.task, `the run has not ended after ${this.#limitMs} ms`), "end");
    }, this.#limitMs);
    const answered = (report: unknown): void => settle(report as SeedReport, "reuse");
    const ended = (code: number | null, signal: string | null): void =>
      settle(lost(waiting.task, `the process ended with ${signal ?? `code ${code}`}`), "end");
    child.once("message", answered).once("exit", ended);
    child.send(waiting.task);
  }

  #start(): ChildProcess {
    const child = fork(this.#program, [], { serialization: "advanced" });
    const gone = new Promise<void>((resolve) => {
      child.once("exit", () => {
        this.#exits.delete(child);
        const idle = this.#idle.indexOf(child);
        if (idle >= 0) this.#idle.splice(idle, 1);
        resolve();
      });
    });
    this.#exits.set(child, gone);
    // A task that cannot be sent: the exit that goes with it is what counts.
    child.on("error", () => child.kill("SIGKILL"));
    return child;
  }
}

export interface SeedPoolOptions {
  /** Processes at once. */
  readonly jobs: number;
  /** File of the worker program; that of another source tree runs that tree. */
  readonly program?: string;
  /** Of one task; longer means that it does not end. */
  readonly limitMs?: number;
}

interface Waiting {
  readonly task: SeedTask;
  readonly resolve: (report: SeedReport) => void;
}

function lost({ limits }: SeedTask, problem: string): SeedReport {
  const coverage = {
    operations: new Map(),
    points: new Map(),
    transitions: new Map(),
    faults: new Map(),
    indexes: new Map(),
  };
  return { limits, operations: 0, faults: 0, summary: "no answer", problem, coverage };
}

const PROGRAM = fileURLToPath(new URL("./sim-worker.ts", import.meta.url));
const LIMIT_MS = 600_000;
/** Seeds take unequal times: a few more than there are processes wait, so that none is idle. */
const AHEAD = 4;
