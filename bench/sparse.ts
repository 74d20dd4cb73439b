/**
 * Exact top 10 by BM25 beside tantivy, bm25s and scipy: `npm run bench:sparse`
 *
 * 100,000 documents of 20 to 200 terms with Zipf frequencies, as engine/bench/sparse-bench.cc draws them. The engine and tantivy score counted
 * terms, the others search the weights that BM25 gives them, which the engine does too. One thread, CPU time of the process, best of three;
 * every library must find the engine's scores.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pythonEnvironment } from "../tests/e2e/support/client-environments.ts";
import { runProgram } from "../tests/e2e/support/run-program.ts";
import { root } from "../tests/e2e/support/server.ts";
import { engineProgram, printHeader } from "./support.ts";

const PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "bm25s==0.3.16", "numba==0.68.1", "tantivy==0.27.0"];

export async function main(): Promise<number> {
  const made = await pythonEnvironment(PACKAGES);
  if (made.kind === "missing") throw new Error(`this bench needs Python: ${made.why}`);
  const program = await engineProgram("sparse-bench");
  printHeader("Sparse rows beside other libraries", "100,000 generated documents, 500 queries, top 10");
  const folder = await mkdtemp(path.join(tmpdir(), "redkite-sparse-"));
  try {
    const rows = path.join(folder, "rows.csr");
    const scores = path.join(folder, "scores.bin");
    const own = await output([program, "--save", rows, "--save-scores", scores]);
    console.log(own.trimEnd());
    const [byWeights, byCounts] = ["weights, IP", "counts, BM25"].map((name) =>
      Number(new RegExp(`^${name} +(\\d+)`, "m").exec(own)?.[1]),
    );
    const peer = path.join(root, "bench", "programs", "sparse_peer.py");
    for (const line of (await output([...made.command, peer, rows, scores])).trim().split("\n")) {
      const { library, queries_per_cpu_s } = JSON.parse(line) as {
        library: string;
        queries_per_cpu_s: number;
      };
      const times = [byCounts, byWeights].map((own = NaN) => (own / queries_per_cpu_s).toFixed(1));
      console.log(
        `${library.padEnd(30)} ${queries_per_cpu_s.toFixed(0).padStart(6)} q/CPU s; redkite by BM25 ${times[0]}, by weights ${times[1]} times that`,
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return 0;
}

async function output(command: readonly string[]): Promise<string> {
  const result = await runProgram(command, { timeoutMs: 1_200_000 });
  if (result.code !== 0) throw new Error(`${command.join(" ")} failed:\n${result.stderr.slice(-3000)}`);
  return result.stdout;
}

if (import.meta.main) process.exitCode = await main();
