import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { buildKeyIndexFile } from "../../../src/engine/reference/key-index.ts";
import { parseArrowFile } from "../../../src/format/arrow-parse.ts";
import { columnBytes, columnOver } from "../../../src/format/column-buffers.ts";
import { missingColumn } from "../../../src/format/column-fill.ts";
import {
  concatColumns,
  gatherColumn,
  keyAt,
  keysOf,
  sliceColumn,
} from "../../../src/format/column-select.ts";
import { isValid, type Column } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { MakeEngine } from "../engine-contract.ts";
import {
  batchOf,
  columnOf,
  encodeSegment,
  EVERYTHING,
  keyField,
  KEY_FIELD,
  KINDS,
  makeWorld,
  randomRows,
  sealedCopy,
  seenAt,
  sequentialKeys,
  ts,
} from "./segment-fixture.ts";

const allFields = [keyField(), ...fieldsOfEveryType(101)];

export function storageContract(makeEngine: MakeEngine): void {
  for (const kind of KINDS) {
    test(`every type comes back from a ${kind} segment, by rows and by column`, async () => {
      const { segment, columns, rows } = await makeWorld(makeEngine(), {
        fields: allFields,
        kind,
        rows: 150,
        seed: 1,
      });
      assert.equal(segment.rows, rows);
      const picked = Int32Array.of(149, 0, 7, 7, 64, 63, 100);
      for (const field of allFields) {
        const expected = columnOf(columns, field.id);
        assertSame(segment.column(field.id, rows), expected, field.name);
        assertSame(segment.column(field.id, 65), sliceColumn(expected, 0, 65), field.name);
        assertSame(segment.column(field.id, 0), sliceColumn(expected, 0, 0), field.name);
        assertSame(segment.take(field.id, picked), gatherColumn(expected, picked), field.name);
        assertSame(segment.take(field.id, Int32Array.of()), gatherColumn(expected, []), field.name);
      }
      const keys = segment.takeKeys(picked);
      assert.deepEqual(
        [...picked].map((_, i) => keyAt(keys, i)),
        [...picked].map(BigInt),
      );
      const begins = segment.takeTimestamps(Int32Array.of(0, rows - 1));
      assert.equal(begins[0], 10n);
      assert.equal(begins[1], segment.maxTimestamp);
      segment.close();
    });

    test(`a ${kind} segment without rows answers everything with nothing`, async () => {
      const { engine, segment } = await makeWorld(makeEngine(), {
        fields: allFields,
        kind,
        rows: 0,
        seed: 2,
      });
      assert.equal(segment.rows, 0);
      assert.equal(segment.maxTimestamp, 0n);
      assert.equal(segment.count({ visibility: EVERYTHING, filter: undefined }, undefined), 0);
      assert.deepEqual([...segment.lookup(sequentialKeys("int64", 0, 2), EVERYTHING)], [-1, -1]);
      assert.equal(segment.ends().rows.length, 0);
      assert.deepEqual(segment.fieldStats(KEY_FIELD), { min: undefined, max: undefined, nulls: 0 });
      const again = await sealedCopy(engine, segment, allFields);
      assert.equal(again.rows, 0);
      again.close();
      segment.close();
    });

    test(`statistics of a ${kind} segment are minimum, maximum and nulls of fields with an order`, async () => {
      const { segment, columns } = await makeWorld(makeEngine(), {
        fields: allFields,
        kind,
        rows: 90,
        seed: 3,
      });
      for (const field of allFields) {
        const stats = segment.fieldStats(field.id);
        const expected = modelStats(columnOf(columns, field.id));
        assert.deepEqual(stats === undefined ? undefined : { ...stats }, expected, field.name);
      }
      segment.close();
    });

    test(`fields added later read as default or null in a ${kind} segment, adding one again changes nothing`, async () => {
      const { segment, rows } = await makeWorld(makeEngine(), {
        fields: [keyField()],
        kind,
        rows: 20,
        seed: 4,
      });
      for (const field of laterFields) {
        segment.addMissingField(field);
        segment.addMissingField(field);
        assertSame(segment.column(field.id, rows), missingColumn(field, rows), field.name);
        assertSame(segment.take(field.id, Int32Array.of(3)), missingColumn(field, 1), field.name);
      }
      segment.close();
    });
  }

  test("batches may lack columns: they read as default or null", () => {
    const engine = makeEngine();
    const fields = [keyField(), ...laterFields];
    const segment = engine.createGrowing({ fields, rowsMax: 100, seed: 1 });
    const given = randomRows(Prng.fromSeed(5), fields, sequentialKeys("int64", 0, 9));
    segment.append(batchOf(given), ts(1));
    const keysOnly = randomRows(Prng.fromSeed(6), [keyField()], sequentialKeys("int64", 9, 5));
    segment.append(batchOf(keysOnly), ts(2));
    for (const field of laterFields) {
      const expected = concatColumns([columnOf(given, field.id), missingColumn(field, 5)]);
      assertSame(segment.column(field.id, 14), expected, field.name);
    }
    segment.close();
  });

  test("a sealed segment opens with fields that its files lack", async () => {
    const engine = makeEngine();
    const { segment, columns, rows } = await makeWorld(engine, {
      fields: allFields,
      kind: "growing",
      rows: 30,
      seed: 7,
    });
    const stored = allFields.filter((field) => field.id % 2 === 0);
    const missing = [...laterFields, ...allFields.filter((field) => field.id % 2 === 1)];
    const sealed = await sealedCopy(engine, segment, stored, missing);
    for (const field of stored)
      assertSame(sealed.column(field.id, rows), columnOf(columns, field.id), field.name);
    for (const field of missing)
      assertSame(sealed.column(field.id, rows), missingColumn(field, rows), field.name);
    sealed.close();
    segment.close();
  });

  test("rows are copied from segment to segment with their timestamps and ends", async () => {
    const engine = makeEngine();
    const { segment, columns } = await makeWorld(engine, {
      fields: allFields,
      kind: "sealed",
      rows: 80,
      seed: 8,
    });
    segment.applyDeletes(sequentialKeys("int64", 10, 20), new BigUint64Array(20).fill(5_000n));
    const fields = [...allFields.filter((field) => field.id !== 103), ...laterFields];
    const target = engine.createGrowing({ fields, rowsMax: 200, seed: 1 });
    target.append(batchOf(randomRows(Prng.fromSeed(9), fields, sequentialKeys("int64", 500, 3))), ts(1));
    const rows = Int32Array.of(79, 12, 0, 29, 30);
    target.appendFrom(segment, rows);
    assert.equal(target.rows, 8);
    const copied = Int32Array.of(3, 4, 5, 6, 7);
    for (const field of fields) {
      const source = laterFields.includes(field) ? missingColumn(field, 80) : columnOf(columns, field.id);
      assertSame(target.take(field.id, copied), gatherColumn(source, rows), field.name);
    }
    assert.deepEqual(target.takeTimestamps(copied), segment.takeTimestamps(rows));
    assert.deepEqual([...target.ends().rows], [4, 6]);
    assert.deepEqual([...target.ends().timestamps], [5_000n, 5_000n]);
    assert.deepEqual([...target.lookup(sequentialKeys("int64", 12, 1), seenAt(4_999))], [4]);
    assert.deepEqual([...target.lookup(sequentialKeys("int64", 12, 1), seenAt(5_000))], [-1]);
    target.close();
    segment.close();
  });

  test("field files hold the columns bit by bit, whichever engine wrote them", async () => {
    const engine = makeEngine();
    const { segment, columns, rows } = await makeWorld(engine, {
      fields: allFields,
      kind: "growing",
      rows: 70,
      seed: 10,
    });
    const buffer = await encodeSegment(engine, segment, allFields);
    const file = buffer.bytes;
    for (const column of parseArrowFile(file).columns) {
      if (column.stored.type === "Timestamp") continue;
      const cut = (range: { offset: number; bytes: number } | undefined) =>
        range && file.subarray(range.offset, range.offset + range.bytes);
      const bits = cut(column.values) ?? new Uint8Array(0);
      const count = column.stored.type === DataType.Array ? column.childRows : rows;
      const values = column.boolBitmap
        ? Uint8Array.from({ length: count }, (_, i) => Number(isValid(bits, i)))
        : bits;
      const read = columnOver(
        { ...column.stored, type: column.stored.type, rows },
        {
          validity: cut(column.validity),
          offsets: cut(column.offsets),
          childOffsets: cut(column.childOffsets),
          childRows: column.childRows,
          values,
        },
        (problem) => assert.fail(problem),
      );
      assertSame(read, columnOf(columns, column.fieldId), column.name);
    }
    buffer.close();
    segment.close();
  });

  for (const kind of ["int64", "varchar"] as const) {
    test(`the index of ${kind} keys has the bytes that its document says`, async () => {
      const engine = makeEngine();
      const fields = [keyField(kind)];
      const keys = [0, 1, 2, 3, 2, 1, 500, 2];
      const columns = keys.map((key) =>
        columnOf(randomRows(Prng.fromSeed(11), fields, sequentialKeys(kind, key, 1)), KEY_FIELD),
      );
      const segment = engine.createGrowing({ fields, rowsMax: 100, seed: 1 });
      columns.forEach((column, i) => segment.append(batchOf(new Map([[KEY_FIELD, column]])), ts(i + 1)));
      const index = engine.buildKeyIndex(segment);
      assert.deepEqual(new Uint8Array(index.bytes), buildKeyIndexFile(keysOf(concatColumns(columns))));
      index.close();
      segment.close();
    });
  }

  test("a segment that is full refuses a batch as a whole", () => {
    const engine = makeEngine();
    const segment = engine.createGrowing({ fields: [keyField()], rowsMax: 10, seed: 1 });
    const batch = (first: number, count: number) =>
      batchOf(randomRows(Prng.fromSeed(13), [keyField()], sequentialKeys("int64", first, count)));
    segment.append(batch(0, 7), ts(1));
    assert.throws(() => segment.append(batch(7, 4), ts(2)));
    assert.equal(segment.rows, 7);
    assert.equal(segment.maxTimestamp, 1n);
    segment.append(batch(7, 3), ts(2));
    assert.equal(segment.rows, 10);
    assert.deepEqual([...segment.lookup(sequentialKeys("int64", 7, 4), EVERYTHING)], [7, 8, 9, -1]);
    segment.close();
  });

  test("another handle to a segment sees the same rows, and keeps them when the first is closed", async () => {
    const engine = makeEngine();
    const { segment, rows } = await makeWorld(engine, {
      fields: [keyField()],
      kind: "growing",
      rows: 30,
      seed: 14,
    });
    const handle = segment.share();
    const other = engine.attach(handle);
    segment.applyDeletes(sequentialKeys("int64", 3, 1), BigUint64Array.of(9_000n));
    assert.equal(other.rows, rows);
    assert.deepEqual([...other.ends().rows], [3]);
    segment.close();
    assert.deepEqual([...other.lookup(sequentialKeys("int64", 3, 2), seenAt(9_000))], [-1, 4]);
    other.close();
  });

  test("memory is zeroed and aligned, and all of it is given back", async () => {
    const engine = makeEngine();
    const before = engine.memoryBytes();
    const buffer = engine.allocate(1000);
    assert.equal(buffer.byteLength, 1000);
    assert.equal(buffer.bytes.length, 1000);
    assert.ok(buffer.bytes.every((byte) => byte === 0));
    assert.equal(buffer.bytes.byteOffset % 64, 0);
    assert.ok(engine.memoryBytes() >= before + 1000);
    buffer.close();
    buffer.close();
    const { segment } = await makeWorld(engine, { fields: allFields, kind: "growing", rows: 100, seed: 15 });
    assert.ok(segment.memoryBytes > 0);
    assert.ok(engine.memoryBytes() > before);
    segment.close();
    segment.close();
    assert.equal(engine.memoryBytes(), before);
  });

  test("checksums are CRC-32C and can be continued", () => {
    const engine = makeEngine();
    const text = new TextEncoder().encode("123456789");
    assert.equal(engine.crc32c(text), 0xe306_9283);
    assert.equal(engine.crc32c(text.subarray(4), engine.crc32c(text.subarray(0, 4))), 0xe306_9283);
    assert.equal(engine.crc32c(new Uint8Array(0)), 0);
  });
}

