import type { RedkiteError } from "../errors/redkite-error.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import { notServed } from "../errors/service-errors.ts";
import type { Column, FixedColumn, FixedValues } from "../model/columns.ts";
import { DataType, dataTypeName, denseVectorBytes, type DenseVectorType } from "../model/data-type.ts";
import type { FieldSchema, ScalarValue } from "../model/schema.ts";
import { arrayRowsToList } from "./array-rows.ts";
import { roundedBytes } from "./half-precision.ts";
import type { FieldData, ScalarField, VectorField } from "./messages.gen.ts";
import { narrowIntegers } from "./narrow-integers.ts";
import { packBytes, type PackedBytes } from "./packed-bytes.ts";
import { geometriesFromTexts, timesFromTexts } from "./text-columns.ts";
import { bitmapOf, countValid, fillBytes, spreadFixed, spreadOffsets } from "./validity.ts";

/**
 * The column of a field in an insert or upsert of `rows` rows. On the wire only rows with a value have one;
 * `validData` says which. Rows without one get the field's default, else null where it is nullable.
 *
 * `timeZone` is that of times which name none. The column may be a view of the request's bytes. Throws parameterInvalid in Milvus's words when type, number of
 * values or dimension do not fit the schema, and notServed for types that this version does not store.
 */
export function decodeFieldData(data: FieldData, field: FieldSchema, rows: number, timeZone: string): Column {
  const valid = validRows(data, field, rows);
  switch (field.type) {
    case DataType.FloatVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.BinaryVector:
    case DataType.Int8Vector:
      return denseColumn(data.vectors, field, field.type, valid);
    case DataType.SparseFloatVector:
      return sparseColumn(data.vectors, field, valid);
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Float:
    case DataType.Double:
      return fixedColumn(data.scalars, field, valid);
    case DataType.VarChar:
    case DataType.String:
      return bytesColumn(data.scalars?.stringData?.data, "varchar", "string", field, valid);
    case DataType.JSON:
      return bytesColumn(data.scalars?.jsonData?.data, "json", "json", field, valid);
    case DataType.Geometry:
      return geometryColumn(data.scalars, field, valid);
    case DataType.Timestamptz:
      return timesColumn(data.scalars, field, valid, timeZone);
    case DataType.Array:
      return arrayColumn(data.scalars, field, valid);
    default:
      throw notServed(`data type ${dataTypeName(field.type)} (field ${field.name})`);
  }
}

/** One byte a row: 1 where the message has a value. */
function validRows(data: FieldData, field: FieldSchema, rows: number): Uint8Array {
  const hasDefault = field.defaultValue !== undefined;
  const { validData } = data;
  if (validData.length === 0) return new Uint8Array(rows).fill(1);
  const expected = field.nullable || hasDefault ? rows : 0;
  if (validData.length !== expected) {
    throw parameterInvalid(`the length of valid_data of field(${field.name}) is wrong`, {
      expected,
      actual: validData.length,
    });
  }
  return validData;
}

/** Checks that there are as many values as valid rows. */
function checkCount(count: number, field: FieldSchema, valid: Uint8Array): void {
  const expected = countValid(valid);
  if (count === expected) return;
  if (expected !== valid.length) {
    throw parameterInvalid("the length of field is wrong", { expected, actual: count });
  }
  throw rowsMismatch(field, count, expected);
}

function rowsMismatch(field: FieldSchema, count: number, expected: number): RedkiteError {
  return parameterInvalid(
    `the num_rows (${count}) of field (${field.name}) is not equal to passed num_rows (${expected})`,
    { expected, actual: count },
  );
}

function mayBeAbsent(field: FieldSchema): boolean {
  return field.nullable || field.defaultValue !== undefined;
}

function typeMismatch(field: FieldSchema, kind: string, needed: string): RedkiteError {
  return parameterInvalid(`${kind}field '${field.name}' is illegal, array type mismatch`, {
    expected: `need ${needed}`,
    actual: "got nil",
  });
}

/** Rows that have no value after defaults were filled in. */
function validityOf(field: FieldSchema, valid: Uint8Array): Uint8Array | undefined {
  return field.defaultValue === undefined ? bitmapOf(valid) : undefined;
}

function fixedColumn(scalars: ScalarField | undefined, field: FieldSchema, valid: Uint8Array): FixedColumn {
  return filledFixed(fixedValues(scalars, field), field, valid);
}

