/** Field types with Milvus's wire numbers (schema.proto DataType). */
export const DataType = {
  None: 0,
  Bool: 1,
  Int8: 2,
  Int16: 3,
  Int32: 4,
  Int64: 5,
  Float: 10,
  Double: 11,
  String: 20,
  VarChar: 21,
  Array: 22,
  JSON: 23,
  Geometry: 24,
  Text: 25,
  Timestamptz: 26,
  BinaryVector: 100,
  FloatVector: 101,
  Float16Vector: 102,
  BFloat16Vector: 103,
  SparseFloatVector: 104,
  Int8Vector: 105,
  ArrayOfVector: 106,
  ArrayOfStruct: 200,
  Struct: 201,
} as const;

export type DataType = (typeof DataType)[keyof typeof DataType];

/** Types that hold vectors of a fixed dimension. */
export type DenseVectorType =
  | typeof DataType.BinaryVector
  | typeof DataType.FloatVector
  | typeof DataType.Float16Vector
  | typeof DataType.BFloat16Vector
  | typeof DataType.Int8Vector;

const names = new Map<number, string>(Object.entries(DataType).map(([name, value]) => [value, name]));

/** The type's name as Milvus prints it, for example `FloatVector`. */
export function dataTypeName(type: number): string {
  return names.get(type) ?? `DataType(${type})`;
}

export function isDenseVector(type: DataType): type is DenseVectorType {
  return (
    type === DataType.BinaryVector ||
    type === DataType.FloatVector ||
    type === DataType.Float16Vector ||
    type === DataType.BFloat16Vector ||
    type === DataType.Int8Vector
  );
}

export function isVector(type: DataType): boolean {
  return isDenseVector(type) || type === DataType.SparseFloatVector;
}

/** Bytes of one vector of `dim` dimensions. */
export function denseVectorBytes(type: DenseVectorType, dim: number): number {
  switch (type) {
    case DataType.BinaryVector:
      return dim / 8;
    case DataType.FloatVector:
      return dim * 4;
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
      return dim * 2;
    case DataType.Int8Vector:
      return dim;
  }
}

/** Types whose values are variable-length bytes in a column: strings, JSON text, arrays, sparse vectors. */
export function isVariableLength(type: DataType): boolean {
  return (
    type === DataType.String ||
    type === DataType.VarChar ||
    type === DataType.JSON ||
    type === DataType.Array ||
    type === DataType.Text ||
    type === DataType.Geometry ||
    type === DataType.SparseFloatVector
  );
}
