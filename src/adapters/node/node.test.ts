import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { nodeClock } from "./clock.ts";
import { FolderLock, HOLDER_FILE } from "./folder-lock.ts";
import { NodeRng } from "./rng.ts";

test("a sleep ends by itself, and by its signal with the signal's reason", async () => {
  const before = nodeClock.monotonicMs();
  await nodeClock.sleep(2);
  assert.ok(nodeClock.monotonicMs() - before >= 1);
  const controller = new AbortController();
  const long = nodeClock.sleep(2 ** 40, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(long, /enough/);
  await assert.rejects(nodeClock.sleep(1, controller.signal), /enough/);
});

test("a cancelled timer does not fire, and one beyond setTimeout's range waits", async () => {
  let fired = 0;
  nodeClock.timer(1, () => fired++).cancel();
  const far = nodeClock.timer(2 ** 33, () => fired++);
  await nodeClock.sleep(5);
  assert.equal(fired, 0);
  far.cancel();
});

test("random numbers stay in their range and cover it", () => {
  const rng = new NodeRng();
  const seen = new Set<number>();
  for (let i = 0; i < 2_000; i++) {
    const value = rng.float();
    assert.ok(value >= 0 && value < 1);
    seen.add(rng.int(7));
  }
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.notEqual(rng.fork("a").float(), rng.fork("a").float());
  assert.throws(() => rng.int(0));
});

test("a second opening of a folder is told who holds it, until it is released", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redkite-lock-"));
  const lock = await FolderLock.acquire(folder);
  await assert.rejects(
    FolderLock.acquire(folder),
    (error) =>
      isRedkiteError(error, "folderInUse") && error.message.includes(`process ${process.pid}, started at 20`),
  );
  await rm(join(folder, HOLDER_FILE));
  await assert.rejects(FolderLock.acquire(folder), /another process holds it/);
  await lock.release();
  await lock.release();
  await (await FolderLock.acquire(folder)).release();
  assert.ok(!(await readdir(folder)).includes(HOLDER_FILE));
  await rm(folder, { recursive: true });
});

test("the lock of a process that is killed ends with it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redkite-lock-"));
  const script = `
    const { FolderLock } = await import(${JSON.stringify(new URL("folder-lock.ts", import.meta.url).href)});
    await FolderLock.acquire(${JSON.stringify(folder)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await assert.rejects(FolderLock.acquire(folder), new RegExp(`process ${child.pid}, started at`));
  child.kill("SIGKILL");
  await once(child, "exit");
  await (await FolderLock.acquire(folder)).release();
  await rm(folder, { recursive: true });
});

test("a folder that cannot be written is named, with the reason of the operating system", async () => {
  await assert.rejects(
    FolderLock.acquire("/proc/nowhere"),
    (error) =>
      isRedkiteError(error, "diskFailed") &&
      error.cause instanceof Error &&
      error.cause.message.startsWith("ENOENT"),
  );
});
