import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { BytesColumn, Column, FixedValues, ListColumn } from "../model/columns.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import { checkSparseRows, notANumber } from "./sparse-rows.ts";

export interface ColumnLimits {
  /** Bytes of one JSON value, `common.JSONMaxLength`. */
  readonly jsonBytesMax: number;
}

/**
 * Checks a column's values against its field, with Milvus's rules and words: no NaN or infinity, strings within
 * max_length bytes, arrays within max_capacity, JSON within its limit, sparse vectors well formed.
 */
export function checkColumn(column: Column, field: FieldSchema, limits: ColumnLimits): void {
  switch (column.type) {
    case DataType.Float:
    case DataType.Double:
    case DataType.FloatVector:
      if (column.kind === "fixed") checkFinite(column.values);
      return;
    case DataType.Float16Vector:
      if (column.kind === "fixed") checkHalves(column.values, 0x7c00, "float16");
      return;
    case DataType.BFloat16Vector:
      if (column.kind === "fixed") checkHalves(column.values, 0x7f80, "bfloat16");
      return;
    case DataType.SparseFloatVector:
      if (column.kind === "bytes") checkSparseRows(column);
      return;
    case DataType.VarChar:
      if (column.kind === "bytes" && !field.autoId) checkStrings(column, field);
      return;
    case DataType.JSON:
      if (column.kind === "bytes") checkJson(column, field, limits);
      return;
    case DataType.Array:
      if (column.kind === "list") checkArrays(column, field);
      return;
    default:
      return;
  }
}

function checkFinite(values: FixedValues): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) throw notANumber(value);
  }
}

/** All exponent bits set means NaN or infinity. */
function checkHalves(values: FixedValues, exponent: number, name: string): void {
  for (let i = 0; i + 1 < values.length; i += 2) {
    const bits = (values[i] as number) | ((values[i + 1] as number) << 8);
    if ((bits & exponent) === exponent)
      throw parameterInvalid(`${name} vector contain nan or infinity value.`);
  }
}

function checkStrings(column: BytesColumn, field: FieldSchema): void {
  const row = firstLongerThan(column.offsets, field.maxLength);
  if (row === undefined) return;
  const length = lengthAt(column.offsets, row);
  throw parameterInvalid(
    `length of varchar field ${field.name} exceeds max length, row number: ${row}, length: ${length}, max length: ${field.maxLength}`,
  );
}

function checkJson(column: BytesColumn, field: FieldSchema, limits: ColumnLimits): void {
  const row = firstLongerThan(column.offsets, limits.jsonBytesMax);
  if (row === undefined) return;
  const length = lengthAt(column.offsets, row);
  if (field.isDynamic) {
    throw parameterInvalid(
      `the length (${length}) of dynamic field exceeds max length (${limits.jsonBytesMax})`,
      {
        expected: "valid length dynamic field",
        actual: "length exceeds max length",
      },
    );
  }
  throw parameterInvalid(
    `the length (${length}) of json field (${field.name}) exceeds max length (${limits.jsonBytesMax})`,
    { expected: "valid length json string", actual: "length exceeds max length" },
  );
}

function checkArrays(column: ListColumn, field: FieldSchema): void {
  const row = firstLongerThan(column.offsets, field.maxCapacity);
  if (row !== undefined) {
    const length = lengthAt(column.offsets, row);
    throw parameterInvalid(
      `the length (${length}) of ${row}th array exceeds max capacity (${field.maxCapacity})`,
      { expected: "valid length array", actual: "array length exceeds max capacity" },
    );
  }
  if (column.child.kind === "bytes") checkElements(column, column.child, field);
  else checkFinite(column.child.values);
}

function checkElements(column: ListColumn, child: BytesColumn, field: FieldSchema): void {
  const element = firstLongerThan(child.offsets, field.maxLength);
  if (element === undefined) return;
  let row = 0;
  while ((column.offsets[row + 1] ?? Infinity) <= element) row += 1;
  const index = element - (column.offsets[row] ?? 0);
  throw parameterInvalid(
    `length of ${dataTypeName(field.type)} array field "${field.name}" exceeds max length, row number: ${row}, ` +
      `array index: ${index}, length: ${lengthAt(child.offsets, element)}, max length: ${field.maxLength}`,
  );
}

function lengthAt(offsets: Int32Array, row: number): number {
  return (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
}

function firstLongerThan(offsets: Int32Array, longest: number): number | undefined {
  for (let row = 0; row + 1 < offsets.length; row++) if (lengthAt(offsets, row) > longest) return row;
  return undefined;
}
