import { isValid, type Column } from "../../model/columns.ts";

const text = new TextDecoder();

/** One string per row that is equal exactly when the values are; null is a group of its own. */
export function groupKeys(column: Column): readonly string[] {
  const keys: string[] = [];
  for (let row = 0; row < column.rows; row++)
    keys.push(isValid(column.validity, row) ? `v${valueOf(column, row)}` : "null");
  return keys;
}

function valueOf(column: Column, row: number): string {
  switch (column.kind) {
    case "fixed":
      return String(column.values[row]);
    case "bytes":
      return text.decode(column.bytes.subarray(column.offsets[row], column.offsets[row + 1]));
    case "list":
      throw new TypeError("arrays cannot be grouped by");
  }
}
