import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, randomColumn, testField } from "../../tests/contract/random-columns.ts";
import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { Column, RowBatch } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { columnBytes } from "./column-buffers.ts";
import { sliceColumn } from "./column-select.ts";
import {
  decodeRowBatch,
  decodeRowBatchColumn,
  encodeRowBatch,
  encodeRowBatchTo,
  ROW_BATCH_BYTES_MAX,
  rowBatchRows,
} from "./row-batch.ts";

const fields = fieldsOfEveryType(100);

function randomBatch(prng: Prng, rows: number): RowBatch {
  const columns = new Map<number, Column>();
  for (const field of fields) columns.set(field.id, randomColumn(prng, field, rows, prng.pick([0, 0.3, 1])));
  return { rows, columns };
}

function assertSameBatch(actual: RowBatch, expected: RowBatch): void {
  assert.equal(actual.rows, expected.rows);
  assert.deepEqual([...actual.columns.keys()].sort(), [...expected.columns.keys()].sort());
  for (const [id, column] of expected.columns) {
    const got = actual.columns.get(id);
    assert.ok(got !== undefined, `field ${id}`);
    assert.equal(got.kind, column.kind);
    assert.deepEqual(columnBytes(got), columnBytes(column), `field ${id}`);
  }
}

test("every type survives encoding and decoding, with and without nulls, down to no rows", () => {
  const prng = Prng.fromSeed(1);
  for (const rows of [0, 1, 7, 8, 9, 64, 131]) {
    const batch = randomBatch(prng, rows);
    const bytes = encodeRowBatch(batch);
    assert.equal(rowBatchRows(bytes), rows);
    assertSameBatch(decodeRowBatch(bytes), batch);
  }
});

test("slices whose offsets do not start at 0 and whose validity is not aligned are encoded", () => {
  const batch = randomBatch(Prng.fromSeed(2), 50);
  const part = {
    rows: 30,
    columns: new Map([...batch.columns].map(([id, c]) => [id, sliceColumn(c, 13, 43)])),
  };
  assertSameBatch(decodeRowBatch(encodeRowBatch(part)), part);
});

test("the layout is the one that the byte table promises", () => {
  const bytes = encodeRowBatch({
    rows: 2,
    columns: new Map<number, Column>([
      [
        101,
        {
          kind: "bytes",
          type: DataType.VarChar,
          rows: 2,
          offsets: Int32Array.of(0, 2, 2),
          bytes: Uint8Array.of(104, 105),
          validity: Uint8Array.of(1),
        },
      ],
      [
        100,
        {
          kind: "fixed",
          type: DataType.Int64,
          dim: 0,
          rows: 2,
          values: BigInt64Array.of(7n, -1n),
          validity: undefined,
        },
      ],
    ]),
  });
  const view = new DataView(bytes.buffer);
  const words = (at: number, count: number) =>
    Array.from({ length: count }, (_, i) => view.getUint32(at + i * 4, true));
  assert.equal(new TextDecoder().decode(bytes.subarray(0, 4)), "RKRB");
  assert.deepEqual(words(4, 3), [1 | (2 << 16), 2, 448]);
  // Field 100: Int64, fixed, values at 192.
  assert.deepEqual(words(16, 4), [100, 5, 0, 0]);
  assert.deepEqual(words(32, 8), [0, 0, 0, 0, 0, 0, 192, 16]);
  // Field 101: VarChar, bytes; validity at 256, offsets at 320, text at 384.
  assert.deepEqual(words(80, 4), [101, 21 | (1 << 16), 0, 0]);
  assert.deepEqual(words(96, 8), [256, 1, 320, 12, 0, 0, 384, 2]);
  assert.deepEqual([...bytes.subarray(384, 387)], [104, 105, 0]);
  assert.equal(view.getBigInt64(200, true), -1n);
});

test("a batch at an odd place in memory decodes to the same columns", () => {
  const batch = randomBatch(Prng.fromSeed(3), 20);
  const bytes = encodeRowBatch(batch);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assertSameBatch(decodeRowBatch(shifted.subarray(3)), batch);
});

test("aligned batches decode to views of the same memory", () => {
  const bytes = encodeRowBatch(randomBatch(Prng.fromSeed(4), 20));
  for (const column of decodeRowBatch(bytes).columns.values()) {
    const { values } = columnBytes(column);
    assert.ok(values.length === 0 || values.buffer === bytes.buffer);
  }
});

test("a batch of more than 256 MiB is refused before it is built", () => {
  const rows = ROW_BATCH_BYTES_MAX / 8 + 1;
  const field: Column = {
    kind: "fixed",
    type: DataType.Int64,
    dim: 0,
    rows,
    values: new BigInt64Array(rows),
    validity: undefined,
  };
  assert.throws(
    () => encodeRowBatch({ rows, columns: new Map([[100, field]]) }),
    (error) => isRedkiteError(error, "parameterTooLarge"),
  );
});

