import { compareBytes } from "../../base/bytes.ts";
import { isValid, type Column } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import type { FieldStats } from "../../ports/engine.ts";

/** How the values of a column compare: integers as bigint, floats as number, texts by bytes, Bool as 0 and 1. */
export type ScalarDomain = "int" | "double" | "bytes" | "bool";
export type ScalarValueAt = bigint | number | Uint8Array;

/** Undefined for types without an order (JSON, arrays, vectors). */
export function scalarDomain(type: DataType): ScalarDomain | undefined {
  switch (type) {
    case DataType.Bool:
      return "bool";
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Timestamptz:
      return "int";
    case DataType.Float:
    case DataType.Double:
      return "double";
    case DataType.String:
    case DataType.VarChar:
      return "bytes";
    default:
      return undefined;
  }
}

/** The value of a row in its column's domain; undefined where it is null. */
export function scalarAt(column: Column, row: number): ScalarValueAt | undefined {
  if (!isValid(column.validity, row)) return undefined;
  if (column.kind === "bytes")
    return column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0);
  if (column.kind === "list") return undefined;
  const value = column.values[row];
  return scalarDomain(column.type) === "int" && typeof value === "number" ? BigInt(value) : value;
}

/** Values that can be compared with ===, for maps and sets. */
export function scalarTokens(column: Column): (row: number) => bigint | number | string | undefined {
  return (row) => {
    const value = scalarAt(column, row);
    return value instanceof Uint8Array ? bytesToken(value) : value;
  };
}

/** A string that is equal for equal bytes only, whatever they are. */
export function bytesToken(bytes: Uint8Array): string {
  let token = "";
  for (const byte of bytes) token += String.fromCharCode(byte);
  return token;
}

/** Negative, 0 or positive; both of one domain, neither NaN. */
export function compareScalars(a: ScalarValueAt, b: ScalarValueAt): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Minimum, maximum (NaN aside) and nulls of the column; undefined for types without order. */
export function columnStats(column: Column): FieldStats | undefined {
  const domain = scalarDomain(column.type);
  if (domain === undefined) return undefined;
  let min: ScalarValueAt | undefined;
  let max: ScalarValueAt | undefined;
  let nulls = 0;
  for (let row = 0; row < column.rows; row++) {
    const value = scalarAt(column, row);
    if (value === undefined) nulls++;
    if (value === undefined || Number.isNaN(value)) continue;
    if (min === undefined || compareScalars(value, min) < 0) min = value;
    if (max === undefined || compareScalars(value, max) > 0) max = value;
  }
  return { min: shown(domain, min), max: shown(domain, max), nulls };
}

function shown(domain: ScalarDomain, value: ScalarValueAt | undefined): FieldStats["min"] {
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(value);
  return domain === "bool" ? value === 1 : value;
}
