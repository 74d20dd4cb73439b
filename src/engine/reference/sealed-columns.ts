import { bitsetBytes } from "../../base/bitset.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { columnOver, type ColumnBytes } from "../../format/column-buffers.ts";
import { missingColumn } from "../../format/column-fill.ts";
import { keysOf } from "../../format/column-select.ts";
import { isValid, type Column } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import type { ByteRange, ColumnBuffers, NativeBuffer, SealedSpec } from "../../ports/engine.ts";
import { verifyKeyIndexFile } from "./key-index.ts";
import { SealedColumn, SegmentCore, type ColumnStore } from "./segment-core.ts";

/** Opens a sealed segment over the files' memory; every size and offset is checked, contents are not. */
export function openSealedCore(spec: SealedSpec): SegmentCore {
  const { rows } = spec;
  if (!Number.isInteger(rows) || rows < 0) fail(`${rows} rows`);
  const columns = new Map<number, ColumnStore>();
  const add = (fieldId: number, column: Column) => {
    if (columns.has(fieldId)) fail(`field ${fieldId} occurs twice`);
    columns.set(fieldId, new SealedColumn(column));
  };
  for (const buffers of spec.columns) add(buffers.field.id, sealedColumn(buffers, rows));
  for (const field of spec.missing) add(field.id, missingColumn(field, rows));
  const fields = [...spec.columns.map((column) => column.field), ...spec.missing];
  const core = new SegmentCore(fields, columns, undefined);
  if (core.column(core.keyField.id, rows).validity !== undefined) fail("a primary key is null");

  const begins = cut(spec.timestamps.file, spec.timestamps.range, "timestamps");
  if (begins.length !== rows * 8)
    fail(`timestamps have ${begins.length} bytes, ${rows} rows need ${rows * 8}`);
  const view = new DataView(begins.buffer, begins.byteOffset, begins.length);
  const keys = core.column(core.keyField.id, rows);
  core.versions.append(
    keysOf(keys),
    Array.from({ length: rows }, (_, row) => view.getBigUint64(row * 8, true)),
  );
  verifyKeyIndexFile(cut(spec.keyIndex.file, spec.keyIndex.range, "key index"), core.keys());
  if (spec.ends !== undefined) applyEnds(core, spec.ends);
  return core;
}

function sealedColumn(buffers: ColumnBuffers, rows: number): Column {
  const { field, file } = buffers;
  const failIn = (problem: string): never => fail(`field ${field.id} (${field.name}): ${problem}`);
  const part = (range: ByteRange | undefined, what: string) =>
    range === undefined ? undefined : cut(file, range, `${what} of field ${field.id}`);
  const stored = cut(file, buffers.values, `values of field ${field.id}`);
  const bytes: ColumnBytes = {
    validity: part(buffers.validity, "validity"),
    offsets: part(buffers.offsets, "offsets"),
    childOffsets: part(buffers.childOffsets, "child offsets"),
    childRows: buffers.childRows,
    values: buffers.boolBitmap
      ? expandBits(stored, field.type === DataType.Array ? buffers.childRows : rows, failIn)
      : stored,
  };
  return columnOver(
    { type: field.type, elementType: field.elementType, dim: field.dim, rows },
    bytes,
    failIn,
  );
}

function expandBits(bits: Uint8Array, count: number, failIn: (problem: string) => never): Uint8Array {
  if (!Number.isInteger(count) || count < 0 || bits.length !== bitsetBytes(count)) {
    failIn(`a bitmap of ${bits.length} bytes for ${count} values`);
  }
  return Uint8Array.from({ length: count }, (_, i) => (isValid(bits, i) ? 1 : 0));
}

function applyEnds(core: SegmentCore, ends: NonNullable<SealedSpec["ends"]>): void {
  const { count } = ends;
  const bytes = cut(ends.file, ends.range, "ends");
  const timestampsAt = Math.ceil((count * 4) / 8) * 8;
  if (!Number.isInteger(count) || count < 0 || bytes.length !== timestampsAt + count * 8) {
    fail(`ends have ${bytes.length} bytes, ${count} of them need ${timestampsAt + count * 8}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const row = view.getUint32(i * 4, true);
    if (row <= previous || row >= core.rows) fail(`ends name row ${row} after ${previous} of ${core.rows}`);
    core.versions.setEnd(row, view.getBigUint64(timestampsAt + i * 8, true));
    previous = row;
  }
}

function cut(file: NativeBuffer, range: ByteRange, what: string): Uint8Array {
  const { offset, bytes } = range;
  const isInside = Number.isInteger(offset) && Number.isInteger(bytes) && offset >= 0 && bytes >= 0;
  if (!isInside || offset + bytes > file.byteLength) {
    fail(`${what}: ${bytes} bytes at ${offset} lie outside of the file's ${file.byteLength}`);
  }
  return file.bytes.subarray(offset, offset + bytes);
}

function fail(problem: string): never {
  throw corrupted({ file: "sealed segment", problem });
}
