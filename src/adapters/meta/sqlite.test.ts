import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ManualClock } from "../../../tests/contract/manual-clock.ts";
import { metaStoreContract } from "../../../tests/contract/meta-store-contract.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { ReserveFile } from "./reserve-file.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import type { CommitRequest } from "./sqlite-protocol.ts";
import { openSqliteMetaStore } from "./sqlite.ts";

metaStoreContract("sqlite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "redkite-meta-"));
  const clock = new ManualClock();
  const store = await openSqliteMetaStore({ path: join(folder, "meta.db"), mode: "create", ...SMALL }, clock);
  return {
    store,
    elapse: async (ms) => {
      await clock.advance(ms);
      // The thread commits the end of a lease in its own time; a transaction queues behind it.
      await store.txn({ compare: [], ops: [{ op: "delete", key: "nothing" }] });
    },
    [Symbol.asyncDispose]: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

const SMALL = { reserveBytes: 64 << 10 };

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "redkite-meta-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const put = (key: string, bytes = 10) => ({ op: "put", key, value: new Uint8Array(bytes).fill(7) }) as const;

test("what was committed is there after a close and an open, with its revisions, and leased keys are not", async (context) => {
  const config = { path: join(folderFor(context), "meta.db"), mode: "create", ...SMALL } as const;
  const clock = new ManualClock();
  const before = await openSqliteMetaStore(config, clock);
  const lease = await before.grantLease(60_000);
  await before.txn({ compare: [], ops: [put("a"), put("b", 100_000), { ...put("session"), lease }] });
  await before.txn({ compare: [], ops: [{ op: "delete", key: "a" }, put("b", 3)] });
  const expected = await before.get("b");
  await before.close();
  await assert.rejects(before.get("b"), (error) => isRedkiteError(error, "metaUnavailable"));
  const after = await openSqliteMetaStore({ ...config, mode: "existing" }, clock);
  const { revision, entries } = await after.range("");
  assert.deepEqual(entries, [expected]);
  assert.equal(revision, 3n, "the end of the old leases is a revision of its own");
  await assert.rejects(
    after.watch("", 1n, AbortSignal.timeout(1_000))[Symbol.asyncIterator]().next(),
    (error) => isRedkiteError(error, "metaCompacted"),
  );
  await after.close();
});

test("a second store on the same file is refused", async (context) => {
  const config = { path: join(folderFor(context), "meta.db"), mode: "create", ...SMALL } as const;
  const first = await openSqliteMetaStore(config, new ManualClock());
  await assert.rejects(openSqliteMetaStore(config, new ManualClock()), (error) =>
    isRedkiteError(error, "folderInUse"),
  );
  await first.close();
});

test("a damaged, cut, emptied or missing database is named and never becomes an empty one", async (context) => {
  const path = join(folderFor(context), "meta.db");
  const store = await openSqliteMetaStore({ path, mode: "create", ...SMALL }, new ManualClock());
  for (let i = 0; i < 50; i++) await store.txn({ compare: [], ops: [put(`key ${i}`, 1_000)] });
  await store.close();
  const intact = readFileSync(path);
  const refused = (bytes: Uint8Array | undefined) => {
    if (bytes === undefined) rmSync(path);
    else writeFileSync(path, bytes);
    return assert.rejects(
      openSqliteMetaStore({ path, mode: "existing", ...SMALL }, new ManualClock()),
      (error) => isRedkiteError(error, "corrupted") && error.message.includes(path),
    );
  };
  for (const offset of [intact.lastIndexOf("key 7") + 500, 2 * 4096 + 3]) {
    const flipped = Buffer.from(intact);
    flipped[offset] = (flipped[offset] ?? 0) ^ 4;
    await refused(flipped);
  }
  await refused(intact.subarray(0, intact.length - 8192));
  await refused(Buffer.concat([Buffer.from("not a database"), intact.subarray(14)]));
  await refused(new Uint8Array());
  await refused(undefined);
  writeFileSync(path, intact);
  const again = await openSqliteMetaStore({ path, mode: "existing", ...SMALL }, new ManualClock());
  assert.equal((await again.range("key")).entries.length, 50);
  await again.close();
});

test("an unwritable folder is a failed disk", async () => {
  await assert.rejects(
    openSqliteMetaStore({ path: "/proc/nowhere/meta.db", mode: "create" }, new ManualClock()),
    (error) => isRedkiteError(error, "diskFailed"),
  );
});

test("many transactions at once share commits", async (context) => {
  const path = join(folderFor(context), "meta.db");
  const store = await openSqliteMetaStore({ path, mode: "create", ...SMALL }, new ManualClock());
  const all = Array.from({ length: 500 }, (_, i) => store.txn({ compare: [], ops: [put(`k${i}`)] }));
  const revisions = (await Promise.all(all)).map(({ revision }) => revision);
  assert.deepEqual(
    revisions,
    revisions.map((_, i) => BigInt(i + 1)),
  );
  await store.close();
  assert.deepEqual(readdirSync(join(path, "..")).sort(), ["meta.db", "meta.db.reserve"]);
});

test("a full database gives up the reserve, and a commit that still has no room leaves nothing behind", (context) => {
  const path = join(folderFor(context), "meta.db");
  const database = new SqliteDatabase({ path, mode: "create", ...SMALL });
  const entry = (key: string, bytes: number) => [key, new Uint8Array(bytes), 1n, 1n, null] as const;
  const commit = (key: string, bytes: number): CommitRequest => ({
    kind: "commit",
    revision: 1n,
    puts: [entry(`${key}1`, 10), entry(key, bytes)],
    deletes: [],
  });
  database.limitPages(8);
  assert.equal(statSync(`${path}.reserve`).size, 64 << 10);
  assert.throws(() => database.commit(commit("large", 100_000)), /full/);
  assert.ok(!readdirSync(join(path, "..")).includes("meta.db.reserve"));
  database.commit(commit("small", 10));
  const keys = database.load().entries.map(([key]) => key);
  assert.deepEqual(keys, ["small", "small1"]);
  database.close();
});

test("the reserve is made only where there is plenty of room", (context) => {
  const folder = folderFor(context);
  const reserve = new ReserveFile(join(folder, "r"), 1000);
  reserve.make();
  assert.ok(reserve.release());
  assert.ok(!reserve.release());
  new ReserveFile(join(folder, "huge"), 2 ** 60).make();
  assert.deepEqual(readdirSync(folder), []);
});

test("after a crash the journal's pages go into the database, and the journal keeps its size", async (context) => {
  const folder = folderFor(context);
  const crashed = join(folder, "crashed.db");
  const store = await openSqliteMetaStore(
    { path: join(folder, "meta.db"), mode: "create", ...SMALL },
    new ManualClock(),
  );
  await store.txn({ compare: [], ops: [put("a", 50_000)] });
  for (const end of ["", "-wal"]) copyFileSync(join(folder, `meta.db${end}`), crashed + end);
  await store.close();
  const journal = statSync(`${crashed}-wal`).size;
  assert.ok(journal > 50_000);
  const pages = statSync(crashed).size;
  const database = new SqliteDatabase({ path: crashed, mode: "existing", ...SMALL });
  assert.deepEqual(
    database.load().entries.map(([key]) => key),
    ["a"],
  );
  assert.ok(statSync(crashed).size > pages);
  assert.equal(statSync(`${crashed}-wal`).size, journal);
  database.close();
});
