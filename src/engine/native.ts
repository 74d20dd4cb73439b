import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * The functions of the addon, one for one as engine/binding has them: no logic here. What is undefined is left out; a
 * thrown error has a `code` of `parameterInvalid`, `corrupted`, `canceled`, `outOfMemory` or `tooManyJobs`.
 */
export interface Native {
  isa(): string;
  setThreads(search: number, build: number): void;
  crc32c(bytes: Uint8Array, seed: number): number;
  memoryBytes(): number;

  bufferAllocate(bytes: number): BufferRef;
  /** Maps the file behind an open descriptor. */
  bufferMapFile(descriptor: number): BufferRef;
  bufferLength(buffer: BufferRef): number;
  /** Detached when the buffer is closed. */
  bufferBytes(buffer: BufferRef): Uint8Array;
  bufferClose(buffer: BufferRef): void;

  segmentCreate(fields: FieldParts, rowsMax: number, seed: number): SegmentRef;
  /**
   * For column i: its field in `fields`, its file in `files`, and in `numbers` validity, offsets and child offsets (offset and bytes
   * each, -1 and 0 for none), values (offset and bytes), child rows, 1 for a Bool bitmap, 0.
   */
  segmentOpen(
    rows: number,
    fields: FieldParts,
    files: readonly BufferRef[],
    numbers: readonly number[],
    missing: FieldParts,
    timestamps: BufferRef,
    timestampsOffset: number,
    timestampsBytes: number,
    keyIndex: BufferRef,
    keyIndexOffset: number,
    keyIndexBytes: number,
    ends: BufferRef | undefined,
    endsOffset: number,
    endsBytes: number,
    endCount: number,
  ): SegmentRef;
  segmentShare(segment: SegmentRef): bigint;
  segmentAttach(handle: bigint): SegmentRef;
  segmentClose(segment: SegmentRef): void;
  /** Id, type, element type, dimension and 1 for the key, of each field. */
  segmentFields(segment: SegmentRef): Float64Array;
  segmentAppend(segment: SegmentRef, batch: Uint8Array, at: bigint): void;
  segmentAppendFrom(segment: SegmentRef, source: SegmentRef, rows: Int32Array): void;
  segmentAddMissingField(segment: SegmentRef, field: FieldParts): void;
  segmentRows(segment: SegmentRef): number;
  segmentMemoryBytes(segment: SegmentRef): number;
  segmentMaxTimestamp(segment: SegmentRef): bigint;
  segmentLookup(segment: SegmentRef, ...args: [...KeyParts, at: bigint, minBegin: bigint]): Int32Array;
  segmentLatestVersions(segment: SegmentRef, ...keys: KeyParts): BigUint64Array;
  segmentApplyDeletes(
    segment: SegmentRef,
    ...args: [...KeyParts, timestamps: BigUint64Array]
  ): Uint8Array<ArrayBuffer>;
  segmentEndedRows(segment: SegmentRef, at: bigint): number;
  segmentEnds(segment: SegmentRef): [rows: Uint32Array, timestamps: BigUint64Array];

  segmentTake(segment: SegmentRef, fieldId: number, rows: Int32Array): ColumnParts;
  segmentTakeTimestamps(segment: SegmentRef, rows: Int32Array): BigUint64Array;
  segmentColumn(segment: SegmentRef, fieldId: number, rows: number): ColumnParts;
  segmentFieldStats(
    segment: SegmentRef,
    fieldId: number,
  ): [nulls: number, min: Scalar, max: Scalar] | undefined;
  /** Validity, offsets, child offsets, child rows, values. */
  segmentColumnSizes(segment: SegmentRef, fieldId: number): [number, number, number, number, number];
  /** For each column: field id, validity, offsets, child offsets (-1 for none), values, 1 for a Bool bitmap. */
  segmentEncodeColumns(
    segment: SegmentRef,
    target: BufferRef,
    placements: Float64Array,
    async: true,
  ): Promise<undefined>;
  segmentEncodeColumns(
    segment: SegmentRef,
    target: BufferRef,
    placements: Float64Array,
    async: false,
  ): undefined;
  segmentEncodeTimestamps(segment: SegmentRef, target: BufferRef, offset: number): void;

