import { AssertionError } from "../base/assert.ts";
import type { BytesColumn, Column, FixedColumn, ListColumn } from "../model/columns.ts";
import { DataType, isDenseVector, type DenseVectorType } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import { fixedMessage, listToArrayRows } from "./array-rows.ts";
import type { Init } from "./codec.ts";
import { denseWidth } from "./field-data.ts";
import type { FieldData, ScalarField, VectorField } from "./messages.gen.ts";
import { geometriesMessage, timesMessage, type TimeFormat } from "./text-columns.ts";
import { compactFixed, compactOffsets, validFlags } from "./validity.ts";

/** What an answer says of the field that a column belongs to. */
export type FieldHeader = Pick<
  FieldSchema,
  "id" | "name" | "type" | "elementType" | "dim" | "isDynamic" | "nullable"
>;

/**
 * A column of an answer. Scalars have one value a row, zeros where there is none; vectors only for rows that have
 * one: this is how Milvus answers, and not how it is asked (see decodeFieldData).
 */
export function encodeFieldData(column: Column, field: FieldHeader, times: TimeFormat): Init<FieldData> {
  const asParts = field.type === DataType.Timestamptz && times.parts.length > 0;
  return {
    type: asParts ? DataType.Array : field.type,
    fieldName: field.name,
    fieldId: BigInt(field.id),
    isDynamic: field.isDynamic,
    validData:
      field.nullable || column.validity !== undefined ? validFlags(column.validity, column.rows) : undefined,
    ...payload(column, field, times),
  };
}

function payload(
  column: Column,
  field: FieldHeader,
  times: TimeFormat,
): Pick<Init<FieldData>, "scalars" | "vectors"> {
  if (column.kind === "list") return { scalars: arrayMessage(column, field) };
  if (column.kind === "fixed") {
    if (column.type === DataType.Timestamptz) return { scalars: timesMessage(column, times) };
    return isDenseVector(column.type)
      ? { vectors: denseMessage(column, column.type) }
      : { scalars: fixedMessage(column.type, column.values) };
  }
  if (column.type === DataType.Geometry) return { scalars: geometriesMessage(column) };
  return column.type === DataType.SparseFloatVector
    ? { vectors: sparseMessage(column) }
    : { scalars: bytesMessage(column) };
}

function arrayMessage(column: ListColumn, field: FieldHeader): Init<ScalarField> {
  return { arrayData: { data: listToArrayRows(column), elementType: field.elementType } };
}

function bytesMessage(column: BytesColumn): Init<ScalarField> {
  const data = { offsets: column.offsets, bytes: column.bytes };
  return column.type === DataType.JSON ? { jsonData: { data } } : { stringData: { data } };
}

function denseMessage(column: FixedColumn, type: DenseVectorType): Init<VectorField> {
  const values = compactFixed(column, denseWidth(type, column.dim));
  const dim = BigInt(column.dim);
  if (values instanceof Float32Array) return { dim, floatVector: { data: values } };
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  switch (type) {
    case DataType.Float16Vector:
      return { dim, float16Vector: bytes };
    case DataType.BFloat16Vector:
      return { dim, bfloat16Vector: bytes };
    case DataType.BinaryVector:
      return { dim, binaryVector: bytes };
    case DataType.Int8Vector:
      return { dim, int8Vector: bytes };
    case DataType.FloatVector:
      throw new AssertionError("a FloatVector column holds a Float32Array");
  }
}

function sparseMessage(column: BytesColumn): Init<VectorField> {
  const dim = BigInt(sparseDim(column));
  return {
    dim,
    sparseFloatVector: { dim, contents: { offsets: compactOffsets(column), bytes: column.bytes } },
  };
}

/** The largest index in any row, plus one. Indices ascend: only the last pair of a row counts. */
export function sparseDim(column: Pick<BytesColumn, "offsets" | "bytes">): number {
  const { offsets, bytes } = column;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let dim = 0;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const end = offsets[row + 1] ?? 0;
    if (end > (offsets[row] ?? 0)) dim = Math.max(dim, view.getUint32(end - 8, true) + 1);
  }
  return dim;
}
