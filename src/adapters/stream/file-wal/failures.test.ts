import assert from "node:assert/strict";
import { test } from "node:test";
import { CrashDisk } from "../../../../tests/contract/crash-disk.ts";
import { isKind } from "../../../../tests/contract/disk-contract.ts";
import { ManualClock, settle } from "../../../../tests/contract/manual-clock.ts";
import { appendAll, readRecords } from "../../../../tests/contract/message-stream-contract.ts";
import { utf8Encode } from "../../../base/bytes.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import { diskFailed } from "../../../errors/storage-errors.ts";
import { walFileOf, walOffsetOf } from "../../../format/wal-frame.ts";
import { POSITION_ZERO, type Position } from "../../../ports/message-stream.ts";
import { FileWal } from "./file-wal.ts";
import type { WalEvent } from "./wal-events.ts";
import type { WalOptions } from "./wal-options.ts";

const SEGMENT_BYTES = 8 << 10;

class Bench {
  disk = new CrashDisk();
  readonly clock = new ManualClock();
  readonly events: WalEvent[] = [];

  open(options: Partial<WalOptions> = {}): Promise<FileWal> {
    return FileWal.open({
      disk: this.disk,
      folder: "wal",
      clock: this.clock,
      checksum: crc32c,
      report: (event) => this.events.push(event),
      options: { segmentBytes: SEGMENT_BYTES, recordBytesMax: 64 << 10, ...options },
    });
  }

  kill(): void {
    this.disk = this.disk.kill();
    this.events.length = 0;
  }

  count(event: WalEvent["event"]): number {
    return this.events.filter((one) => one.event === event).length;
  }

  file(position: Position): string {
    return `wal/${String(walFileOf(position)).padStart(10, "0")}.wal`;
  }

  /** Flips a bit at `delta` bytes behind the frame's start. */
  damage(position: Position, delta: number): void {
    const bytes = this.disk.bytesOf(this.file(position));
    const at = walOffsetOf(position) + delta;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  }
}

const HEADER_BYTES = 56;
const texts = (records: readonly { readonly text: string }[]) => records.map(({ text }) => text);

test("after a failed sync the log goes on in a new file, and the records are there once and in order", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  const [first = POSITION_ZERO] = await appendAll(wal, "a", ["1"]);
  let failures = 1;
  bench.disk.fault = (operation, path) => {
    if (operation === "sync" && path === bench.file(first) && failures-- > 0)
      throw diskFailed({ path, operation });
  };
  const [second = POSITION_ZERO] = await appendAll(wal, "a", ["2", "3"]);
  assert.ok(walFileOf(second) > walFileOf(first));
  assert.equal(bench.count("fileFailed"), 1);
  assert.deepEqual(texts(await readRecords(wal, "a", POSITION_ZERO, 3)), ["1", "2", "3"]);
  bench.kill();
  const again = await bench.open();
  assert.deepEqual(texts(await readRecords(again, "a", POSITION_ZERO, 3)), ["1", "2", "3"]);
  assert.equal(await again.lastPosition("a"), (await readRecords(again, "a", POSITION_ZERO, 3))[2]?.position);
});

test("when a second file fails too, appends get a retriable error until the disk works again", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await appendAll(wal, "a", ["1"]);
  bench.disk.fault = (operation, path) => {
    if (operation === "write") throw diskFailed({ path, operation });
  };
  const failed = (error: unknown) => isRedkiteError(error, "streamUnavailable") && error.retriable;
  await assert.rejects(appendAll(wal, "a", ["lost"]), failed);
  const operations = bench.disk.operations;
  await assert.rejects(appendAll(wal, "a", ["lost at once"]), failed);
  assert.equal(bench.disk.operations, operations, "a failed disk is not tried for every append");
  bench.disk.fault = () => undefined;
  await bench.clock.advance(1_000);
  await appendAll(wal, "a", ["2"]);
  bench.kill();
  const again = await bench.open();
  assert.deepEqual(texts(await readRecords(again, "a", POSITION_ZERO, 2)), ["1", "2"]);
});

