import type { CoverageCounts } from "../sim/coverage.ts";
import { runSeed, type SeedOptions, type SeedResult } from "../sim/run-seed.ts";

/** What is wanted of one seed. Crosses a process boundary: plain data only. */
export interface SeedTask {
  /** `shrink`: the seed is known to fail; find fewer operations and faults that still show it. */
  readonly kind: "examine" | "shrink";
  readonly limits: SeedLimits;
  /** Also runs it a second time: both must give the same trace. */
  readonly twice: boolean;
}

export type SeedLimits = Omit<SeedOptions, "log">;

/** What became of a task. Plain data too. */
export interface SeedReport {
  /** As asked, or what the seed was shrunk to. */
  readonly limits: SeedLimits;
  /** What ran until the end, or until something was wrong. */
  readonly operations: number;
  readonly faults: number;
  readonly summary: string;
  /** What is wrong; undefined when nothing is. */
  readonly problem: string | undefined;
  readonly coverage: CoverageCounts;
}

/** Does a task in this process. The listener hears every event. */
export async function runSeedTask(task: SeedTask, log?: (line: string) => void): Promise<SeedReport> {
  const { limits, twice } = task;
  return task.kind === "examine" ? examine(limits, twice, log) : shrink(limits, twice);
}

async function examine(
  limits: SeedLimits,
  twice: boolean,
  log?: (line: string) => void,
): Promise<SeedReport> {
  const result = await runSeed({ ...limits, ...(log && { log }) });
  const { operations, coverage } = result;
  return {
    limits,
    operations,
    faults: coverage.faultCount,
    summary: describe(result),
    problem: result.violations[0]?.detail ?? (twice ? await replayProblem(limits, result) : undefined),
    coverage: {
      operations: coverage.operations,
      points: coverage.points,
      transitions: coverage.transitions,
      faults: coverage.faults,
      indexes: coverage.indexes,
    },
  };
}

async function replayProblem(limits: SeedLimits, first: SeedResult): Promise<string | undefined> {
  const again = await runSeed(limits);
  if (again.traceHash === first.traceHash) return undefined;
  return `two runs differ: trace ${first.traceHash} and ${again.traceHash}`;
}

/**
 * Fewer operations, then fewer faults, as long as something is still wrong. With fewer of them a run takes another course, so that
 * failing is not monotonic: every share is tried, from the smallest on, until one fails.
 */
async function shrink(limits: SeedLimits, twice: boolean): Promise<SeedReport> {
  let smallest = await examine(limits, twice);
  if (smallest.problem === undefined) return smallest;
  for (const name of ["operations", "faults"] as const) {
    for (const share of SHRINK_SHARES) {
      const fewer = Math.floor(smallest[name] * share);
      const report = await examine({ ...smallest.limits, [name]: fewer }, twice);
      if (report.problem === undefined) continue;
      smallest = report;
      break;
    }
  }
  return smallest;
}

function describe({ topology, engine, operations, coverage, virtualMs, traceHash }: SeedResult): string {
  return `${topology}, ${engine} engine, ${operations} operations, ${coverage.faultCount} faults, ${(virtualMs / 1000).toFixed(0)} s of its time, trace ${traceHash}`;
}

const SHRINK_SHARES = [0, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1];
