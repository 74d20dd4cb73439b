import { assert } from "../base/assert.ts";
import type {
  BuildControl,
  ByteRange,
  Engine,
  EngineInfo,
  GrowingSegment,
  NativeBuffer,
  Refinement,
  ScalarIndexSpec,
  SealedSegment,
  SealedSpec,
  Segment,
  SegmentHandle,
  SegmentSpec,
  VectorIndexSpec,
} from "../ports/engine.ts";
import { allocateBuffer, EngineBuffer, engineMemory } from "./native-buffer.ts";
import { guarded, guardedAsync } from "./native-errors.ts";
import { fieldParts } from "./native-fields.ts";
import { checkIndexKind } from "./reference/check-index-kind.ts";
import { METRICS, NativeSegment } from "./native-segment.ts";
import {
  loadNative,
  type BufferRef,
  type Native,
  type ScalarBuildParts,
  type VectorBuildParts,
} from "./native.ts";

export interface NativeEngineOptions {
  /** Threads of the process's pool for searches, and as many for builds; the largest number asked for counts. */
  readonly threads: number;
  /** Everything on the calling thread with fixed seeds: the same calls give the same answers. */
  readonly deterministic: boolean;
}

/**
 * The port on the C++ addon. Segments and buffers live once per process; each thread has an engine of its own and
 * reaches them through `attach`.
 */
export class NativeEngine implements Engine {
  readonly info: EngineInfo;
  readonly #native: Native;
  readonly #async: boolean;

  constructor(options: NativeEngineOptions) {
    this.#native = loadNative();
    this.#async = !options.deterministic;
    this.#native.setThreads(options.threads, options.threads);
    this.info = { name: "native", version: "1", isa: this.#native.isa() };
  }

  crc32c(bytes: Uint8Array, seed = 0): number {
    return this.#native.crc32c(bytes, seed);
  }

  allocate(bytes: number): NativeBuffer {
    return allocateBuffer(this.#native, bytes);
  }

  createGrowing(spec: SegmentSpec): GrowingSegment {
    return guarded(() =>
      this.#segment(this.#native.segmentCreate(fieldParts(spec.fields), spec.rowsMax, spec.seed)),
    );
  }

  openSealed(spec: SealedSpec): SealedSegment {
    const files = new Map<NativeBuffer, { ref: BufferRef; release: () => void }>();
    const refOf = (file: NativeBuffer): BufferRef => {
      const memory = files.get(file) ?? engineMemory(this.#native, file);
      files.set(file, memory);
      return memory.ref;
    };
    const numbers = spec.columns.flatMap((column) => [
      ...range(column.validity),
      ...range(column.offsets),
      ...range(column.childOffsets),
      ...range(column.values),
      column.childRows,
      column.boolBitmap ? 1 : 0,
      0,
    ]);
    const { timestamps, keyIndex, ends } = spec;
    try {
      return guarded(() =>
        this.#segment(
          this.#native.segmentOpen(
            spec.rows,
            fieldParts(spec.columns.map((column) => column.field)),
            spec.columns.map((column) => refOf(column.file)),
            numbers,
            fieldParts(spec.missing),
            refOf(timestamps.file),
            timestamps.range.offset,
            timestamps.range.bytes,
            refOf(keyIndex.file),
            keyIndex.range.offset,
            keyIndex.range.bytes,
            ends && refOf(ends.file),
            ends?.range.offset ?? 0,
            ends?.range.bytes ?? 0,
            ends?.count ?? 0,
          ),
        ),
      );
    } finally {
      for (const { release } of files.values()) release();
    }
  }

  attach(handle: SegmentHandle): Segment {
    return guarded(() => this.#segment(this.#native.segmentAttach(handle)));
  }

  buildVectorIndex(source: Segment, spec: VectorIndexSpec, control: BuildControl): Promise<NativeBuffer> {
    return this.#build(() => {
      const segment = ownSegment(source);
      segment.checkField(spec.fieldId, spec.type, spec.dim);
      const { index } = spec;
      checkIndexKind(spec);
      const parts: VectorBuildParts = [
        segment.ref,
        spec.fieldId,
        METRICS[spec.metric],
        KINDS[index.kind],
        ...linksOf(index),
        "nlist" in index ? index.nlist : 1,
        subspacesOf(index),
        "nbits" in index ? index.nbits : 8,
        "levels" in index ? index.levels : 1,
        REFINEMENTS["refine" in index ? index.refine : "none"],
        index.kind === "DISKANN" ? index.codesPerRow : 0,
        index.kind === "DISKANN" ? index.cachedPerRow : 0,
        index.kind === "MINHASH_LSH" ? index.elementBytes : 0,
        index.kind === "MINHASH_LSH" ? index.bands : 0,
        ...termNumbers(index),
        this.#async ? control.threads : 1,
        spec.seed,
        control.cancel.word,
        control.progress,
      ];
      return this.#async
        ? this.#native.buildVectorIndex(...parts, true)
        : this.#native.buildVectorIndex(...parts, false);
    });
  }

