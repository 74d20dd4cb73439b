import { assert } from "../base/assert.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { Column, Keys } from "../model/columns.ts";
import { dataTypeName, type DataType } from "../model/data-type.ts";
import type { MetricType } from "../model/read.ts";
import type { FieldSchema } from "../model/schema.ts";
import { timestamp, type Timestamp } from "../model/timestamp.ts";
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
  SearchStats,
  Segment,
  SegmentHandle,
  Visibility,
} from "../ports/engine.ts";
import { EngineBuffer, engineMemory } from "./native-buffer.ts";
import { guarded, guardedAsync } from "./native-errors.ts";
import { columnFrom, fieldParts, type ColumnType } from "./native-fields.ts";
import type { HitParts, KeyParts, Native, SearchParts, SegmentRef } from "./native.ts";

/** One thread's reference to a segment. Growing and sealed differ only in what the addon allows. */
export class NativeSegment implements GrowingSegment {
  readonly #native: Native;
  readonly #async: boolean;
  readonly #fields = new Map<number, ColumnType>();
  #keyFieldId = -1;
  #ref: SegmentRef | undefined;

  /** `async` false: everything runs on the calling thread, so that a run is reproducible. */
  constructor(native: Native, ref: SegmentRef, options: { readonly async: boolean }) {
    this.#native = native;
    this.#ref = ref;
    this.#async = options.async;
    this.#readFields(ref);
  }

