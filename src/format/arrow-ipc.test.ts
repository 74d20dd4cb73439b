import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tableFromIPC } from "apache-arrow";
import { fieldsOfEveryType, randomColumn, testField } from "../../tests/contract/random-columns.ts";
import { timesAndShapes } from "../../tests/fuzz/samples.ts";
import { newBitset, setBit } from "../base/bitset.ts";
import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { isValid, type Column } from "../model/columns.ts";
import { DataType, isDenseVector } from "../model/data-type.ts";
import { TIMESTAMP_FIELD } from "../model/ids.ts";
import type { FieldSchema } from "../model/schema.ts";
import { layoutArrowFile } from "./arrow-layout.ts";
import { columnBuffersOf, parseArrowFile, type ArrowColumn } from "./arrow-parse.ts";
import { isBoolBitmap, storedType } from "./arrow-types.ts";
import { columnBytes, columnOver, rawBytes } from "./column-buffers.ts";

const fields = fieldsOfEveryType(100);
const timestampField: FieldSchema = {
  ...testField(0, DataType.Int64),
  id: TIMESTAMP_FIELD,
  name: "Timestamp",
};

interface Written {
  readonly field: FieldSchema;
  readonly column: Column;
}

function randomColumns(seed: number, rows: number, nulls = 0.2): Written[] {
  const prng = Prng.fromSeed(seed);
  return [timestampField, ...fields].map((field) => ({
    field,
    column: randomColumn(prng, field, rows, nulls),
  }));
}

/** What the engine does with a layout, in its simplest form. */
function writeFile(columns: readonly Written[], metadata: Record<string, string> = {}): Uint8Array {
  const layout = layoutArrowFile(
    columns.map(({ field, column }) => {
      const { validity, offsets, childOffsets, childRows, values } = columnBytes(column);
      const sizes = {
        validity: validity?.length ?? 0,
        offsets: offsets?.length ?? 0,
        childOffsets: childOffsets?.length ?? 0,
        childRows,
        values: values.length,
      };
      return { field, rows: column.rows, sizes };
    }),
    metadata,
  );
  const file = new Uint8Array(layout.totalBytes);
  layout.placements.forEach((placement, i) => {
    const column = columns[i]?.column;
    assert.ok(column !== undefined && placement.fieldId === columns[i]?.field.id);
    const { validity, offsets, childOffsets, values } = columnBytes(column);
    if (validity !== undefined) file.set(validity, placement.validity);
    if (offsets !== undefined) file.set(offsets, placement.offsets);
    if (childOffsets !== undefined) file.set(childOffsets, placement.childOffsets);
    file.set(placement.boolBitmap ? packed(values) : values, placement.values);
    for (const offset of [placement.validity, placement.offsets, placement.childOffsets, placement.values]) {
      assert.equal((offset ?? 0) % 64, 0);
    }
  });
  layout.finish(file);
  return file;
}

function packed(values: Uint8Array): Uint8Array {
  const bits = newBitset(values.length);
  values.forEach((value, i) => value === 1 && setBit(bits, i));
  return bits;
}

function readBack(file: Uint8Array, column: ArrowColumn): Column {
  const cut = (range: { offset: number; bytes: number } | undefined) =>
    range && file.subarray(range.offset, range.offset + range.bytes);
  const stored = cut(column.values) ?? new Uint8Array(0);
  const count = column.stored.type === DataType.Array ? column.childRows : column.rows;
  const values = column.boolBitmap
    ? Uint8Array.from({ length: count }, (_, i) => Number(isValid(stored, i)))
    : stored;
  const type = column.stored.type === "Timestamp" ? DataType.Int64 : column.stored.type;
  return columnOver(
    { ...column.stored, type, rows: column.rows },
    {
      validity: cut(column.validity),
      offsets: cut(column.offsets),
      childOffsets: cut(column.childOffsets),
      childRows: column.childRows,
      values,
    },
    (problem) => assert.fail(problem),
  );
}

