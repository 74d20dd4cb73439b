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

  /** Kills what still runs; its tasks stay without a report. */
  close(): void {
    this.#queue.length = 0;
    for (const child of [...this.#idle.splice(0), ...this.#busy]) {
      child.removeAllListeners();
      child.kill("SIGKILL");
    }
    this.#busy.clear();
  }

  #next(): void {
    if (this.#busy.size >= this.#jobs) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    const child = this.#idle.pop() ?? fork(this.#program, [], { serialization: "advanced" });
    this.#busy.add(child);
    const settle = (report: SeedReport, again: "reuse" | "end"): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      this.#busy.delete(child);
      if (again === "reuse") this.#idle.push(child);
      waiting.resolve(report);
      this.#next();
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      settle(lost(waiting.task, `the run has not ended after ${this.#limitMs} ms`), "end");
    }, this.#limitMs);
    child.once("message", (report) => settle(report as SeedReport, "reuse"));
    child.once("exit", (code, signal) =>
      settle(lost(waiting.task, `the process ended with ${signal ?? `code ${code}`}`), "end"),
    );
    child.send(waiting.task);
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
  const coverage = { operations: new Map(), points: new Map(), transitions: new Map(), faults: new Map() };
  return { limits, operations: 0, faults: 0, summary: "no answer", problem, coverage };
}

const PROGRAM = fileURLToPath(new URL("./sim-worker.ts", import.meta.url));
const LIMIT_MS = 600_000;
/** Seeds take unequal times: a few more than there are processes wait, so that none is idle. */
const AHEAD = 4;
