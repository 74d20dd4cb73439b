import { bitsetBytes, clearTail, popcount } from "../base/bitset.ts";
import { assert } from "../base/assert.ts";
import type { BytesColumn, Column, FixedColumn, FixedValues } from "../model/columns.ts";
import { DataType, dataTypeName, denseVectorBytes, isDenseVector } from "../model/data-type.ts";

/**
 * A column as the byte buffers that row batches and files store, in Arrow's layout. `offsets` and `childOffsets` start
 * at 0; `validity` is undefined where every row has a value. Views of the column wherever it already is in this form.
 */
export interface ColumnBytes {
  readonly validity: Uint8Array | undefined;
  /** int32 [rows + 1] of variable-length and list columns. */
  readonly offsets: Uint8Array | undefined;
  /** int32 [childRows + 1] of a list of variable-length elements. */
  readonly childOffsets: Uint8Array | undefined;
  /** Elements of all lists together, else 0. */
  readonly childRows: number;
  readonly values: Uint8Array;
}

/** What has to be known of a column to make sense of its buffers. */
export interface ColumnShape {
  readonly type: DataType;
  /** Element type of an Array, else None. */
  readonly elementType: DataType;
  /** Dimension of a dense vector, else 0. */
  readonly dim: number;
  readonly rows: number;
}

export type ColumnKind = Column["kind"];

export function columnBytes(column: Column): ColumnBytes {
  const validity = normalValidity(column.validity, column.rows);
  switch (column.kind) {
    case "fixed": {
      const width = rowBytes(column.type, column.dim);
      const values = rawBytes(column.values).subarray(0, column.rows * width);
      return { validity, offsets: undefined, childOffsets: undefined, childRows: 0, values };
    }
    case "bytes": {
      const { first, last } = offsetEnds(column.offsets, column.rows);
      const offsets = offsetsFromZero(column.offsets, column.rows);
      const values = column.bytes.subarray(first, last);
      return { validity, offsets: rawBytes(offsets), childOffsets: undefined, childRows: 0, values };
    }
    case "list": {
      const { first, last } = offsetEnds(column.offsets, column.rows);
      const offsets = rawBytes(offsetsFromZero(column.offsets, column.rows));
      const childRows = last - first;
      const child = columnBytes(viewRows(column.child, first, last));
      return { validity, offsets, childOffsets: child.offsets, childRows, values: child.values };
    }
  }
}

/**
 * The inverse: a column over the given buffers, without copying those that are aligned. Every length and offset is
 * checked; `fail` gets a sentence about the first thing that is wrong and throws.
 */
export function columnOver(
  shape: ColumnShape,
  buffers: ColumnBytes,
  fail: (problem: string) => never,
): Column {
  const { rows, type } = shape;
  const { validity } = buffers;
  if (validity !== undefined && validity.length !== bitsetBytes(rows)) {
    fail(`validity has ${validity.length} bytes, ${rows} rows need ${bitsetBytes(rows)}`);
  }
  switch (columnKind(type)) {
    case "fixed":
      return { ...fixedOver(type, shape.dim, rows, buffers.values, fail), validity };
    case "bytes":
      return { ...bytesOver(type, rows, buffers.offsets, buffers.values, fail), validity };
    case "list": {
      const { childRows, childOffsets, values } = buffers;
      const offsets = checkedOffsets("offsets", buffers.offsets, rows, childRows, fail);
      const element = shape.elementType;
      if (!isArrayElement(element)) fail(`an array cannot have elements of type ${dataTypeName(element)}`);
      const child =
        columnKind(element) === "fixed"
          ? fixedOver(element, 0, childRows, values, fail)
          : bytesOver(element, childRows, childOffsets, values, fail);
      return { kind: "list", type, rows, offsets, child, validity };
    }
    case undefined:
      return fail(`columns of type ${dataTypeName(type)} are not stored`);
  }
}

/** How values of a type are laid out; undefined for types that are not stored yet. */
export function columnKind(type: DataType): ColumnKind | undefined {
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Timestamptz:
    case DataType.Float:
    case DataType.Double:
    case DataType.BinaryVector:
    case DataType.FloatVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.Int8Vector:
      return "fixed";
    case DataType.String:
    case DataType.VarChar:
    case DataType.JSON:
    case DataType.Geometry:
    case DataType.SparseFloatVector:
      return "bytes";
    case DataType.Array:
      return "list";
    default:
      return undefined;
  }
}

export function isArrayElement(type: DataType): boolean {
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Float:
    case DataType.Double:
    case DataType.VarChar:
      return true;
    default:
      return false;
  }
}

/** Bytes that one row takes in a fixed column. */
export function rowBytes(type: DataType, dim: number): number {
  if (isDenseVector(type)) return denseVectorBytes(type, dim);
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
      return 1;
    case DataType.Int16:
      return 2;
    case DataType.Int32:
    case DataType.Float:
      return 4;
    case DataType.Int64:
    case DataType.Timestamptz:
    case DataType.Double:
      return 8;
    default:
      assert(false, `${dataTypeName(type)} has no fixed width`);
  }
}