/** The value of a row as apache-arrow gives it. */
function expectedValue(field: FieldSchema, column: Column, row: number): unknown {
  if (!isValid(column.validity, row)) return null;
  if (column.kind === "list") {
    const [start = 0, end = 0] = column.offsets.subarray(row, row + 2);
    const elementField = testField(0, column.child.type);
    return Array.from({ length: end - start }, (_, i) =>
      expectedValue(elementField, column.child, start + i),
    );
  }
  if (column.kind === "bytes") {
    const bytes = column.bytes.slice(column.offsets[row], column.offsets[row + 1]);
    return field.type === DataType.SparseFloatVector ? [...bytes] : new TextDecoder().decode(bytes);
  }
  if (field.id === TIMESTAMP_FIELD) return BigInt.asUintN(64, (column.values as BigInt64Array)[row] ?? 0n);
  if (!isDenseVector(column.type)) {
    const value = column.values[row];
    return column.type === DataType.Bool ? value === 1 : value;
  }
  const raw = rawBytes(column.values);
  const width = raw.length / column.rows;
  const bytes = raw.slice(row * width, (row + 1) * width);
  if (column.type === DataType.FloatVector) return [...new Float32Array(bytes.buffer)];
  if (column.type === DataType.Int8Vector) return [...new Int8Array(bytes.buffer)];
  if (column.type === DataType.Float16Vector) return [...new Float16Array(bytes.buffer)];
  return [...bytes];
}

function plain(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  return Array.from(value as Iterable<unknown>, plain);
}

test("apache-arrow reads every type, nulls included, as it was written", () => {
  for (const rows of [0, 1, 9, 100]) {
    const columns = randomColumns(rows, rows);
    const table = tableFromIPC(writeFile(columns));
    assert.equal(table.numRows, rows);
    columns.forEach(({ field, column }, i) => {
      const vector = table.getChildAt(i);
      assert.equal(table.schema.fields[i]?.name, field.name);
      for (let row = 0; row < rows; row++) {
        assert.deepEqual(
          plain(vector?.get(row)),
          expectedValue(field, column, row),
          `${field.name} row ${row}`,
        );
      }
      const nulls = Array.from({ length: rows }, (_, row) => row).filter(
        (row) => !isValid(column.validity, row),
      );
      assert.equal(vector?.nullCount ?? 0, nulls.length, field.name);
    });
  }
});

test("what is laid out parses to the same columns and metadata", () => {
  for (const [rows, nulls] of [
    [0, 0],
    [1, 1],
    [8, 0],
    [77, 0.3],
  ] as const) {
    const columns = randomColumns(rows, rows, nulls);
    const file = writeFile(columns, { "redkite.segment": "449", note: "é" });
    const parsed = parseArrowFile(file);
    assert.equal(parsed.rows, rows);
    assert.deepEqual(
      [...parsed.metadata],
      [
        ["redkite.version", "1"],
        ["redkite.segment", "449"],
        ["note", "é"],
      ],
    );
    parsed.columns.forEach((column, i) => {
      const { field, column: written } = columns[i] ?? assert.fail("a column too many");
      assert.equal(column.fieldId, field.id);
      assert.deepEqual(column.stored, storedType(field));
      assert.deepEqual(columnBytes(readBack(file, column)), columnBytes(written), field.name);
      const buffers = columnBuffersOf(column, field, "the file");
      assert.deepEqual(buffers.values, column.values);
      assert.equal(buffers.boolBitmap, isBoolBitmap(storedType(field)));
    });
  }
});

test("a column of another type than the schema's is named", () => {
  const field = testField(100, DataType.FloatVector, { dim: 4 });
  const file = writeFile([{ field, column: randomColumn(Prng.fromSeed(1), field, 3) }]);
  const [column] = parseArrowFile(file).columns;
  assert.ok(column !== undefined);
  assert.throws(
    () => columnBuffersOf(column, { ...field, dim: 8 }, "file", "vectors.arrow"),
    (error: unknown) =>
      isRedkiteError(error, "corrupted") &&
      /vectors\.arrow.*field 100 \(f100\) is stored as FloatVector\(4\), the schema says FloatVector\(8\)/.test(
        error.message,
      ),
  );
});

test("the golden file is still read, and what was read is written as the same bytes", () => {
  const golden = new Uint8Array(
    readFileSync(new URL("../../tests/golden/format/every-type-1.arrow", import.meta.url)),
  );
  const parsed = parseArrowFile(golden);
  assert.equal(parsed.rows, 3);
  const all = [timestampField, ...fields];
  const columns = parsed.columns.map((column, i) => ({
    field: all[i] ?? assert.fail("a column too many"),
    column: readBack(golden, column),
  }));
  assert.deepEqual(writeFile(columns, { "redkite.segment": "449" }), golden);
  const shown = (id: number) => {
    const { field, column } =
      columns.find((candidate) => candidate.field.id === id) ?? assert.fail(`no field ${id}`);
    return [0, 1, 2].map((row) => expectedValue(field, column, row));
  };
  assert.deepEqual(shown(TIMESTAMP_FIELD), [6n, 12969081344452044199n, 16n]);
  assert.deepEqual(shown(100), [true, false, false]);
  assert.deepEqual(shown(107), ["ab", "", ""]);
  assert.deepEqual(shown(112), [[-7, -15, 12, 17], null, [-13, -10, -7]]);
});

