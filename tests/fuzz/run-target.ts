import { openSync, writeSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, FuzzFinding, type FuzzTally, type OpenFuzzTarget } from "./fuzz-target.ts";
import { FUZZ_TARGETS } from "./targets/all.ts";

/**
 * Runs one target in a process of its own: what kills it is then a finding, and what it leaks is its own. Started by tests/fuzz.ts, which it
 * tells after each batch how far it is. The number of the input at hand lies in a file, for when it does not live to tell.
 */
export interface RunTargetOrder {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  readonly inputFile: string;
}

export interface RunTargetReport {
  readonly kind: "progress" | "finding";
  readonly done: number;
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** After a garbage collection; only at the ends of the memory windows. */
  readonly memory: FuzzMemory | undefined;
  readonly finding: { readonly input: number; readonly inputs: number; readonly problem: string } | undefined;
}

export interface FuzzMemory {
  /** Heap and buffers of the process. */
  readonly heapBytes: number;
  /** Native memory of the engine, or the resident size of the server that is tried. */
  readonly otherBytes: number;
  readonly rssBytes: number;
}

async function run({ target: name, seed, from, inputs, inputFile }: RunTargetOrder): Promise<void> {
  const found = FUZZ_TARGETS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no target ${name}`);
  const target = await found.open(seed);
  const tally = newTally(inputFile);
  const window = memoryWindow(inputs, target.batchMax ?? BATCH_INPUTS);
  const report = async (
    done: number,
    finding?: RunTargetReport["finding"],
    memory?: FuzzMemory,
  ): Promise<void> => {
    const { accepted, refused, slowestMs } = tally;
    const kind = finding === undefined ? "progress" : "finding";
    await send({ kind, done, accepted, refused, slowestMs, memory, finding });
  };
  let done = 0;
  try {
    while (done < inputs) {
      const untilWindow = done < window ? window - done : inputs - done;
      const count = Math.min(target.batchMax ?? BATCH_INPUTS, untilWindow);
      await target.run(from + done, count, tally);
      done += count;
      const atWindow = done === window || done === inputs;
      await report(done, undefined, atWindow ? await memoryNow(target) : undefined);
    }
  } catch (error) {
    const input = error instanceof FuzzFinding ? error.input : from + done;
    const repeat = error instanceof FuzzFinding ? error.inputs : 1;
    const problem = error instanceof FuzzFinding ? error.message : describe(error);
    await report(done, { input, inputs: repeat, problem });
  } finally {
    await target.close?.();
  }
}

const BATCH_INPUTS = 10_000;

/** Inputs after which memory is measured first: a million, or a quarter of a smaller run. A run of one batch stays one. */
function memoryWindow(inputs: number, batch: number): number {
  if (inputs <= batch) return inputs;
  return Math.max(1, Math.min(1_000_000, Math.floor(inputs / 4)));
}

function newTally(inputFile: string): FuzzTally {
  const fd = openSync(inputFile, "w");
  const number = new Float64Array(1);
  const bytes = new Uint8Array(number.buffer);
  return {
    accepted: 0,
    refused: 0,
    slowestMs: 0,
    begin(input) {
      number[0] = input;
      writeSync(fd, bytes, 0, 8, 0);
    },
  };
}

async function memoryNow(target: OpenFuzzTarget): Promise<FuzzMemory> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, otherBytes: (await target.otherBytes?.()) ?? 0, rssBytes: rss };
}

function send(report: RunTargetReport): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) {
      process.stdout.write(`${JSON.stringify(report)}\n`);
      resolve();
    } else process.send(report, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

if (import.meta.main) {
  await run(JSON.parse(process.argv[2] ?? "{}") as RunTargetOrder);
  process.disconnect?.();
}
