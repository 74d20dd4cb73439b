import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CrashDisk } from "../../../../tests/contract/crash-disk.ts";
import { ManualClock } from "../../../../tests/contract/manual-clock.ts";
import { readRecords } from "../../../../tests/contract/message-stream-contract.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { utf8Encode } from "../../../base/bytes.ts";
import type { Position } from "../../../ports/message-stream.ts";
import { FileWal } from "./file-wal.ts";

/** Two log files of format version 1. Every later release must read them; UPDATE_GOLDEN=1 writes those of a new version. */
const golden = (number: number) =>
  new URL(`../../../../tests/golden/format/wal-v1/000000000${number}.wal`, import.meta.url);

function open(disk: CrashDisk): Promise<FileWal> {
  const report = () => assert.fail("nothing should be reported");
  const options = { segmentBytes: 1 << 10 };
  return FileWal.open({ disk, folder: "wal", clock: new ManualClock(), checksum: crc32c, report, options });
}

test("the log writes the golden bytes", async () => {
  const disk = new CrashDisk();
  const wal = await open(disk);
  await wal.createTopic("rows");
  await wal.createTopic("dropped");
  const first = await wal.append("rows", [utf8Encode("first "), utf8Encode("record")]);
  await wal.append("dropped", []);
  await wal.truncate("rows", first);
  await wal.dropTopic("dropped");
  await wal.append("rows", [utf8Encode("x".repeat(700))]);
  await wal.append("rows", [utf8Encode("last")]);
  await wal.close();
  assert.deepEqual(
    (await disk.list("wal")).filter((name) => name.endsWith(".wal")),
    ["0000000001.wal", "0000000002.wal"],
  );
  for (const number of [1, 2]) {
    const bytes = disk.bytesOf(`wal/000000000${number}.wal`);
    if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(golden(number), bytes);
    assert.deepEqual(Buffer.from(bytes), readFileSync(golden(number)), `file ${number}`);
  }
});

test("the golden bytes are read", async () => {
  const disk = new CrashDisk();
  await disk.makeDirectory("wal");
  for (const number of [1, 2]) {
    await disk.writeFile(`wal/000000000${number}.wal`, [readFileSync(golden(number))], { sync: true });
  }
  const wal = await open(disk);
  assert.deepEqual(wal.topicNames, ["rows"]);
  const first = ((1n << 32n) | GOLDEN_FIRST_OFFSET) as Position;
  const records = await readRecords(wal, "rows", first, 2);
  assert.deepEqual(
    records.map(({ text }) => text),
    ["x".repeat(700), "last"],
  );
  await wal.append("rows", [utf8Encode("more")]);
});

/** Of the truncated record: behind a head of 80 bytes and two creations of 64. */
const GOLDEN_FIRST_OFFSET = 208n;
