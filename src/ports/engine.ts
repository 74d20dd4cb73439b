import type { Column, Keys } from "../model/columns.ts";
import type { DataType } from "../model/data-type.ts";
import type { FilterProgram, TriBitmap } from "../model/filter-program.ts";
import type { MetricType } from "../model/read.ts";
import type { FieldSchema } from "../model/schema.ts";
import type { Timestamp } from "../model/timestamp.ts";

/**
 * The arithmetic: segments, columns, indexes, filters and searches. Stateless about the system: buffers, handles and
 * numbers in, buffers, handles and numbers out. `engine/native.ts` is the real one, `engine/reference-engine.ts` the
 * slow and exact oracle. Objects here are reference counted: who opens, attaches or creates one closes it.
 *
 * Threads: a segment exists once per process. `Segment.share()` gives a handle that another thread of the process
 * turns into its own `Segment` by `Engine.attach`. Appends and deletes come from one thread at a time; reads from any.
 *
 * Errors: malformed bytes and impossible parameters throw RedkiteError (corrupted, parameterInvalid); running
 * out of memory throws serviceMemoryLimitExceeded. Nothing here retries.
 */
export interface Engine {
  readonly info: EngineInfo;
  crc32c(bytes: Uint8Array, seed?: number): number;
  /** Zeroed, 64-byte aligned memory outside the JavaScript heap. */
  allocate(bytes: number): NativeBuffer;
  createGrowing(spec: SegmentSpec): GrowingSegment;
  /** Opens without copying; verifies sizes and offsets, not contents (checksums are the caller's). */
  openSealed(spec: SealedSpec): SealedSegment;
  /** May be called any number of times while one of the segment's handles is open somewhere; throws when none is. */
  attach(handle: SegmentHandle): Segment;
  /** Builds off the calling thread. `progress` counts rows done in its first Int32. */
  buildVectorIndex(source: Segment, spec: VectorIndexSpec, control: BuildControl): Promise<NativeBuffer>;
  buildScalarIndex(source: Segment, spec: ScalarIndexSpec, control: BuildControl): Promise<NativeBuffer>;
  /** Sorted hash index over the keys of a segment (docs/internals/key-index.md). */
  buildKeyIndex(source: Segment): NativeBuffer;
  /** Bytes held by native memory, without mappings. */
  memoryBytes(): number;
}

export interface EngineInfo {
  readonly name: "native" | "reference";
  readonly version: string;
  /** Instruction sets in use, for example `avx512vnni`. */
  readonly isa: string;
}

/** Memory that any thread and the engine can read. `bytes` stays valid until `close`. */
export interface NativeBuffer {
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  close(): void;
}

export type SegmentHandle = bigint & { readonly __segment?: never };

export interface SegmentSpec {
  /** Columns stored; the first primary-key field is the key. */
  readonly fields: readonly FieldSchema[];
  /** Rows it will ever hold at most; append beyond it throws. */
  readonly rowsMax: number;
  /** Seeds levels of graphs; with `deterministic` one thread and reproducible results. */
  readonly seed: number;
}

/** Where the buffers of a column lie inside a (mapped) file. Lengths in bytes; undefined where there is none. */
export interface ColumnBuffers {
  readonly field: FieldSchema;
  readonly file: NativeBuffer;
  readonly validity: ByteRange | undefined;
  readonly offsets: ByteRange | undefined;
  readonly childOffsets: ByteRange | undefined;
  readonly childRows: number;
  readonly values: ByteRange;
  /** Bool values are stored as Arrow's bitmap and expanded when opened. */
  readonly boolBitmap: boolean;
}

export interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

export interface SealedSpec {
  readonly rows: number;
  readonly columns: readonly ColumnBuffers[];
  /** uint64 [rows]: when each row version began. */
  readonly timestamps: { readonly file: NativeBuffer; readonly range: ByteRange };
  readonly keyIndex: { readonly file: NativeBuffer; readonly range: ByteRange };
  /** Row versions that had ended when the segment was written: uint32 row [n], then uint64 end [n] (8-aligned). */
  readonly ends:
    { readonly file: NativeBuffer; readonly range: ByteRange; readonly count: number } | undefined;
  /** Fields that the schema has gained since: read as their default, or null. */
  readonly missing: readonly FieldSchema[];
}

