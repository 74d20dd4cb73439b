/**
 * Makes the golden data folder of the release at hand: `node scripts/with-setup.mjs tests/golden/make-data-folder.ts`. A release's folder
 * is made once, when it comes out, and never changed afterwards; until then it follows the formats.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VERSION } from "../../src/app/version.ts";
import { makeStoppedDatabase } from "../support/stopped-database.ts";

export async function main(): Promise<number> {
  const home = mkdtempSync(path.join(tmpdir(), "redkite-golden-"));
  try {
    const folder = path.join(home, "data");
    await makeStoppedDatabase(folder);
    // Room kept for a full disk: megabytes of zeros that every start makes again.
    for (const name of ["log/reserve", "log/next", "meta/meta.sqlite.reserve"]) {
      rmSync(path.join(folder, name), { force: true });
    }
    const archive = path.join(import.meta.dirname, `folder-${VERSION}.tar.gz`);
    execFileSync("tar", ["--owner=0", "--group=0", "--sort=name", "-czf", archive, "-C", folder, "."]);
    console.log(`wrote ${path.relative(process.cwd(), archive)}`);
    return 0;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = await main();
