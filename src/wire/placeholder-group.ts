import { parameterInvalid } from "../errors/parameter-errors.ts";
import { redkiteError, type RedkiteError } from "../errors/redkite-error.ts";
import { DataType, dataTypeName, denseVectorBytes, isDenseVector } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import { decode } from "./codec.ts";
import type { PackedBytes } from "./packed-bytes.ts";
import { packedCount } from "./packed-bytes.ts";
import { roundedBytes } from "./half-precision.ts";
import { checkSparseRows } from "./sparse-rows.ts";

/** The query vectors of a search, as they came. */
export interface QueryVectors {
  /** Wire number (common.proto PlaceholderType); that of the vector type where it is one. */
  readonly type: number;
  readonly count: number;
  /** Vector i is value i: little-endian elements, or pairs of (uint32 index, float32 value) of a sparse one. */
  readonly values: PackedBytes;
}

/** Reads `placeholder_group`. One without placeholders has no vectors. */
export function decodePlaceholderGroup(bytes: Uint8Array): QueryVectors {
  const [first] = decode("common.PlaceholderGroup", bytes).placeholders;
  if (first === undefined)
    return { type: DataType.None, count: 0, values: { offsets: new Int32Array(1), bytes } };
  return { type: first.type, count: packedCount(first.values), values: first.values };
}

/** Query vectors that fit a field: dense ones behind one another, or sparse rows. */
export type FieldQueries =
  | { readonly kind: "dense"; readonly count: number; readonly bytes: Uint8Array }
  | { readonly kind: "sparse"; readonly count: number; readonly rows: PackedBytes };

/**
 * Checks type and dimension against the field that is searched; Float vectors are rounded for Float16 and BFloat16
 * fields, as Milvus does. Dense bytes may be a view of the request and may start at any address.
 */
export function queriesFor(field: FieldSchema, queries: QueryVectors): FieldQueries {
  const { type } = field;
  if (queries.count === 0) throw segcoreError(2001, "must have queries");
  if (type === DataType.SparseFloatVector && queries.type === DataType.SparseFloatVector) {
    checkSparseRows(queries.values);
    return { kind: "sparse", count: queries.count, rows: queries.values };
  }
  if (!isDenseVector(type)) throw typeMismatch(field, queries.type);
  if (queries.type === type) {
    return {
      kind: "dense",
      count: queries.count,
      bytes: sameLength(queries, denseVectorBytes(type, field.dim)),
    };
  }
  if (type !== DataType.Float16Vector && type !== DataType.BFloat16Vector)
    throw typeMismatch(field, queries.type);
  if (queries.type !== DataType.FloatVector) {
    throw parameterInvalid(
      `vector type must be the same: field type ${dataTypeName(type)}, search type ${dataTypeName(queries.type)}`,
    );
  }
  const floats = floatsOf(sameLength(queries, field.dim * 4));
  return { kind: "dense", count: queries.count, bytes: roundedBytes(type, floats) };
}

/** All vectors behind one another, where each has the expected number of bytes. */
function sameLength(queries: QueryVectors, expected: number): Uint8Array {
  const { offsets, bytes } = queries.values;
  for (let i = 0; i < queries.count; i++) {
    const actual = (offsets[i + 1] ?? 0) - (offsets[i] ?? 0);
    if (actual !== expected) {
      throw segcoreError(
        2032,
        `vector dimension mismatch, expected vector size(byte) ${expected}, actual ${actual}.`,
      );
    }
  }
  return bytes.subarray(offsets[0], offsets[queries.count]);
}

/** A view where the address allows it, else one copy. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function typeMismatch(field: FieldSchema, type: number): RedkiteError {
  return segcoreError(
    2001,
    `vector type must be the same, field ${field.name} - type ${dataTypeName(field.type)}, search ph type ${dataTypeName(type)}`,
  );
}

/** Milvus checks query vectors in its core, whose errors carry a code of their own. */
function segcoreError(segcoreCode: number, message: string): RedkiteError {
  return redkiteError("segcore", { fields: { segcoreCode }, context: message, blame: "input" });
}