test("a drop whose outcome is unknown does not undo a creation acknowledged after it", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  bench.disk.fault = (operation, path) => {
    if (operation === "sync") throw diskFailed({ path, operation });
  };
  await assert.rejects(wal.dropTopic("a"), isKind("streamUnavailable"));
  bench.disk.fault = () => undefined;
  await bench.clock.advance(1_000);
  await wal.createTopic("a");
  bench.kill();
  assert.deepEqual((await bench.open()).topicNames, ["a"]);
});

test("on a full disk ordinary appends are refused, priority and truncation work, and service returns", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  const record = [new Uint8Array(1_000).fill(97)];
  await wal.append("a", record);
  await settle();
  bench.disk.capacity = bench.disk.usedBytes();
  const positions: Position[] = [];
  const refused = async () => {
    for (let i = 0; i < 20; i++) positions.push(await wal.append("a", record));
  };
  await assert.rejects(
    refused(),
    (error) => isRedkiteError(error, "diskFull") && error.retriable && /wal\//.test(error.message),
  );
  assert.ok(positions.length >= 4, "what is preallocated is used");
  assert.equal(bench.count("diskFull"), 1);
  positions.push(await wal.append("a", record, { priority: "reserve" }));
  await bench.clock.advance(1_000);
  await assert.rejects(
    wal.append("a", record),
    isKind("diskFull"),
    "the reserve is not for ordinary records",
  );
  const last = positions.at(-1) ?? POSITION_ZERO;
  await wal.truncate("a", last);
  await settle();
  bench.disk.capacity += SEGMENT_BYTES;
  await wal.append("a", record);
  assert.equal(bench.count("roomAgain"), 1);
  bench.kill();
  const again = await bench.open();
  assert.equal((await readRecords(again, "a", last, 1)).length, 1);
});

test("a full disk at the start leaves everything readable and truncation possible", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  for (let i = 0; i < 20; i++) await wal.append("a", [new Uint8Array(1_000)]);
  await settle();
  await wal.close();
  bench.kill();
  bench.disk.capacity = bench.disk.usedBytes();
  const again = await bench.open();
  const last = await again.lastPosition("a");
  assert.equal((await readRecords(again, "a", POSITION_ZERO, 20)).length, 20);
  const before = bench.disk.usedBytes();
  await again.truncate("a", last);
  await settle();
  assert.ok(bench.disk.usedBytes() < before);
  await again.append("a", [new Uint8Array(1_000)]);
});

test("a torn tail is moved aside, reported and zeroed, so that nothing of it comes back", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await appendAll(wal, "a", ["durable"]);
  const [torn = POSITION_ZERO] = await appendAll(wal, "a", ["torn--", "stale-"]);
  bench.kill();
  bench.damage(torn, 20);
  const again = await bench.open();
  const [event] = bench.events;
  assert.ok(event?.event === "tailMovedAside");
  assert.equal(event.offset, walOffsetOf(torn));
  const copy = await bench.disk.readFile(event.copy);
  assert.equal(copy.length, event.bytes);
  assert.deepEqual(await bench.disk.list("wal/damaged"), [event.copy.slice("wal/damaged/".length)]);
  const tail = bench.disk.bytesOf(event.file).subarray(event.offset);
  assert.ok(tail.every((byte) => byte === 0));
  // Of the same size as the torn one, so that the stale frame would follow.
  await appendAll(again, "a", ["fresh-"]);
  bench.kill();
  const third = await bench.open();
  assert.deepEqual(texts(await readRecords(third, "a", POSITION_ZERO, 2)), ["durable", "fresh-"]);
  assert.equal(await third.lastPosition("a"), torn);
});

