import { Coverage } from "../sim/coverage.ts";
import { runSeed, type SeedOptions, type SeedResult } from "../sim/run-seed.ts";
import { ExitCode, UsageError, type Command, type Print } from "./command.ts";
import { parseOptions } from "./parse-options.ts";

/**
 * `redkite sim --seeds N --from S`: runs N whole lives of a database, each twice now and then to see that it replays exactly. Fails on any
 * wrong answer; prints the command that replays it, with as few operations and faults as still show it. A run long enough to have
 * met everything fails when some fault point never stopped a node or a step.
 */
export const sim: Command = async (args, print) => {
  const { options, rest } = parseOptions(args, OPTIONS);
  if (rest[0] !== undefined) throw new UsageError(`unexpected argument ${rest[0]} behind "sim"`);
  const given = new Map(options.map(({ name, value }) => [name, value]));
  const seeds = count(given, "--seeds", 10);
  const from = count(given, "--from", 1);
  const limits: Omit<SeedOptions, "seed"> = {
    ...(given.has("--operations") && { operations: count(given, "--operations", 0) }),
    ...(given.has("--faults") && { faults: count(given, "--faults", 0) }),
    ...(given.has("--log") && { log: (line: string) => print.line(line) }),
  };
  const coverage = new Coverage();
  let passed = 0;
  let failed = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const problem = await runOne({ ...limits, seed }, (seed - from) % REPLAYED_EVERY === 0, coverage, print);
    if (problem === undefined) passed += 1;
    else failed += 1;
  }
  for (const line of coverage.report()) print.line(line);
  const missing = coverage.missing({ operations: [], transitions: [], faults: [] });
  if (missing.length > 0) print.line(`never occurred: ${missing.join(", ")}`);
  const incomplete = seeds >= COMPLETE_SEEDS_MIN && missing.length > 0;
  if (incomplete) print.error(`${seeds} seeds have not met everything`);
  print.line(`${passed} passed, ${failed + (incomplete ? 1 : 0)} failed`);
  return failed === 0 && !incomplete ? ExitCode.ok : ExitCode.failed;
};

/** What is wrong with the seed; undefined when nothing is. */
async function runOne(
  options: SeedOptions,
  twice: boolean,
  coverage: Coverage,
  print: Print,
): Promise<string | undefined> {
  const result = await runSeed(options);
  coverage.add(result.coverage);
  const problem = problemOf(result) ?? (twice ? await replayProblem(options, result) : undefined);
  print.line(
    `seed ${options.seed}: ${describe(result)}${problem === undefined ? "" : ` FAILED: ${problem}`}`,
  );
  if (problem !== undefined) print.error(`replay with: ${commandOf(await shrink(options, result))}`);
  return problem;
}

async function replayProblem(options: SeedOptions, first: SeedResult): Promise<string | undefined> {
  const again = await runSeed(options);
  if (again.traceHash === first.traceHash) return undefined;
  return `two runs differ: trace ${first.traceHash} and ${again.traceHash}`;
}

/** Fewer operations, then fewer faults, as long as something is still wrong. */
async function shrink(options: SeedOptions, result: SeedResult): Promise<SeedOptions> {
  let smallest: SeedOptions = {
    ...options,
    operations: result.operations,
    faults: result.coverage.faultCount,
  };
  for (const name of ["operations", "faults"] as const) {
    for (let tries = 0; tries < SHRINK_TRIES; tries++) {
      const smaller = { ...smallest, [name]: Math.floor((smallest[name] ?? 0) / 2) };
      if (problemOf(await runSeed(smaller)) === undefined) break;
      smallest = smaller;
    }
  }
  return smallest;
}

function problemOf({ violations }: SeedResult): string | undefined {
  return violations[0]?.detail;
}

function describe({ topology, engine, operations, coverage, virtualMs, traceHash }: SeedResult): string {
  return `${topology}, ${engine} engine, ${operations} operations, ${coverage.faultCount} faults, ${(virtualMs / 1000).toFixed(0)} s of its time, trace ${traceHash}`;
}

function commandOf({ seed, operations, faults }: SeedOptions): string {
  return `npm run sim -- --seeds 1 --from ${seed} --operations ${operations ?? 0} --faults ${faults ?? 0} --log`;
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
  { name: "--operations", value: "N" },
  { name: "--faults", value: "N" },
  { name: "--log", value: undefined },
].map((option) => ({ about: "", ...option }));

/** Every so many seeds one is run a second time. */
const REPLAYED_EVERY = 10;
/** A run of fewer seeds need not have met everything. */
const COMPLETE_SEEDS_MIN = 200;
const SHRINK_TRIES = 6;
