import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "../../../tests/contract/manual-clock.ts";
import { metaStoreContract } from "../../../tests/contract/meta-store-contract.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { diskFull } from "../../errors/service-errors.ts";
import { metaUnknownOutcome } from "../../errors/storage-errors.ts";
import { MemoryMetaStorage, openMemoryMetaStore } from "./memory.ts";

metaStoreContract("memory", async () => {
  const clock = new ManualClock();
  const store = await openMemoryMetaStore(clock);
  return {
    store,
    elapse: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      assert.equal(clock.pendingTimers, 0);
    },
  };
});

const put = (key: string) => ({ op: "put", key, value: new Uint8Array([1]) }) as const;

/** Holds each commit until it is told how to end. */
class GatedStorage extends MemoryMetaStorage {
  readonly commits: { readonly count: number; readonly release: (error?: Error) => void }[] = [];

  override async commit(...args: Parameters<MemoryMetaStorage["commit"]>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.commits.push({
      count: args[1].length,
      release: (error) => (error === undefined ? resolve() : reject(error)),
    });
    await promise;
    await super.commit(...args);
  }
}

test("transactions that wait share a commit, and nobody sees one before it is durable", async () => {
  const storage = new GatedStorage();
  const store = await openMemoryMetaStore(new ManualClock(), storage);
  const first = store.txn({ compare: [], ops: [put("a")] });
  await settle();
  const later = ["b", "c", "d"].map((key) =>
    store.txn({ compare: [{ key: "a", target: "exists" }], ops: [put(key)] }),
  );
  assert.equal(await store.get("a"), undefined);
  storage.commits[0]?.release();
  assert.equal((await first).succeeded, true);
  await settle();
  assert.equal((await store.range("")).entries.length, 1);
  assert.deepEqual(
    storage.commits.map(({ count }) => count),
    [1, 3],
  );
  storage.commits[1]?.release();
  assert.deepEqual(
    (await Promise.all(later)).map(({ revision }) => revision),
    [2n, 3n, 4n],
  );
  await store.close();
});

test("a commit that fails for lack of room changes nothing, and the next one works", async () => {
  const storage = new GatedStorage();
  const store = await openMemoryMetaStore(new ManualClock(), storage);
  const failed = store.txn({ compare: [], ops: [put("a")] });
  const next = settle().then(() => store.txn({ compare: [{ key: "a", target: "absent" }], ops: [put("b")] }));
  await settle();
  storage.commits[0]?.release(diskFull({ path: "meta" }));
  await assert.rejects(failed, (error) => isRedkiteError(error, "diskFull"));
  await settle();
  storage.commits[1]?.release();
  assert.deepEqual(await next, { succeeded: true, revision: 1n });
  assert.equal(await store.get("a"), undefined);
  await store.close();
});

test("an unknown outcome ends the service until the store is opened again", async () => {
  const storage = new GatedStorage();
  const store = await openMemoryMetaStore(new ManualClock(), storage);
  const failed = store.txn({ compare: [], ops: [put("a")] });
  await settle();
  const waiting = store.txn({ compare: [], ops: [put("b")] });
  storage.commits[0]?.release(metaUnknownOutcome("sync failed"));
  await assert.rejects(failed, (error) => isRedkiteError(error, "metaUnknownOutcome"));
  await assert.rejects(waiting, (error) => isRedkiteError(error, "metaUnavailable"));
  await assert.rejects(store.get("a"), (error) => isRedkiteError(error, "metaUnavailable"));
  await store.close();
});

test("a store opened on what another left has its entries but none of its leases", async () => {
  const storage = new MemoryMetaStorage();
  const clock = new ManualClock();
  const before = await openMemoryMetaStore(clock, storage);
  const lease = await before.grantLease(60_000);
  await before.txn({ compare: [], ops: [put("kept"), { ...put("session"), lease }] });
  await before.close();
  const after = await openMemoryMetaStore(clock, storage);
  assert.deepEqual(
    (await after.range("")).entries.map(({ key }) => key),
    ["kept"],
  );
  assert.notEqual(await after.grantLease(1_000), lease);
  await after.close();
});

test("a watcher slower than the history that is kept gets metaCompacted", async () => {
  const bounds = { revisionsMax: 4, bytesMax: 1 << 20 };
  const store = await openMemoryMetaStore(new ManualClock(), new MemoryMetaStorage(), bounds);
  for (let i = 0; i < 10; i++) await store.txn({ compare: [], ops: [put(`k${i}`)] });
  const controller = new AbortController();
  const kept = store.watch("", 6n, controller.signal)[Symbol.asyncIterator]();
  assert.equal((await kept.next()).value?.revision, 7n);
  const gone = store.watch("", 5n, controller.signal)[Symbol.asyncIterator]();
  await assert.rejects(gone.next(), (error) => isRedkiteError(error, "metaCompacted"));
  await store.txn({ compare: [], ops: [put("one more")] });
  assert.equal(
    (await kept.next()).value?.revision,
    8n,
    "the oldest revision kept is the one before the bound",
  );
  for (let i = 0; i < 10; i++) await store.txn({ compare: [], ops: [put(`k${i}`)] });
  await assert.rejects(kept.next(), (error) => isRedkiteError(error, "metaCompacted"));
  await store.close();
});

test("a transaction that comes in while the last commit ends is not left waiting", async () => {
  await using store = {
    meta: await openMemoryMetaStore(new ManualClock()),
    [Symbol.asyncDispose]: async () => store.meta.close(),
  };
  for (let turns = 0; turns < 12; turns++) {
    const first = store.meta.txn({ compare: [], ops: [put("a")] });
    for (let i = 0; i < turns; i++) await Promise.resolve();
    const second = store.meta.txn({ compare: [], ops: [put("b")] });
    const result = await Promise.race([second, settle().then(() => undefined)]);
    assert.ok(result?.succeeded, `lost after ${turns} turns`);
    await first;
  }
});
