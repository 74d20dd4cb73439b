import { assert } from "../../base/assert.ts";
import { compareBytes } from "../../base/bytes.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { missingColumn } from "../../format/column-fill.ts";
import { gatherColumn, keysOf } from "../../format/column-select.ts";
import { decodeRowBatch } from "../../format/row-batch.ts";
import type { Column, Keys } from "../../model/columns.ts";
import { DataType, dataTypeName } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";
import { TIMESTAMP_MAX, type Timestamp } from "../../model/timestamp.ts";
import type {
  CancelFlag,
  ColumnPlacement,
  ColumnSizes,
  FieldStats,
  FilterInput,
  GrowingSegment,
  NativeBuffer,
  RetrieveSpec,
  SearchHits,
  SearchSpec,
  Segment,
  SegmentHandle,
  Visibility,
} from "../../ports/engine.ts";
import { bruteForceSearch } from "./brute-force.ts";
import { checkCancel } from "./cancel.ts";
import { copyInto, encodeColumn, sizesOf } from "./encode-columns.ts";
import { checkField } from "./check-field.ts";
import { runFilter } from "./filter-interpreter.ts";
import { readIndexFile } from "./index-file.ts";
import { columnStats } from "./scalar-values.ts";
import type { SegmentCore } from "./segment-core.ts";

/**
 * One handle to a segment; handles of one segment share everything. Each read looks at every row: correct by being
 * simple. Growing and sealed segments differ only in whether `append` is allowed.
 */
export class ReferenceSegment implements GrowingSegment {
  readonly #handle: SegmentHandle;
  readonly #released: () => void;
  #open: SegmentCore | undefined;

  constructor(core: SegmentCore, handle: SegmentHandle, released: () => void) {
    this.#open = core;
    this.#handle = handle;
    this.#released = released;
  }

  get rows(): number {
    return this.#core().rows;
  }

  get memoryBytes(): number {
    return this.#core().memoryBytes;
  }

  get maxTimestamp(): Timestamp {
    return this.#core().versions.maxBegin;
  }

  share(): SegmentHandle {
    this.#core();
    return this.#handle;
  }

  search(spec: SearchSpec, cancel: CancelFlag | undefined): SearchHits {
    const core = this.#core();
    checkCancel(cancel, "search");
    const column = (fieldId: number) => ({ field: core.field(fieldId), column: core.column(fieldId) });
    const input = {
      ...column(spec.fieldId),
      candidates: matchingRows(core, spec.visibility, spec.filter, cancel),
      groups: spec.groupBy?.fieldId === undefined ? undefined : column(spec.groupBy.fieldId),
    };
    return bruteForceSearch(input, spec, cancel);
  }

  async searchAsync(spec: SearchSpec, cancel: CancelFlag | undefined): Promise<SearchHits> {
    return this.search(spec, cancel);
  }

  retrieve(spec: RetrieveSpec, cancel: CancelFlag | undefined): Int32Array {
    const core = this.#core();
    if (!Number.isInteger(spec.limit) || spec.limit < -1) {
      throw parameterInvalid("limit of a retrieval", { expected: "-1 or more", actual: spec.limit });
    }
    const rows = matchingRows(core, spec.visibility, spec.filter, cancel);
    if (spec.order === "key") sortByKey(rows, core.keys());
    return spec.limit === -1 ? rows : rows.slice(0, spec.limit);
  }