/** Times travel as text. */
function timesColumn(
  scalars: ScalarField | undefined,
  field: FieldSchema,
  valid: Uint8Array,
  timeZone: string,
): FixedColumn {
  const texts = scalars?.stringData?.data;
  if (texts === undefined && !mayBeAbsent(field)) {
    throw parameterInvalid("timestamptz field data must be a string array");
  }
  return filledFixed(timesFromTexts(texts ?? packBytes([]), timeZone), field, valid);
}

function filledFixed(values: FixedValues, field: FieldSchema, valid: Uint8Array): FixedColumn {
  checkCount(values.length, field, valid);
  const filler = field.defaultValue && fixedDefault(field, field.defaultValue);
  return {
    kind: "fixed",
    type: field.type,
    dim: 0,
    rows: valid.length,
    values: values.length === valid.length ? values : spreadFixed(values, valid, 1, filler),
    validity: validityOf(field, valid),
  };
}

function fixedValues(scalars: ScalarField | undefined, field: FieldSchema): FixedValues {
  switch (field.type) {
    case DataType.Bool:
      return present(scalars?.boolData?.data, new Uint8Array(0), field, "bool array");
    case DataType.Int64:
      return present(scalars?.longData?.data, new BigInt64Array(0), field, "long int array");
    case DataType.Float:
      return present(scalars?.floatData?.data, new Float32Array(0), field, "float32 array");
    case DataType.Double:
      return present(scalars?.doubleData?.data, new Float64Array(0), field, "float64(double) array");
    default:
      return narrowIntegers(
        present(scalars?.intData?.data, new Int32Array(0), field, "int array"),
        field.type,
      );
  }
}

function present<Values extends { readonly length: number }>(
  values: Values | undefined,
  none: Values,
  field: FieldSchema,
  needed: string,
): Values {
  if (values !== undefined && values.length > 0) return values;
  if (mayBeAbsent(field)) return none;
  throw typeMismatch(field, "", needed);
}

/** One value of the field's default as its column holds it. */
function fixedDefault(field: FieldSchema, value: ScalarValue): FixedValues {
  const number = value.kind === "int" || value.kind === "float" ? Number(value.value) : 0;
  switch (field.type) {
    case DataType.Bool:
      return Uint8Array.of(value.kind === "bool" && value.value ? 1 : 0);
    case DataType.Int64:
    case DataType.Timestamptz:
      return BigInt64Array.of(value.kind === "int" ? value.value : 0n);
    case DataType.Float:
      return Float32Array.of(number);
    case DataType.Double:
      return Float64Array.of(number);
    default:
      return narrowIntegers(Int32Array.of(number), field.type);
  }
}

function bytesColumn(
  packed: PackedBytes | undefined,
  kind: string,
  needed: string,
  field: FieldSchema,
  valid: Uint8Array,
): Column {
  const values = packed ?? packBytes([]);
  const count = values.offsets.length - 1;
  if (count === 0 && valid.length > 0 && !mayBeAbsent(field))
    throw typeMismatch(field, `${kind} `, `${needed} array`);
  checkCount(count, field, valid);
  const filler = field.defaultValue && bytesDefault(field.defaultValue);
  const filled =
    count === valid.length
      ? values
      : filler !== undefined
        ? fillBytes(values, valid, filler)
        : { offsets: spreadOffsets(values.offsets, valid), bytes: values.bytes };
  const { offsets, bytes } = filled;
  return {
    kind: "bytes",
    type: field.type,
    rows: valid.length,
    offsets,
    bytes,
    validity: validityOf(field, valid),
  };
}

/** Geometries travel as text, too. */
function geometryColumn(scalars: ScalarField | undefined, field: FieldSchema, valid: Uint8Array): Column {
  const texts = scalars?.geometryWktData?.data;
  return bytesColumn(texts && geometriesFromTexts(texts), "geometry", "geometry", field, valid);
}

function bytesDefault(value: ScalarValue): Uint8Array {
  if (value.kind === "bytes") return value.value;
  return new TextEncoder().encode(value.kind === "string" ? value.value : "");
}

function arrayColumn(scalars: ScalarField | undefined, field: FieldSchema, valid: Uint8Array): Column {
  const array = scalars?.arrayData;
  if (array === undefined && !field.nullable) {
    throw typeMismatch(field, "array ", `${dataTypeName(field.elementType)} array`);
  }
  const rows = array?.data ?? packBytes([]);
  checkCount(rows.offsets.length - 1, field, valid);
  const list = arrayRowsToList(rows, field.elementType);
  return {
    kind: "list",
    type: DataType.Array,
    rows: valid.length,
    offsets: spreadOffsets(list.offsets, valid),
    child: list.child,
    validity: validityOf(field, valid),
  };
}

