import type { BytesColumn, FixedColumn, FixedValues, ListColumn } from "../model/columns.ts";

/** Columns as Milvus sends them: one slot a valid row. `spread` gives each row of the batch its slot. */

/** A validity bitmap of one byte a row (0 or 1), or undefined when every row is valid. */
export function bitmapOf(valid: Uint8Array): Uint8Array | undefined {
  if (!valid.includes(0)) return undefined;
  const bitmap = new Uint8Array(Math.ceil(valid.length / 8));
  for (let row = 0; row < valid.length; row++) {
    if (valid[row] !== 0) bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return bitmap;
}

/** One byte a row of a bitmap. */
export function validFlags(bitmap: Uint8Array | undefined, rows: number): Uint8Array {
  if (bitmap === undefined) return new Uint8Array(rows).fill(1);
  return Uint8Array.from({ length: rows }, (_, row) => ((bitmap[row >> 3] ?? 0) >> (row & 7)) & 1);
}

export function countValid(valid: Uint8Array): number {
  let count = 0;
  for (const flag of valid) count += flag === 0 ? 0 : 1;
  return count;
}

/** `width` values a row; rows without a value get zeros, or copies of `filler`. */
export function spreadFixed<Values extends FixedValues>(
  values: Values,
  valid: Uint8Array,
  width: number,
  filler?: Values,
): Values {
  const make = values.constructor as new (length: number) => Values;
  const out = new make(valid.length * width);
  let from = 0;
  for (let row = 0; row < valid.length; row++) {
    if (valid[row] !== 0) {
      // One type on both sides; the compiler cannot pair the members of the union.
      out.set(values.subarray(from, from + width) as never, row * width);
      from += width;
    } else if (filler !== undefined) {
      out.set(filler as never, row * width);
    }
  }
  return out;
}

/** Rows without a value get an empty range: the offset of the next value twice. */
export function spreadOffsets(offsets: Int32Array, valid: Uint8Array): Int32Array {
  const out = new Int32Array(valid.length + 1);
  out[0] = offsets[0] ?? 0;
  let next = 0;
  for (let row = 0; row < valid.length; row++) {
    if (valid[row] !== 0) next += 1;
    out[row + 1] = offsets[next] ?? 0;
  }
  return out;
}

/** Rows without a value get the bytes of `filler`. */
export function fillBytes(
  packed: { readonly offsets: Int32Array; readonly bytes: Uint8Array },
  valid: Uint8Array,
  filler: Uint8Array,
): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const missing = valid.length - countValid(valid);
  const base = packed.offsets[0] ?? 0;
  const used = (packed.offsets.at(-1) ?? 0) - base;
  const bytes = new Uint8Array(used + missing * filler.length);
  const offsets = new Int32Array(valid.length + 1);
  let next = 0;
  let at = 0;
  for (let row = 0; row < valid.length; row++) {
    const value =
      valid[row] === 0 ? filler : packed.bytes.subarray(packed.offsets[next], packed.offsets[++next]);
    bytes.set(value, at);
    at += value.length;
    offsets[row + 1] = at;
  }
  return { offsets, bytes };
}

/** The slots of valid rows only, as vectors travel. */
export function compactFixed(column: FixedColumn, width: number): FixedValues {
  if (column.validity === undefined) return column.values;
  const valid = validFlags(column.validity, column.rows);
  const make = column.values.constructor as new (length: number) => FixedValues;
  const out = new make(countValid(valid) * width);
  let at = 0;
  for (let row = 0; row < column.rows; row++) {
    if (valid[row] === 0) continue;
    out.set(column.values.subarray(row * width, (row + 1) * width) as never, at);
    at += width;
  }
  return out;
}

/** Offsets of valid rows only. Rows without a value are empty ranges, so that the bytes stay as they are. */
export function compactOffsets(column: BytesColumn | ListColumn): Int32Array {
  if (column.validity === undefined) return column.offsets;
  const valid = validFlags(column.validity, column.rows);
  const out = new Int32Array(countValid(valid) + 1);
  out[0] = column.offsets[0] ?? 0;
  let at = 0;
  for (let row = 0; row < column.rows; row++) if (valid[row] !== 0) out[++at] = column.offsets[row + 1] ?? 0;
  return out;
}
