import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A planted bug: a patch against `src`, with what it breaks above it in words. */
export interface Mutant {
  /** File name without the ending: `03-visible-before-durable`. */
  readonly name: string;
  readonly about: string;
  readonly patch: string;
  /** What it changes, relative to the repository. */
  readonly files: readonly string[];
}

export function listMutants(): readonly Mutant[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".patch"))
    .sort()
    .map((name) => readMutant(path.join(import.meta.dirname, name)));
}

function readMutant(file: string): Mutant {
  const text = readFileSync(file, "utf8");
  const start = text.indexOf("--- a/");
  if (start < 0) throw new Error(`${file} holds no patch`);
  return {
    name: path.basename(file, ".patch"),
    about: text.slice(0, start).trim(),
    patch: file,
    files: [...text.matchAll(/^\+\+\+ b\/(\S+)/gm)].map(([, name = ""]) => name),
  };
}

/** Throws, with git's own words, when the patch does not fit the sources as they are now. */
export function checkApplies({ patch }: Mutant): void {
  execFileSync("git", ["apply", "--check", patch], { cwd: ROOT, stdio: "pipe" });
}

/** A copy of the sources with the bug in them; the caller removes the folder. Throws when they do not type-check any more. */
export function plant({ name, patch, files }: Mutant): string {
  const folder = mkdtempSync(path.join(tmpdir(), `redkite-${name}-`));
  for (const part of ["src", "package.json", "tsconfig.json"])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  for (const shared of ["node_modules", "engine"])
    symlinkSync(path.join(ROOT, shared), path.join(folder, shared));
  execFileSync("git", ["apply", patch], { cwd: folder, stdio: "pipe" });
  for (const file of files) {
    const read = (root: string): string => readFileSync(path.join(root, file), "utf8");
    // Inside of another repository git leaves out what it does not know, without a word.
    if (read(folder) === read(ROOT)) throw new Error(`${name} has not changed ${file}`);
  }
  checkTypes(folder, name);
  return folder;
}

/** A bug that stops at the first line it meets has not been found by anything. What it leaves unused is no error. */
function checkTypes(folder: string, name: string): void {
  const config = path.join(folder, "mutant.tsconfig.json");
  const options = { extends: "./tsconfig.json", include: ["src/cli/sim-worker.ts"] };
  writeFileSync(config, JSON.stringify(options));
  const tsc = path.join(ROOT, "node_modules", ".bin", "tsc");
  const { status, stdout } = spawnSync(tsc, ["-p", config], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name} does not type-check: ${stdout}`);
}

const ROOT = path.resolve(import.meta.dirname, "../..");
