import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { isKind } from "./disk-contract.ts";

export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly store: ObjectStore;
}

/** What every object store does. Each test opens an empty one. */
export function objectStoreContract(name: string, open: () => Promise<ObjectStoreUnderTest>): void {
  test(`${name}: an object is read back whole, in ranges and as a buffer`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("a/b/c.bin", [utf8Encode("hello, "), new Uint8Array(), utf8Encode("world")]);
    assert.equal(utf8Decode(await store.get("a/b/c.bin")), "hello, world");
    assert.equal(utf8Decode(await store.get("a/b/c.bin", { offset: 7, bytes: 5 })), "world");
    assert.equal((await store.get("a/b/c.bin", { offset: 12, bytes: 0 })).length, 0);
    assert.deepEqual(await store.stat("a/b/c.bin"), { bytes: 12 });
    const buffer = await store.open("a/b/c.bin");
    assert.equal(utf8Decode(buffer.bytes), "hello, world");
    assert.equal(buffer.byteLength, 12);
    buffer.close();
    await assert.rejects(store.get("a/b/c.bin", { offset: 8, bytes: 5 }), isKind("ioInvalidRange"));
    await assert.rejects(store.get("a/b/c.bin", { offset: -1, bytes: 5 }), isKind("ioInvalidRange"));
  });

  test(`${name}: an empty object is an object`, async () => {
    await using opened = await open();
    await opened.store.put("empty", []);
    assert.deepEqual(await opened.store.stat("empty"), { bytes: 0 });
    assert.equal((await opened.store.get("empty")).length, 0);
    const buffer = await opened.store.open("empty");
    assert.equal(buffer.byteLength, 0);
    buffer.close();
  });

  test(`${name}: a taken key is refused and keeps its bytes, also when two write at once`, async () => {
    await using opened = await open();
    const { store } = opened;
    const results = await Promise.allSettled([
      store.put("k/1", [utf8Encode("a".repeat(1_000))]),
      store.put("k/1", [utf8Encode("b".repeat(1_000))]),
    ]);
    assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
    const kept = utf8Decode(await store.get("k/1"));
    assert.equal(new Set(kept).size, 1);
    await assert.rejects(store.put("k/1", [utf8Encode("c")]), isKind("objectExists"));
    assert.equal(utf8Decode(await store.get("k/1")), kept);
  });

  test(`${name}: what is absent is objectNotFound, and removing it succeeds`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("x/y", [utf8Encode("1")]);
    for (const key of ["none", "x", "x/z", "x/y/z"]) {
      assert.equal(await store.stat(key), undefined, key);
      await store.remove(key === "x" ? "w" : key);
    }
    await assert.rejects(store.get("none"), isKind("objectNotFound"));
    await assert.rejects(store.get("none", { offset: 0, bytes: 1 }), isKind("objectNotFound"));
    await assert.rejects(store.open("none/at/all"), isKind("objectNotFound"));
    await store.remove("x/y");
    await assert.rejects(store.get("x/y"), isKind("objectNotFound"));
    await store.put("x/y", [utf8Encode("2")]);
    assert.equal(utf8Decode(await store.get("x/y")), "2");
  });

  test(`${name}: a list has the keys below the prefix in order, page by page`, async () => {
    await using opened = await open();
    const { store } = opened;
    const keys = ["a/1/x", "a/1.y", "a/10/z", "a/2", "ab/1", "b", "a/1-0", "a/1/w/v"];
    for (const key of keys) await store.put(key, [utf8Encode(key)]);
    const below = keys.filter((key) => key.startsWith("a/")).sort();
    assert.deepEqual(await store.list("a/", { limit: 100 }), below);
    assert.deepEqual(await store.list("", { limit: 100 }), keys.toSorted());
    assert.deepEqual(
      await store.list("a/1", { limit: 100 }),
      below.filter((key) => key.startsWith("a/1")),
    );
    assert.deepEqual(await store.list("a/1/", { limit: 100 }), ["a/1/w/v", "a/1/x"]);
    const pages: string[] = [];
    for (let after: string | undefined; ; after = pages.at(-1)) {
      const page = await store.list("a/", { limit: 2, ...(after !== undefined && { after }) });
      assert.ok(page.length <= 2);
      pages.push(...page);
      if (page.length === 0) break;
    }
    assert.deepEqual(pages, below);
    for (const prefix of ["../", "nothing/here", "a//", "/"]) {
      assert.deepEqual(await store.list(prefix, { limit: 10 }), [], prefix);
    }
  });

  test(`${name}: keys that some store could not hold are refused`, async () => {
    await using opened = await open();
    for (const key of ["", "/a", "a/", "a//b", "../a", "a/.b", "a b", "a\0", "ä", "x".repeat(2_000)]) {
      await assert.rejects(opened.store.put(key, []), isKind("parameterInvalid"), key);
      await assert.rejects(opened.store.get(key), isKind("parameterInvalid"), key);
    }
  });

  test(`${name}: puts and removes of neighbours do not disturb each other`, async () => {
    await using opened = await open();
    const { store } = opened;
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const key = `n/${i % 4}/${i}`;
        await store.put(key, [utf8Encode(key)]);
        if (i % 2 === 0) await store.remove(key);
      }),
    );
    const left = await store.list("n/", { limit: 100 });
    assert.equal(left.length, 20);
    for (const key of left) assert.equal(utf8Decode(await store.get(key)), key);
  });
}
