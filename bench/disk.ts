/**
 * The DISKANN index under a limit of memory: `npm run bench:disk -- [--generate 1000000x128] [--threads 1] [--lists 16,24,...] [--json OUT]`
 *
 * Builds over generated rows within 2 GiB, then searches within 20 % of the raw rows' bytes and 64 MiB, page cache counted, by control groups
 * where this process may make them. Reads are counted by the index and by the kernel. Each search list is one pass over all queries, one thread.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { pythonEnvironment } from "../tests/e2e/support/client-environments.ts";
import { runProgram } from "../tests/e2e/support/run-program.ts";
import { prepareData } from "./ann/prepare-data.ts";
import { memoryGroup } from "./memory-group.ts";
import { engineProgram, printHeader } from "./support.ts";

const BUILD_BYTES = 2 * 2 ** 30;

interface Built {
  readonly build_cpu_s: number;
  readonly build_s: number;
  readonly bytes: number;
  readonly peak_bytes: number;
}

interface Searched {
  readonly search_list: number;
  readonly recall: number;
  readonly reads: number;
  readonly kernel_reads: number;
  readonly cpu_us: number;
  readonly wall_us: number;
  readonly direct: boolean;
  readonly resident_bytes: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      generate: { type: "string", default: "1000000x128" },
      threads: { type: "string", default: "1" },
      lists: { type: "string", default: "16,20,24,32,40,50,64,80,100" },
      json: { type: "string" },
    },
  });
  const [rows = 0, dim = 0] = values.generate.split("x").map(Number);
  if (!(rows >= 1 && dim >= 1)) throw new Error(`--generate: ${values.generate} is not ROWSxDIM`);
  const made = await pythonEnvironment(["numpy==2.4.6"]);
  if (made.kind === "missing") throw new Error(`this bench needs Python: ${made.why}`);
  const program = await engineProgram("disk-bench");
  printHeader("The index on disk under a limit of memory", `generated ${values.generate}, recall@10`);
  const source = { metric: "l2", args: ["--generate", values.generate], files: [] };
  const data = await prepareData(made.command[0] ?? "", source);
  const folder = await mkdtemp(path.join(tmpdir(), "redkite-disk-"));
  try {
    const index = path.join(folder, "index");
    const base = ["--base", path.join(data, "base.npy"), "--out", index, "--threads", values.threads];
    const building = await within(BUILD_BYTES, [program, "build", ...base]);
    const built = JSON.parse(building.output) as Built;
    console.log(
      `built in ${built.build_cpu_s} CPU s, ${built.build_s} s; ${mb(built.bytes)} MB; at most ${mb(built.peak_bytes)} MB with the rows, ${building.limit}`,
    );
    const asked = ["queries", "truth"].flatMap((name) => [`--${name}`, path.join(data, `${name}.npy`)]);
    const allowed = Math.floor(rows * dim * 4 * 0.2) + 64 * 2 ** 20;
    const command = [program, "search", "--index", index, ...asked, "--lists", values.lists];
    const searching = await within(allowed, command);
    const searches = searching.output.split("\n").map((line) => JSON.parse(line) as Searched);
    const [first] = searches;
    console.log(
      `searched with ${mb(first?.resident_bytes ?? 0)} MB of the index in memory, ${searching.limit}; ${first?.direct === true ? "direct reads" : "the file system refuses direct reads"}\n`,
    );
    console.log("search_list  recall   reads  by the kernel   CPU us  wall us");
    for (const { search_list, recall, reads, kernel_reads, cpu_us, wall_us } of searches) {
      console.log(
        [
          String(search_list).padStart(11),
          recall.toFixed(4).padStart(7),
          reads.toFixed(1).padStart(7),
          kernel_reads.toFixed(1).padStart(14),
          cpu_us.toFixed(0).padStart(8),
          wall_us.toFixed(0).padStart(8),
        ].join(" "),
      );
    }
    if (values.json !== undefined)
      await writeFile(values.json, `${JSON.stringify({ built, searches }, undefined, 1)}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
  return 0;
}

/** Runs a program within so much memory, where that can be asked for, and says how it was. */
async function within(bytes: number, command: readonly string[]) {
  const group = memoryGroup("redkite-bench-disk", bytes);
  try {
    const result = await runProgram(group?.wrap(command) ?? command, { timeoutMs: 7_200_000 });
    if (result.code !== 0)
      throw new Error(`${command.join(" ")} ended with ${result.code}:\n${result.stderr.slice(-3000)}`);
    const limit =
      group === undefined
        ? "without a limit, since no control group can be made here"
        : `limited to ${mb(bytes)} MB with page cache, of which ${mb(group.peakBytes())} MB were used`;
    return { output: result.stdout.trim(), limit };
  } finally {
    group?.remove();
  }
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
