import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import path from "node:path";
import { pythonEnvironment, PYMILVUS_VERSIONS } from "../tests/e2e/support/client-environments.ts";
import { runProgram } from "../tests/e2e/support/run-program.ts";
import { root } from "../tests/e2e/support/server.ts";

/** Where and on what this was measured: a number without these says nothing. */
export function printHeader(title: string, dataset: string): void {
  const commit = execFileSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8" });
  const memoryGB = (totalmem() / 2 ** 30).toFixed(0);
  console.log(title);
  console.log(
    `machine  ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${memoryGB} GB; Node ${process.version}`,
  );
  console.log(`commit   ${commit.trim()}`);
  console.log(`dataset  ${dataset}\n`);
}

/** The program of engine/bench/NAME.cc, built. */
export async function engineProgram(name: string): Promise<string> {
  // The build script is plain JavaScript, so that it runs before anything is set up.
  const script: unknown = await import(path.join(root, "scripts", "build-engine.mjs"));
  const { buildPrograms } = script as {
    buildPrograms: (options: { root: string; kinds: string[] }) => Promise<string[]>;
  };
  const built = (await buildPrograms({ root, kinds: ["bench"] })).find(
    (file) => path.basename(file) === name,
  );
  if (built === undefined) throw new Error(`engine/bench/${name}.cc was not built`);
  return built;
}

/** The folder given, or the small sample of the repository. */
export function dataFolder(folder: string | undefined): string {
  const data = path.resolve(folder ?? path.join(root, "examples", "data"));
  if (!existsSync(path.join(data, "base.f16.npy"))) throw new Error(`there is no base.f16.npy in ${data}`);
  return data;
}

/** Filters of the data set whose exact answers are there: the first name is that of the file with the truth. */
export function filtersOf(data: string): readonly (readonly [truth: string, filter: string])[] {
  return (
    [
      ["artifact", 'lexname == "noun.artifact"'],
      ["wordcount31to33", "word_count >= 31 and word_count <= 33"],
      ["animal", 'lexname == "noun.animal"'],
    ] as const
  ).filter(([truth]) => existsSync(path.join(data, `truth.${truth}.i32.npy`)));
}

/** The Python of an environment with pymilvus and what the peers need. */
export async function benchPython(): Promise<string> {
  const made = await pythonEnvironment([
    `pymilvus==${PYMILVUS_VERSIONS[1]}`,
    "numpy==2.3.4",
    "hnswlib==0.8.0",
    "setuptools==80.9.0",
  ]);
  if (made.kind === "missing") throw new Error(`this bench needs Python: ${made.why}`);
  return made.command[0] ?? "";
}

/** Runs a step of programs/wordnet.py and gives what it printed. */
export async function clientStep(
  python: string,
  step: string,
  address: string,
  data: string,
  options: Readonly<Record<string, string | number>> = {},
): Promise<Readonly<Record<string, number>>> {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = path.join(root, "bench", "programs", "wordnet.py");
  const result = await runProgram([python, program, step, address, data, ...flags], { timeoutMs: 1_800_000 });
  return json(result) as Readonly<Record<string, number>>;
}

/** The last line of what a program printed, which is JSON. */
export function json(result: { code: number | null; stdout: string; stderr: string }): unknown {
  if (result.code !== 0) throw new Error(`a client failed:\n${result.stdout}\n${result.stderr.slice(-3000)}`);
  return JSON.parse(result.stdout.trimEnd().split("\n").at(-1) ?? "");
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
