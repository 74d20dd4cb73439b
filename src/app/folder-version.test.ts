import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { nodeClock } from "../adapters/node/clock.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { openDataFolder } from "./data-folder.ts";
import { FOLDER_VERSION_FILE } from "./folder-version.ts";

const engine = new NativeEngine({ threads: 1, deterministic: true });

async function open(folder: string) {
  return openDataFolder({ folder, clock: nodeClock, engine, report: () => undefined });
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "redkite-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the version of a data folder", () => {
  test("is written when the folder is made, and the folder opens again", async () => {
    await inFolder(async (folder) => {
      const nested = join(folder, "a", "b");
      for (let i = 0; i < 2; i++) await (await open(nested)).close();
      assert.ok((await readdir(nested)).includes(FOLDER_VERSION_FILE));
    });
  });

  test("a newer one is refused, and nothing in the folder changes", async () => {
    await inFolder(async (folder) => {
      const newer = { formatVersion: 99, readableSince: "9.1.0", createdBy: "9.2.0" };
      await writeFile(join(folder, FOLDER_VERSION_FILE), JSON.stringify(newer));
      await assert.rejects(
        open(folder),
        /format version 99 .* release 9\.2\.0; start release 9\.1\.0 or newer/,
      );
      assert.deepEqual(await readdir(folder), [FOLDER_VERSION_FILE]);
    });
  });

  test("a folder of other things is refused, and nothing is added to it", async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, "letter.txt"), "Dear");
      await assert.rejects(open(folder), /holds other things \(letter\.txt\)/);
      assert.deepEqual(await readdir(folder), ["letter.txt"]);
    });
  });

  test("a folder whose making was cut short is made again", async () => {
    await inFolder(async (folder) => {
      await (await open(folder)).close();
      await rm(join(folder, FOLDER_VERSION_FILE));
      await writeFile(join(folder, `${FOLDER_VERSION_FILE}.new`), "{");
      await (await open(folder)).close();
    });
  });

  test("a version file that is damaged or lost, and lost parts, are named and never made anew", async () => {
    await inFolder(async (folder) => {
      const data = await open(folder);
      await data.meta.txn({ compare: [], ops: [{ op: "put", key: "k", value: Uint8Array.of(1) }] });
      await data.close();
      const file = join(folder, FOLDER_VERSION_FILE);
      await rm(file);
      await assert.rejects(open(folder), /redkite\.json.*is missing, but the folder holds a database/);
      await writeFile(file, "{}");
      await assert.rejects(open(folder), /redkite\.json.*lacks formatVersion/);
      await writeFile(file, JSON.stringify({ formatVersion: 1, readableSince: "0.1.0", createdBy: "0.1.0" }));
      await (await open(folder)).close();
      await rm(join(folder, "meta", "meta.sqlite"));
      await assert.rejects(open(folder), /meta\.sqlite.*the file is missing/);
      await rm(join(folder, "log"), { recursive: true });
      await assert.rejects(open(folder), /\/log\].*this part of the database is missing/);
    });
  });
});