test("a changed record below the synced position stops its topic with file and offset, and no other", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await wal.createTopic("b");
  const [a1 = POSITION_ZERO] = await appendAll(wal, "a", ["a1"]);
  const [a2 = POSITION_ZERO] = await appendAll(wal, "a", ["a2"]);
  await appendAll(wal, "b", ["b1"]);
  await appendAll(wal, "a", ["a3"]);
  bench.kill();
  bench.damage(a2, HEADER_BYTES + 1);
  const again = await bench.open();
  assert.deepEqual(texts(await readRecords(again, "b", POSITION_ZERO, 1)), ["b1"]);
  assert.deepEqual(texts(await readRecords(again, "a", POSITION_ZERO, 1)), ["a1"]);
  const named = (error: unknown) =>
    isRedkiteError(error, "corrupted") &&
    error.fields["file"] === bench.file(a2) &&
    error.fields["offset"] === String(walOffsetOf(a2));
  await assert.rejects(readRecords(again, "a", a1, 1), named);
  await assert.rejects(appendAll(again, "a", ["a4"]), named);
  assert.equal(bench.count("topicDamaged"), 1);
  await again.truncate("a", a2);
  await appendAll(again, "a", ["a4"]);
  assert.deepEqual(texts(await readRecords(again, "a", a2, 2)), ["a3", "a4"]);
});

test("after an orderly end even the last record's damage is corruption, not a torn tail", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  const [only = POSITION_ZERO] = await appendAll(wal, "a", ["a1"]);
  await wal.close();
  bench.kill();
  bench.damage(only, HEADER_BYTES);
  const again = await bench.open();
  await assert.rejects(readRecords(again, "a", POSITION_ZERO, 1), isKind("corrupted"));
});

test("a lost header is settled by the head of a later file, and stops the log where none follows", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await wal.createTopic("quiet");
  const positions: Position[] = [];
  for (let i = 0; i < 12; i++) positions.push(await wal.append("a", [new Uint8Array(1_000).fill(97)]));
  const [first = POSITION_ZERO, second = POSITION_ZERO] = positions;
  const last = positions.at(-2) ?? POSITION_ZERO;
  assert.notEqual(walFileOf(first), walFileOf(last));
  bench.kill();
  bench.damage(second, 12);
  const again = await bench.open();
  assert.equal((await readRecords(again, "a", POSITION_ZERO, 1)).length, 1);
  await assert.rejects(readRecords(again, "a", first, 1), isKind("corrupted"));
  assert.equal(await again.lastPosition("quiet"), POSITION_ZERO);
  await appendAll(again, "quiet", ["still works"]);
  bench.kill();
  bench.damage(last, 12);
  await assert.rejects(
    bench.open(),
    (error) => isRedkiteError(error, "corrupted") && error.fields["file"] === bench.file(last),
  );
});

test("a missing file is named by the topics that need it, and a needed old one is never removed", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  for (let i = 0; i < 30; i++) await wal.append("a", [new Uint8Array(1_000).fill(97)]);
  await wal.close();
  bench.kill();
  await bench.disk.remove("wal/0000000002.wal");
  const again = await bench.open();
  await assert.rejects(
    readRecords(again, "a", POSITION_ZERO, 1),
    (error) => isRedkiteError(error, "corrupted") && /0000000002\.wal.*missing/.test(error.message),
  );
  assert.notEqual(await bench.disk.stat("wal/0000000001.wal"), undefined);
});

test("a record that rots while the log is open is found when it is read", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  const [, second = POSITION_ZERO] = await appendAll(wal, "a", ["1", "2", "3"]);
  bench.damage(second, HEADER_BYTES);
  await assert.rejects(readRecords(wal, "a", POSITION_ZERO, 3), isKind("corrupted"));
  assert.deepEqual(texts(await readRecords(wal, "a", POSITION_ZERO, 1)), ["1"]);
});

test("files go when all topics have truncated or dropped what is in them, and only then", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await wal.createTopic("b");
  await appendAll(wal, "b", ["pins the first file"]);
  for (let i = 0; i < 40; i++) await wal.append("a", [new Uint8Array(1_000)]);
  const logs = async () => (await bench.disk.list("wal")).filter((name) => name.endsWith(".wal")).length;
  const before = await logs();
  assert.ok(before > 4);
  await wal.truncate("a", await wal.lastPosition("a"));
  await settle();
  assert.equal(await logs(), before);
  await wal.dropTopic("b");
  await settle();
  assert.equal(await logs(), 1);
  bench.kill();
  const again = await bench.open();
  assert.deepEqual(again.topicNames, ["a"]);
  await assert.rejects(readRecords(again, "a", POSITION_ZERO, 1), isKind("positionGone"));
});