/** `bytes` as the typed array of the type's fixed column; a view where the alignment allows it, else a copy. */
export function fixedValuesOver(type: DataType, bytes: Uint8Array): FixedValues {
  switch (type) {
    case DataType.Int8:
    case DataType.Int8Vector:
      return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    case DataType.Int16: {
      const b = aligned(bytes, 2);
      return new Int16Array(b.buffer, b.byteOffset, b.length / 2);
    }
    case DataType.Int32: {
      const b = aligned(bytes, 4);
      return new Int32Array(b.buffer, b.byteOffset, b.length / 4);
    }
    case DataType.Int64:
    case DataType.Timestamptz: {
      const b = aligned(bytes, 8);
      return new BigInt64Array(b.buffer, b.byteOffset, b.length / 8);
    }
    case DataType.Float:
    case DataType.FloatVector: {
      const b = aligned(bytes, 4);
      return new Float32Array(b.buffer, b.byteOffset, b.length / 4);
    }
    case DataType.Double: {
      const b = aligned(bytes, 8);
      return new Float64Array(b.buffer, b.byteOffset, b.length / 8);
    }
    default:
      return bytes;
  }
}

/** The bytes behind a typed array. */
export function rawBytes(values: FixedValues): Uint8Array {
  return values instanceof Uint8Array
    ? values
    : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The column's rows [start, end) as a view; what a row's validity says is not looked at here. */
function viewRows<C extends FixedColumn | BytesColumn>(column: C, start: number, end: number): C {
  const rows = end - start;
  if (column.kind === "bytes") {
    return { ...column, rows, offsets: column.offsets.subarray(start, end + 1), validity: undefined };
  }
  const width = rowBytes(column.type, column.dim);
  const bytes = rawBytes(column.values).subarray(start * width, end * width);
  return { ...column, rows, values: fixedValuesOver(column.type, bytes), validity: undefined };
}

function normalValidity(validity: Uint8Array | undefined, rows: number): Uint8Array | undefined {
  if (validity === undefined || popcount(validity, rows) === rows) return undefined;
  const bits = validity.subarray(0, bitsetBytes(rows));
  const last = bits[bits.length - 1] ?? 0;
  if ((rows & 7) === 0 || last >>> (rows & 7) === 0) return bits;
  const copy = bits.slice();
  clearTail(copy, rows);
  return copy;
}

function offsetEnds(offsets: Int32Array, rows: number): { first: number; last: number } {
  const first = offsets[0];
  const last = offsets[rows];
  assert(first !== undefined && last !== undefined, `${offsets.length} offsets for ${rows} rows`);
  return { first, last };
}

function offsetsFromZero(offsets: Int32Array, rows: number): Int32Array {
  const used = offsets.subarray(0, rows + 1);
  const first = used[0] ?? 0;
  return first === 0 ? used : used.map((offset) => offset - first);
}

function fixedOver(
  type: DataType,
  dim: number,
  rows: number,
  values: Uint8Array,
  fail: (problem: string) => never,
): FixedColumn {
  if (isDenseVector(type) ? !isDimension(type, dim) : dim !== 0) {
    fail(`${dataTypeName(type)} cannot have dimension ${dim}`);
  }
  const bytes = rows * rowBytes(type, dim);
  if (values.length !== bytes) {
    fail(`values have ${values.length} bytes, ${rows} rows of ${dataTypeName(type)} need ${bytes}`);
  }
  if (type === DataType.Bool) {
    const wrong = values.findIndex((value) => value > 1);
    if (wrong >= 0) fail(`row ${wrong} holds ${values[wrong]}, not a Bool`);
  }
  return { kind: "fixed", type, dim, rows, values: fixedValuesOver(type, values), validity: undefined };
}

function isDimension(type: DataType, dim: number): boolean {
  return Number.isInteger(dim) && dim > 0 && (type !== DataType.BinaryVector || dim % 8 === 0);
}

function bytesOver(
  type: DataType,
  rows: number,
  offsetBytes: Uint8Array | undefined,
  bytes: Uint8Array,
  fail: (problem: string) => never,
): BytesColumn {
  const offsets = checkedOffsets("offsets", offsetBytes, rows, bytes.length, fail);
  if (type === DataType.SparseFloatVector) {
    const wrong = offsets.findIndex((offset) => offset % 8 !== 0);
    if (wrong >= 0)
      fail(`sparse vectors end at byte ${offsets[wrong]}, which is not a whole number of pairs`);
  }
  return { kind: "bytes", type, rows, offsets, bytes, validity: undefined };
}

function checkedOffsets(
  name: string,
  bytes: Uint8Array | undefined,
  rows: number,
  end: number,
  fail: (problem: string) => never,
): Int32Array {
  const need = (rows + 1) * 4;
  if (bytes === undefined || bytes.length !== need) {
    return fail(`${name} have ${bytes?.length ?? 0} bytes, ${rows} rows need ${need}`);
  }
  const b = aligned(bytes, 4);
  const offsets = new Int32Array(b.buffer, b.byteOffset, rows + 1);
  let previous = 0;
  if (offsets[0] !== 0) fail(`${name} start at ${offsets[0]}, not at 0`);
  for (let i = 1; i <= rows; i++) {
    const offset = offsets[i] ?? 0;
    if (offset < previous) fail(`${name} fall from ${previous} to ${offset} at row ${i}`);
    previous = offset;
  }
  if (previous !== end) fail(`${name} end at ${previous}, but there are ${end} values`);
  return offsets;
}

function aligned(bytes: Uint8Array, unit: number): Uint8Array {
  return bytes.byteOffset % unit === 0 ? bytes : bytes.slice();
}

/** The shape that describes a column of memory. */
export function shapeOf(column: Column): ColumnShape {
  return {
    type: column.type,
    elementType: column.kind === "list" ? column.child.type : DataType.None,
    dim: column.kind === "fixed" ? column.dim : 0,
    rows: column.rows,
  };
}