const laterFields = [
  testField(300, DataType.Int64, { nullable: true }),
  testField(301, DataType.Int32, { nullable: true, defaultValue: { kind: "int", value: -7n } }),
  testField(302, DataType.VarChar, { defaultValue: { kind: "string", value: "né" } }),
  testField(303, DataType.Bool, { defaultValue: { kind: "bool", value: true } }),
  testField(304, DataType.Double, { nullable: true, defaultValue: { kind: "float", value: 0.25 } }),
  testField(305, DataType.FloatVector, { nullable: true, dim: 3 }),
  testField(306, DataType.JSON, { nullable: true }),
  testField(307, DataType.Array, { nullable: true, elementType: DataType.VarChar }),
  testField(308, DataType.SparseFloatVector, { nullable: true }),
];

function assertSame(actual: Column, expected: Column, name: string): void {
  assert.equal(actual.kind, expected.kind, name);
  assert.equal(actual.type, expected.type, name);
  assert.equal(actual.rows, expected.rows, name);
  assert.deepEqual(columnBytes(actual), columnBytes(expected), name);
}

function modelStats(column: Column) {
  const hasOrder =
    column.kind !== "list" && column.type !== DataType.JSON && column.type < DataType.BinaryVector;
  if (!hasOrder) return undefined;
  const rows = Array.from({ length: column.rows }, (_, row) => row).filter((row) =>
    isValid(column.validity, row),
  );
  const values = rows.map((row) => {
    if (column.kind === "bytes") {
      return new TextDecoder().decode(column.bytes.subarray(column.offsets[row], column.offsets[row + 1]));
    }
    const value = column.values[row] ?? 0;
    if (column.type === DataType.Bool) return value === 1;
    return column.type === DataType.Float || column.type === DataType.Double ? Number(value) : BigInt(value);
  });
  values.sort((a, b) =>
    typeof a === "string" && typeof b === "string"
      ? Buffer.compare(Buffer.from(a), Buffer.from(b))
      : Number(a > b) - Number(a < b),
  );
  return { min: values[0], max: values.at(-1), nulls: column.rows - rows.length };
}
