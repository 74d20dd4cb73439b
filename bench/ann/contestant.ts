import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFile } from "node:fs/promises";
import type { SweepBounds } from "./sweep.ts";

export interface ContestantSpec {
  readonly library: string;
  readonly index: string;
  /** Fixed parameters, as they are shown. */
  readonly params: string;
  /** Name of the parameter that the curve is drawn over. */
  readonly knob: string;
  readonly bounds: SweepBounds;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface BuildCost {
  readonly build_cpu_s: number;
  readonly build_s: number;
  readonly bytes: number;
  readonly resident_bytes: number;
  readonly peak_bytes: number;
  readonly queries: number;
}

export interface Measurement {
  /** CPU seconds of one pass over all queries. */
  readonly cpu_s: number;
  readonly distances?: number;
  readonly bytes_read?: number;
}

/** A library in a process of its own: it has built its index once and waits for measurements on its standard input. */
export class Contestant implements AsyncDisposable {
  readonly spec: ContestantSpec;
  readonly built: BuildCost;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    spec: ContestantSpec,
    built: BuildCost,
    child: ChildProcess,
    lines: AsyncIterator<string>,
  ) {
    this.spec = spec;
    this.built = built;
    this.#child = child;
    this.#lines = lines;
  }

  /** Returns once the index is built. */
  static async start(spec: ContestantSpec): Promise<Contestant> {
    const [program = "", ...args] = spec.command;
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...spec.env },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const built = await nextJson<BuildCost>(spec, lines);
    return new Contestant(spec, built, child, lines);
  }

  /**
   * Searches all queries at this width; the ids of the k hits of each are left in the file. `masks` is a file that says which rows they see.
   */
  async measure(width: number, k: number, file: string, masks?: string): Promise<Measurement> {
    this.#child.stdin?.write(`${[width, k, file, ...(masks === undefined ? [] : [masks])].join(" ")}\n`);
    return nextJson<Measurement>(this.spec, this.#lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, "exit") : undefined;
    this.#child.stdin?.end();
    await ended;
  }
}

/** Libraries print warnings of their own; answers are the lines that are JSON. */
async function nextJson<T>(spec: ContestantSpec, lines: AsyncIterator<string>): Promise<T> {
  for (;;) {
    const next = await lines.next();
    if (next.done === true) throw new Error(`${spec.library} ${spec.index} ended before it answered`);
    if (next.value.startsWith("{")) return JSON.parse(next.value) as T;
  }
}

/** The ids of a measurement. */
export async function readIds(file: string): Promise<Int32Array> {
  const bytes = await readFile(file);
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
