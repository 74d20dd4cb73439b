import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzFileWal } from "./file-wal.fuzz.ts";

test("damaged log folders are read, repaired or refused, and never invent a record", async () => {
  const report = await fuzzFileWal({ seed: 1, count: 600 });
  assert.equal(report.inputs, 600);
  assert.ok(report.opened > 50 && report.refused > 50 && report.damagedTopics > 20, JSON.stringify(report));
});