  /** For the engine, which passes it to builds. */
  get ref(): SegmentRef {
    assert(this.#ref !== undefined, "a segment is used after its close");
    return this.#ref;
  }

  /** Refuses a field of another type or dimension than the caller expects. */
  checkField(fieldId: number, type: DataType, dim: number): void {
    const field = this.#field(fieldId);
    if (field.type === type && field.dim === dim) return;
    throw parameterInvalid(`field ${fieldId}`, {
      expected: `${dataTypeName(type)}(${dim})`,
      actual: `${dataTypeName(field.type)}(${field.dim})`,
    });
  }

  get rows(): number {
    return this.#native.segmentRows(this.ref);
  }

  get memoryBytes(): number {
    return this.#native.segmentMemoryBytes(this.ref);
  }

  get maxTimestamp(): Timestamp {
    return timestamp(this.#native.segmentMaxTimestamp(this.ref));
  }

  share(): SegmentHandle {
    return this.#native.segmentShare(this.ref);
  }

  search(spec: SearchSpec, cancel: CancelFlag | undefined): SearchHits {
    return guarded(() => hitsFrom(this.#native.segmentSearch(...searchParts(this.ref, spec, cancel))));
  }

  searchAsync(spec: SearchSpec, cancel: CancelFlag | undefined): Promise<SearchHits> {
    return guardedAsync(async () => {
      if (!this.#async) return this.search(spec, cancel);
      return hitsFrom(await this.#native.segmentSearchAsync(...searchParts(this.ref, spec, cancel)));
    });
  }

  retrieve(spec: RetrieveSpec, cancel: CancelFlag | undefined): Int32Array {
    const { at, minBegin } = spec.visibility;
    if (!Number.isInteger(spec.limit) || spec.limit < -1) {
      throw parameterInvalid("limit of a retrieval", { expected: "-1 or more", actual: spec.limit });
    }
    return guarded(() =>
      this.#native.segmentRetrieve(
        this.ref,
        at,
        minBegin,
        spec.filter?.program.bytes,
        bitmaps(spec.filter),
        spec.limit,
        spec.order === "key",
        cancel?.word,
      ),
    );
  }

  count(spec: Omit<RetrieveSpec, "limit" | "order">, cancel: CancelFlag | undefined): number {
    const { at, minBegin } = spec.visibility;
    return guarded(() =>
      this.#native.segmentCount(
        this.ref,
        at,
        minBegin,
        spec.filter?.program.bytes,
        bitmaps(spec.filter),
        cancel?.word,
      ),
    );
  }

  take(fieldId: number, rows: Int32Array): Column {
    return guarded(() =>
      columnFrom(this.#field(fieldId), rows.length, this.#native.segmentTake(this.ref, fieldId, rows)),
    );
  }

  takeKeys(rows: Int32Array): Keys {
    const column = this.take(this.#keyFieldId, rows);
    if (column.kind === "bytes") return { kind: "varchar", offsets: column.offsets, bytes: column.bytes };
    assert(column.kind === "fixed" && column.values instanceof BigInt64Array, "keys are Int64 or VarChar");
    return { kind: "int64", values: column.values };
  }

  takeTimestamps(rows: Int32Array): BigUint64Array {
    return guarded(() => this.#native.segmentTakeTimestamps(this.ref, rows));
  }

  column(fieldId: number, rows: number): Column {
    return guarded(() =>
      columnFrom(this.#field(fieldId), rows, this.#native.segmentColumn(this.ref, fieldId, rows)),
    );
  }

  lookup(keys: Keys, visibility: Visibility): Int32Array {
    const { at, minBegin } = visibility;
    return guarded(() => this.#native.segmentLookup(this.ref, ...keyParts(keys), at, minBegin));
  }

  latestVersions(keys: Keys): BigUint64Array {
    return guarded(() => this.#native.segmentLatestVersions(this.ref, ...keyParts(keys)));
  }

  applyDeletes(keys: Keys, timestamps: BigUint64Array): Uint8Array {
    return guarded(() => this.#native.segmentApplyDeletes(this.ref, ...keyParts(keys), timestamps));
  }

  endedRows(at: Timestamp): number {
    return this.#native.segmentEndedRows(this.ref, at);
  }

  ends(): { readonly rows: Uint32Array; readonly timestamps: BigUint64Array } {
    const [rows, timestamps] = this.#native.segmentEnds(this.ref);
    return { rows, timestamps };
  }

  fieldStats(fieldId: number): FieldStats | undefined {
    const stats = guarded(() => this.#native.segmentFieldStats(this.ref, fieldId));
    if (stats === undefined) return undefined;
    const [nulls, min, max] = stats;
    return { min, max, nulls };
  }

  addMissingField(field: FieldSchema): void {
    guarded(() => this.#native.segmentAddMissingField(this.ref, fieldParts([field])));
  }

  attachIndex(fieldId: number, index: NativeBuffer): void {
    const memory = engineMemory(this.#native, index);
    try {
      guarded(() => this.#native.segmentAttachIndex(this.ref, fieldId, memory.ref));
    } finally {
      memory.release();
    }
  }

  detachIndex(fieldId: number): void {
    this.#field(fieldId);
    guarded(() => this.#native.segmentDetachIndex(this.ref, fieldId));
  }

  columnSizes(fieldId: number): ColumnSizes {
    const [validity, offsets, childOffsets, childRows, values] = guarded(() =>
      this.#native.segmentColumnSizes(this.ref, fieldId),
    );
    return { validity, offsets, childOffsets, childRows, values };
  }

  async encodeColumns(target: NativeBuffer, layout: readonly ColumnPlacement[]): Promise<void> {
    const numbers = layout.flatMap((place) => [
      place.fieldId,
      place.validity ?? -1,
      place.offsets ?? -1,
      place.childOffsets ?? -1,
      place.values,
      place.boolBitmap ? 1 : 0,
    ]);
    const placements = Float64Array.from(numbers);
    const ref = targetRef(target);
    await guardedAsync(() =>
      this.#async
        ? this.#native.segmentEncodeColumns(this.ref, ref, placements, true)
        : this.#native.segmentEncodeColumns(this.ref, ref, placements, false),
    );
  }

  encodeTimestamps(target: NativeBuffer, offset: number): void {
    guarded(() => this.#native.segmentEncodeTimestamps(this.ref, targetRef(target), offset));
  }

  append(batch: Uint8Array, at: Timestamp): void {
    guarded(() => this.#native.segmentAppend(this.ref, batch, at));
  }

  appendFrom(source: Segment, rows: Int32Array): void {
    if (!(source instanceof NativeSegment)) {
      throw parameterInvalid("rows can only be taken from a segment of the same engine");
    }
    guarded(() => this.#native.segmentAppendFrom(this.ref, source.ref, rows));
  }

  close(): void {
    if (this.#ref === undefined) return;
    this.#native.segmentClose(this.#ref);
    this.#ref = undefined;
  }

  #field(fieldId: number): ColumnType {
    // Another thread may have added it since.
    if (!this.#fields.has(fieldId)) this.#readFields(this.ref);
    const field = this.#fields.get(fieldId);
    if (field === undefined) throw parameterInvalid(`the segment has no field ${fieldId}`);
    return field;
  }

  #readFields(ref: SegmentRef): void {
    const numbers = this.#native.segmentFields(ref);
    for (let i = 0; i < numbers.length; i += 5) {
      const [id = 0, type = 0, elementType = 0, dim = 0, isKey = 0] = numbers.subarray(i, i + 5);
      this.#fields.set(id, { type: type as DataType, elementType: elementType as DataType, dim });
      if (isKey === 1) this.#keyFieldId = id;
    }
  }
}

/** Milvus's, where a search names none. */
const NPROBE_DEFAULT = 8;

/** Numbers of the engine's Metric. */
export const METRICS: Readonly<Record<MetricType, number>> = {
  L2: 0,
  IP: 1,
  COSINE: 2,
  HAMMING: 3,
  JACCARD: 4,
  SUBSTRUCTURE: 5,
  SUPERSTRUCTURE: 6,
  MHJACCARD: 7,
  BM25: 8,
};
const PATHS: readonly SearchStats["path"][] = ["empty", "flat", "graph", "graph+exact", "lists"];

function searchParts(ref: SegmentRef, spec: SearchSpec, cancel: CancelFlag | undefined): SearchParts {
  return [
    ref,
    spec.fieldId,
    METRICS[spec.metric],
    spec.nq,
    spec.queries,
    spec.queryOffsets,
    spec.k,
    spec.ef,
    spec.exact,
    spec.visibility.at,
    spec.visibility.minBegin,
    spec.filter?.program.bytes,
    bitmaps(spec.filter),
    spec.range?.radius,
    spec.range?.rangeFilter,
    spec.groupBy?.fieldId,
    spec.groupBy?.groupSize ?? 1,
    cancel?.word,
    spec.dropRatio ?? 0,
    spec.nprobe ?? NPROBE_DEFAULT,
    spec.refineRows ?? 0,
    spec.recallTarget ?? 0,
    spec.minHash?.elementBytes ?? 0,
    spec.minHash?.bands ?? 0,
    spec.minHash?.estimate ?? false,
    spec.bm25?.k1 ?? NaN,
    spec.bm25?.b ?? NaN,
    spec.bm25?.avgdl ?? NaN,
    spec.groupBy?.groups,
  ];
}

function hitsFrom([starts, rows, scores, distances, path, visibleRows]: HitParts): SearchHits {
  return { starts, rows, scores, stats: { distances, path: PATHS[path] ?? "flat", visibleRows } };
}

function bitmaps(filter: FilterInput | undefined): BigUint64Array[] {
  return filter === undefined ? [] : filter.externals.flatMap((bitmap) => [bitmap.isTrue, bitmap.isFalse]);
}

function keyParts(keys: Keys): KeyParts {
  return keys.kind === "int64" ? [keys.values, undefined, undefined] : [undefined, keys.offsets, keys.bytes];
}

function targetRef(target: NativeBuffer): EngineBuffer["ref"] {
  if (!(target instanceof EngineBuffer))
    throw parameterInvalid("columns are encoded into memory of the engine");
  return target.ref;
}
