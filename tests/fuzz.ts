import { fork } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { FuzzTarget } from "./fuzz/fuzz-target.ts";
import type { FuzzMemory, RunTargetOrder, RunTargetReport } from "./fuzz/run-target.ts";
import { FUZZ_TARGETS } from "./fuzz/targets/all.ts";

const usage = `npm run fuzz -- [--inputs N] [--seed S] [--target NAME]... [--from I] [--short] [--list]
  --inputs  inputs of each target (1,000,000)
  --seed    of the inputs (1)
  --target  only this one; may be repeated
  --from    number of the first input: with --inputs 1 it repeats a finding
  --short   the few inputs that npm test runs`;

/** Without a word of the target for this long, an input hangs. */
const SILENCE_MS_MAX = 600_000;
/** What a heap may grow between the first and the last window: five in a hundred, and the noise of small ones. */
const GROWTH_MAX = 1.05;
const NOISE_BYTES = 4 << 20;

interface Finding {
  readonly problem: string;
  /** The inputs to repeat; undefined: all of them. */
  readonly repeat: { readonly input: number; readonly inputs: number } | undefined;
}

interface Result {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly last: RunTargetReport | undefined;
  readonly memory: readonly FuzzMemory[];
  readonly finding: Finding | undefined;
}

async function runTarget(target: FuzzTarget, order: Omit<RunTargetOrder, "inputFile">): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), "redkite-fuzz-"));
  const inputFile = path.join(folder, "input");
  const started = performance.now();
  const child = fork(
    path.join(import.meta.dirname, "fuzz", "run-target.ts"),
    [JSON.stringify({ ...order, inputFile })],
    {
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    },
  );
  let last: RunTargetReport | undefined;
  let silent = false;
  const memory: FuzzMemory[] = [];
  const errors: Buffer[] = [];
  const watchdog = setTimeout(() => {
    silent = true;
    child.kill("SIGKILL");
  }, SILENCE_MS_MAX);
  child.on("message", (report: RunTargetReport) => {
    watchdog.refresh();
    last = report;
    if (report.memory !== undefined) memory.push(report.memory);
  });
  child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...end: [number | null, string | null]) => resolve(end)),
  );
  clearTimeout(watchdog);
  const seconds = (performance.now() - started) / 1000;
  const result = { target: target.name, inputs: order.inputs, seconds, last, memory };
  try {
    if (code !== 0 || signal !== null) {
      const bytes = await readFile(inputFile).catch(() => new Uint8Array(0));
      const input =
        bytes.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true) : undefined;
      const how = silent
        ? `no answer within ${SILENCE_MS_MAX / 1000} s`
        : `the process ended with ${signal ?? code}`;
      const problem = `${how}\n${Buffer.concat(errors).toString().slice(-4000)}`;
      return {
        ...result,
        finding: { problem, repeat: input === undefined ? undefined : { input, inputs: 1 } },
      };
    }
    const { finding } = last ?? {};
    if (finding === undefined) return { ...result, finding: grown(memory, target.noiseBytes ?? NOISE_BYTES) };
    return { ...result, finding: { problem: finding.problem, repeat: finding } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function grown(memory: readonly FuzzMemory[], noiseBytes: number): Finding | undefined {
  const first = memory[0];
  const end = memory.at(-1);
  if (first === undefined || end === undefined) return undefined;
  for (const kind of ["heapBytes", "otherBytes"] as const) {
    if (end[kind] > first[kind] * GROWTH_MAX + noiseBytes)
      return {
        repeat: undefined,
        problem: `${kind} grew from ${megabytes(first[kind])} to ${megabytes(end[kind])}`,
      };
  }
  return undefined;
}

function lineOf({ target, inputs, seconds, last, memory }: Result): string {
  const rate = Math.round((last?.done ?? 0) / seconds);
  const sizes = memory.map(
    ({ heapBytes, otherBytes, rssBytes }) =>
      `${megabytes(heapBytes)}+${megabytes(otherBytes)} (rss ${megabytes(rssBytes)})`,
  );
  return [
    target.padEnd(16),
    `${last?.done ?? 0} of ${inputs} inputs`.padEnd(26),
    `${rate}/s`.padStart(9),
    `accepted ${last?.accepted ?? 0}`.padEnd(18),
    `refused ${last?.refused ?? 0}`.padEnd(17),
    `slowest ${(last?.slowestMs ?? 0).toFixed(1)} ms`.padEnd(19),
    `memory ${sizes.join(" -> ")}`,
  ].join("  ");
}

const megabytes = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MB`;
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
      from: { type: "string", default: "0" },
      target: { type: "string", multiple: true },
      short: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.list) {
    print(values.help ? usage : FUZZ_TARGETS.map(({ name }) => name).join("\n"));
    return 0;
  }
  const [inputs, seed, from] = [values.inputs, values.seed, values.from].map(Number) as [
    number,
    number,
    number,
  ];
  const unknown = values.target?.find((name) => !FUZZ_TARGETS.some((target) => target.name === name));
  const wrong = [inputs, seed, from].some((number) => !Number.isSafeInteger(number) || number < 0);
  if (unknown !== undefined || wrong) {
    print(unknown === undefined ? usage : `there is no target ${unknown}\n${usage}`);
    return 2;
  }
  const results: Result[] = [];
  for (const target of FUZZ_TARGETS.filter(({ name }) => values.target?.includes(name) ?? true)) {
    const isAlone = values.target?.length === 1;
    const count = values.short ? target.shortInputs : Math.ceil(inputs * (isAlone ? 1 : (target.share ?? 1)));
    const result = await runTarget(target, { target: target.name, seed, from, inputs: count });
    results.push(result);
    print(lineOf(result));
    if (result.finding !== undefined) print(findingText(result.finding, { ...result, seed, from }));
  }
  const total = results.reduce((sum, { last }) => sum + (last?.done ?? 0), 0);
  const failed = results.filter(({ finding }) => finding !== undefined);
  print(
    `${total} inputs, ${failed.length === 0 ? "no finding" : `findings in ${failed.map((r) => r.target).join(", ")}`}`,
  );
  return failed.length === 0 ? 0 : 1;
}

function findingText(
  { problem, repeat }: Finding,
  run: { readonly target: string; readonly seed: number; readonly from: number; readonly inputs: number },
): string {
  const { input, inputs } = repeat ?? { input: run.from, inputs: run.inputs };
  const again = `npm run fuzz -- --target ${run.target} --seed ${run.seed} --from ${input} --inputs ${inputs}`;
  return `FINDING in ${run.target}: ${problem}\nrepeat: ${again}`;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
