import { assert } from "../base/assert.ts";
import { bitsetBytes, setBit, setBitRange } from "../base/bitset.ts";
import { isValid, type Column } from "../model/columns.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import { columnKind, fixedValuesOver, rawBytes, rowBytes } from "./column-buffers.ts";

/** What a growing column has to know of its field. */
export interface GrowableShape {
  readonly type: DataType;
  readonly elementType: DataType;
  readonly dim: number;
}

/**
 * A column that rows are appended to; capacity doubles. A view taken earlier keeps showing the rows it had:
 * an append writes behind them or into new memory.
 */
export class GrowableColumn {
  readonly #type: DataType;
  readonly #dim: number;
  readonly #width: number;
  readonly #child: GrowableColumn | undefined;
  #rows = 0;
  #hasNull = false;
  #validity = new Uint8Array(0);
  #offsets = new Int32Array(1);
  #values = new Uint8Array(0);
  #valueBytes = 0;

  constructor(shape: GrowableShape) {
    const kind = columnKind(shape.type);
    assert(kind !== undefined, `${dataTypeName(shape.type)} is not stored`);
    this.#type = shape.type;
    this.#dim = shape.dim;
    this.#width = kind === "fixed" ? rowBytes(shape.type, shape.dim) : 0;
    this.#child =
      kind === "list"
        ? new GrowableColumn({ type: shape.elementType, elementType: DataType.None, dim: 0 })
        : undefined;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes of memory reserved, used or not. */
  get memoryBytes(): number {
    const own = this.#validity.byteLength + this.#offsets.byteLength + this.#values.byteLength;
    return own + (this.#child?.memoryBytes ?? 0);
  }

  append(column: Column): void {
    assert(
      column.type === this.#type,
      `${dataTypeName(column.type)} appended to ${dataTypeName(this.#type)}`,
    );
    this.#appendValidity(column);
    switch (column.kind) {
      case "fixed":
        assert(column.dim === this.#dim, `dimension ${column.dim} appended to ${this.#dim}`);
        this.#appendValues(rawBytes(column.values).subarray(0, column.rows * this.#width));
        break;
      case "bytes":
        this.#appendOffsets(column.offsets, column.rows);
        this.#appendValues(column.bytes.subarray(column.offsets[0] ?? 0, column.offsets[column.rows] ?? 0));
        break;
      case "list":
        this.#appendOffsets(column.offsets, column.rows);
        this.#child?.append(usedElements(column.child, column.offsets, column.rows));
        break;
    }
    this.#rows += column.rows;
  }

  /** The first `rows` rows, without a copy. */
  view(rows = this.#rows): Column {
    assert(rows >= 0 && rows <= this.#rows, `${rows} rows of a column with ${this.#rows}`);
    const validity = this.#hasNull ? this.#validity.subarray(0, bitsetBytes(rows)) : undefined;
    const type = this.#type;
    if (this.#width > 0) {
      const values = fixedValuesOver(type, this.#values.subarray(0, rows * this.#width));
      return { kind: "fixed", type, dim: this.#dim, rows, values, validity };
    }
    const offsets = this.#offsets.subarray(0, rows + 1);
    const end = offsets[rows] ?? 0;
    if (this.#child === undefined) {
      return { kind: "bytes", type, rows, offsets, bytes: this.#values.subarray(0, end), validity };
    }
    const child = this.#child.view(end);
    assert(child.kind !== "list", "an array of arrays");
    return { kind: "list", type, rows, offsets, child, validity };
  }

  #appendValidity(column: Column): void {
    // An earlier view may share its last byte with the new rows; bits behind a view's rows mean nothing.
    const bytes = bitsetBytes(this.#rows + column.rows);
    if (this.#validity.length < bytes) {
      const grown = new Uint8Array(capacity(bytes));
      grown.set(this.#validity);
      this.#validity = grown;
    }
    if (column.validity === undefined) {
      setBitRange(this.#validity, this.#rows, this.#rows + column.rows);
      return;
    }
    for (let row = 0; row < column.rows; row++) {
      if (isValid(column.validity, row)) setBit(this.#validity, this.#rows + row);
      else this.#hasNull = true;
    }
  }

  #appendOffsets(offsets: Int32Array, rows: number): void {
    if (this.#offsets.length < this.#rows + rows + 1) {
      const grown = new Int32Array(capacity(this.#rows + rows + 1));
      grown.set(this.#offsets.subarray(0, this.#rows + 1));
      this.#offsets = grown;
    }
    const base = (this.#offsets[this.#rows] ?? 0) - (offsets[0] ?? 0);
    for (let row = 1; row <= rows; row++) {
      const end = base + (offsets[row] ?? 0);
      assert(end <= 0x7fff_ffff, `a column of ${end} bytes is more than its offsets can say`);
      this.#offsets[this.#rows + row] = end;
    }
  }

  #appendValues(bytes: Uint8Array): void {
    const end = this.#valueBytes + bytes.length;
    if (this.#values.length < end) {
      const grown = new Uint8Array(capacity(end));
      grown.set(this.#values.subarray(0, this.#valueBytes));
      this.#values = grown;
    }
    this.#values.set(bytes, this.#valueBytes);
    this.#valueBytes = end;
  }
}

function usedElements(child: Exclude<Column, { kind: "list" }>, offsets: Int32Array, rows: number): Column {
  const start = offsets[0] ?? 0;
  const end = offsets[rows] ?? 0;
  if (child.kind === "bytes")
    return { ...child, rows: end - start, offsets: child.offsets.subarray(start, end + 1) };
  const width = rowBytes(child.type, child.dim);
  const bytes = rawBytes(child.values).subarray(start * width, end * width);
  return { ...child, rows: end - start, values: fixedValuesOver(child.type, bytes) };
}

function capacity(needed: number): number {
  let size = 64;
  while (size < needed) size *= 2;
  return size;
}