test("what a log holds after a start is counted without what was truncated", async () => {
  const bench = new Bench();
  const before = await bench.open();
  for (const topic of ["a", "b"]) await before.createTopic(topic);
  const [, second] = await appendAll(before, "a", ["1", "22", "333"]);
  await appendAll(before, "b", ["4444"]);
  await before.truncate("a", second ?? POSITION_ZERO);
  await before.close();
  const after = await bench.open();
  assert.deepEqual(after.held, { records: 2, bytes: 7 });
  await after.close();
});

test("a record larger than a file gets a file of its size; beyond the limit it is refused", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await wal.append("a", [utf8Encode("x".repeat(50_000))]);
  await appendAll(wal, "a", ["small"]);
  await assert.rejects(wal.append("a", [new Uint8Array(70_000)]), isKind("parameterTooLarge"));
  bench.kill();
  const again = await bench.open();
  const read = await readRecords(again, "a", POSITION_ZERO, 2);
  assert.equal(read[0]?.text.length, 50_000);
  assert.equal(read[1]?.text, "small");
});

test("what waits for the disk is bounded by a retriable error", async () => {
  const bench = new Bench();
  const wal = await bench.open({ waitingBytesMax: 2_000 });
  await wal.createTopic("a");
  const accepted = [wal.append("a", [new Uint8Array(1_500)]), wal.append("a", [new Uint8Array(500)])];
  await assert.rejects(
    wal.append("a", [new Uint8Array(1)]),
    (error) => isRedkiteError(error, "streamUnavailable") && error.retriable,
  );
  await Promise.all(accepted);
  await wal.append("a", [new Uint8Array(1)]);
});

test("creations and drops of one name that share a batch take effect in their order", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await Promise.all([wal.createTopic("a"), wal.dropTopic("a")]);
  assert.deepEqual(wal.topicNames, []);
  await Promise.all([wal.createTopic("a"), wal.dropTopic("a"), wal.createTopic("a")]);
  assert.deepEqual(wal.topicNames, ["a"]);
  await Promise.all([wal.dropTopic("a"), wal.createTopic("a"), wal.dropTopic("a"), wal.createTopic("b")]);
  assert.deepEqual(wal.topicNames, ["b"]);
  bench.kill();
  assert.deepEqual((await bench.open()).topicNames, ["b"]);
});

test("all that waits shares one write and one sync", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  for (const topic of ["a", "b", "c"]) await wal.createTopic(topic);
  await settle();
  let syncs = 0;
  bench.disk.fault = (operation) => void (operation === "sync" && syncs++);
  await Promise.all(["a", "b", "c"].flatMap((topic) => appendAll(wal, topic, ["1", "2", "3"])));
  assert.equal(syncs, 1);
});

test("an idle start and end write nothing", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  await wal.close();
  bench.kill();
  const before = bench.disk.bytesOf("wal/0000000001.wal").slice();
  await (await bench.open()).close();
  assert.deepEqual(bench.disk.bytesOf("wal/0000000001.wal"), before);
});

test("a closed log refuses requests and ends its readers", async () => {
  const bench = new Bench();
  const wal = await bench.open();
  await wal.createTopic("a");
  const reading = readRecords(wal, "a", POSITION_ZERO, 1);
  const accepted = wal.append("a", [utf8Encode("1")]);
  await Promise.all([wal.close(), wal.close()]);
  await accepted;
  await assert.rejects(wal.append("a", []), isKind("streamUnavailable"));
  await assert.rejects(wal.createTopic("b"), isKind("streamUnavailable"));
  await Promise.allSettled([reading]);
  const waiting = await bench.open();
  const blocked = readRecords(waiting, "a", await waiting.lastPosition("a"), 1);
  await settle();
  await waiting.close();
  await assert.rejects(blocked, isKind("streamUnavailable"));
});
