import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { DataType, dataTypeName, isVector } from "../../../model/data-type.ts";
import type { FieldSchema } from "../../../model/schema.ts";

/** An index type that clients may name. */
export interface IndexType {
  readonly family: "vector" | "scalar";
  /** False: Milvus has it and this version does not yet. */
  readonly served: boolean;
  /** Vector types that it can be built on. */
  readonly vectors: readonly DataType[];
}

const float: readonly DataType[] = [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector];
const binary: readonly DataType[] = [DataType.BinaryVector];
const sparse: readonly DataType[] = [DataType.SparseFloatVector];
const dense: readonly DataType[] = [...float, DataType.Int8Vector, ...binary];

const servedVector = (vectors: readonly DataType[]): IndexType => ({
  family: "vector",
  served: true,
  vectors,
});
const servedScalar: IndexType = { family: "scalar", served: true, vectors: [] };
const comingScalar: IndexType = { family: "scalar", served: false, vectors: [] };

/** FLAT is served on every vector type, also where Milvus has another name for it. */
export const INDEX_TYPES: ReadonlyMap<string, IndexType> = new Map([
  ["FLAT", servedVector([...dense, ...sparse])],
  ["BIN_FLAT", servedVector(binary)],
  ["HNSW", servedVector(dense)],
  ["HNSW_SQ", servedVector(float)],
  ["HNSW_PQ", servedVector(float)],
  ["HNSW_PRQ", servedVector(float)],
  ["IVF_FLAT", servedVector(float)],
  ["IVF_SQ8", servedVector(float)],
  ["IVF_PQ", servedVector(float)],
  ["IVF_RABITQ", servedVector(float)],
  ["SCANN", servedVector(float)],
  ["DISKANN", servedVector(float)],
  ["BIN_IVF_FLAT", servedVector(binary)],
  ["MINHASH_LSH", servedVector(binary)],
  ["SPARSE_INVERTED_INDEX", servedVector(sparse)],
  ["SPARSE_WAND", servedVector(sparse)],
  ["STL_SORT", servedScalar],
  ["INVERTED", servedScalar],
  ["BITMAP", servedScalar],
  ["TRIE", servedScalar],
  ["Trie", servedScalar],
  ["NGRAM", comingScalar],
  ["RTREE", servedScalar],
]);

/** Whether a scalar index of the type fits the field, in Milvus's words for each. */
export function checkScalarType(indexType: string, field: FieldSchema): void {
  const { type } = field;
  const text = type === DataType.VarChar;
  const json = type === DataType.JSON;
  switch (indexType) {
    case "STL_SORT":
      if (!isNumeric(type) && type !== DataType.Timestamptz && !text && !json) {
        throw parameterInvalid(
          `STL_SORT are only supported on numeric, varchar or timestamptz field, got ${dataTypeName(type)}`,
        );
      }
      return;
    case "TRIE":
    case "Trie":
      if (!text) throw parameterInvalid("TRIE are only supported on varchar field");
      return;
    case "BITMAP":
      checkBitmap(field);
      return;
    case "INVERTED":
      if (isVector(type) || type === DataType.Timestamptz || type === DataType.Geometry) {
        throw parameterInvalid(`INVERTED are not supported on ${dataTypeName(type)} field`);
      }
      return;
    case "RTREE":
      if (type !== DataType.Geometry) {
        throw parameterInvalid(`RTREE index can only be built on geometry field, got ${dataTypeName(type)}`);
      }
      return;
  }
}

function checkBitmap({ type, elementType, isPrimaryKey }: FieldSchema): void {
  if (isPrimaryKey) throw parameterInvalid("create bitmap index on primary key not supported");
  if (type === DataType.JSON) return;
  if (type === DataType.Array) {
    if (holdsFewValues(elementType)) return;
    throw parameterInvalid("bitmap index are only supported on bool, int, string for array field");
  }
  if (!holdsFewValues(type)) {
    throw parameterInvalid("bitmap index are only supported on bool, int, string and array field");
  }
}

function isInteger(type: DataType): boolean {
  return (
    type === DataType.Int8 || type === DataType.Int16 || type === DataType.Int32 || type === DataType.Int64
  );
}

function isNumeric(type: DataType): boolean {
  return isInteger(type) || type === DataType.Float || type === DataType.Double;
}

function holdsFewValues(type: DataType): boolean {
  return type === DataType.Bool || type === DataType.VarChar || isInteger(type);
}
