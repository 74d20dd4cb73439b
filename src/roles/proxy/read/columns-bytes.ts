import type { Column } from "../../../model/columns.ts";

/** Bytes that the values of columns take, about as many as on the wire. */
export function columnsBytes(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + columnBytes(column), 0);
}

function columnBytes(column: Column): number {
  switch (column.kind) {
    case "fixed":
      return column.values.byteLength;
    case "bytes":
      return usedBytes(column.offsets, column.rows) + 4 * column.rows;
    case "list": {
      const elements = usedBytes(column.offsets, column.rows);
      const { child } = column;
      const share = child.rows === 0 ? 0 : elements / child.rows;
      return Math.ceil(columnBytes(child) * share) + 4 * column.rows;
    }
  }
}

function usedBytes(offsets: Int32Array, rows: number): number {
  return (offsets[rows] ?? 0) - (offsets[0] ?? 0);
}
