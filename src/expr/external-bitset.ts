import { assertNever } from "../base/assert.ts";
import { isValid, type BytesColumn, type Column, type FixedColumn } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import type { TriBitmap } from "../model/filter-program.ts";
import type { FieldId } from "../model/ids.ts";
import { columnsOf, isLeaf, type Predicate } from "./ast.ts";
import { evaluator } from "./evaluate.ts";
import type { Cell } from "./leaf.ts";

/** Where the rows of a segment are read from. */
export interface ExternalSource {
  readonly rows: number;
  /** The whole column, at least `rows` long. Undefined when the segment has no such field: null in every row. */
  column(field: FieldId): Column | undefined;
}

/** Rows between two calls of a checkpoint. */
const CHECKPOINT_ROWS = 4096;

/**
 * Computes the predicates that have no kernel over all rows of a segment: the bitmaps of a program's EXTERNAL operations, by index.
 * `checkpoint` is called every few thousand rows and may throw to stop (cancellation).
 */
export function externalBitmaps(
  externals: readonly Predicate[],
  source: ExternalSource,
  checkpoint: () => void = () => {},
): readonly TriBitmap[] {
  return externals.map((predicate) => externalBitmap(predicate, source, checkpoint));
}

function externalBitmap(predicate: Predicate, source: ExternalSource, checkpoint: () => void): TriBitmap {
  const words = Math.ceil(source.rows / 64);
  const isTrue = new BigUint64Array(words);
  const isFalse = new BigUint64Array(words);
  // Half words: setting a bit in a BigUint64Array would make a bigint of each.
  const trueBits = new Uint32Array(isTrue.buffer);
  const falseBits = new Uint32Array(isFalse.buffer);
  const cells = cellReaders(predicate, source);
  const evaluateRow = evaluator(predicate);
  let row = 0;
  const accessor = (field: FieldId): Cell => cells.get(field)?.(row) ?? null;
  for (; row < source.rows; row++) {
    if (row % CHECKPOINT_ROWS === 0) checkpoint();
    const truth = evaluateRow(accessor);
    if (truth === null) continue;
    const bits = truth ? trueBits : falseBits;
    bits[row >>> 5] = (bits[row >>> 5] ?? 0) | (1 << (row & 31));
  }
  return { isTrue, isFalse };
}

type CellReader = (row: number) => Cell;

function cellReaders(predicate: Predicate, source: ExternalSource): ReadonlyMap<FieldId, CellReader> {
  const readers = new Map<FieldId, CellReader>();
  const visit = (p: Predicate): void => {
    if (p.kind === "not") visit(p.child);
    else if (p.kind === "and" || p.kind === "or") p.children.forEach(visit);
    else if (isLeaf(p)) {
      for (const { fieldId } of columnsOf(p)) {
        const column = readers.has(fieldId) ? undefined : source.column(fieldId);
        if (column !== undefined) readers.set(fieldId, cellReader(column));
      }
    }
  };
  visit(predicate);
  return readers;
}

/** Reads one row of a column as the evaluator wants it; null where the row has no value. */
export function cellReader(column: Column): CellReader {
  const { validity } = column;
  const read = valueReader(column);
  return validity === undefined ? read : (row) => (isValid(validity, row) ? read(row) : null);
}

function valueReader(column: Column): CellReader {
  switch (column.kind) {
    case "fixed":
      return fixedReader(column);
    case "bytes":
      return bytesReader(column);
    case "list": {
      const { offsets } = column;
      const element = valueReader(column.child);
      return (row) => {
        const end = offsets[row + 1] ?? 0;
        const elements: Cell[] = [];
        for (let at = offsets[row] ?? 0; at < end; at++) elements.push(element(at));
        return elements;
      };
    }
    default:
      return assertNever(column, "column");
  }
}

function fixedReader(column: FixedColumn): CellReader {
  const { values } = column;
  // A vector is only ever asked whether it is there.
  if (column.dim > 0) return () => true;
  if (column.type === DataType.Bool) return (row) => values[row] !== 0;
  return (row) => values[row] ?? null;
}

function bytesReader(column: BytesColumn): CellReader {
  const { bytes, offsets } = column;
  if (column.type === DataType.JSON) {
    // One cell for all rows: it is read before the next row is asked for.
    const cell = { bytes, start: 0, end: 0 };
    return (row) => {
      cell.start = offsets[row] ?? 0;
      cell.end = offsets[row + 1] ?? 0;
      return cell;
    };
  }
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (row) => decoder.decode(bytes.subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0));
}
