import { makeWorld, keyField } from "../contract/engine/segment-fixture.ts";
import { newControl } from "../contract/engine/list-index-contract.ts";
import { testField } from "../contract/random-columns.ts";
import type { NativeEngine } from "../../src/engine/native-engine.ts";
import { DataType } from "../../src/model/data-type.ts";
import type { MetricType } from "../../src/model/read.ts";
import type { FieldSchema } from "../../src/model/schema.ts";
import type { SearchSpec, Segment, VectorIndexSpec } from "../../src/ports/engine.ts";

/** One index file over the rows of `sampleSegment`, as a release wrote it. */
export interface IndexSample {
  /** Begins with the kind of file and its version. */
  readonly file: string;
  readonly field: FieldSchema;
  readonly metric: MetricType;
  readonly index: VectorIndexSpec["index"];
  /** Share of the nearest rows that a wide search finds at least: codes without the raw rows lose some. */
  readonly recallMin: number;
  /** What its searches say besides. */
  readonly search?: Partial<SearchSpec>;
  /** The file depends on the rows alone, and on no machine's arithmetic. */
  readonly isSameEverywhere?: true;
}

const FLOATS = testField(110, DataType.FloatVector, { dim: 8 });
const BITS = testField(114, DataType.BinaryVector, { dim: 64 });
const SIGNATURES = testField(110, DataType.BinaryVector, { dim: 32 });
const SPARSE = testField(115, DataType.SparseFloatVector);

const graph = { m: 8, efConstruction: 60 } as const;
const products = { ...graph, subs: 4, nbits: 8 } as const;
const nlist = 15;

/** Version 1 had measured no widths, and answers recall targets all the same. From version 3 on a file may hold a copy of the rows. */
export const INDEX_SAMPLES: readonly IndexSample[] = [
  onFloats("hnsw-index-1.bin", { kind: "HNSW", ...graph }, 0.9),
  onFloats("hnsw-index-2.bin", { kind: "HNSW", ...graph }, 0.9),
  onFloats("hnsw-index-3.bin", { kind: "HNSW", ...graph }, 0.9),
  onFloats("hnsw-index-3-sq-f16.bin", { kind: "HNSW_SQ", ...graph, refine: "f16" }, 0.9),
  onFloats("hnsw-index-3-pq-bf16.bin", { kind: "HNSW_PQ", ...products, levels: 1, refine: "bf16" }, 0.9),
  onFloats("hnsw-index-3-prq-u8.bin", { kind: "HNSW_PRQ", ...products, levels: 2, refine: "u8" }, 0.9),
  onFloats("hnsw-index-2-sq.bin", { kind: "HNSW_SQ", ...graph, refine: "none" }, 0.9),
  onFloats("hnsw-index-2-pq.bin", { kind: "HNSW_PQ", ...products, levels: 1, refine: "rows" }, 0.9),
  onFloats("hnsw-index-2-prq.bin", { kind: "HNSW_PRQ", ...products, levels: 2, refine: "none" }, 0.8),
  onFloats("ivf-index-1.bin", { kind: "IVF_FLAT", nlist }, 0.9),
  onFloats("ivf-index-2.bin", { kind: "IVF_FLAT", nlist }, 0.9),
  onFloats("ivf-index-3.bin", { kind: "IVF_FLAT", nlist }, 0.9),
  onFloats("ivf-index-3-rabitq-f16.bin", { kind: "IVF_RABITQ", nlist, refine: "f16" }, 0.9),
  onFloats("ivf-index-3-rabitq-u8.bin", { kind: "IVF_RABITQ", nlist, refine: "u8" }, 0.9),
  onFloats("ivf-index-2-sq8.bin", { kind: "IVF_SQ8", nlist }, 0.9),
  onFloats("ivf-index-2-pq.bin", { kind: "IVF_PQ", nlist, m: 4, nbits: 8 }, 0.7),
  onFloats("ivf-index-2-scann.bin", { kind: "SCANN", nlist, refine: "rows" }, 0.9),
  onFloats("ivf-index-2-rabitq.bin", { kind: "IVF_RABITQ", nlist, refine: "rows" }, 0.9),
  {
    file: "ivf-index-2-binary.bin",
    field: BITS,
    metric: "HAMMING",
    index: { kind: "BIN_IVF_FLAT", nlist },
    recallMin: 0.9,
  },
  onFloats(
    "disk-index-1.bin",
    { kind: "DISKANN", maxDegree: 16, searchList: 60, codesPerRow: 0.25, cachedPerRow: 0.1 },
    0.9,
  ),
  { ...onFloats("flat-index-1.bin", { kind: "FLAT" }, 1), isSameEverywhere: true },
  {
    file: "sparse-index-1.bin",
    field: SPARSE,
    metric: "IP",
    index: { kind: "SPARSE_INVERTED_INDEX" },
    recallMin: 1,
  },
  {
    file: "sparse-index-2.bin",
    field: SPARSE,
    metric: "IP",
    index: { kind: "SPARSE_INVERTED_INDEX" },
    recallMin: 1,
    isSameEverywhere: true,
  },
  {
    file: "sparse-index-2-bm25.bin",
    field: SPARSE,
    metric: "BM25",
    index: { kind: "SPARSE_INVERTED_INDEX", bm25: { k1: 1.2, b: 0.75 } },
    recallMin: 1,
    search: { bm25: { k1: 1.2, b: 0.75, avgdl: 5 } },
    isSameEverywhere: true,
  },
  {
    file: "minhash-index-1.bin",
    field: SIGNATURES,
    metric: "MHJACCARD",
    index: { kind: "MINHASH_LSH", elementBytes: 1, bands: 4 },
    recallMin: 1,
    search: { k: 50, minHash: { elementBytes: 1, bands: 4, estimate: false } },
    isSameEverywhere: true,
  },
];

export async function buildSample(engine: NativeEngine, segment: Segment, sample: IndexSample) {
  const { field, metric, index } = sample;
  const spec = { fieldId: field.id, type: field.type, dim: field.dim, metric, index, seed: 1 };
  return engine.buildVectorIndex(segment, spec, newControl());
}

/** Six hundred rows, the same in every release. */
export async function sampleSegment(engine: NativeEngine, field: FieldSchema): Promise<Segment> {
  const spec = { fields: [keyField(), field], kind: "sealed", rows: 600, seed: 91 } as const;
  return (await makeWorld(engine, spec)).segment;
}

function onFloats(file: string, index: VectorIndexSpec["index"], recallMin: number): IndexSample {
  return { file, field: FLOATS, metric: "L2", index, recallMin };
}
