import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import { serviceMemoryLimitExceeded } from "../errors/service-errors.ts";
import { GrowableColumn } from "../format/growable-column.ts";
import { dataTypeName, isVector } from "../model/data-type.ts";
import type {
  BuildControl,
  Engine,
  EngineInfo,
  GrowingSegment,
  NativeBuffer,
  ScalarIndexSpec,
  SealedSegment,
  SealedSpec,
  Segment,
  SegmentHandle,
  SegmentSpec,
  VectorIndexSpec,
} from "../ports/engine.ts";
import { CANCEL_CHECK_ROWS, checkCancel } from "./reference/cancel.ts";
import { checkField } from "./reference/check-field.ts";
import { checkIndexKind } from "./reference/check-index-kind.ts";
import { writeIndexFile } from "./reference/index-file.ts";
import { buildKeyIndexFile } from "./reference/key-index.ts";
import { ReferenceBuffer } from "./reference/reference-buffer.ts";
import { ReferenceSegment } from "./reference/reference-segment.ts";
import { scalarDomain } from "./reference/scalar-values.ts";
import { openSealedCore } from "./reference/sealed-columns.ts";
import { SegmentCore } from "./reference/segment-core.ts";

/**
 * The port in plain TypeScript: slow, exact, deterministic, and simple enough to be evidently right. It is the
 * oracle of the native engine. Indexes are accepted and ignored: every search compares every row.
 *
 * Handles are valid within the engine object that gave them, and as long as one of the segment's handles is open.
 */
export class ReferenceEngine implements Engine {
  readonly info: EngineInfo = { name: "reference", version: "1", isa: "typescript" };
  readonly #memoryBytesMax: number;
  readonly #buffers = new Set<ReferenceBuffer>();
  readonly #segments = new Map<bigint, { readonly core: SegmentCore; handles: number }>();
  #nextHandle = 1n;

  /** Native memory that it will hold at most; what would pass it throws serviceMemoryLimitExceeded. */
  constructor(options: { readonly memoryBytesMax?: number } = {}) {
    this.#memoryBytesMax = options.memoryBytesMax ?? Infinity;
  }

  crc32c(bytes: Uint8Array, seed = 0): number {
    return crc32c(bytes, seed);
  }

