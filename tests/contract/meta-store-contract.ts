import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { isRedkiteError } from "../../src/errors/redkite-error.ts";
import type { ErrorKind } from "../../src/errors/codes.ts";
import {
  META_TXN_OPS_MAX,
  type LeaseId,
  type MetaEvents,
  type MetaOp,
  type MetaStore,
} from "../../src/ports/meta-store.ts";

export interface MetaStoreUnderTest extends AsyncDisposable {
  readonly store: MetaStore;
  /** Lets this much time pass for leases. */
  elapse(ms: number): Promise<void>;
}

/** What every metadata store does. Each test opens an empty one. */
export function metaStoreContract(name: string, open: () => Promise<MetaStoreUnderTest>): void {
  const put = (key: string, value: string, lease?: LeaseId): MetaOp => ({
    op: "put",
    key,
    value: utf8Encode(value),
    ...(lease !== undefined && { lease }),
  });

  test(`${name}: a put entry is read back with its revisions, and a missing one is undefined`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = await store.txn({ compare: [], ops: [put("a", "1")] });
    const second = await store.txn({ compare: [], ops: [put("a", "2"), put("b", "3")] });
    assert.equal(first.succeeded, true);
    assert.ok(second.revision > first.revision);
    const entry = await store.get("a");
    assert.equal(utf8Decode(entry?.value ?? new Uint8Array()), "2");
    assert.equal(entry?.createRevision, first.revision);
    assert.equal(entry?.modRevision, second.revision);
    assert.equal(entry?.lease, undefined);
    assert.equal((await store.get("b"))?.createRevision, second.revision);
    assert.equal(await store.get("c"), undefined);
  });

  test(`${name}: a value is a copy of what was given`, async () => {
    await using opened = await open();
    const bytes = utf8Encode("before");
    const done = opened.store.txn({ compare: [], ops: [{ op: "put", key: "k", value: bytes }] });
    await done;
    bytes.fill(0);
    assert.equal(utf8Decode((await opened.store.get("k"))?.value ?? bytes), "before");
  });

  test(`${name}: a range returns exactly the keys with the prefix, in order`, async () => {
    await using opened = await open();
    const { store } = opened;
    const keys = ["p/b", "p/a", "p", "p/", "q", "o", "p/a/x", "p0"];
    for (const key of keys) await store.txn({ compare: [], ops: [put(key, key)] });
    const { entries, revision } = await store.range("p/");
    assert.deepEqual(
      entries.map((entry) => entry.key),
      ["p/", "p/a", "p/a/x", "p/b"],
    );
    assert.equal(revision, (await store.get("p0"))?.modRevision);
    assert.equal((await store.range("")).entries.length, keys.length);
    assert.deepEqual((await store.range("zzz")).entries, []);
  });

  test(`${name}: a transaction applies everything or nothing, as its comparisons say`, async () => {
    await using opened = await open();
    const { store } = opened;
    const { revision } = await store.txn({ compare: [], ops: [put("a", "1")] });
    const value = utf8Encode("1");
    const holding = [
      { key: "a", target: "exists" },
      { key: "b", target: "absent" },
      { key: "a", target: "modRevision", equals: revision },
      { key: "a", target: "createRevision", equals: revision },
      { key: "b", target: "modRevision", equals: 0n },
      { key: "a", target: "value", equals: value },
    ] as const;
    const failing = [
      { key: "a", target: "absent" },
      { key: "b", target: "exists" },
      { key: "a", target: "modRevision", equals: revision + 1n },
      { key: "a", target: "createRevision", equals: 0n },
      { key: "a", target: "value", equals: utf8Encode("2") },
      { key: "b", target: "value", equals: new Uint8Array() },
    ] as const;
    for (const compare of failing) {
      const result = await store.txn({ compare: [...holding, compare], ops: [put("c", "x"), put("a", "x")] });
      assert.equal(result.succeeded, false, compare.target);
      assert.equal(result.revision, revision);
    }
    assert.equal(await store.get("c"), undefined);
    const done = await store.txn({ compare: holding, ops: [put("c", "x"), { op: "delete", key: "a" }] });
    assert.equal(done.succeeded, true);
    assert.equal(await store.get("a"), undefined);
    assert.equal((await store.get("c"))?.modRevision, done.revision);
  });

  test(`${name}: deletes remove keys and prefixes, and a key created again starts over`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.txn({ compare: [], ops: [put("d/1", ""), put("d/2", ""), put("e", "")] });
    await store.txn({ compare: [], ops: [{ op: "deletePrefix", prefix: "d/" }] });
    assert.deepEqual(
      (await store.range("")).entries.map((entry) => entry.key),
      ["e"],
    );
    const { revision } = await store.txn({ compare: [], ops: [put("d/1", "again")] });
    assert.equal((await store.get("d/1"))?.createRevision, revision);
    const nothing = await store.txn({ compare: [], ops: [{ op: "delete", key: "absent" }] });
    assert.deepEqual(nothing, { succeeded: true, revision });
  });

  test(`${name}: of many concurrent compare-and-set increments none is lost`, async () => {
    await using opened = await open();
    const { store } = opened;
    const increment = async () => {
      for (;;) {
        const entry = await store.get("n");
        const next = Number(entry === undefined ? "0" : utf8Decode(entry.value)) + 1;
        const { succeeded } = await store.txn({
          compare: [{ key: "n", target: "modRevision", equals: entry?.modRevision ?? 0n }],
          ops: [put("n", String(next))],
        });
        if (succeeded) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    assert.equal(utf8Decode((await store.get("n"))?.value ?? new Uint8Array()), "20");
  });

  test(`${name}: a watch gives all changes of its prefix, one batch a revision, from any kept revision`, async () => {
    await using opened = await open();
    const { store } = opened;
    const start = (await store.txn({ compare: [], ops: [put("w/0", "before")] })).revision;
    const controller = new AbortController();
    const collected = collect(store.watch("w/", start, controller.signal), 3, controller);
    const one = await store.txn({ compare: [], ops: [put("w/1", "1"), put("x", "other"), put("w/2", "2")] });
    await store.txn({ compare: [], ops: [put("x", "unseen")] });
    const two = await store.txn({ compare: [], ops: [{ op: "deletePrefix", prefix: "w/" }] });
    const three = await store.txn({ compare: [], ops: [put("w/3", "3")] });
    const batches = await collected;
    assert.deepEqual(batches.map(describe), [
      [one.revision, "put w/1", "put w/2"],
      [two.revision, "delete w/0", "delete w/1", "delete w/2"],
      [three.revision, "put w/3"],
    ]);
    const again = new AbortController();
    const replayed = await collect(store.watch("w/", start, again.signal), 3, again);
    assert.deepEqual(replayed.map(describe), batches.map(describe));
    const late = new AbortController();
    const tail = await collect(store.watch("w/", two.revision, late.signal), 1, late);
    assert.deepEqual(tail.map(describe), [[three.revision, "put w/3"]]);
  });

  test(`${name}: a watch ends when its signal aborts`, async () => {
    await using opened = await open();
    const controller = new AbortController();
    const { revision } = await opened.store.range("");
    const ended = collect(opened.store.watch("", revision, controller.signal), 1, controller);
    controller.abort();
    assert.deepEqual(await ended, []);
  });

  test(`${name}: keys of a lease go when it runs out or is revoked, and live while it is kept alive`, async () => {
    await using opened = await open();
    const { store } = opened;
    const lease = await store.grantLease(2_000);
    const other = await store.grantLease(60_000);
    await store.txn({ compare: [], ops: [put("l/1", "", lease), put("l/2", "", other), put("l/3", "")] });
    assert.equal((await store.get("l/1"))?.lease, lease);
    for (let i = 0; i < 3; i++) {
      await opened.elapse(1_000);
      assert.equal(await store.keepAlive(lease), 2_000);
    }
    assert.notEqual(await store.get("l/1"), undefined);
    await opened.elapse(4_000);
    assert.equal(await store.get("l/1"), undefined);
    assert.notEqual(await store.get("l/2"), undefined);
    await assert.rejects(store.keepAlive(lease), isKind("leaseExpired"));
    await assert.rejects(store.txn({ compare: [], ops: [put("x", "", lease)] }), isKind("leaseExpired"));
    await store.revokeLease(other);
    assert.equal(await store.get("l/2"), undefined);
    assert.notEqual(await store.get("l/3"), undefined);
  });

  test(`${name}: a key put again without its lease, or with another one, no longer hangs on the first`, async () => {
    await using opened = await open();
    const { store } = opened;
    const lease = await store.grantLease(60_000);
    const other = await store.grantLease(60_000);
    await store.txn({ compare: [], ops: [put("a", "", lease), put("b", "", lease), put("c", "", lease)] });
    await store.txn({ compare: [], ops: [put("a", "kept"), put("b", "moved", other)] });
    await store.revokeLease(lease);
    assert.deepEqual(
      (await store.range("")).entries.map((entry) => entry.key),
      ["a", "b"],
    );
  });

  test(`${name}: requests beyond the limits, with bad keys or changing a key twice are refused`, async () => {
    await using opened = await open();
    const { store } = opened;
    const tooMany = Array.from({ length: META_TXN_OPS_MAX + 1 }, (_, i) => put(`k${i}`, ""));
    const refused = [tooMany, [put("", "x")], [put("a", "1"), put("a", "2")], [put("x".repeat(5_000), "")]];
    for (const ops of refused) {
      await assert.rejects(store.txn({ compare: [], ops }), isKind("parameterInvalid"));
    }
    assert.deepEqual((await store.range("")).entries, []);
  });
}

async function collect(
  events: AsyncIterable<MetaEvents>,
  count: number,
  controller: AbortController,
): Promise<MetaEvents[]> {
  const batches: MetaEvents[] = [];
  for await (const batch of events) {
    batches.push(batch);
    if (batches.length === count) controller.abort();
  }
  return batches;
}

function describe({ revision, events }: MetaEvents): (bigint | string)[] {
  const texts = events.map((event) =>
    event.type === "put" ? `put ${event.entry.key}` : `delete ${event.key}`,
  );
  return [revision, ...texts];
}

function isKind(kind: ErrorKind): (error: unknown) => boolean {
  return (error) => isRedkiteError(error, kind);
}
