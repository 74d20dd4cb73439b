import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { runProgram } from "../../tests/e2e/support/run-program.ts";
import { root } from "../../tests/e2e/support/server.ts";

export interface DataSource {
  readonly metric: string;
  /** For programs/ann_data.py. */
  readonly args: readonly string[];
  readonly files: readonly string[];
}

/** Hits that are sought for each query. */
export const K = 10;

/** The folder with the data in the form that contestants read, made once for the same files. */
export async function prepareData(python: string, { args, metric, files }: DataSource): Promise<string> {
  const stamps = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  const key = createHash("sha256")
    .update(JSON.stringify([args, metric, stamps, K]))
    .digest("hex")
    .slice(0, 16);
  const folder = path.join(root, ".cache", "ann", key);
  if (existsSync(path.join(folder, "truth.npy"))) return folder;
  const program = path.join(root, "bench", "programs", "ann_data.py");
  const result = await runProgram([python, program, folder, metric, String(K), ...args], {
    timeoutMs: 3_600_000,
  });
  if (result.code !== 0) throw new Error(`the data could not be prepared:\n${result.stderr.slice(-3000)}`);
  return folder;
}