/** Which row versions a read sees: begin in (minBegin, at] and not ended at `at`. */
export interface Visibility {
  readonly at: Timestamp;
  /** Exclusive lower bound of begin: TTL and truncation; 0 sees all, a begin of 0 too. */
  readonly minBegin: Timestamp;
}

export interface FilterInput {
  readonly program: FilterProgram;
  /** One per EXTERNAL, over all rows of the segment when it was computed; rows that came since are unknown. */
  readonly externals: readonly TriBitmap[];
}

export interface SearchSpec {
  readonly fieldId: number;
  readonly metric: MetricType;
  readonly nq: number;
  /** Dense: nq x vector bytes. Sparse: concatenated (u32, f32) pairs, indices ascending, with byte offsets `queryOffsets`. */
  readonly queries: Uint8Array;
  readonly queryOffsets: Int32Array | undefined;
  readonly k: number;
  readonly visibility: Visibility;
  readonly filter: FilterInput | undefined;
  /** Graph search width; the caller has resolved defaults and checked bounds. */
  readonly ef: number;
  /** In place of `ef` and `nprobe`: the index searches as widely as it found necessary for this recall when it was built; in (0, 1). */
  readonly recallTarget?: number;
  /** Lists that an inverted file reads at least; 8 when absent. */
  readonly nprobe?: number;
  /** Rows that an index of coarse codes compares on the raw vectors, candidates that MINHASH_LSH compares at most; absent: as many as it needs. */
  readonly refineRows?: number;
  /** Share in [0, 1) of a sparse query's entries, those of least magnitude, that an index may leave out; 0 when absent. */
  readonly dropRatio?: number;
  /** Of MHJACCARD, which needs it. */
  readonly minHash?: MinHashSearch;
  /** Of BM25, which needs it. */
  readonly bm25?: Bm25Search;
  /** Exact scan although an index is there. */
  readonly exact: boolean;
  /** Hits lie between `radius` (exclusive) and `rangeFilter` (inclusive), in the metric's sense; at most k. Single precision. */
  readonly range: { readonly radius: number; readonly rangeFilter: number | undefined } | undefined;
  /** At most `groupSize` hits of each group; k then counts groups, those with the best hits. */
  readonly groupBy: HitGroups | undefined;
}

/** Rows of one group: of one value of an integer, Bool or VarChar field (null is one), or of one number of `groups`. */
export type HitGroups = { readonly groupSize: number } & (
  | { readonly fieldId: number; readonly groups?: undefined }
  /** A number for each row. Rows that were added since have 0. */
  | { readonly fieldId?: undefined; readonly groups: Int32Array }
);

/** How MHJACCARD reads binary vectors: as signatures of elements in bands. */
export interface MinHashSearch {
  /** 1 to 32; divides the vector's bytes. */
  readonly elementBytes: number;
  /** At least 1. Runs of equally many elements; more bands than elements count as one for each, elements behind the last band belong to none. */
  readonly bands: number;
  /** The score: the share of equal elements; false: 1 for rows with a band that equals the query's, others being no hits. */
  readonly estimate: boolean;
}

/**
 * How BM25 reads sparse rows: as frequencies of terms, whose sum is the row's length. The queries' values are weights of terms, that is their
 * inverse document frequency times how often the query has them; a row's score is the sum over common terms of
 * weight * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / avgdl)). A frequency that is not above 0 is none, one above 2^31 counts as that.
 */
export interface Bm25Search {
  /** 0 to 3. */
  readonly k1: number;
  /** 0 to 1. */
  readonly b: number;
  /** Average length of the rows of all segments, at least 0; below 1 it counts as 1. Follows the data from search to search. */
  readonly avgdl: number;
}

/** Hits of query q are [starts[q], starts[q + 1]), best first; equal scores by ascending row. */
export interface SearchHits {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  /**
   * As Milvus shows them: L2 squared distance, HAMMING and JACCARD distance (smaller is better);
   * IP, COSINE and MHJACCARD similarity and BM25 (larger is better). COSINE with a zero vector is 0, JACCARD of two empty vectors 1; sparse rows
   * with a score of 0 or less are no hits, nor are rows outside of a relation (SUBSTRUCTURE: the row has every bit of the query;
   * SUPERSTRUCTURE: the query every bit of the row; 0 for all that are inside); a NaN ranks last, as the worst value of its metric.
   */
  readonly scores: Float32Array;
  readonly stats: SearchStats;
}

