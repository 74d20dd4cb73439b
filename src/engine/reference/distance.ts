import { popcount32 } from "../../base/bitset.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { rawBytes, rowBytes } from "../../format/column-buffers.ts";
import type { Column } from "../../model/columns.ts";
import { DataType, dataTypeName, denseVectorBytes, isDenseVector, isVector } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";
import { isRelation, largerIsBetter, type MetricType } from "../../model/read.ts";
import type { Bm25Search, MinHashSearch } from "../../ports/engine.ts";
import { MIN_HASH_ELEMENT_MAX } from "./check-index-kind.ts";
import { bfloat16ToNumber, float16ToNumber } from "./float16.ts";

/**
 * The score of one row against one query, as Milvus shows it, rounded to single precision at the end. COSINE is 0
 * when either vector is zero; JACCARD of two empty vectors is 1; a NaN becomes the worst value of its metric.
 */
export type RowScorer = (row: number) => number;

/** What of a search turns rows into scores. */
export interface Measure {
  readonly metric: MetricType;
  readonly minHash?: MinHashSearch;
  readonly bm25?: Bm25Search;
}

/**
 * Whether a score is one at all: sparse rows that share nothing with the query are no hits, as in Milvus, nor rows outside of a relation, nor
 * signatures that share no band when nothing else is asked.
 */
export function isHit(type: DataType, { metric, minHash }: Measure, score: number): boolean {
  if (isRelation(metric)) return score === 0;
  if (metric === "MHJACCARD" && minHash?.estimate !== true) return score === 1;
  return type !== DataType.SparseFloatVector || score > 0;
}

export interface Queries {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Byte offsets [count + 1] of sparse queries. */
  readonly offsets: Int32Array | undefined;
}

/** One scorer per query over the rows of `column`. Throws parameterInvalid for a metric or queries that do not fit. */
export function scorers(field: FieldSchema, column: Column, measure: Measure, queries: Queries): RowScorer[] {
  const { metric } = measure;
  checkMetric(field, metric);
  if (metric === "MHJACCARD") checkMinHash(field, measure.minHash);
  if (metric === "BM25") checkBm25(field, measure.bm25);
  const parts = splitQueries(field, queries);
  const rowAt = isDenseVector(field.type) ? denseRows(field, column) : () => new Float32Array(0);
  const worst = largerIsBetter(metric) ? -Infinity : Infinity;
  return parts.map((query) => {
    const score = scorer(field, column, measure, query, rowAt);
    return (row) => {
      const value = Math.fround(score(row));
      return Number.isNaN(value) ? worst : value;
    };
  });
}

function checkMetric(field: FieldSchema, metric: MetricType): void {
  const allowed = allowedMetrics(field);
  if (!allowed.includes(metric)) {
    throw parameterInvalid(`metric of field ${field.name} of type ${dataTypeName(field.type)}`, {
      expected: allowed,
      actual: metric,
    });
  }
}

const BINARY_METRICS: readonly MetricType[] = [
  "HAMMING",
  "JACCARD",
  "SUBSTRUCTURE",
  "SUPERSTRUCTURE",
  "MHJACCARD",
];

function checkMinHash({ name, dim }: FieldSchema, minHash: MinHashSearch | undefined): void {
  const { elementBytes = 0, bands = 0 } = minHash ?? {};
  const divides = elementBytes >= 1 && elementBytes <= MIN_HASH_ELEMENT_MAX && dim % (elementBytes * 8) === 0;
  if (!divides || bands < 1)
    throw parameterInvalid(
      `signatures of ${bands} bands of ${elementBytes} bytes an element on field ${name}`,
    );
}