  allocate(bytes: number): NativeBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw parameterInvalid("bytes of a buffer", { expected: "0 or more", actual: bytes });
    }
    const predicted = this.memoryBytes() + bytes;
    if (predicted > this.#memoryBytesMax) throw outOfMemory(predicted, this.#memoryBytesMax);
    try {
      return this.#track(new Uint8Array(bytes));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw outOfMemory(predicted, this.memoryBytes());
    }
  }

  createGrowing(spec: SegmentSpec): GrowingSegment {
    if (!Number.isInteger(spec.rowsMax) || spec.rowsMax < 1 || spec.rowsMax > ROWS_MAX) {
      throw parameterInvalid("rowsMax of a segment", { expected: `1 to ${ROWS_MAX}`, actual: spec.rowsMax });
    }
    const columns = new Map<number, GrowableColumn>();
    for (const field of spec.fields) {
      checkField(field);
      if (columns.has(field.id)) throw parameterInvalid(`field ${field.id} occurs twice in a segment`);
      columns.set(field.id, new GrowableColumn(field));
    }
    return this.#open(new SegmentCore(spec.fields, columns, spec.rowsMax));
  }

  openSealed(spec: SealedSpec): SealedSegment {
    for (const { field } of spec.columns) checkField(field);
    for (const field of spec.missing) checkField(field);
    return this.#open(openSealedCore(spec));
  }

  attach(handle: SegmentHandle): Segment {
    const segment = this.#segments.get(handle);
    if (segment === undefined) throw parameterInvalid(`segment handle ${handle} is not open`);
    return this.#handleTo(segment, handle);
  }

  async buildVectorIndex(
    source: Segment,
    spec: VectorIndexSpec,
    control: BuildControl,
  ): Promise<NativeBuffer> {
    const core = coreOf(source);
    const field = core.field(spec.fieldId);
    const { index } = spec;
    if (!isVector(field.type) || field.type !== spec.type || field.dim !== spec.dim) {
      throw parameterInvalid(`vector index over field ${field.name}`, {
        expected: `${dataTypeName(field.type)}(${field.dim})`,
        actual: `${dataTypeName(spec.type)}(${spec.dim})`,
      });
    }
    checkIndexKind(spec);
    const parameters = parametersOf(index);
    const { type, dim } = field;
    runBuild(core.rows, control);
    const file = writeIndexFile({
      kind: index.kind,
      fieldId: field.id,
      type,
      dim,
      rows: core.rows,
      parameters,
    });
    return this.#track(file);
  }

  async buildScalarIndex(
    source: Segment,
    spec: ScalarIndexSpec,
    control: BuildControl,
  ): Promise<NativeBuffer> {
    const core = coreOf(source);
    const field = core.field(spec.fieldId);
    if (scalarDomain(field.type) === undefined) {
      throw parameterInvalid(
        `${spec.kind} index over field ${field.name} of type ${dataTypeName(field.type)}`,
      );
    }
    const { type, dim } = field;
    runBuild(core.rows, control);
    const file = writeIndexFile({
      kind: spec.kind,
      fieldId: field.id,
      type,
      dim,
      rows: core.rows,
      parameters: [0, 0],
    });
    return this.#track(file);
  }

  buildKeyIndex(source: Segment): NativeBuffer {
    return this.#track(buildKeyIndexFile(coreOf(source).keys()));
  }

  memoryBytes(): number {
    let bytes = 0;
    for (const buffer of this.#buffers) bytes += buffer.byteLength;
    for (const { core } of this.#segments.values()) bytes += core.memoryBytes;
    return bytes;
  }

  #track(bytes: Uint8Array): NativeBuffer {
    const buffer = new ReferenceBuffer(bytes, (closed) => this.#buffers.delete(closed));
    this.#buffers.add(buffer);
    return buffer;
  }

  #open(core: SegmentCore): ReferenceSegment {
    const handle: SegmentHandle = this.#nextHandle++;
    const segment = { core, handles: 0 };
    this.#segments.set(handle, segment);
    return this.#handleTo(segment, handle);
  }

  #handleTo(
    segment: { readonly core: SegmentCore; handles: number },
    handle: SegmentHandle,
  ): ReferenceSegment {
    segment.handles++;
    return new ReferenceSegment(segment.core, handle, () => {
      segment.handles--;
      if (segment.handles === 0) this.#segments.delete(handle);
    });
  }
}

/** Rows that one segment holds at most; row numbers are 31 bits. */
const ROWS_MAX = 2 ** 31 - 64;

function coreOf(segment: Segment): SegmentCore {
  assert(segment instanceof ReferenceSegment, "the segment belongs to another engine");
  return segment.core();
}

/** There is nothing to build, but progress moves and a raised flag ends it as in a real build. */
function runBuild(rows: number, control: BuildControl): void {
  for (let done = 0; done < rows; done += CANCEL_CHECK_ROWS) {
    checkCancel(control.cancel, "index build");
    Atomics.store(control.progress, 0, done);
  }
  checkCancel(control.cancel, "index build");
  Atomics.store(control.progress, 0, rows);
}

function outOfMemory(predicted: number, limit: number): Error {
  return serviceMemoryLimitExceeded({ predicted, limit });
}

function parametersOf(index: VectorIndexSpec["index"]): readonly [number, number] {
  switch (index.kind) {
    case "HNSW":
    case "HNSW_SQ":
    case "HNSW_PQ":
    case "HNSW_PRQ":
      return [index.m, index.efConstruction];
    case "DISKANN":
      return [index.maxDegree, index.searchList];
    case "FLAT":
    case "SPARSE_INVERTED_INDEX":
      return [0, 0];
    case "IVF_PQ":
      return [index.nlist, index.m];
    case "MINHASH_LSH":
      return [index.elementBytes, index.bands];
    default:
      return [index.nlist, 0];
  }
}