export interface SearchStats {
  readonly distances: number;
  /** How it was searched: shown by the slow log and EXPLAIN. */
  readonly path: "flat" | "graph" | "graph+exact" | "lists" | "empty";
  readonly visibleRows: number;
}

/** Cooperative cancellation: the engine polls the first Int32; anything but 0 ends the work with `canceled`. */
export interface CancelFlag {
  readonly word: Int32Array;
}

export interface BuildControl {
  readonly cancel: CancelFlag;
  /** Rows done, updated while the build runs. */
  readonly progress: Int32Array;
  readonly threads: number;
}

export interface RetrieveSpec {
  readonly visibility: Visibility;
  readonly filter: FilterInput | undefined;
  /** Rows wanted at most; -1 for all. */
  readonly limit: number;
  /** `key`: the smallest keys first (int64 by value, varchar by bytes); `row`: storage order. */
  readonly order: "key" | "row";
}

export interface Segment {
  /** Rows appended so far, visible or not. A read sees a consistent prefix. */
  readonly rows: number;
  readonly memoryBytes: number;
  /** Largest begin timestamp among its rows; 0 when empty. */
  readonly maxTimestamp: Timestamp;
  share(): SegmentHandle;
  /** On the calling thread. Throws canceled when the flag is raised. */
  search(spec: SearchSpec, cancel: CancelFlag | undefined): SearchHits;
  /** The same in the engine's pool. */
  searchAsync(spec: SearchSpec, cancel: CancelFlag | undefined): Promise<SearchHits>;
  /** Rows that match, in the asked order. */
  retrieve(spec: RetrieveSpec, cancel: CancelFlag | undefined): Int32Array;
  /** Number of rows that match. */
  count(spec: Omit<RetrieveSpec, "limit" | "order">, cancel: CancelFlag | undefined): number;
  /** Values of one field for the given rows, copied, in their order. */
  take(fieldId: number, rows: Int32Array): Column;
  /** Keys of the given rows. */
  takeKeys(rows: Int32Array): Keys;
  /** Begin timestamps of the given rows. */
  takeTimestamps(rows: Int32Array): BigUint64Array;
  /** Whole column for predicates evaluated in TypeScript: a copy or a view of the first `rows` rows. */
  column(fieldId: number, rows: number): Column;
  /** Rows of the visible versions that hold the keys, of several the one that began last; -1 where none does. Shape [keys]. */
  lookup(keys: Keys, visibility: Visibility): Int32Array;
  /** Newest begin or end timestamp recorded for each key, whatever is visible; 0 where the key never was here. */
  latestVersions(keys: Keys): BigUint64Array;
  /**
   * Ends every version of keys[i] that began before timestamps[i] and has not ended earlier.
   * Returns a bitmap (LSB first) of the keys for which this call ended, or ended earlier, at least one version.
   */
  applyDeletes(keys: Keys, timestamps: BigUint64Array): Uint8Array;
  /** Number of versions that ended at or before `at`. */
  endedRows(at: Timestamp): number;
  /** Ended versions as parallel arrays, rows ascending. */
  ends(): { readonly rows: Uint32Array; readonly timestamps: BigUint64Array };
  /** Minimum, maximum and null count of a scalar field over all rows; undefined for types without order. */
  fieldStats(fieldId: number): FieldStats | undefined;
  /** A field that the schema has gained since the segment began: reads as its default, or null. Idempotent. */
  addMissingField(field: FieldSchema): void;
  attachIndex(fieldId: number, index: NativeBuffer): void;
  detachIndex(fieldId: number): void;
  /** Byte sizes of the buffers of a column, for laying out a file. */
  columnSizes(fieldId: number): ColumnSizes;
  /** Copies the column's buffers to the places given; Bool as a bitmap where the layout says so. Off the calling thread. */
  encodeColumns(target: NativeBuffer, layout: readonly ColumnPlacement[]): Promise<void>;
  /** Copies all begin timestamps to `target` at `offset` (uint64 [rows]). */
  encodeTimestamps(target: NativeBuffer, offset: number): void;
  close(): void;
}

export interface FieldStats {
  readonly min: bigint | number | string | boolean | undefined;
  readonly max: bigint | number | string | boolean | undefined;
  readonly nulls: number;
}