const vectorKinds: Readonly<Record<DenseVectorType, string>> = {
  [DataType.FloatVector]: "float",
  [DataType.Float16Vector]: "float16",
  [DataType.BFloat16Vector]: "bfloat16",
  [DataType.BinaryVector]: "binary",
  [DataType.Int8Vector]: "int8",
};

function denseColumn(
  vectors: VectorField | undefined,
  field: FieldSchema,
  type: DenseVectorType,
  valid: Uint8Array,
): FixedColumn {
  const values = denseValues(vectors, type);
  if (values === undefined || (values.length === 0 && countValid(valid) > 0)) {
    if (!field.nullable)
      throw typeMismatch(field, `${vectorKinds[type]} vector `, `${vectorKinds[type]} vector`);
    if (countValid(valid) > 0) throw rowsMismatch(field, 0, countValid(valid));
  }
  const width = denseWidth(type, field.dim);
  if (values !== undefined && vectors !== undefined && values.length > 0) {
    checkWidth(values.length, type, field.dim, width);
    if (vectors.dim !== BigInt(field.dim)) {
      throw parameterInvalid(
        `the dim (${vectors.dim}) of field data(${field.name}) is not equal to schema dim (${field.dim})`,
        { expected: field.dim, actual: vectors.dim },
      );
    }
  }
  const present = values ?? new Uint8Array(0);
  const count = present.length / width;
  const expected = countValid(valid);
  if (count !== expected) throw rowsMismatch(field, count, expected);
  return {
    kind: "fixed",
    type,
    dim: field.dim,
    rows: valid.length,
    values: count === valid.length ? present : spreadFixed(emptyAs(type, present), valid, width),
    validity: bitmapOf(valid),
  };
}

function denseValues(vectors: VectorField | undefined, type: DenseVectorType): FixedValues | undefined {
  switch (type) {
    case DataType.FloatVector:
      return vectors?.floatVector?.data;
    case DataType.Float16Vector:
      return vectors?.float16Vector ?? rounded(vectors, type);
    case DataType.BFloat16Vector:
      return vectors?.bfloat16Vector ?? rounded(vectors, type);
    case DataType.BinaryVector:
      return vectors?.binaryVector;
    case DataType.Int8Vector: {
      const bytes = vectors?.int8Vector;
      return bytes && new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    }
  }
}

/** As Milvus, a field of half precision takes single precision too. */
function rounded(
  vectors: VectorField | undefined,
  type: typeof DataType.Float16Vector | typeof DataType.BFloat16Vector,
): Uint8Array | undefined {
  const floats = vectors?.floatVector?.data;
  return floats && roundedBytes(type, floats);
}

/** No values at all come without a type: give them the column's. */
function emptyAs(type: DenseVectorType, values: FixedValues): FixedValues {
  if (values.length > 0) return values;
  if (type === DataType.FloatVector) return new Float32Array(0);
  return type === DataType.Int8Vector ? new Int8Array(0) : new Uint8Array(0);
}

/** Elements of the column's typed array that make one vector. */
export function denseWidth(type: DenseVectorType, dim: number): number {
  return type === DataType.FloatVector ? dim : denseVectorBytes(type, dim);
}

function checkWidth(length: number, type: DenseVectorType, dim: number, width: number): void {
  if (length % width === 0) return;
  switch (type) {
    case DataType.FloatVector:
      throw parameterInvalid(`the length(${length}) of float data should divide the dim(${dim})`);
    case DataType.BinaryVector:
      throw parameterInvalid(`the num(${length * 8}) of all bits should divide the dim(${dim})`);
    case DataType.Float16Vector:
      throw parameterInvalid(`the length(${length}) of float16 data should divide the row width(${width})`);
    case DataType.BFloat16Vector:
      throw parameterInvalid(`the length(${length}) of bfloat data should divide the row width(${width})`);
    case DataType.Int8Vector:
      throw parameterInvalid(`the length(${length}) of int8 data should divide the dim(${dim})`);
  }
}

function sparseColumn(vectors: VectorField | undefined, field: FieldSchema, valid: Uint8Array): Column {
  const sparse = vectors?.sparseFloatVector;
  if (sparse === undefined && !field.nullable) {
    throw typeMismatch(field, "sparse float vector ", "sparse float vector");
  }
  const { offsets, bytes } = sparse?.contents ?? packBytes([]);
  const count = offsets.length - 1;
  const expected = countValid(valid);
  if (count !== expected) throw rowsMismatch(field, count, expected);
  return {
    kind: "bytes",
    type: field.type,
    rows: valid.length,
    offsets: spreadOffsets(offsets, valid),
    bytes,
    validity: bitmapOf(valid),
  };
}
