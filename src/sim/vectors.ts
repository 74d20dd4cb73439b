import { concatBytes } from "../base/bytes.ts";
import type { Prng } from "../base/prng.ts";
import type { Column } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import { largerIsBetter, type MetricType } from "../model/read.ts";
import { plainField, type FieldSchema } from "../model/schema.ts";
import type { Init } from "../wire/codec.ts";
import type { MessageTypes, VectorField } from "../wire/messages.gen.ts";

/** What the vectors of a collection are made of. */
export type VectorKind = "float" | "binary" | "minhash" | "sparse";

/**
 * Whatever a vector is made of, a row of the simulation names it by so many small whole numbers, so that every engine computes the same
 * scores, but for the rounding of COSINE and JACCARD.
 */
export const VALUES = 4;

/** How one kind is written, read and compared. */
interface VectorForm {
  readonly type: DataType;
  /** 0 where the schema has none. */
  readonly dim: number;
  readonly metrics: readonly MetricType[];
  /** Without which a search does not score as `score` does. */
  readonly searchParams: Readonly<Record<string, string>>;
  readonly random: (random: Prng) => readonly number[];
  /** A vector as requests and columns hold it. */
  readonly encode: (vector: readonly number[]) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => readonly number[];
  readonly score: (metric: MetricType, a: readonly number[], b: readonly number[]) => number;
}

export const VECTORS: Readonly<Record<VectorKind, VectorForm>> = {
  float: {
    type: DataType.FloatVector,
    dim: VALUES,
    metrics: ["L2", "IP", "COSINE"],
    searchParams: {},
    random: (random) => Array.from({ length: VALUES }, () => random.between(-8, 8)),
    encode: (vector) => new Uint8Array(Float32Array.from(vector).buffer),
    decode: (bytes) => [...new Float32Array(bytes.slice().buffer)],
    score: (metric, a, b) => {
      if (metric === "L2") return sum(a, b, (x, y) => (x - y) ** 2);
      const lengths = metric === "COSINE" ? Math.sqrt(sum(a, a, product) * sum(b, b, product)) : 1;
      return lengths === 0 ? 0 : sum(a, b, product) / lengths;
    },
  },
  binary: {
    type: DataType.BinaryVector,
    dim: VALUES * 8,
    metrics: ["HAMMING", "JACCARD"],
    searchParams: {},
    random: (random) => Array.from({ length: VALUES }, () => random.int(256)),
    encode: (vector) => Uint8Array.from(vector),
    decode: (bytes) => [...bytes],
    score: (metric, a, b) => {
      const different = sum(a, b, (x, y) => bitsOf(x ^ y));
      if (metric === "HAMMING") return different;
      const any = sum(a, b, (x, y) => bitsOf(x | y));
      return any === 0 ? 0 : different / any;
    },
  },
  /** Signatures of elements of eight bits, which a few of them share. */
  minhash: {
    type: DataType.BinaryVector,
    dim: VALUES * 8,
    metrics: ["MHJACCARD"],
    searchParams: { mh_search_with_jaccard: "true" },
    random: (random) => Array.from({ length: VALUES }, () => random.int(5)),
    encode: (vector) => Uint8Array.from(vector),
    decode: (bytes) => [...bytes],
    score: (_, a, b) => sum(a, b, (x, y) => (x === y ? 1 / VALUES : 0)),
  },
  sparse: {
    type: DataType.SparseFloatVector,
    dim: 0,
    metrics: ["IP"],
    searchParams: {},
    random: (random) => {
      const values = Array.from({ length: VALUES }, () => (random.chance(0.5) ? 0 : random.between(1, 8)));
      return values.some((value) => value !== 0) ? values : [1, ...values.slice(1)];
    },
    encode: (vector) =>
      concatBytes(
        vector.flatMap((value, i) =>
          value === 0
            ? []
            : [new Uint8Array(Uint32Array.of(i).buffer), new Uint8Array(Float32Array.of(value).buffer)],
        ),
      ),
    decode: (bytes) => {
      const pairs = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const vector = new Array<number>(VALUES).fill(0);
      for (let at = 0; at < bytes.length; at += 8)
        vector[pairs.getUint32(at, true)] = pairs.getFloat32(at + 4, true);
      return vector;
    },
    score: (_, a, b) => sum(a, b, product),
  },
};