function checkBm25({ name }: FieldSchema, { k1, b, avgdl }: Partial<Bm25Search> = {}): void {
  const isWithin = (value: number | undefined, most: number) =>
    value !== undefined && value >= 0 && value <= most;
  if (!isWithin(k1, 3) || !isWithin(b, 1) || !isWithin(avgdl, Number.MAX_VALUE))
    throw parameterInvalid(`k1 of ${k1}, b of ${b} and avgdl of ${avgdl} for BM25 on field ${name}`);
}

function allowedMetrics(field: FieldSchema): readonly MetricType[] {
  if (!isVector(field.type)) throw parameterInvalid(`field ${field.name} is not a vector field`);
  if (field.type === DataType.BinaryVector) return BINARY_METRICS;
  if (field.type === DataType.SparseFloatVector) return ["IP", "BM25"];
  return ["L2", "IP", "COSINE"];
}

function splitQueries(field: FieldSchema, { count, bytes, offsets }: Queries): Uint8Array[] {
  if (isDenseVector(field.type)) {
    const width = denseVectorBytes(field.type, field.dim);
    if (bytes.length !== count * width) {
      throw parameterInvalid(`bytes of ${count} queries against field ${field.name}`, {
        expected: count * width,
        actual: bytes.length,
      });
    }
    return Array.from({ length: count }, (_, q) => bytes.subarray(q * width, (q + 1) * width));
  }
  if (
    offsets === undefined ||
    offsets.length !== count + 1 ||
    offsets[0] !== 0 ||
    offsets[count] !== bytes.length
  ) {
    throw parameterInvalid(`offsets of ${count} sparse queries do not span their ${bytes.length} bytes`);
  }
  return Array.from({ length: count }, (_, q) => {
    const [start = 0, end = 0] = offsets.subarray(q, q + 2);
    if (start > end || (end - start) % 8 !== 0) {
      throw parameterInvalid(`sparse query ${q} is the byte range [${start}, ${end})`);
    }
    const query = bytes.subarray(start, end);
    const pairs = sparsePairs(query);
    pairs.forEach(([index], i) => {
      const previous = pairs[i - 1]?.[0] ?? -1;
      if (index <= previous) throw parameterInvalid(`sparse query ${q} has index ${index} after ${previous}`);
    });
    return query;
  });
}

