import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError, concatBytes } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import { mutate } from "../../tests/fuzz/mutate.ts";
import { logRecordBytes, logRecordSamples } from "../../tests/fuzz/samples.ts";
import { sequentialKeys } from "../../tests/contract/engine/segment-fixture.ts";
import { decodeKeys, decodeLogRecord, encodeKeys, encodeLogRecord } from "./log-record.ts";

const [rows, ddl, epoch] = logRecordSamples();

test("each kind of record comes back as it was, from unaligned bytes too", () => {
  for (const record of logRecordSamples()) {
    const bytes = logRecordBytes(record);
    assert.deepEqual(decodeLogRecord(bytes), record, record.type);
    const shifted = concatBytes([new Uint8Array(5), bytes]).subarray(5);
    assert.deepEqual(decodeLogRecord(shifted), record, record.type);
  }
});

test("bodies start at multiples of 64 and row batches are not copied", () => {
  assert.ok(rows?.type === "rows");
  const chunks = encodeLogRecord(rows);
  for (const { batch } of rows.inserts) assert.ok(chunks.includes(batch));
  const decoded = decodeLogRecord(concatBytes(chunks));
  assert.ok(decoded.type === "rows");
  for (const { batch } of decoded.inserts) assert.equal(batch.byteOffset % 64, 0);
});

test("a record of rows without rows, and one of many keys", () => {
  assert.ok(rows?.type === "rows");
  for (const record of [
    { ...rows, deletes: [], inserts: [], skipped: [] },
    { ...rows, inserts: [], deletes: [{ partitionId: undefined, keys: sequentialKeys("int64", 0, 10_000) }] },
    { ...rows, inserts: [], deletes: [{ partitionId: undefined, keys: sequentialKeys("varchar", 0, 0) }] },
  ])
    assert.deepEqual(decodeLogRecord(logRecordBytes(record)), record);
});

test("damage is named", () => {
  assert.ok(rows !== undefined && ddl !== undefined && epoch !== undefined);
  const cases: [RegExp, Uint8Array, (view: DataView) => void][] = [
    [/23 bytes is too short/, logRecordBytes(epoch).subarray(0, 23), () => undefined],
    [/version 2 is unknown/, logRecordBytes(epoch), (view) => view.setUint16(0, 2, true)],
    [/type 9 is unknown/, logRecordBytes(ddl), (view) => view.setUint8(2, 9)],
    [
      /head of 4294967295 bytes runs past/,
      logRecordBytes(rows),
      (view) => view.setUint32(4, 0xffff_ffff, true),
    ],
    [/body of \d+ bytes runs past/, logRecordBytes(rows).subarray(0, 200), () => undefined],
  ];
  for (const [message, bytes, change] of cases) {
    change(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    assert.throws(() => decodeLogRecord(bytes), { name: "ByteFormatError", message });
  }
});

test("every cut and random damage is a record or a ByteFormatError", () => {
  const random = Prng.fromSeed("damaged log records");
  const samples = logRecordSamples().map(logRecordBytes);
  const inputs = [
    ...samples.flatMap((bytes) => Array.from({ length: bytes.length }, (_, end) => bytes.subarray(0, end))),
    ...Array.from({ length: 2000 }, () => mutate(random, random.pick(samples), { hot: [[0, 160]] })),
  ];
  let refused = 0;
  for (const bytes of inputs) {
    try {
      decodeLogRecord(bytes);
    } catch (error) {
      assert.ok(error instanceof ByteFormatError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 1000 && refused < inputs.length, `${refused} of ${inputs.length} refused`);
});

test("keys that are a slice of others are stored without what is around them", () => {
  const all = sequentialKeys("varchar", 0, 6);
  assert.ok(all.kind === "varchar");
  const part = { ...all, offsets: all.offsets.subarray(2, 5) };
  assert.deepEqual(decodeKeys(encodeKeys(part), 2, true), sequentialKeys("varchar", 2, 2));
});

test("keys whose offsets lie are refused", () => {
  const offsets = (...values: number[]) =>
    concatBytes([new Uint8Array(Int32Array.from(values).buffer), new Uint8Array(4)]);
  const cases: [RegExp, Uint8Array, number, boolean][] = [
    [/15 bytes do not hold 2 int64 keys/, new Uint8Array(15), 2, false],
    [/do not hold 9 varchar keys/, new Uint8Array(12), 9, true],
    [/do not hold 4294967295 varchar keys/, new Uint8Array(12), 0xffff_ffff, true],
    [/out of order or range/, offsets(0, 3, 2), 2, true],
    [/out of order or range/, offsets(0, 5, 4), 2, true],
    [/out of order or range/, offsets(-1, 0, 4), 2, true],
    [/do not cover/, offsets(1, 2, 4), 2, true],
    [/do not cover/, offsets(0, 2, 3), 2, true],
  ];
  for (const [message, bytes, count, varchar] of cases)
    assert.throws(() => decodeKeys(bytes, count, varchar), { name: "ByteFormatError", message });
});
