import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { runProgram, type ProgramOptions } from "../e2e/support/run-program.ts";
import { root } from "../e2e/support/server.ts";

/** A suite of another project at the commit that docs/compatibility.md names. */
export interface Suite {
  /** As in the page's table of suites: `milvus-io/milvus-sdk-node`. */
  readonly repository: string;
  /** Folders to check out; undefined for all. */
  readonly folders: readonly string[] | undefined;
  /** A file or folder by which a checkout is known. */
  readonly has: string;
}

const cache = path.join(root, ".cache", "conformance");

/**
 * A folder with the suite. `source` is a checkout that is there already, or anything that git can clone from; without one it is
 * cloned from GitHub. A clone is made once and kept under `.cache`.
 */
export async function checkoutOf(suite: Suite, source: string | undefined): Promise<string> {
  if (source !== undefined && existsSync(path.join(source, suite.has))) return path.resolve(source);
  const commit = commitOf(suite.repository);
  const folder = path.join(cache, `${suite.repository.replace("/", "-")}-${commit}`);
  await makeOnce(folder, async () => {
    const from = source ?? `https://github.com/${suite.repository}`;
    console.log(`cloning ${from} at ${commit}`);
    await must(["git", "clone", "--quiet", "--no-checkout", "--filter=blob:none", from, folder]);
    if (suite.folders !== undefined)
      await must(["git", "sparse-checkout", "set", ...suite.folders], { cwd: folder });
    await must(["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", commit], { cwd: folder });
  });
  return folder;
}

/** The commit beside a repository in docs/compatibility.md. */
export function commitOf(repository: string): string {
  const page = readFileSync(path.join(root, "docs", "compatibility.md"), "utf8");
  const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(repository));
  const commit = /\| `([0-9a-f]{7,40})` \|$/.exec(row ?? "")?.[1];
  if (commit === undefined) throw new Error(`docs/compatibility.md names no commit of ${repository}`);
  return commit;
}

/** The folder is made anew until its `.done` is there, so that an interrupted one does not count. */
export async function makeOnce(folder: string, make: () => Promise<void>): Promise<void> {
  const done = `${folder}.done`;
  if (existsSync(done)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  await make();
  await writeFile(`${done}.new`, "");
  await rename(`${done}.new`, done);
}

export async function must(command: readonly string[], options: ProgramOptions = {}): Promise<void> {
  const { code, stdout, stderr } = await runProgram(command, { timeoutMs: 1_800_000, ...options });
  if (code !== 0) throw new Error(`${command.join(" ")} failed (${code}):\n${stdout}\n${stderr}`);
}