  count(spec: Omit<RetrieveSpec, "limit" | "order">, cancel: CancelFlag | undefined): number {
    return matchingRows(this.#core(), spec.visibility, spec.filter, cancel).length;
  }

  take(fieldId: number, rows: Int32Array): Column {
    const core = this.#core();
    return gatherColumn(core.column(fieldId), checkedRows(core, rows));
  }

  takeKeys(rows: Int32Array): Keys {
    return keysOf(this.take(this.#core().keyField.id, rows));
  }

  takeTimestamps(rows: Int32Array): BigUint64Array {
    const core = this.#core();
    return BigUint64Array.from(checkedRows(core, rows), (row) => core.versions.begin(row));
  }

  column(fieldId: number, rows: number): Column {
    const core = this.#core();
    if (!Number.isInteger(rows) || rows < 0 || rows > core.rows) {
      throw parameterInvalid("rows of a column", { expected: `0 to ${core.rows}`, actual: rows });
    }
    return core.column(fieldId, rows);
  }

  lookup(keys: Keys, visibility: Visibility): Int32Array {
    return this.#core().versions.lookup(keys, visibility);
  }

  latestVersions(keys: Keys): BigUint64Array {
    return this.#core().versions.latest(keys);
  }

  applyDeletes(keys: Keys, timestamps: BigUint64Array): Uint8Array {
    return this.#core().versions.applyDeletes(keys, timestamps);
  }

  endedRows(at: Timestamp): number {
    return this.#core().versions.endedRows(at);
  }

  ends(): { readonly rows: Uint32Array; readonly timestamps: BigUint64Array } {
    return this.#core().versions.ends();
  }

  fieldStats(fieldId: number): FieldStats | undefined {
    return columnStats(this.#core().column(fieldId));
  }

  addMissingField(field: FieldSchema): void {
    checkField(field);
    this.#core().addMissing(field);
  }

  attachIndex(fieldId: number, index: NativeBuffer): void {
    const core = this.#core();
    core.indexes.set(fieldId, readIndexFile(index.bytes, core.field(fieldId), core.rows));
  }

  detachIndex(fieldId: number): void {
    const core = this.#core();
    core.field(fieldId);
    core.indexes.delete(fieldId);
  }

  columnSizes(fieldId: number): ColumnSizes {
    return sizesOf(this.#core().column(fieldId));
  }

  async encodeColumns(target: NativeBuffer, layout: readonly ColumnPlacement[]): Promise<void> {
    const core = this.#core();
    for (const placement of layout) encodeColumn(core.column(placement.fieldId), target, placement);
  }

  encodeTimestamps(target: NativeBuffer, offset: number): void {
    const core = this.#core();
    const begins = BigUint64Array.from({ length: core.rows }, (_, row) => core.versions.begin(row));
    copyInto(target, offset, new Uint8Array(begins.buffer), "timestamps");
  }

  append(batch: Uint8Array, at: Timestamp): void {
    const core = this.#core();
    const decoded = decodeRowBatch(batch);
    for (const fieldId of decoded.columns.keys()) core.field(fieldId);
    const columns = [...core.fields.values()].map(
      (field) => decoded.columns.get(field.id) ?? missingColumn(field, decoded.rows),
    );
    const begins = new BigUint64Array(decoded.rows).fill(at);
    appendRows(core, columns, begins);
  }

  appendFrom(source: Segment, rows: Int32Array): void {
    const core = this.#core();
    if (!(source instanceof ReferenceSegment)) {
      throw parameterInvalid("rows can only be taken from a segment of the same engine");
    }
    const from = source.#core();
    checkedRows(from, rows);
    const columns = [...core.fields.values()].map((field) =>
      from.fields.has(field.id) ? source.take(field.id, rows) : missingColumn(field, rows.length),
    );
    const ends = source.ends();
    const endOf = new Map(Array.from(ends.rows, (row, i) => [row, ends.timestamps[i] ?? TIMESTAMP_MAX]));
    const first = core.rows;
    appendRows(core, columns, source.takeTimestamps(rows));
    rows.forEach((row, i) => core.versions.setEnd(first + i, endOf.get(row) ?? TIMESTAMP_MAX));
  }

  /** The schema and rows behind this handle, for the engine's builds. */
  core(): SegmentCore {
    return this.#core();
  }

  close(): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#released();
  }

  #core(): SegmentCore {
    assert(this.#open !== undefined, "a segment is used after its close");
    return this.#open;
  }
}

/** Visible rows for which the filter is true, ascending. */
function matchingRows(
  core: SegmentCore,
  visibility: Visibility,
  filter: FilterInput | undefined,
  cancel: CancelFlag | undefined,
): Int32Array {
  checkCancel(cancel, "scan");
  const matches =
    filter === undefined
      ? undefined
      : runFilter(
          filter,
          { rows: core.rows, field: (id) => core.fields.get(id), column: (id) => core.column(id) },
          cancel,
        );
  const rows: number[] = [];
  for (let row = 0; row < core.rows; row++) {
    if (core.versions.isVisible(row, visibility) && (matches === undefined || matches[row] === 1))
      rows.push(row);
  }
  return Int32Array.from(rows);
}

function sortByKey(rows: Int32Array, keys: Keys): void {
  if (keys.kind === "int64") {
    const key = (row: number) => keys.values[row] ?? 0n;
    rows.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b));
    return;
  }
  const key = (row: number) => keys.bytes.subarray(keys.offsets[row] ?? 0, keys.offsets[row + 1] ?? 0);
  rows.sort((a, b) => compareBytes(key(a), key(b)) || a - b);
}

function checkedRows(core: SegmentCore, rows: Int32Array): Int32Array {
  const wrong = rows.find((row) => row < 0 || row >= core.rows);
  if (wrong !== undefined) throw parameterInvalid(`row ${wrong} of a segment with ${core.rows} rows`);
  return rows;
}

/** All or nothing: every column is checked before the first is changed. */
function appendRows(core: SegmentCore, columns: readonly Column[], begins: BigUint64Array): void {
  const { rowsMax } = core;
  if (rowsMax === undefined) throw parameterInvalid("a sealed segment takes no rows");
  if (core.rows + begins.length > rowsMax) {
    throw parameterInvalid(`${begins.length} rows on top of ${core.rows}`, {
      expected: `at most ${rowsMax} in all`,
      actual: core.rows + begins.length,
    });
  }
  [...core.fields.values()].forEach((field, i) => checkColumn(core, field, columns[i]));
  core.append(columns, begins);
}

function checkColumn(core: SegmentCore, field: FieldSchema, column: Column | undefined): void {
  const actual = column === undefined ? "nothing" : shapeName(column);
  const expected =
    field.type === DataType.Array
      ? `Array of ${dataTypeName(field.elementType)}`
      : `${dataTypeName(field.type)}${field.dim > 0 ? `(${field.dim})` : ""}`;
  if (actual !== expected) throw parameterInvalid(`column of field ${field.name}`, { expected, actual });
  if (field === core.keyField && column?.validity !== undefined) {
    throw parameterInvalid(`primary key ${field.name} is missing or null in a row`);
  }
}

function shapeName(column: Column): string {
  if (column.kind === "list") return `Array of ${dataTypeName(column.child.type)}`;
  const dim = column.kind === "fixed" && column.dim > 0 ? `(${column.dim})` : "";
  return `${dataTypeName(column.type)}${dim}`;
}
