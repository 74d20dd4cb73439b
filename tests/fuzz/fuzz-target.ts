import { Prng } from "../../src/base/prng.ts";

/** Something that reads bytes or texts which nobody vouches for. */
export interface FuzzTarget {
  /** As after `--target`. */
  readonly name: string;
  /** Inputs of the run in `npm test`. */
  readonly shortInputs: number;
  /** Of the inputs asked for each target, for one whose every input is costly; all when not given. */
  readonly share?: number;
  /** What memory may change for other reasons than a leak; a few megabytes when not given. */
  readonly noiseBytes?: number;
  open(seed: number): Promise<OpenFuzzTarget>;
}

export interface OpenFuzzTarget {
  /** Runs inputs [from, from + count), each made from the seed and its number alone. Rejects with the first finding. */
  run(from: number, count: number, tally: FuzzTally): Promise<void>;
  /** Inputs between two reports at most: what is run and waited for as one. */
  readonly batchMax?: number;
  /** Bytes that belong to the target besides this process's heap: native memory, or a server in another process. */
  otherBytes?(): number | Promise<number>;
  close?(): Promise<void>;
}

/** What a run has seen. */
export interface FuzzTally {
  accepted: number;
  refused: number;
  slowestMs: number;
  /** Called before each input, so that one that kills the process is known afterwards. */
  begin(input: number): void;
}

/** An answer must come within this time. */
export const ANSWER_MS_MAX = 1000;

export class FuzzFinding extends Error {
  override readonly name = "FuzzFinding";
  readonly input: number;
  /** Inputs to repeat from there: more than one where they are made as a block. */
  readonly inputs: number;

  constructor(
    input: number,
    problem: string,
    more: { readonly cause?: unknown; readonly inputs?: number } = {},
  ) {
    super(problem, { cause: more.cause });
    this.input = input;
    this.inputs = more.inputs ?? 1;
  }
}

/**
 * A target whose inputs are tried one by one, synchronously. `attempt` says what became of the input; it throws only for a finding.
 * The event loop turns now and then, so that finalizers run.
 */
export function perInput(
  name: string,
  seed: number,
  attempt: (random: Prng) => "accepted" | "refused",
): Pick<OpenFuzzTarget, "run" | "batchMax"> {
  return {
    batchMax: 20_000,
    async run(from, count, tally) {
      const isolated = Prng.fromSeed(`${name} ${seed}`);
      for (let input = from; input < from + count; input++) {
        tally.begin(input);
        try {
          const started = performance.now();
          tally[attempt(isolated.fork(input))] += 1;
          const tookMs = performance.now() - started;
          if (tookMs > tally.slowestMs) tally.slowestMs = tookMs;
          if (tookMs > ANSWER_MS_MAX) againInTime(() => attempt(isolated.fork(input)));
        } catch (error) {
          throw new FuzzFinding(input, `an error that is no answer: ${describe(error)}`, { cause: error });
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Other processes may have had the core all the time: what counts is the time that this thread computes, where nothing waits. */
function againInTime(act: () => unknown): void {
  const before = process.threadCpuUsage();
  act();
  const { user, system } = process.threadCpuUsage(before);
  const tookMs = (user + system) / 1000;
  if (tookMs > ANSWER_MS_MAX) throw new Error(`computed for ${tookMs.toFixed(0)} ms`);
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
