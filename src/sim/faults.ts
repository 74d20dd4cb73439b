import type { Prng } from "../base/prng.ts";
import { streamUnavailable } from "../errors/storage-errors.ts";
import type { Faults } from "../ports/faults.ts";
import type { Life } from "./life.ts";

/** Every named point of core and roles. A test compares it with the sources. */
export const FAULT_POINTS = [
  "compaction.after-commit",
  "compaction.after-files",
  "compaction.before-commit",
  "compaction.before-files",
  "create-collection.after-record",
  "ddl.after-append",
  "ddl.after-intent",
  "ddl.after-timestamp",
  "ddl.before-invalidate",
  "drop-collection.after-record",
  "drop-collection.before-forget",
  "flush.after-commit",
  "flush.before-commit",
  "flush.before-deltas",
  "flush.before-files",
  "gc.before-files",
  "index.before-build",
  "index.before-commit",
  "load.after-record",
  "seal.after-metadata",
  "seal.before-metadata",
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

/** What the plan of a run says about fault points; shared by all processes. */
export interface FaultPlan {
  /** Chance that a step at a point fails, and that the process dies there. */
  failures: number;
  crashes: number;
  /** Points to strike at the next time they are met. */
  readonly wanted: Map<string, "fail" | "crash">;
  /** Hear of every point before the process that meets it goes on. */
  readonly listeners: Set<(point: string, life: Life) => void>;
  readonly met: (point: string, outcome: "passed" | "failed" | "crashed") => void;
}

/** The points as one process meets them. */
export class SimFaults implements Faults {
  readonly #plan: FaultPlan;
  readonly #life: Life;
  readonly #random: Prng;
  readonly #crash: () => void;

  constructor(plan: FaultPlan, life: Life, crash: () => void) {
    this.#plan = plan;
    this.#life = life;
    this.#random = life.world.random(`faults ${life.name}`);
    this.#crash = crash;
  }

  async point(name: string): Promise<void> {
    const outcome = this.#outcome(name);
    this.#plan.met(name, outcome);
    for (const listener of [...this.#plan.listeners]) listener(name, this.#life);
    if (outcome === "crashed") {
      this.#life.world.note(`crash at ${name} of ${this.#life.name}`);
      this.#crash();
      return new Promise(() => undefined);
    }
    // Even where nothing fails, others get a turn: that is where races show.
    await this.#life.after(this.#random.float(), name, () => undefined);
    if (outcome === "failed") throw streamUnavailable(`the step at ${name} was made to fail`);
  }

  #outcome(name: string): "passed" | "failed" | "crashed" {
    const wanted = this.#plan.wanted.get(name);
    this.#plan.wanted.delete(name);
    if (wanted !== undefined) return wanted === "fail" ? "failed" : "crashed";
    if (this.#random.chance(this.#plan.crashes)) return "crashed";
    return this.#random.chance(this.#plan.failures) ? "failed" : "passed";
  }
}
