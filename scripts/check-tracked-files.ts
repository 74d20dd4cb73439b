/**
 * Checks that nothing of the machine it was written on is in the repository: no absolute paths of home or scratch folders, no addresses of
 * package registries, no lockfile entry that says where it was downloaded.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export interface Finding {
  readonly line: number;
  readonly text: string;
  readonly what: string;
}

/** Put together from parts, so that this file does not find itself. */
const slashed = (name: string) => `/${name}/`;
const rules: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  {
    what: "a path of the machine",
    pattern: new RegExp(
      `(?<![\\w.~}/-])(${["work", "root", "home", "Users"].map(slashed).join("|")})[\\w.-]`,
    ),
  },
  { what: "a scratch folder", pattern: new RegExp(`(?<![\\w.~}-])${slashed("tmp")}(?!\\*)[\\w.-]`) },
  {
    what: "a package registry",
    pattern: new RegExp(`registry\\.(npmjs|yarnpkg|npmmirror)\\.|npm\\.pkg\\.github`),
  },
  { what: "a download address in the lockfile", pattern: /"resolved": "(?:https?:\/\/|git\+)/ },
];

export function findMachineTraces(text: string): Finding[] {
  return text
    .split("\n")
    .flatMap((line, i) =>
      rules.flatMap(({ what, pattern }) =>
        pattern.test(line) ? [{ line: i + 1, text: line.trim().slice(0, 120), what }] : [],
      ),
    );
}

export function main(): number {
  const root = path.resolve(import.meta.dirname, "..");
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter(Boolean);
  let found = 0;
  for (const file of files) {
    let content: Buffer;
    try {
      content = readFileSync(path.join(root, file));
    } catch {
      continue; // removed from the working tree, not yet from the index
    }
    if (content.subarray(0, 8000).includes(0)) continue;
    for (const { line, text, what } of findMachineTraces(content.toString("utf8"))) {
      console.error(`${file}:${line}: ${what}: ${text}`);
      found++;
    }
  }
  console.log(`tracked files: ${files.length} files, ${found} findings`);
  return found === 0 && files.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main();
