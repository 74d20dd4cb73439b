import { availableParallelism } from "node:os";
import { ADMIN_OPERATIONS } from "../sim/admin-client.ts";
import { Coverage } from "../sim/coverage.ts";
import { DATA_OPERATIONS } from "../sim/data-client.ts";
import { INDEX_EVENTS } from "../sim/index-types.ts";
import { TRANSITIONS } from "../sim/meta-check.ts";
import { FAULT_KINDS } from "../sim/nemesis.ts";
import { ExitCode, UsageError, type Command, type Print } from "./command.ts";
import { parseOptions } from "./parse-options.ts";
import { SeedPool } from "./sim-pool.ts";
import { runSeedTask, type SeedLimits, type SeedReport, type SeedTask } from "./sim-seed.ts";

/**
 * `redkite sim --seeds N --from S`: runs N whole lives of a database, several at once, each twice now and then to see that it replays
 * exactly. Fails on any wrong answer; prints the command that replays the first, with as few operations and faults as still show it.
 * A run long enough to have met everything fails when some operation, transition, fault or crash at a fault point never occurred.
 */
export const sim: Command = async (args, print) => {
  const given = parse(args);
  const seeds = count(given, "--seeds", 10);
  const from = count(given, "--from", 1);
  const limits: Omit<SeedLimits, "seed"> = {
    ...(given.has("--operations") && { operations: count(given, "--operations", 0) }),
    ...(given.has("--faults") && { faults: count(given, "--faults", 0) }),
  };
  const tasks = Array.from({ length: seeds }, (_, i): SeedTask => ({
    kind: "examine",
    limits: { ...limits, seed: from + i },
    twice: i % REPLAYED_EVERY === 0,
  }));
  if (given.has("--log")) return judge(await runLogged(tasks, print), seeds, print);
  const jobs = Math.max(1, Math.min(count(given, "--jobs", availableParallelism()), seeds));
  const pool = new SeedPool({ jobs });
  try {
    return judge(await runInPool(pool, tasks, print), seeds, print);
  } finally {
    await pool.close();
  }
};

interface Outcome {
  readonly coverage: Coverage;
  readonly failed: number;
}

async function runInPool(pool: SeedPool, tasks: readonly SeedTask[], print: Print): Promise<Outcome> {
  const coverage = new Coverage();
  let failed = 0;
  let position = 0;
  for await (const report of pool.inOrder(tasks)) {
    const twice = tasks[position++]?.twice === true;
    show(report, print);
    coverage.add(report.coverage);
    if (report.problem === undefined) continue;
    if (failed++ > 0) print.error(`replay with: ${commandOf(report.limits)}`);
    else {
      const shrunk = await pool.run({ kind: "shrink", limits: report.limits, twice });
      print.error(`replay with: ${commandOf((shrunk.problem === undefined ? report : shrunk).limits)}`);
    }
  }
  return { coverage, failed };
}

/** In this process, every event printed. */
async function runLogged(tasks: readonly SeedTask[], print: Print): Promise<Outcome> {
  const coverage = new Coverage();
  let failed = 0;
  for (const task of tasks) {
    const report = await runSeedTask({ ...task, twice: false }, (line) => print.line(line));
    show(report, print);
    coverage.add(report.coverage);
    if (report.problem !== undefined) failed += 1;
  }
  return { coverage, failed };
}

function show({ limits, summary, problem }: SeedReport, print: Print): void {
  print.line(`seed ${limits.seed}: ${summary}${problem === undefined ? "" : ` FAILED: ${problem}`}`);
}

function judge({ coverage, failed }: Outcome, seeds: number, print: Print): number {
  for (const line of coverage.report()) print.line(line);
  const missing = coverage.missing({
    operations: [...ADMIN_OPERATIONS, ...DATA_OPERATIONS],
    transitions: TRANSITIONS,
    faults: FAULT_KINDS,
    indexes: INDEX_EVENTS,
  });
  if (missing.length > 0) print.line(`never occurred: ${missing.join(", ")}`);
  const incomplete = seeds >= COMPLETE_SEEDS_MIN && missing.length > 0;
  if (incomplete) print.error(`${seeds} seeds have not met everything`);
  print.line(`${seeds - failed} passed, ${failed + (incomplete ? 1 : 0)} failed`);
  return failed === 0 && !incomplete ? ExitCode.ok : ExitCode.failed;
}

function commandOf({ seed, operations, faults }: SeedLimits): string {
  const limits = `${operations === undefined ? "" : ` --operations ${operations}`}${faults === undefined ? "" : ` --faults ${faults}`}`;
  return `npm run sim -- --seeds 1 --from ${seed}${limits} --log`;
}

function parse(args: readonly string[]): ReadonlyMap<string, string> {
  const { options, rest } = parseOptions(args, OPTIONS);
  if (rest[0] !== undefined) throw new UsageError(`unexpected argument ${rest[0]} behind "sim"`);
  return new Map(options.map(({ name, value }) => [name, value]));
}

function count(given: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const text = given.get(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} must be a whole number, not ${text}`);
  return Number(text);
}

const OPTIONS = [
  { name: "--seeds", value: "N" },
  { name: "--from", value: "S" },
  { name: "--jobs", value: "J" },
  { name: "--operations", value: "N" },
  { name: "--faults", value: "N" },
  { name: "--log", value: undefined },
].map((option) => ({ about: "", ...option }));

/** Every so many seeds one is run a second time. */
const REPLAYED_EVERY = 20;
/** A run of fewer seeds need not have met everything. */
const COMPLETE_SEEDS_MIN = 200;