test("the golden file of times and shapes is still read, and what was read is written as the same bytes", () => {
  const golden = new Uint8Array(
    readFileSync(new URL("../../tests/golden/format/times-and-shapes-1.arrow", import.meta.url)),
  );
  const expected = timesAndShapes().columns;
  const fields = [
    testField(100, DataType.Timestamptz, { nullable: true }),
    testField(101, DataType.Geometry, { nullable: true }),
  ];
  const columns = parseArrowFile(golden).columns.map((column, i) => ({
    field: fields[i] ?? assert.fail("a column too many"),
    column: readBack(golden, column),
  }));
  for (const { field, column } of columns) assert.deepEqual(column, expected.get(field.id));
  assert.deepEqual(writeFile(columns), golden);
  const table = tableFromIPC(golden);
  assert.deepEqual(
    [0, 1, 2].map((row) => table.getChild("f100")?.get(row) as unknown),
    [1_735_689_600_123_456n, null, -62_135_596_800_000_000n],
  );
});

test("damage is refused with a sentence that says what is wrong", () => {
  const field = testField(100, DataType.VarChar, { nullable: true });
  const write = () => writeFile([{ field, column: randomColumn(Prng.fromSeed(2), field, 20) }]);
  const [column] = parseArrowFile(write()).columns;
  assert.ok(column?.validity !== undefined);
  const { validity } = column;
  const footerBytes = (view: DataView) => view.byteLength - 10;
  const damage: [RegExp, (file: Uint8Array, view: DataView) => Uint8Array | void][] = [
    [/too few/, (file) => file.subarray(0, 10)],
    [/does not start with ARROW1/, (file) => void (file[0] = 0)],
    [/cut short/, (file) => file.subarray(0, file.length - 1)],
    [/footer of 4294967295 bytes/, (_, view) => view.setUint32(footerBytes(view), 0xffff_ffff, true)],
    [/bytes of metadata/, (_, view) => view.setUint32(footerBytes(view), 0, true)],
    [/nulls instead of/, (file) => void (file[validity.offset] = (file[validity.offset] ?? 0) ^ 1)],
    [
      /redkite.version is 7/,
      (file) => replaceText(file, "redkite.version", (at) => void (file[at + 20] = 0x37)),
    ],
    [
      /redkite.version is missing/,
      (file) => replaceText(file, "redkite.version", (at) => void (file[at] = 0x52)),
    ],
    [/no redkite.id/, (file) => replaceText(file, "redkite.id", (at) => void (file[at] = 0x52))],
    [/VarXhar is not known/, (file) => replaceText(file, "VarChar", (at) => void (file[at + 3] = 0x58))],
  ];
  for (const [message, change] of damage) {
    const file = write();
    const changed = change(file, new DataView(file.buffer)) ?? file;
    assert.throws(
      () => parseArrowFile(changed, "segments/1/keys.arrow"),
      (error: unknown) =>
        isRedkiteError(error, "corrupted") &&
        message.test(error.message) &&
        error.message.includes("keys.arrow"),
      String(message),
    );
  }
});

/** Changes every place where the text occurs: the schema stands in the head and in the footer. */
function replaceText(file: Uint8Array, text: string, change: (at: number) => void): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at + bytes.length <= file.length; at++) {
    if (bytes.every((byte, i) => file[at + i] === byte)) change(at);
  }
}

test("random mutations of the metadata give a file within its bounds or the error corrupted", () => {
  const prng = Prng.fromSeed(3);
  const valid = writeFile(randomColumns(3, 6));
  const [first] = parseArrowFile(valid).columns;
  assert.ok(first !== undefined);
  const bodyStart = first.values.offset;
  const footerStart = valid.length - 10 - new DataView(valid.buffer).getUint32(valid.length - 10, true);
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const file = valid.slice();
    for (let change = prng.between(1, 3); change > 0; change--) {
      const at = prng.chance(0.6) ? prng.between(footerStart, valid.length - 1) : prng.int(bodyStart);
      file[at] = prng.chance(0.5) ? prng.int(256) : (file[at] ?? 0) ^ (1 << prng.int(8));
    }
    try {
      for (const column of parseArrowFile(file).columns) {
        for (const range of [column.validity, column.offsets, column.childOffsets, column.values]) {
          assert.ok(range === undefined || range.offset + range.bytes <= file.length);
        }
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(isRedkiteError(error, "corrupted"), String(error));
      refused++;
    }
  }
  assert.ok(refused > 1000, `${refused} refused`);
});