  buildScalarIndex(source: Segment, spec: ScalarIndexSpec, control: BuildControl): Promise<NativeBuffer> {
    return this.#build(() => {
      const parts: ScalarBuildParts = [
        ownSegment(source).ref,
        spec.fieldId,
        spec.kind === "bitmap",
        control.cancel.word,
        control.progress,
      ];
      return this.#async
        ? this.#native.buildScalarIndex(...parts, true)
        : this.#native.buildScalarIndex(...parts, false);
    });
  }

  buildKeyIndex(source: Segment): NativeBuffer {
    return guarded(() => new EngineBuffer(this.#native, this.#native.buildKeyIndex(ownSegment(source).ref)));
  }

  memoryBytes(): number {
    return this.#native.memoryBytes();
  }

  #segment(ref: ReturnType<Native["segmentAttach"]>): NativeSegment {
    return new NativeSegment(this.#native, ref, { async: this.#async });
  }

  #build(start: () => Promise<BufferRef> | BufferRef): Promise<NativeBuffer> {
    return guardedAsync(async () => new EngineBuffer(this.#native, await start()));
  }
}

function ownSegment(segment: Segment): NativeSegment {
  assert(segment instanceof NativeSegment, "the segment belongs to another engine");
  return segment;
}

function range(bytes: ByteRange | undefined): [number, number] {
  return bytes === undefined ? [-1, 0] : [bytes.offset, bytes.bytes];
}

/** Numbers of the engine's VectorIndexKind. */
const KINDS: Readonly<Record<VectorIndexSpec["index"]["kind"], number>> = {
  FLAT: 0,
  HNSW: 1,
  SPARSE_INVERTED_INDEX: 2,
  IVF_FLAT: 3,
  IVF_SQ8: 4,
  IVF_PQ: 5,
  SCANN: 6,
  IVF_RABITQ: 7,
  BIN_IVF_FLAT: 8,
  HNSW_SQ: 9,
  HNSW_PQ: 10,
  HNSW_PRQ: 10,
  DISKANN: 11,
  MINHASH_LSH: 12,
};

/** Numbers of the engine's Refine. */
const REFINEMENTS: Readonly<Record<Refinement, number>> = { none: 0, rows: 1, f16: 2, bf16: 3, u8: 4 };

/** k1 and b of BM25; of others the engine looks at neither. */
function termNumbers(index: VectorIndexSpec["index"]): readonly [number, number] {
  const bm25 = index.kind === "SPARSE_INVERTED_INDEX" ? index.bm25 : undefined;
  return [bm25?.k1 ?? NaN, bm25?.b ?? NaN];
}

/** Links of a node, and how wide they are sought. */
function linksOf(index: VectorIndexSpec["index"]): readonly [number, number] {
  if (index.kind === "DISKANN") return [index.maxDegree, index.searchList];
  return "efConstruction" in index ? [index.m, index.efConstruction] : [0, 0];
}

function subspacesOf(index: VectorIndexSpec["index"]): number {
  if (index.kind === "IVF_PQ") return index.m;
  return "subs" in index ? index.subs : 0;
}