export interface ColumnSizes {
  readonly validity: number;
  readonly offsets: number;
  readonly childOffsets: number;
  readonly childRows: number;
  readonly values: number;
}

export interface ColumnPlacement {
  readonly fieldId: number;
  readonly validity: number | undefined;
  readonly offsets: number | undefined;
  readonly childOffsets: number | undefined;
  readonly values: number;
  readonly boolBitmap: boolean;
}

export interface GrowingSegment extends Segment {
  /**
   * Appends all rows of an encoded row batch (docs/internals/row-batch.md), all beginning at `at`. Columns of the
   * segment that the batch lacks get the field's default, or null; a column that the segment lacks is refused. Readers
   * see all rows of a batch or none, and a batch that is refused changes nothing.
   * Older versions of the same keys in this segment are not ended by this: applyDeletes does that.
   */
  append(batch: Uint8Array, at: Timestamp): void;
  /** Appends rows of another segment with their timestamps and ends (compaction). */
  appendFrom(source: Segment, rows: Int32Array): void;
}

export type SealedSegment = Segment;

/**
 * What the best by code are ranked again on: nothing (scores are those of the codes), the vectors of the segment, or a copy of them in the index
 * file, where that is narrower than they are (else the vectors). Without `rows` no search through the index reads the vectors, and scores are those
 * of what was ranked on. `u8` has eight bits for each dimension's own range.
 */
export type Refinement = "none" | "rows" | "f16" | "bf16" | "u8";

export interface VectorIndexSpec {
  readonly fieldId: number;
  readonly type: DataType;
  readonly dim: number;
  readonly metric: MetricType;
  readonly index:
    | { readonly kind: "HNSW"; readonly m: number; readonly efConstruction: number }
    /** A graph over 8-bit codes, whose best are ranked again as `refine` says. */
    | {
        readonly kind: "HNSW_SQ";
        readonly m: number;
        readonly efConstruction: number;
        readonly refine: Refinement;
      }
    /** A graph over product codes: `subs` divides the dimension, `nbits` is 1 to 8; each of `levels` (1 to 16) codes what the ones before left. */
    | {
        readonly kind: "HNSW_PQ" | "HNSW_PRQ";
        readonly m: number;
        readonly efConstruction: number;
        readonly subs: number;
        readonly nbits: number;
        readonly levels: number;
        readonly refine: Refinement;
      }
    | { readonly kind: "FLAT" }
    /** Lists around centroids, fewer than asked for where there are not 39 rows for each. Exact within the lists that are read. */
    | { readonly kind: "IVF_FLAT" | "BIN_IVF_FLAT" | "IVF_SQ8"; readonly nlist: number }
    /** Product codes: `m` divides the dimension, `nbits` is 1 to 8. */
    | { readonly kind: "IVF_PQ"; readonly nlist: number; readonly m: number; readonly nbits: number }
    /** Coarse codes, whose best are ranked again as `refine` says. SCANN needs an even dimension. */
    | { readonly kind: "SCANN" | "IVF_RABITQ"; readonly nlist: number; readonly refine: Refinement }
    /**
     * A graph on disk, vectors beside the links, for types but binary: `maxDegree` 1 to 2,048 links a node, `searchList` 1 to 65,536. In memory, for
     * each byte of a row: `codesPerRow` bytes of product codes (at least one, at most one for each dimension) and `cachedPerRow` of the graph.
     */
    | {
        readonly kind: "DISKANN";
        readonly maxDegree: number;
        readonly searchList: number;
        readonly codesPerRow: number;
        readonly cachedPerRow: number;
      }
    /** Rows of a binary field by the hashes of their bands, for MHJACCARD; a search uses it when it reads signatures in the same way. */
    | { readonly kind: "MINHASH_LSH"; readonly elementBytes: number; readonly bands: number }
    /**
     * Inverted lists over a sparse field; exact. SPARSE_WAND is the same file. BM25 needs its numbers, which a search may change: it is exact for
     * any, and fastest for these and an average length near that of the segment's rows.
     */
    | { readonly kind: "SPARSE_INVERTED_INDEX"; readonly bm25?: Pick<Bm25Search, "k1" | "b"> };
  readonly seed: number;
}

export interface ScalarIndexSpec {
  readonly fieldId: number;
  /** Sorted: ranges and points; bitmap: one bitmap per distinct value, for few values. */
  readonly kind: "sorted" | "bitmap";
}