function scorer(
  field: FieldSchema,
  column: Column,
  { metric, minHash, bm25 }: Measure,
  query: Uint8Array,
  rowAt: (row: number) => Float32Array,
): RowScorer {
  if (bm25 !== undefined && metric === "BM25") return termScorer(column, bm25, query);
  if (field.type === DataType.SparseFloatVector) return sparseScorer(column, query);
  if (minHash !== undefined && metric === "MHJACCARD") return signatureScorer(column, minHash, query);
  if (field.type === DataType.BinaryVector) return binaryScorer(column, metric, query);
  const dim = field.dim;
  const a = decodeDense(field.type, query);
  switch (metric) {
    case "L2":
      return (row) => {
        const b = rowAt(row);
        let sum = 0;
        for (let i = 0; i < dim; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
        return sum;
      };
    case "IP":
      return (row) => dot(a, rowAt(row));
    default:
      return (row) => {
        const b = rowAt(row);
        const norms = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
        return norms === 0 ? 0 : dot(a, b) / norms;
      };
  }
}

/** Rows of a dense column as numbers, each decoded once however many queries ask for it. */
function denseRows(field: FieldSchema, column: Column): (row: number) => Float32Array {
  const raw = column.kind === "fixed" ? rawBytes(column.values) : new Uint8Array(0);
  const width = rowBytes(field.type, field.dim);
  const decoded = new Map<number, Float32Array>();
  return (row) => {
    const known = decoded.get(row);
    if (known !== undefined) return known;
    const values = decodeDense(field.type, raw.subarray(row * width, (row + 1) * width));
    decoded.set(row, values);
    return values;
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Elements as numbers; every dense type fits a single exactly. */
function decodeDense(type: DataType, bytes: Uint8Array): Float32Array {
  switch (type) {
    case DataType.FloatVector: {
      const b = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
      return new Float32Array(b.buffer, b.byteOffset, b.length / 4);
    }
    case DataType.Int8Vector:
      return Float32Array.from(bytes, (byte) => (byte << 24) >> 24);
    default: {
      const decode = type === DataType.Float16Vector ? float16ToNumber : bfloat16ToNumber;
      const out = new Float32Array(bytes.length / 2);
      for (let i = 0; i < out.length; i++)
        out[i] = decode((bytes[i * 2] ?? 0) | ((bytes[i * 2 + 1] ?? 0) << 8));
      return out;
    }
  }
}

function signatureScorer(column: Column, minHash: MinHashSearch, query: Uint8Array): RowScorer {
  const values =
    column.kind === "fixed" && column.values instanceof Uint8Array ? column.values : new Uint8Array(0);
  const { elementBytes, estimate } = minHash;
  const elements = query.length / elementBytes;
  const bands = Math.min(minHash.bands, elements);
  const bandBytes = Math.floor(elements / bands) * elementBytes;
  const runs = estimate ? elements : bands;
  const runBytes = estimate ? elementBytes : bandBytes;
  return (row) => {
    let equal = 0;
    for (let run = 0; run < runs; run++) {
      let i = run * runBytes;
      const end = i + runBytes;
      while (i < end && values[row * query.length + i] === query[i]) i++;
      if (i === end) equal++;
    }
    return estimate ? equal / elements : Math.min(equal, 1);
  };
}

function binaryScorer(column: Column, metric: MetricType, query: Uint8Array): RowScorer {
  const values =
    column.kind === "fixed" && column.values instanceof Uint8Array ? column.values : new Uint8Array(0);
  const own = query.reduce((sum, byte) => sum + popcount32(byte), 0);
  return (row) => {
    let both = 0;
    let either = 0;
    for (let i = 0; i < query.length; i++) {
      const a = query[i] ?? 0;
      const b = values[row * query.length + i] ?? 0;
      both += popcount32(a & b);
      either += popcount32(a | b);
    }
    if (metric === "HAMMING") return either - both;
    if (metric === "SUBSTRUCTURE") return both === own ? 0 : 1;
    if (metric === "SUPERSTRUCTURE") return either === own ? 0 : 1;
    return either === 0 ? 1 : 1 - both / either;
  };
}

function sparseScorer(column: Column, query: Uint8Array): RowScorer {
  const weights = new Map(sparsePairs(query));
  if (column.kind !== "bytes") return () => 0;
  return (row) => {
    const pairs = sparsePairs(column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0));
    let sum = 0;
    for (const [index, value] of pairs) sum += value * (weights.get(index) ?? 0);
    return sum;
  };
}

/** Terms are counted up to here, so that no sum of them overflows. */
const TERM_FREQUENCY_MAX = 2 ** 31;

function termScorer(column: Column, { k1, b, avgdl }: Bm25Search, query: Uint8Array): RowScorer {
  const weights = new Map(sparsePairs(query));
  if (column.kind !== "bytes") return () => 0;
  return (row) => {
    const pairs = sparsePairs(column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0));
    const terms = pairs.map(([term, value]) => ({
      weight: weights.get(term) ?? 0,
      tf: value > 0 ? Math.min(value, TERM_FREQUENCY_MAX) : 0,
    }));
    const length = terms.reduce((total, { tf }) => total + tf, 0);
    const norm = k1 * (1 - b + (b * length) / Math.max(avgdl, 1));
    return terms
      .filter(({ tf }) => tf > 0)
      .reduce((score, { weight, tf }) => score + (weight * tf * (k1 + 1)) / (tf + norm), 0);
  };
}

function sparsePairs(bytes: Uint8Array): [index: number, value: number][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 8 }, (_, i) => [
    view.getUint32(i * 8, true),
    view.getFloat32(i * 8 + 4, true),
  ]);
}
