import { assert } from "../base/assert.ts";
import { bitsetBytes, newBitset, setBit, setBitRange } from "../base/bitset.ts";
import { isValid, type BytesColumn, type Column, type FixedColumn, type Keys } from "../model/columns.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import { fixedValuesOver, rawBytes, rowBytes } from "./column-buffers.ts";

/** The given rows of a column, copied, in their order; a row may be asked for more than once. */
export function gatherColumn(column: Column, rows: ArrayLike<number>): Column {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? -1;
    assert(row >= 0 && row < column.rows, `row ${row} of a column with ${column.rows} rows`);
  }
  const validity = gatherValidity(column.validity, rows);
  switch (column.kind) {
    case "fixed":
      return gatherFixed(column, rows, validity);
    case "bytes":
      return gatherBytes(column, rows, validity);
    case "list": {
      const { offsets, elements } = gatherRanges(column.offsets, rows);
      const child = gatherChild(column.child, elements);
      return { kind: "list", type: column.type, rows: rows.length, offsets, child, validity };
    }
  }
}

/** Rows [start, end) of a column: a view, except for the validity where `start` is not a multiple of 8. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  assert(
    start >= 0 && start <= end && end <= column.rows,
    `rows [${start}, ${end}) of a column with ${column.rows}`,
  );
  const rows = end - start;
  const validity = sliceValidity(column.validity, start, end);
  if (column.kind !== "fixed") {
    return { ...column, rows, offsets: column.offsets.subarray(start, end + 1), validity };
  }
  const width = rowBytes(column.type, column.dim);
  const bytes = rawBytes(column.values).subarray(start * width, end * width);
  return { ...column, rows, values: fixedValuesOver(column.type, bytes), validity };
}

/** Columns of one type after another, copied. There must be at least one. */
export function concatColumns(columns: readonly Column[]): Column {
  const [first] = columns;
  assert(first !== undefined, "cannot concatenate no columns");
  const rows = columns.reduce((sum, column) => sum + column.rows, 0);
  const validity = concatValidity(columns, rows);
  switch (first.kind) {
    case "fixed":
      return { ...concatFixed(sameKind(columns, first)), validity };
    case "bytes":
      return { ...concatBytes(sameKind(columns, first)), validity };
    case "list": {
      const lists = sameKind(columns, first);
      const children = lists.map((list) => {
        const { start, end } = usedRange(list.offsets, list.rows);
        return sliceColumn(list.child, start, end);
      });
      const child = concatColumns(children);
      assert(child.kind !== "list", "an array of arrays");
      return { kind: "list", type: first.type, rows, offsets: concatOffsets(lists, rows), child, validity };
    }
  }
}

/** A primary-key column as keys: the same memory. Throws AssertionError for other types or a null. */
export function keysOf(column: Column): Keys {
  assert(column.validity === undefined, "a primary key cannot be null");
  if (column.kind === "fixed" && column.values instanceof BigInt64Array) {
    return { kind: "int64", values: column.values };
  }
  assert(
    column.kind === "bytes" && column.type === DataType.VarChar,
    `a ${dataTypeName(column.type)} column holds no keys`,
  );
  return { kind: "varchar", offsets: column.offsets, bytes: column.bytes };
}

/** The keys as a primary-key column: the same memory. */
export function columnOfKeys(keys: Keys): Column {
  if (keys.kind === "int64") {
    const { values } = keys;
    return { kind: "fixed", type: DataType.Int64, dim: 0, rows: values.length, values, validity: undefined };
  }
  const rows = keys.offsets.length - 1;
  return {
    kind: "bytes",
    type: DataType.VarChar,
    rows,
    offsets: keys.offsets,
    bytes: keys.bytes,
    validity: undefined,
  };
}

/** The keys at the given positions, copied. */
export function gatherKeys(keys: Keys, positions: ArrayLike<number>): Keys {
  return keysOf(gatherColumn(columnOfKeys(keys), positions));
}

