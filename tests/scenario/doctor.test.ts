import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { crc32c } from "../../src/base/crc32c.ts";
import { main } from "../../src/cli/main.ts";
import {
  decodeWalHeader,
  WAL_HEADER_BYTES,
  WalFrameKind,
  walFrameBytes,
  walPosition,
} from "../../src/format/wal-frame.ts";
import { makeStoppedDatabase } from "../support/stopped-database.ts";

const DELTA_LOG = /deltas(\/[^/]+){3}$/;

let home = "";
let healthy = "";

before(async () => {
  home = await mkdtemp(join(tmpdir(), "redkite-doctor-"));
  healthy = join(home, "healthy");
  await makeStoppedDatabase(healthy);
});

after(async () => {
  await rm(home, { recursive: true, force: true });
});

async function redkite(...args: readonly string[]) {
  const lines: string[] = [];
  const code = await main(args, { line: (text) => lines.push(text), error: (text) => lines.push(text) });
  return { code, text: lines.join("\n") };
}

/** What doctor says of a copy in which something was changed. */
async function examined(damage: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(home, "copy-"));
  try {
    await cp(healthy, folder, { recursive: true });
    await damage(folder);
    return await redkite("doctor", folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The first file below `folder` whose path matches. */
async function find(folder: string, pattern: RegExp): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const found = names.toSorted().find((name) => pattern.test(name));
  assert.ok(found !== undefined, `no file like ${pattern} in ${folder}`);
  return join(folder, found);
}

async function flipByte(path: string, at: (bytes: Buffer) => number): Promise<void> {
  const bytes = await readFile(path);
  const offset = at(bytes);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
  await writeFile(path, bytes);
}

const middle = (bytes: Buffer): number => bytes.length >> 1;

describe("doctor", () => {
  test("finds nothing in a healthy folder, counts what is there, and changes nothing", async () => {
    const listing = async (): Promise<string[]> => (await readdir(healthy, { recursive: true })).toSorted();
    const names = await listing();
    const { code, text } = await redkite("doctor", healthy);
    assert.equal(code, 0, text);
    assert.match(text, /data folder made by release/);
    assert.match(text, /log: 1 topics; 1 records with 100 rows behind the checkpoints/);
    assert.match(text, /objects: 2 segments, 2 indexes, 1 delta logs/);
    assert.match(text, /healthy: nothing is damaged$/);
    assert.deepEqual(await listing(), names);
  });

  test("names a rotten column file with its collection and segment", async () => {
    const { code, text } = await examined(async (folder) =>
      flipByte(await find(folder, /104\.arrow$/), middle),
    );
    assert.equal(code, 1);
    assert.match(
      text,
      /DAMAGED objects\/segments\/\S+\/104\.arrow \(collection default\/books, segment \d+\)/,
    );
    assert.match(text, /its checksum is \w+, but \w+ when it was written\n {2}what can be done: restore/);
    assert.match(text, /\n1 damaged$/);
  });

  test("names every damaged file, not only the first", async () => {
    const { text } = await examined(async (folder) => {
      await truncate(await find(folder, /keys\.idx$/), 100);
      await rm(await find(folder, /100\.arrow$/));
    });
    assert.match(text, /keys\.idx .*\n {2}it has 100 bytes instead of \d+/);
    assert.match(text, /100\.arrow .*\n {2}the file is missing/);
    assert.match(text, /\n2 damaged$/);
  });

  test("names a rotten and a missing manifest", async () => {
    const rotten = await examined(async (folder) => flipByte(await find(folder, /manifest$/), middle));
    assert.match(
      rotten.text,
      /DAMAGED objects\/segments\/\S+\/manifest \(collection default\/books, segment/,
    );
    const missing = await examined(async (folder) => rm(await find(folder, /manifest$/)));
    assert.match(missing.text, /manifest .*\n {2}the file is missing/);
  });

  test("names a rotten index and says that it can be built again", async () => {
    const { code, text } = await examined(async (folder) => {
      for (const name of await readdir(folder, { recursive: true })) {
        if (/indexes(\/\d+){4}$/.test(name)) await flipByte(join(folder, name), middle);
      }
    });
    assert.equal(code, 1);
    assert.match(text, /objects\/indexes\/\S+ \(collection default\/books, segment \d+, index near\)/);
    assert.match(
      text,
      /index by_pages\)\n.*checksum.*\n {2}what can be done: drop the index and create it again/,
    );
  });

  test("names a rotten delta log and what it may mean", async () => {
    const { text } = await examined(async (folder) => flipByte(await find(folder, DELTA_LOG), middle));
    assert.match(text, /DAMAGED objects\/deltas\/\S+ \(collection default\/books, channel \S+v0\)/);
    assert.match(text, /may come back/);
  });

  test("names a rotten record of the log", async () => {
    const { code, text } = await examined(async (folder) => {
      await flipByte(await find(folder, /\.wal$/), lastRecordPayload);
    });
    assert.equal(code, 1);
    assert.match(text, /DAMAGED log\/\d+\.wal \(collection default\/books, channel \S+\)/);
    assert.match(text, /the checksum of a frame's contents differs/);
  });

  test("names a lost log", async () => {
    const { text } = await examined(async (folder) => rm(await find(folder, /\.wal$/)));
    assert.match(
      text,
      /DAMAGED log \(collection default\/books, channel \S+\)\n {2}the log of this channel is missing/,
    );
  });

  test("names rotten and lost metadata", async () => {
    const rotten = await examined(async (folder) => {
      const database = new DatabaseSync(await find(folder, /meta\.sqlite$/));
      database.exec("UPDATE entry SET value = x'00' WHERE key LIKE 'data/segment/%'");
      database.close();
    });
    assert.equal(rotten.code, 1);
    assert.match(rotten.text, /DAMAGED meta\/meta\.sqlite .*\n.*entry data\/segment\/\d+ has changed since/);
    const lost = await examined(async (folder) => rm(await find(folder, /meta\.sqlite$/)));
    assert.match(lost.text, /DAMAGED meta\/meta\.sqlite .*\n.*the file is missing/);
  });

  test("names missing parts and a missing or damaged version file", async () => {
    const noObjects = await examined(async (folder) => rm(join(folder, "objects"), { recursive: true }));
    assert.match(noObjects.text, /DAMAGED objects\n {2}this part of the database is missing/);
    const noVersion = await examined(async (folder) => rm(join(folder, "redkite.json")));
    assert.match(noVersion.text, /DAMAGED redkite\.json\n {2}the file is missing/);
    const badVersion = await examined(async (folder) => writeFile(join(folder, "redkite.json"), "no"));
    assert.match(badVersion.text, /DAMAGED redkite\.json\n/);
  });

  test("reports files that nothing names as harmless", async () => {
    const { code, text } = await examined(async (folder) => {
      const manifest = await find(folder, /manifest$/);
      await rename(await find(folder, DELTA_LOG), join(folder, "objects", "deltas", "astray"));
      await cp(join(manifest, ".."), join(manifest, "..", "..", "999-1"), { recursive: true });
    });
    assert.equal(code, 1, "the delta log is missing where it should be");
    assert.match(text, /note objects\/deltas\/astray\n {2}no metadata names it/);
    assert.match(text, /note objects\/segments\/\S+\/999-1\/keys\.idx/);
  });

  test("refuses a folder in use, one of a newer release, and one that is none", async () => {
    const inUse = await examined(async (folder) => {
      const lock = new DatabaseSync(join(folder, "redkite.lock"), { timeout: 0 });
      lock.exec("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
      after(() => lock.close());
    });
    assert.equal(inUse.code, 1);
    assert.match(inUse.text, /is in use: another process holds it/);
    const newer = await examined(async (folder) => {
      const version = { formatVersion: 2, readableSince: "7.0.0", createdBy: "7.1.0" };
      await writeFile(join(folder, "redkite.json"), JSON.stringify(version));
    });
    assert.match(newer.text, /was written by a newer release: .* start release 7\.0\.0 or newer/);
    assert.match((await redkite("doctor", join(home, "nowhere"))).text, /nowhere does not exist/);
  });
});

describe("inspect", () => {
  test("shows every file of a database as text", async () => {
    const names = await readdir(healthy, { recursive: true, withFileTypes: true });
    for (const entry of names) {
      if (!entry.isFile() || entry.name === "redkite.lock") continue;
      const path = join(entry.parentPath, entry.name);
      const { code, text } = await redkite("inspect", path);
      assert.equal(code, 0, `${relative(healthy, path)}: ${text}`);
      if (!path.endsWith("reserve"))
        assert.doesNotMatch(text, /that this release knows|of an unknown kind/, path);
    }
  });

  test("decodes what the files hold", async () => {
    const shown = async (pattern: RegExp) => (await redkite("inspect", await find(healthy, pattern))).text;
    assert.match(await shown(/meta\.sqlite$/), /name: "books"[\s\S]*vchannel: /);
    assert.match(await shown(/manifest$/), /segment manifest[\s\S]*vchannel: [\s\S]*keyIndex:[\s\S]*stats:/);
    assert.match(
      await shown(/101\.arrow$/),
      /field 101 "title" VarChar, \d+ nulls\n {2}0: null\n {2}1: "Volume 1"/,
    );
    assert.match(await shown(/101\.arrow$/), /field 103 "on_loan" Bool, 0 nulls\n {2}0: true\n {2}1: false/);
    assert.match(await shown(/104\.arrow$/), /FloatVector\(8\)[\s\S]*0: \[0, 0/);
    assert.match(await shown(/keys\.idx$/), /key index[\s\S]*rows: 1500/);
    assert.match(await shown(DELTA_LOG), /delta log of[\s\S]*\n {2}3 ended at \d+/);
    assert.match(await shown(/\.wal$/), /create, topic 1[\s\S]*type: "rows"[\s\S]*rows: 100\n/);
    const indexes = (await readdir(healthy, { recursive: true })).filter((name) =>
      /indexes(\/\d+){4}$/.test(name),
    );
    const texts = await Promise.all(
      indexes.map(async (name) => (await redkite("inspect", join(healthy, name))).text),
    );
    assert.ok(texts.some((text) => /HNSW index[\s\S]*metric: "L2"[\s\S]*damagedBlocks: \[\]/.test(text)));
    assert.ok(texts.some((text) => /scalar index[\s\S]*kind: "sorted"/.test(text)));
  });

  test("says what is wrong with a file that cannot be read", async () => {
    const missing = await redkite("inspect", join(home, "nowhere"));
    assert.match(missing.text, /nowhere does not exist/);
    const short = join(home, "short");
    await writeFile(short, "RKMF");
    assert.match(
      (await redkite("inspect", short)).text,
      /short is damaged: a manifest of 4 bytes is too short/,
    );
    const other = join(home, "letter");
    await writeFile(other, "Dear reader");
    assert.match(
      (await redkite("inspect", other)).text,
      /no file that this release knows; 11 bytes[\s\S]*44 65 61 72/,
    );
  });
});

/** A byte inside the contents of the newest record. */
function lastRecordPayload(bytes: Buffer): number {
  let found = -1;
  for (let at = 0; ;) {
    const header = decodeWalHeader(bytes, at, walPosition(1, at), crc32c);
    if (header === undefined) break;
    if (header.kind === WalFrameKind.record) found = at + WAL_HEADER_BYTES + (header.payloadBytes >> 1);
    at += walFrameBytes(header.payloadBytes);
  }
  assert.ok(found > 0, "the log has no record");
  return found;
}
