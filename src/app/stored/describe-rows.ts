import { utf8Decode } from "../../base/bytes.ts";
import { columnOver } from "../../format/column-buffers.ts";
import { parseArrowFile, type ArrowColumn } from "../../format/arrow-parse.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { isValid, type Column } from "../../model/columns.ts";
import { DataType, dataTypeName, isVector } from "../../model/data-type.ts";
import { formatTimestamptz, UTC } from "../../model/timestamptz.ts";

/** An Arrow file of a segment: its columns, and the first rows of each. */
export function* describeArrow(bytes: Uint8Array, source: string): Generator<string> {
  const { rows, columns, metadata } = parseArrowFile(bytes, source);
  yield `Arrow file of a segment: ${rows} rows, ${columns.length} columns`;
  for (const [key, value] of metadata) yield `  ${key}: ${value}`;
  for (const column of columns) {
    const type = column.stored.type === "Timestamp" ? "Timestamp" : dataTypeName(column.stored.type);
    const dim = column.stored.dim > 0 ? `(${column.stored.dim})` : "";
    yield `field ${column.fieldId} ${JSON.stringify(column.name)} ${type}${dim}, ${column.nulls} nulls`;
    yield* describeRows(rows, cellsOf(column, bytes, source));
  }
}

/** The first rows of a column, one a line. */
export function* describeColumn(column: Column): Generator<string> {
  yield* describeRows(column.rows, (row) => cellText(column, row));
}

function* describeRows(rows: number, cell: (row: number) => string): Generator<string> {
  for (let row = 0; row < Math.min(rows, ROWS_SHOWN); row++) yield `  ${row}: ${cell(row)}`;
  if (rows > ROWS_SHOWN) yield `  ... ${rows - ROWS_SHOWN} rows more`;
}

function cellsOf(column: ArrowColumn, file: Uint8Array, source: string): (row: number) => string {
  const { stored, rows, childRows, boolBitmap } = column;
  const part = (range: ArrowColumn["validity"]): Uint8Array | undefined =>
    range && Uint8Array.from(file.subarray(range.offset, range.offset + range.bytes));
  const values = part(column.values) ?? new Uint8Array(0);
  if (stored.type === "Timestamp") {
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    return (row) => String(view.getBigUint64(row * 8, true));
  }
  const validity = part(column.validity);
  if (boolBitmap && stored.type === DataType.Bool) {
    return (row) => (isValid(validity, row) ? String(isValid(values, row)) : "null");
  }
  if (boolBitmap) return () => "(bits)";
  const { type, elementType, dim } = stored;
  const buffers = {
    validity,
    offsets: part(column.offsets),
    childOffsets: part(column.childOffsets),
    childRows,
    values,
  };
  const decoded = columnOver({ type, elementType, dim, rows }, buffers, (problem) => {
    throw corrupted({ file: source, problem });
  });
  return (row) => cellText(decoded, row);
}

function cellText(column: Column, row: number): string {
  if (!isValid(column.validity, row)) return "null";
  switch (column.kind) {
    case "fixed": {
      if (column.type === DataType.Timestamptz)
        return formatTimestamptz(BigInt(column.values[row] ?? 0), UTC);
      if (column.dim === 0) return String(column.values[row]);
      const width = column.values.length / column.rows;
      return listText([...column.values.subarray(row * width, (row + 1) * width)].map(String));
    }
    case "bytes": {
      const bytes = column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0);
      if (column.type === DataType.Geometry) return clip(bytes.toHex());
      return isVector(column.type) ? sparseText(bytes) : clip(JSON.stringify(utf8Decode(bytes)));
    }
    case "list": {
      const { child, offsets } = column;
      const [start, end] = [offsets[row] ?? 0, offsets[row + 1] ?? 0];
      return listText(Array.from({ length: end - start }, (_, i) => cellText(child, start + i)));
    }
  }
}

function sparseText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pairs = Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => {
    return `${view.getUint32(i * 8, true)}: ${view.getFloat32(i * 8 + 4, true)}`;
  });
  return `{${clip(pairs.join(", "))}}`;
}

function listText(elements: readonly string[]): string {
  const shown = elements.slice(0, ELEMENTS_SHOWN).join(", ");
  return elements.length <= ELEMENTS_SHOWN ? `[${shown}]` : `[${shown}, ... ${elements.length} in all]`;
}

function clip(text: string): string {
  return text.length <= TEXT_SHOWN ? text : `${text.slice(0, TEXT_SHOWN)}... (${text.length} characters)`;
}

const ROWS_SHOWN = 10;
const ELEMENTS_SHOWN = 8;
const TEXT_SHOWN = 200;