/** One key as a value that compares equal to equal keys, for maps. */
export function keyAt(keys: Keys, position: number): bigint | string {
  if (keys.kind === "int64") {
    const value = keys.values[position];
    assert(value !== undefined, `key ${position} of ${keys.values.length}`);
    return value;
  }
  const start = keys.offsets[position];
  const end = keys.offsets[position + 1];
  assert(start !== undefined && end !== undefined, `key ${position} of ${keys.offsets.length - 1}`);
  return utf8.decode(keys.bytes.subarray(start, end));
}

/** Keys of one kind from values, all bigint or all string. */
export function keysFrom(kind: Keys["kind"], values: readonly (bigint | string)[]): Keys {
  if (kind === "int64") {
    return { kind, values: BigInt64Array.from(values, (value) => BigInt(value)) };
  }
  const encoded = values.map((value) => new TextEncoder().encode(String(value)));
  const offsets = new Int32Array(values.length + 1);
  encoded.forEach((bytes, i) => (offsets[i + 1] = (offsets[i] ?? 0) + bytes.length));
  const bytes = new Uint8Array(offsets[values.length] ?? 0);
  encoded.forEach((part, i) => bytes.set(part, offsets[i] ?? 0));
  return { kind, offsets, bytes };
}

// Not fatal: stored keys were checked on their way in, and a damaged one must still compare with itself.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function gatherValidity(validity: Uint8Array | undefined, rows: ArrayLike<number>): Uint8Array | undefined {
  if (validity === undefined) return undefined;
  const bits = newBitset(rows.length);
  let valid = 0;
  for (let i = 0; i < rows.length; i++) {
    if (!isValid(validity, rows[i] ?? 0)) continue;
    setBit(bits, i);
    valid++;
  }
  return valid === rows.length ? undefined : bits;
}

function sliceValidity(validity: Uint8Array | undefined, start: number, end: number): Uint8Array | undefined {
  if (validity === undefined) return undefined;
  if (start % 8 === 0) return validity.subarray(start / 8, start / 8 + bitsetBytes(end - start));
  const bits = newBitset(end - start);
  for (let row = start; row < end; row++) if (isValid(validity, row)) setBit(bits, row - start);
  return bits;
}

function concatValidity(columns: readonly Column[], rows: number): Uint8Array | undefined {
  if (columns.every((column) => column.validity === undefined)) return undefined;
  const bits = newBitset(rows);
  let at = 0;
  for (const { validity, rows: count } of columns) {
    if (validity === undefined) setBitRange(bits, at, at + count);
    else for (let row = 0; row < count; row++) if (isValid(validity, row)) setBit(bits, at + row);
    at += count;
  }
  return bits;
}

function gatherFixed(
  column: FixedColumn,
  rows: ArrayLike<number>,
  validity: Uint8Array | undefined,
): FixedColumn {
  const width = rowBytes(column.type, column.dim);
  const source = rawBytes(column.values);
  const bytes = new Uint8Array(rows.length * width);
  const values = fixedValuesOver(column.type, bytes);
  const from = column.values;
  if (values instanceof BigInt64Array && from instanceof BigInt64Array) {
    for (let i = 0; i < rows.length; i++) values[i] = from[rows[i] ?? 0] ?? 0n;
  } else if (width <= 8) {
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] ?? 0) * width;
      for (let b = 0; b < width; b++) bytes[i * width + b] = source[at + b] ?? 0;
    }
  } else {
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] ?? 0) * width;
      bytes.set(source.subarray(at, at + width), i * width);
    }
  }
  return { kind: "fixed", type: column.type, dim: column.dim, rows: rows.length, values, validity };
}

