import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CrashDisk } from "../../../tests/contract/crash-disk.ts";
import { objectStoreContract } from "../../../tests/contract/object-store-contract.ts";
import { Prng } from "../../base/prng.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { NodeDisk } from "../node/disk.ts";
import { FsObjectStore } from "./fs.ts";
import { MemoryObjectStore } from "./memory.ts";

objectStoreContract("memory", async () => ({
  store: new MemoryObjectStore(),
  [Symbol.asyncDispose]: async () => undefined,
}));

objectStoreContract("fs", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-objects-"));
  const store = await FsObjectStore.open(new NodeDisk(root), "objects");
  return { store, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
});

test("what a crash left half written is gone after the next open, and nothing of it was ever listed", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-objects-"));
  const disk = new NodeDisk(root);
  const before = await FsObjectStore.open(disk, "data/objects");
  await before.put("kept/1", [new Uint8Array(3)]);
  await disk.writeFile("data/objects/.writing/17", [new Uint8Array(9)], { sync: true });
  assert.deepEqual(await before.list("", { limit: 10 }), ["kept/1"]);
  const after = await FsObjectStore.open(disk, "data/objects");
  assert.deepEqual(await disk.list("data/objects/.writing"), []);
  assert.deepEqual(await after.list("", { limit: 10 }), ["kept/1"]);
  await rm(root, { recursive: true });
});

test("empty folders go with their last object", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-objects-"));
  const disk = new NodeDisk(root);
  const store = await FsObjectStore.open(disk, "objects");
  await store.put("a/b/c/1", []);
  await store.put("a/d", []);
  await store.remove("a/b/c/1");
  assert.deepEqual(await disk.list("objects/a"), ["d"]);
  await rm(root, { recursive: true });
});

test("a put on a full disk fails as such and leaves nothing behind", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-objects-"));
  const disk = new NodeDisk(root);
  const store = await FsObjectStore.open(disk, "objects");
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const full = await new NodeDisk("/dev").open("full", "write");
    file.write = async (offset, chunks) => {
      try {
        await full.write(offset, chunks);
      } finally {
        await full.close();
      }
    };
    return file;
  };
  await assert.rejects(store.put("a/1", [new Uint8Array(3)]), (error) => isRedkiteError(error, "diskFull"));
  disk.open = open;
  assert.deepEqual(await disk.list("objects/.writing"), []);
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  await store.put("a/1", [new Uint8Array(3)]);
  await rm(root, { recursive: true });
});

test("no power cut takes an object whose folders were removed and made anew while it was put", async () => {
  const rng = Prng.fromSeed(1);
  const pause = async (): Promise<void> => {
    for (let left = rng.int(12); left > 0; left--) await Promise.resolve();
  };
  for (let round = 0; round < 300; round++) {
    const disk = new CrashDisk();
    const store = await FsObjectStore.open(disk, "objects");
    const kept = new Set<string>();
    let puts = 0;
    const client = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        const key = `a/b/${rng.int(2)}/${puts++}`;
        await store.put(key, [new Uint8Array(1)]);
        kept.add(key);
        await pause();
        if (rng.chance(0.3)) continue;
        kept.delete(key);
        await store.remove(key);
        await pause();
      }
    };
    await Promise.all([client(), client(), client()]);
    const after = await FsObjectStore.open(disk.powerCut(rng), "objects");
    const found = await after.list("", { limit: 100 });
    assert.deepEqual(
      [...kept].filter((key) => !found.includes(key)),
      [],
      `round ${round}`,
    );
  }
});