/** Whether a row with the score is a hit at all: sparse ones without a common entry are none. */
export function isHit(kind: VectorKind, score: number): boolean {
  return kind !== "sparse" || score > 0;
}

/** How far apart the scores of two engines, or of a row and its copy in an index, may be although both are exact. */
export function roundingOf(metric: MetricType): number {
  return metric === "COSINE" || metric === "JACCARD" ? 1e-5 : 0;
}

/** Best first. */
export function byScore(metric: MetricType): (a: number, b: number) => number {
  return largerIsBetter(metric) ? (a, b) => b - a : (a, b) => a - b;
}

export function vectorField(kind: VectorKind): FieldSchema {
  const { type, dim } = VECTORS[kind];
  const typeParams: Readonly<Record<string, string>> = dim === 0 ? {} : { dim: String(dim) };
  return plainField(fieldId(0), "vector", type, { dim, typeParams });
}

export function wireVectors(kind: VectorKind, vectors: readonly (readonly number[])[]): Init<VectorField> {
  const { dim, encode } = VECTORS[kind];
  const encoded = vectors.map(encode);
  switch (kind) {
    case "float":
      return { dim: BigInt(dim), floatVector: { data: Float32Array.from(vectors.flat()) } };
    case "binary":
    case "minhash":
      return { dim: BigInt(dim), binaryVector: concatBytes(encoded) };
    case "sparse":
      return {
        dim: BigInt(VALUES),
        sparseFloatVector: { dim: BigInt(VALUES), contents: packed(encoded) },
      };
  }
}

export function wireQuery(
  kind: VectorKind,
  vector: readonly number[],
): Init<MessageTypes["common.PlaceholderGroup"]> {
  const { type, encode } = VECTORS[kind];
  return { placeholders: [{ tag: "$0", type, values: packed([encode(vector)]) }] };
}

/** The vectors of an answer; undefined when there are none in it. */
export function seenVectors(field: VectorField | undefined): readonly (readonly number[])[] | undefined {
  if (field?.floatVector !== undefined) {
    const { data } = field.floatVector;
    return slices([...data]);
  }
  if (field?.binaryVector !== undefined) return slices([...field.binaryVector]);
  if (field?.sparseFloatVector === undefined) return undefined;
  const { offsets, bytes } = field.sparseFloatVector.contents;
  return [...offsets.subarray(1)].map((end, i) =>
    VECTORS.sparse.decode(bytes.subarray(offsets[i] ?? 0, end)),
  );
}

/** A vector of a stored column. */
export function vectorAt(column: Column, row: number): readonly number[] {
  if (column.kind === "fixed")
    return [...column.values.subarray(row * VALUES, (row + 1) * VALUES)].map(Number);
  if (column.kind !== "bytes") throw new TypeError(`a column of kind ${column.kind} where vectors belong`);
  return VECTORS.sparse.decode(column.bytes.subarray(column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0));
}

function slices(values: readonly number[]): readonly (readonly number[])[] {
  return Array.from({ length: values.length / VALUES }, (_, i) => values.slice(i * VALUES, (i + 1) * VALUES));
}

function packed(values: readonly Uint8Array[]): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const offsets = new Int32Array(values.length + 1);
  for (const [i, value] of values.entries()) offsets[i + 1] = (offsets[i] ?? 0) + value.length;
  return { offsets, bytes: concatBytes(values) };
}

const product = (x: number, y: number): number => x * y;

function sum(a: readonly number[], b: readonly number[], of: (x: number, y: number) => number): number {
  return a.reduce((total, x, i) => total + of(x, b[i] ?? 0), 0);
}

function bitsOf(value: number): number {
  let count = 0;
  for (let left = value; left !== 0; left &= left - 1) count += 1;
  return count;
}