  segmentSearch(...args: SearchParts): HitParts;
  segmentSearchAsync(...args: SearchParts): Promise<HitParts>;
  segmentRetrieve(
    segment: SegmentRef,
    at: bigint,
    minBegin: bigint,
    program: Uint8Array | undefined,
    externals: readonly BigUint64Array[],
    limit: number,
    byKey: boolean,
    cancel: Int32Array | undefined,
  ): Int32Array;
  segmentCount(
    segment: SegmentRef,
    at: bigint,
    minBegin: bigint,
    program: Uint8Array | undefined,
    externals: readonly BigUint64Array[],
    cancel: Int32Array | undefined,
  ): number;

  buildVectorIndex(...args: [...VectorBuildParts, async: true]): Promise<BufferRef>;
  buildVectorIndex(...args: [...VectorBuildParts, async: false]): BufferRef;
  buildScalarIndex(...args: [...ScalarBuildParts, async: true]): Promise<BufferRef>;
  buildScalarIndex(...args: [...ScalarBuildParts, async: false]): BufferRef;
  buildKeyIndex(segment: SegmentRef): BufferRef;
  segmentAttachIndex(segment: SegmentRef, fieldId: number, index: BufferRef): void;
  segmentDetachIndex(segment: SegmentRef, fieldId: number): void;
}

declare const bufferBrand: unique symbol;
declare const segmentBrand: unique symbol;
export interface BufferRef {
  readonly [bufferBrand]: true;
}
export interface SegmentRef {
  readonly [segmentBrand]: true;
}

/** Id, type, element type, dimension, nullable, is key, default value, for each field. */
export type FieldParts = readonly (number | Uint8Array | undefined)[];
/** Int64 keys, or offsets and bytes of varchar keys. */
export type KeyParts = [
  values: BigInt64Array | undefined,
  offsets: Int32Array | undefined,
  bytes: Uint8Array | undefined,
];
export type ColumnParts = [
  validity: Uint8Array | undefined,
  offsets: Int32Array | undefined,
  childOffsets: Int32Array | undefined,
  values: Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array,
  childRows: number,
];
export type Scalar = bigint | number | string | boolean | undefined;
export type SearchParts = [
  segment: SegmentRef,
  fieldId: number,
  metric: number,
  nq: number,
  queries: Uint8Array,
  queryOffsets: Int32Array | undefined,
  k: number,
  ef: number,
  exact: boolean,
  at: bigint,
  minBegin: bigint,
  program: Uint8Array | undefined,
  externals: readonly BigUint64Array[],
  radius: number | undefined,
  rangeFilter: number | undefined,
  groupField: number | undefined,
  groupSize: number,
  cancel: Int32Array | undefined,
  dropRatio: number,
  nprobe: number,
  refineRows: number,
  recallTarget: number,
  elementBytes: number,
  bands: number,
  estimate: boolean,
  k1: number,
  b: number,
  avgdl: number,
  groups: Int32Array | undefined,
];
export type HitParts = [
  starts: Int32Array,
  rows: Int32Array,
  scores: Float32Array,
  distances: number,
  path: number,
  visibleRows: number,
];
export type VectorBuildParts = [
  segment: SegmentRef,
  fieldId: number,
  metric: number,
  kind: number,
  m: number,
  efConstruction: number,
  lists: number,
  subs: number,
  nbits: number,
  levels: number,
  refine: number,
  codesPerRow: number,
  cachedPerRow: number,
  elementBytes: number,
  bands: number,
  k1: number,
  b: number,
  threads: number,
  seed: number,
  cancel: Int32Array,
  progress: Int32Array,
];
export type ScalarBuildParts = [
  segment: SegmentRef,
  fieldId: number,
  bitmap: boolean,
  cancel: Int32Array,
  progress: Int32Array,
];

/** Loads the addon that `npm run build:engine` makes. Each thread loads it; native objects are shared by all. */
export function loadNative(): Native {
  const file = fileURLToPath(new URL("../../engine/build/redkite.node", import.meta.url));
  try {
    return createRequire(import.meta.url)(file) as Native;
  } catch (cause) {
    throw new Error(`the engine cannot be loaded from ${file}; \`npm run build:engine\` builds it`, {
      cause,
    });
  }
}
