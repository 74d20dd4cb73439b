/**
 * Writes the files that come from tables in src, or with `--check` fails when one of them is out of date:
 *
 *     npm run generate
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configurationPage, defaultYaml } from "./generate-config.ts";
import { enumObjects, messageTypes } from "./generate-wire-types.ts";

/** Path in the repository -> what makes its contents. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  "configs/redkite.yaml": defaultYaml,
  "docs/configuration.md": configurationPage,
  "src/wire/messages.gen.ts": messageTypes,
  "src/wire/enums.gen.ts": enumObjects,
};

/** Paths whose contents on disk are not what their generator makes now. */
export function outdated(root: string): string[] {
  return Object.entries(GENERATED)
    .filter(([file, make]) => readText(path.join(root, file)) !== make())
    .map(([file]) => file);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

export function main(args: readonly string[]): number {
  const root = path.resolve(import.meta.dirname, "..");
  const stale = outdated(root);
  if (args.includes("--check")) {
    for (const file of stale) console.error(`${file} is out of date; run "npm run generate"`);
    return stale.length === 0 ? 0 : 1;
  }
  for (const file of stale) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), GENERATED[file]?.() ?? "");
    console.log(`wrote ${file}`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
