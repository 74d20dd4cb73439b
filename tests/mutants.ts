/**
 * Plants bugs, one at a time, in a copy of the sources, and runs the simulation on each until it finds it:
 *
 *     npm run sim:mutants [-- --only 03-visible-before-durable,tso --seeds 500 --from 1 --jobs N]
 *
 * A bug is found when a seed fails with it that passes without it. One that no seed finds is a failure: the simulation lacks an
 * operation, a fault or a check. The bugs and what they do to a user: tests/mutants/*.patch.
 */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeedPool } from "../src/cli/sim-pool.ts";
import type { SeedTask } from "../src/cli/sim-seed.ts";
import { listMutants, plant, type Mutant } from "./mutants/mutant.ts";

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      seeds: { type: "string", default: "500" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: String(availableParallelism()) },
    },
  });
  const parts = values.only?.split(",");
  const mutants = listMutants().filter(({ name }) => parts?.some((part) => name.includes(part)) ?? true);
  if (mutants.length === 0) {
    console.error(`no mutant is named like ${values.only}`);
    return 2;
  }
  const hunt = new Hunt({
    seeds: Number(values.seeds),
    from: Number(values.from),
    jobs: Number(values.jobs),
  });
  let missed = 0;
  for (const mutant of mutants) if (!(await hunt.report(mutant))) missed += 1;
  await hunt.close();
  console.log(`${mutants.length - missed} passed, ${missed} failed`);
  return missed === 0 ? 0 : 1;
}

interface HuntOptions {
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
}

class Hunt {
  readonly #options: HuntOptions;
  /** Runs the sources as they are. */
  readonly #healthy: SeedPool;
  readonly #passes = new Map<number, Promise<boolean>>();

  constructor(options: HuntOptions) {
    this.#options = options;
    this.#healthy = new SeedPool({ jobs: options.jobs });
  }

  /** Prints what became of the mutant; true when it was found. */
  async report(mutant: Mutant): Promise<boolean> {
    const startedMs = performance.now();
    const line = (verdict: string, details: string): void => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      console.log(`${verdict} ${mutant.name} (${seconds} s): ${details}`);
    };
    try {
      const found = await this.#find(mutant);
      if (found === undefined) line("MISSED", `nothing in ${this.#options.seeds} seeds`);
      else line("found ", `seed ${found.seed}: ${firstLine(found.problem)}`);
      return found !== undefined;
    } catch (error) {
      // It no longer fits the sources, mostly.
      line("BROKEN", error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  close(): Promise<void> {
    return this.#healthy.close();
  }

  async #find(mutant: Mutant): Promise<{ readonly seed: number; readonly problem: string } | undefined> {
    const folder = plant(mutant);
    const { jobs, from, seeds } = this.#options;
    const pool = new SeedPool({ jobs, program: path.join(folder, "src/cli/sim-worker.ts") });
    try {
      const tasks = Array.from({ length: seeds }, (_, i) => taskOf(from + i));
      for await (const { limits, problem } of pool.inOrder(tasks)) {
        if (problem === undefined) continue;
        if (await this.#passesHealthy(limits.seed)) return { seed: limits.seed, problem };
        console.log(`seed ${limits.seed} fails without ${mutant.name}, too`);
      }
      return undefined;
    } finally {
      await pool.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #passesHealthy(seed: number): Promise<boolean> {
    let passes = this.#passes.get(seed);
    if (passes === undefined) {
      passes = this.#healthy.run(taskOf(seed)).then(({ problem }) => problem === undefined);
      this.#passes.set(seed, passes);
    }
    return passes;
  }
}

function taskOf(seed: number): SeedTask {
  return { kind: "examine", limits: { seed }, twice: false };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