test("each kind of damage is named", () => {
  const encode = () =>
    encodeRowBatch({
      rows: 3,
      columns: new Map([
        [100, randomColumn(Prng.fromSeed(5), testField(100, DataType.VarChar), 3)],
        [101, randomColumn(Prng.fromSeed(5), testField(101, DataType.FloatVector, { dim: 4 }), 3)],
        [102, randomColumn(Prng.fromSeed(5), testField(102, DataType.Bool), 3)],
      ]),
    });
  const damage: [RegExp, (bytes: Uint8Array, view: DataView) => Uint8Array | void][] = [
    [/magic/, (b) => void (b[0] = 0)],
    [/version 2/, (b) => void (b[4] = 2)],
    [/there are/, (b) => b.subarray(0, b.length - 1)],
    [/less than the header/, (b) => b.subarray(0, 9)],
    [/descriptors do not fit/, (b) => void b.fill(255, 6, 8)],
    [/type 99 is not stored/, (b) => void (b[20] = 99)],
    [/kind 0 does not go with type 21/, (b) => void (b[22] = 0)],
    [/not at a multiple of 64/, (_, v) => v.setUint32(40, v.getUint32(40, true) + 1, true)],
    [/outside of the body/, (_, v) => v.setUint32(40, 0xffff_ffc0, true)],
    [/outside of the body/, (_, v) => v.setUint32(40, 64, true)],
    [/3 rows need 16/, (_, v) => v.setUint32(44, 12, true)],
    [/offsets start at 1/, (_, v) => v.setInt32(v.getUint32(40, true), 1, true)],
    [/offsets fall/, (_, v) => v.setInt32(v.getUint32(40, true) + 4, 0x7fff_ffff, true)],
    [/offsets (end at|fall)/, (_, v) => v.setInt32(v.getUint32(40, true) + 12, 0, true)],
    [/dimension 0/, (_, v) => v.setUint32(80 + 8, 0, true)],
    [/need 60/, (_, v) => v.setUint32(80 + 8, 5, true)],
    [/field 100 occurs twice/, (_, v) => v.setUint32(144, 100, true)],
    [/not a Bool/, (b, v) => void (b[v.getUint32(144 + 40, true)] = 2)],
    [/validity has 2 bytes/, (_, v) => (v.setUint32(144 + 16, 256, true), v.setUint32(144 + 20, 2, true))],
  ];
  for (const [message, change] of damage) {
    const bytes = encode();
    const changed = change(bytes, new DataView(bytes.buffer)) ?? bytes;
    assert.throws(
      () => decodeRowBatch(changed),
      (error: unknown) => isRedkiteError(error, "corrupted") && message.test(error.message),
      String(message),
    );
  }
});

test("random mutations give a batch or the error corrupted, never anything else", () => {
  const prng = Prng.fromSeed(6);
  const valid = encodeRowBatch(randomBatch(prng, 12));
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = valid.slice(0, prng.chance(0.1) ? prng.int(valid.length) : valid.length);
    for (let change = prng.between(1, 4); change > 0; change--) {
      const at = prng.chance(0.8) ? prng.int(16 + fields.length * 64) : prng.int(valid.length);
      if (at < bytes.length) bytes[at] = prng.int(256);
    }
    try {
      const batch = decodeRowBatch(bytes);
      // What was accepted can be read to its last byte.
      for (const column of batch.columns.values()) columnBytes(column);
    } catch (error) {
      assert.ok(isRedkiteError(error, "corrupted"), String(error));
      refused++;
    }
  }
  assert.ok(refused > 1000, `${refused} refused`);
});

test("memory that was used before, and shared memory, gives the same bytes", () => {
  const prng = Prng.fromSeed(7);
  for (const rows of [0, 1, 9, 131]) {
    const batch = randomBatch(prng, rows);
    const dirty = encodeRowBatchTo(batch, (bytes) =>
      new Uint8Array(new SharedArrayBuffer(bytes + 128), 64, bytes).fill(0xa5),
    );
    assert.deepEqual(Uint8Array.from(dirty), encodeRowBatch(batch));
    assertSameBatch(decodeRowBatch(dirty), batch);
  }
});

test("one column is read without the others, wherever the bytes lie", () => {
  const batch = randomBatch(Prng.fromSeed(8), 33);
  const bytes = encodeRowBatch(batch);
  for (const offset of [0, 1, 4, 8]) {
    const moved = new Uint8Array(bytes.length + offset).subarray(offset);
    moved.set(bytes);
    assertSameBatch(decodeRowBatch(moved), batch);
    for (const [id, column] of batch.columns) {
      const got = decodeRowBatchColumn(moved, id);
      assert.deepEqual(got && columnBytes(got), columnBytes(column), `field ${id}`);
    }
  }
  assert.equal(decodeRowBatchColumn(bytes, 9_999), undefined);
  assert.throws(() => decodeRowBatchColumn(bytes.subarray(0, 90), 100), { kind: "corrupted" });
});
