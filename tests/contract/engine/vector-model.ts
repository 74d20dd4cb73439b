import { rawBytes } from "../../../src/format/column-buffers.ts";
import type { Column } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { MetricType } from "../../../src/model/read.ts";

/** A vector as numbers by index; zeros may be left out. Bits of binary vectors are 0 or 1. */
export type PlainVector = ReadonlyMap<number, number>;

/** The vector of one row of a column, or of one query laid out as a row. */
export function plainVector(column: Column, row: number): PlainVector {
  if (column.kind === "bytes") {
    const bytes = column.bytes.slice(column.offsets[row], column.offsets[row + 1]);
    const view = new DataView(bytes.buffer);
    return new Map(
      Array.from({ length: bytes.length / 8 }, (_, i) => [
        view.getUint32(i * 8, true),
        view.getFloat32(i * 8 + 4, true),
      ]),
    );
  }
  if (column.kind === "list") throw new Error("no vector column");
  const raw = rawBytes(column.values);
  const width = raw.length / column.rows;
  const bytes = raw.slice(row * width, (row + 1) * width);
  return new Map([...elements(column.type, bytes)].entries());
}

function elements(type: DataType, bytes: Uint8Array<ArrayBuffer>): Iterable<number> {
  switch (type) {
    case DataType.FloatVector:
      return new Float32Array(bytes.buffer);
    case DataType.Float16Vector:
      return new Float16Array(bytes.buffer);
    case DataType.BFloat16Vector: {
      const halves = new Uint16Array(bytes.buffer);
      return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
    }
    case DataType.Int8Vector:
      return new Int8Array(bytes.buffer);
    default:
      return Array.from({ length: bytes.length * 8 }, (_, i) => ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1);
  }
}

/** The score as the port defines it, in double precision. */
export function plainScore(metric: MetricType, a: PlainVector, b: PlainVector): number {
  const dot = sum([...a].map(([i, x]) => x * (b.get(i) ?? 0)));
  const norm = (v: PlainVector) => Math.sqrt(sum([...v.values()].map((x) => x * x)));
  switch (metric) {
    case "L2":
      return sum([...a].map(([i, x]) => (x - (b.get(i) ?? 0)) ** 2));
    case "IP":
      return dot;
    case "COSINE":
      return norm(a) * norm(b) === 0 ? 0 : dot / (norm(a) * norm(b));
    case "HAMMING":
      return sum([...a].map(([i, x]) => (x === b.get(i) ? 0 : 1)));
    case "JACCARD": {
      const either = sum([...a].map(([i, x]) => (x + (b.get(i) ?? 0) > 0 ? 1 : 0)));
      return either === 0 ? 1 : 1 - dot / either;
    }
    case "MHJACCARD":
      throw new Error("signatures are compared element by element, see minhash-contract.ts");
    case "BM25":
      throw new Error("terms are weighed by the lengths of rows, see bm25-contract.ts");
    case "SUBSTRUCTURE":
      return [...a].every(([i, x]) => x <= (b.get(i) ?? 0)) ? 0 : 1;
    case "SUPERSTRUCTURE":
      return [...b].every(([i, x]) => x <= (a.get(i) ?? 0)) ? 0 : 1;
  }
}

/** Whether a row with this score is a hit at all. */
export function isPlainHit(type: DataType, metric: MetricType, score: number): boolean {
  if (metric === "SUBSTRUCTURE" || metric === "SUPERSTRUCTURE") return score === 0;
  return type !== DataType.SparseFloatVector || score > 0;
}

export function isLargerBetter(metric: MetricType): boolean {
  return metric === "IP" || metric === "COSINE" || metric === "BM25";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
