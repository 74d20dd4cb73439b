import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskContract } from "../../../tests/contract/disk-contract.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { toDiskError } from "./disk-errors.ts";
import { NodeDisk } from "./disk.ts";

diskContract("node", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-disk-"));
  return { disk: new NodeDisk(root), [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
});

test("a full disk or quota is diskFull and retriable, other failures are not", () => {
  const failure = (code: string) => Object.assign(new Error(`${code}: failed`), { code });
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const error = toDiskError(failure(code), "/data/wal/1", "write");
    assert.ok(isRedkiteError(error, "diskFull") && error.retriable);
    assert.match(error.message, /\/data\/wal\/1/);
  }
  const failed = toDiskError(failure("EIO"), "/data/wal/1", "sync");
  assert.ok(isRedkiteError(failed, "diskFailed") && !failed.retriable);
  assert.match(failed.message, /\[path=\/data\/wal\/1\]\[operation=sync\]: EIO: failed/);
});

test("a real full device is told as such", { skip: process.platform !== "linux" }, async () => {
  const file = await new NodeDisk("/dev").open("full", "write");
  await assert.rejects(file.write(0, [new Uint8Array(1)]), (error) => isRedkiteError(error, "diskFull"));
  await file.close();
});
