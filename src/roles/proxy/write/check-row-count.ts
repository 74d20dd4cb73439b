import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { FieldData } from "../../../wire/messages.gen.ts";
import type { RowRequest } from "./row-request.ts";

/**
 * The number of rows that a request says it has must be one that its fields can hold: memory is taken for so many before they are
 * looked at one by one, where a field with too few values is named.
 */
export function checkRowCount({ numRows, fieldsData }: Pick<RowRequest, "numRows" | "fieldsData">): void {
  if (numRows <= 0) {
    throw parameterInvalid("num_rows should be greater than 0", {
      expected: "invalid num_rows",
      actual: numRows,
    });
  }
  if (numRows <= UNCHECKED_ROWS_MAX) return;
  const counts = fieldsData.map((field) => ({ name: field.fieldName, rows: rowsAtMost(field) }));
  const short = counts.find(({ rows }) => rows < numRows);
  if (short === undefined && counts.length > 0) return;
  const { name, rows } = short ?? { name: "", rows: 0 };
  throw parameterInvalid(
    `the num_rows (${rows}) of field (${name}) is not equal to passed num_rows (${numRows})`,
    { expected: numRows, actual: rows },
  );
}

/** So many cost nothing worth a look. */
const UNCHECKED_ROWS_MAX = 65_536;

/** Rows that the field's data can stand for: one byte of validity a row, or at least one byte or value. */
function rowsAtMost({ validData, scalars, vectors }: FieldData): number {
  return Math.max(validData.length, valuesIn(scalars), valuesIn(vectors));
}

/** Entries of the arrays of a message: what its data is, whatever its type. */
function valuesIn(holder: unknown): number {
  if (typeof holder !== "object" || holder === null) return 0;
  if (ArrayBuffer.isView(holder)) return holder.byteLength;
  if (Array.isArray(holder)) return holder.length;
  if ("offsets" in holder && holder.offsets instanceof Int32Array) return holder.offsets.length - 1;
  const parts: readonly unknown[] = Object.values(holder);
  return parts.reduce((most: number, part) => Math.max(most, valuesIn(part)), 0);
}
