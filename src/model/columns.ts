import type { DataType } from "./data-type.ts";

/**
 * Columns in memory, laid out as Arrow lays them out, so that the log, growing segments, sealed files and answers
 * share bytes. All integers little-endian. `validity` is a bitmap, least significant bit first, 1 = has a value;
 * undefined means that every row has one. A null row still has a slot: zeros in fixed columns, an empty
 * range in the others.
 */
export type Column = FixedColumn | BytesColumn | ListColumn;

/** One value of the same width per row. Dense vectors are raw bytes, `denseVectorBytes(type, dim)` a row. */
export interface FixedColumn {
  readonly kind: "fixed";
  readonly type: DataType;
  /** Dimension of a dense vector, else 0. */
  readonly dim: number;
  readonly rows: number;
  readonly values: FixedValues;
  readonly validity: Uint8Array | undefined;
}

/**
 * Bool: Uint8Array of 0 and 1; Int8, Int16, Int32, Int64: the signed array; Timestamptz: BigInt64Array of microseconds since 1970; Float, Double: the float array;
 * FloatVector: Float32Array of rows x dim; BinaryVector, Float16Vector, BFloat16Vector: Uint8Array;
 * Int8Vector: Int8Array.
 */
export type FixedValues =
  Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/**
 * VarChar and JSON: UTF-8 text. Geometry: well-known binary. SparseFloatVector: pairs of (uint32 index, float32 value), indices ascending.
 * Row i is bytes[offsets[i], offsets[i + 1]).
 */
export interface BytesColumn {
  readonly kind: "bytes";
  readonly type: DataType;
  readonly rows: number;
  /** rows + 1 entries; the first need not be 0. */
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
  readonly validity: Uint8Array | undefined;
}

/** Array: row i is child[offsets[i], offsets[i + 1]). Elements are never null. */
export interface ListColumn {
  readonly kind: "list";
  readonly type: DataType;
  readonly rows: number;
  readonly offsets: Int32Array;
  readonly child: FixedColumn | BytesColumn;
  readonly validity: Uint8Array | undefined;
}

/** Columns of one batch of rows by field id. All have the same number of rows. */
export interface RowBatch {
  readonly rows: number;
  readonly columns: ReadonlyMap<number, Column>;
}

/** Primary keys of one kind, in bulk. */
export type Keys =
  | { readonly kind: "int64"; readonly values: BigInt64Array }
  | { readonly kind: "varchar"; readonly offsets: Int32Array; readonly bytes: Uint8Array };

export function keyCount(keys: Keys): number {
  return keys.kind === "int64" ? keys.values.length : keys.offsets.length - 1;
}

export function isValid(validity: Uint8Array | undefined, row: number): boolean {
  return validity === undefined || ((validity[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
}