function gatherBytes(
  column: BytesColumn,
  rows: ArrayLike<number>,
  validity: Uint8Array | undefined,
): BytesColumn {
  const offsets = new Int32Array(rows.length + 1);
  let end = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    end += (column.offsets[row + 1] ?? 0) - (column.offsets[row] ?? 0);
    assertOffset(end);
    offsets[i + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    bytes.set(column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0), offsets[i] ?? 0);
  }
  return { kind: "bytes", type: column.type, rows: rows.length, offsets, bytes, validity };
}

/** Positions of all elements of the given lists, and where each list starts among them. */
function gatherRanges(
  source: Int32Array,
  rows: ArrayLike<number>,
): { offsets: Int32Array; elements: Int32Array } {
  const offsets = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const end = (offsets[i] ?? 0) + (source[row + 1] ?? 0) - (source[row] ?? 0);
    assertOffset(end);
    offsets[i + 1] = end;
  }
  const elements = new Int32Array(offsets[rows.length] ?? 0);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    for (let element = source[row] ?? 0; element < (source[row + 1] ?? 0); element++)
      elements[at++] = element;
  }
  return { offsets, elements };
}

function gatherChild(child: FixedColumn | BytesColumn, elements: Int32Array): FixedColumn | BytesColumn {
  return child.kind === "fixed"
    ? gatherFixed(child, elements, undefined)
    : gatherBytes(child, elements, undefined);
}

function concatFixed(columns: readonly FixedColumn[]): FixedColumn {
  const [first] = columns;
  assert(first !== undefined, "cannot concatenate no columns");
  const width = rowBytes(first.type, first.dim);
  const rows = columns.reduce((sum, column) => sum + column.rows, 0);
  const bytes = new Uint8Array(rows * width);
  let at = 0;
  for (const column of columns) {
    assert(column.dim === first.dim, `dimensions ${first.dim} and ${column.dim} in one column`);
    bytes.set(rawBytes(column.values).subarray(0, column.rows * width), at);
    at += column.rows * width;
  }
  const values = fixedValuesOver(first.type, bytes);
  return { kind: "fixed", type: first.type, dim: first.dim, rows, values, validity: undefined };
}

function concatBytes(columns: readonly BytesColumn[]): BytesColumn {
  const [first] = columns;
  assert(first !== undefined, "cannot concatenate no columns");
  const rows = columns.reduce((sum, column) => sum + column.rows, 0);
  const offsets = concatOffsets(columns, rows);
  const bytes = new Uint8Array(offsets[rows] ?? 0);
  let at = 0;
  for (const column of columns) {
    const { start, end } = usedRange(column.offsets, column.rows);
    bytes.set(column.bytes.subarray(start, end), at);
    at += end - start;
  }
  return { kind: "bytes", type: first.type, rows, offsets, bytes, validity: undefined };
}

function concatOffsets(
  columns: readonly { readonly offsets: Int32Array; readonly rows: number }[],
  rows: number,
): Int32Array {
  const offsets = new Int32Array(rows + 1);
  let row = 0;
  let end = 0;
  for (const column of columns) {
    const base = end - (column.offsets[0] ?? 0);
    for (let i = 1; i <= column.rows; i++) {
      end = base + (column.offsets[i] ?? 0);
      assertOffset(end);
      offsets[++row] = end;
    }
  }
  return offsets;
}

function usedRange(offsets: Int32Array, rows: number): { start: number; end: number } {
  return { start: offsets[0] ?? 0, end: offsets[rows] ?? 0 };
}

/** Offsets are 32 bits: who gathers gigabytes of text into one column must do it in parts. */
function assertOffset(end: number): void {
  assert(end <= 0x7fff_ffff, `a column of ${end} bytes or elements is more than its offsets can say`);
}

function sameKind<C extends Column>(columns: readonly Column[], first: C): C[] {
  return columns.map((column) => {
    assert(
      column.kind === first.kind && column.type === first.type,
      `${dataTypeName(first.type)} and ${dataTypeName(column.type)} in one column`,
    );
    return column as C;
  });
}
