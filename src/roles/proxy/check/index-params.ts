import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { RedkiteError } from "../../../errors/redkite-error.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { DataType, dataTypeName, isVector } from "../../../model/data-type.ts";
import type { CollectionSchema, FieldSchema, KeyValues } from "../../../model/schema.ts";
import type { KeyValuePair } from "../../../wire/messages.gen.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { diskParams } from "./disk-params.ts";
import { graphParams, GRAPH_TYPES } from "./graph-params.ts";
import { checkScalarType, INDEX_TYPES } from "./index-types.ts";
import { jsonIndexParams } from "./json-index.ts";
import { listParams, LIST_TYPES } from "./list-params.ts";
import { minHashParams } from "./minhash-params.ts";
import { byteLength } from "./names.ts";
import { checkWarmupPolicy, MMAP_KEY, parseBool } from "./properties.ts";
import { sparseParams } from "./sparse-params.ts";

/** An index as it is to be created. */
export interface ResolvedIndex {
  /** What DescribeIndex shows. */
  readonly userParams: KeyValues;
  /** What is built: `index_type` is one that is really served, with all its parameters. */
  readonly params: KeyValues;
  readonly isAuto: boolean;
}

export const AUTO_INDEX = "AUTOINDEX";

/**
 * Checks the parameters of CreateIndex for a field and fills in what they leave out, as Milvus does and in its words. An empty
 * `index_type` means AUTOINDEX. `asked` is the name in the request: the field's, or a key of the dynamic field.
 */
export function resolveIndex(
  field: FieldSchema,
  schema: CollectionSchema,
  extraParams: readonly KeyValuePair[],
  limits: Pick<ProxyLimits, "indexParamsBytesMax">,
  asked = field.name,
): ResolvedIndex {
  checkSize(extraParams, limits);
  const given = expand(extraParams);
  checkSize(
    Object.entries(given).map(([key, value]) => ({ key, value })),
    limits,
  );
  const named = given["index_type"] ?? "";
  if (named !== "" && named !== AUTO_INDEX) checkKnown(named, given);
  const warmup = given["warmup"];
  if (warmup !== undefined) checkWarmup(warmup);
  const auto = named === "" || named === AUTO_INDEX;
  const userParams = pairsOf(extraParams);
  return isVector(field.type)
    ? resolveVector(field, { given, userParams, auto })
    : resolveScalar(field, schema, asked, { given, userParams, auto });
}

interface Wanted {
  readonly given: KeyValues;
  readonly userParams: KeyValues;
  readonly auto: boolean;
}

/** What AUTOINDEX builds (Milvus's autoIndex.params). */
function autoVector(type: DataType): { readonly metric: string; readonly params: KeyValues } {
  const graph = { index_type: "HNSW", M: "18", efConstruction: "240" };
  switch (type) {
    case DataType.SparseFloatVector:
      return { metric: "IP", params: { index_type: "SPARSE_INVERTED_INDEX" } };
    case DataType.BinaryVector:
      return { metric: "HAMMING", params: graph };
    default:
      return { metric: "COSINE", params: graph };
  }
}

function resolveVector(field: FieldSchema, { given, userParams, auto }: Wanted): ResolvedIndex {
  const chosen = autoVector(field.type);
  if (auto) {
    const stray = Object.keys(given).filter((key) => key !== "index_type" && key !== "metric_type");
    if (stray.length > 0) throw parameterInvalid("only metric type can be passed when use AutoIndex");
    const metric = given["metric_type"] ?? chosen.metric;
    checkMetric(field, metric, "");
    const params = autoParams(field, metric, chosen.params);
    return {
      userParams: { index_type: AUTO_INDEX, metric_type: metric },
      params: { ...params, metric_type: metric },
      isAuto: true,
    };
  }
  const indexType = given["index_type"] ?? "";
  const metric = given["metric_type"];
  if (metric === undefined) throw invalidIndexParams("metric type not set for vector index");
  checkMetric(field, metric, indexType);
  checkVectorType(field, indexType);
  checkDim(field, given);
  return {
    userParams,
    params: { ...vectorParams(indexType, metric, field, given), metric_type: metric },
    isAuto: false,
  };
}

/** Milvus's autoIndex.params.deduplicate stands for MHJACCARD; relations have no index. */
function autoParams(field: FieldSchema, metric: string, otherwise: KeyValues): KeyValues {
  if (metric === "MHJACCARD") return minHashParams("MINHASH_LSH", field, {});
  return relations.includes(metric) ? { index_type: "FLAT" } : otherwise;
}

function vectorParams(indexType: string, metric: string, field: FieldSchema, given: KeyValues): KeyValues {
  if (LIST_TYPES.has(indexType)) return listParams(indexType, field, given);
  if (GRAPH_TYPES.has(indexType)) return graphParams(indexType, field, given);
  switch (indexType) {
    case "DISKANN":
      return diskParams(given);
    case "MINHASH_LSH":
      return minHashParams(indexType, field, given);
    case "SPARSE_INVERTED_INDEX":
    case "SPARSE_WAND":
      return sparseParams(indexType, given);
    default:
      return metric === "MHJACCARD" ? minHashParams("FLAT", field, given) : { index_type: "FLAT" };
  }
}

/**
 * The parameters of an index that has no file: filters on Array fields and on paths of JSON fields read the column itself, and there are
 * none on Geometry fields yet. Such an index is kept and described like any other, so that it can be built once there is a structure for it.
 */
const SCANNED = "SCAN";
const scannedTypes: ReadonlySet<DataType> = new Set([DataType.JSON, DataType.Array, DataType.Geometry]);

function resolveScalar(
  field: FieldSchema,
  schema: CollectionSchema,
  asked: string,
  { given, userParams, auto }: Wanted,
): ResolvedIndex {
  const indexType = auto ? autoScalar(field) : (given["index_type"] ?? "");
  if (INDEX_TYPES.get(indexType)?.family === "vector") {
    throw parameterInvalid(`index ${indexType} only supports vector data type`);
  }
  checkScalarType(indexType, field);
  if (INDEX_TYPES.get(indexType)?.served !== true) throw notServed(`the index type ${indexType}`);
  const json = field.type === DataType.JSON ? jsonIndexParams(indexType, field, asked, given, schema) : {};
  const scanned = scannedTypes.has(field.type);
  const built = indexType === "Trie" ? "TRIE" : indexType;
  return {
    userParams: auto ? { ...userParams, index_type: AUTO_INDEX } : userParams,
    params: { index_type: scanned ? SCANNED : built, ...json },
    isAuto: auto,
  };
}

/** Milvus takes BITMAP for booleans and a mixture for the rest; here that is the sorted index. */
function autoScalar(field: FieldSchema): string {
  switch (field.type) {
    case DataType.Bool:
      return "BITMAP";
    case DataType.Timestamptz:
      return "STL_SORT";
    case DataType.Geometry:
      return "RTREE";
    default:
      return "INVERTED";
  }
}

function checkKnown(indexType: string, given: KeyValues): void {
  const mmap = given[MMAP_KEY];
  if (mmap !== undefined && parseBool(mmap) === undefined) {
    throw parameterInvalid(
      `invalid mmap type params: invalid ${MMAP_KEY} value: ${mmap}, expected: true, false: invalid parameter`,
    );
  }
  if (INDEX_TYPES.has(indexType)) return;
  throw parameterInvalid("", { expected: "valid index", actual: `invalid index type: ${indexType}` });
}

function checkWarmup(policy: string): void {
  try {
    checkWarmupPolicy(policy);
  } catch (error) {
    if (!(error instanceof RedkiteError)) throw error;
    throw parameterInvalid(`invalid warmup params: ${error.message}`);
  }
}

const floatMetrics: readonly string[] = ["L2", "IP", "COSINE"];
const binaryMetrics: readonly string[] = ["HAMMING", "JACCARD"];
const relations: readonly string[] = ["SUBSTRUCTURE", "SUPERSTRUCTURE"];
const exactTypes: readonly string[] = ["", "BIN_FLAT", "FLAT"];

/** Milvus has relations for exact indexes alone, and MHJACCARD for MINHASH_LSH besides. */
function checkBinaryMetric(metric: string, indexType: string): void {
  const isExact = exactTypes.includes(indexType);
  const signatures = indexType === "MINHASH_LSH";
  const supported = signatures ? ["MHJACCARD"] : binaryMetrics;
  const exact = relations.includes(metric) || metric === "MHJACCARD";
  if (supported.includes(metric) || (isExact && exact)) return;
  if (!exact && !binaryMetrics.includes(metric))
    throw invalidIndexParams(`binary vector index does not support metric type: ${metric}`);
  throw parameterInvalid(
    `metric type ${metric} not found or not supported, supported: [${supported.join(" ")}]`,
  );
}

function checkMetric({ type }: FieldSchema, metric: string, indexType: string): void {
  switch (type) {
    case DataType.SparseFloatVector:
      if (metric === "BM25") {
        throw invalidIndexParams("only BM25 Function output field support BM25 metric type");
      }
      if (metric !== "IP") {
        throw invalidIndexParams("only IP&BM25 is the supported metric type for sparse index");
      }
      return;
    case DataType.BinaryVector:
      checkBinaryMetric(metric, indexType);
      return;
    case DataType.Int8Vector:
      if (!floatMetrics.includes(metric)) {
        throw invalidIndexParams(`int vector index does not support metric type: ${metric}`);
      }
      return;
    default:
      if (!floatMetrics.includes(metric)) {
        throw invalidIndexParams(`float vector index does not support metric type: ${metric}`);
      }
  }
}

function checkVectorType(field: FieldSchema, indexType: string): void {
  const known = INDEX_TYPES.get(indexType);
  if (known === undefined || !known.vectors.includes(field.type)) {
    throw parameterInvalid(`data type ${dataTypeName(field.type)} can't build with this index ${indexType}`);
  }
}

function checkDim(field: FieldSchema, given: KeyValues): void {
  const dim = given["dim"];
  const own = field.typeParams["dim"];
  if (dim !== undefined && own !== undefined && dim !== own) {
    throw parameterInvalid(`dimension mismatch, dimension in schema: ${own}, dimension: ${dim}`);
  }
}

function invalidIndexParams(problem: string): RedkiteError {
  return parameterInvalid(problem, { expected: "valid index params", actual: "invalid index params" });
}

/** The pairs with what stands in the JSON of `params` beside them. */
function expand(pairs: readonly KeyValuePair[]): KeyValues {
  const expanded: Record<string, string> = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  for (const { key, value } of pairs) {
    if (seen.has(key)) {
      throw parameterInvalid(`duplicated index param (key=${key}) (value=${value}) found`);
    }
    seen.add(key);
    if (key === "params") Object.assign(expanded, jsonParams(value));
    else expanded[key] = value;
  }
  return expanded;
}

/** A number keeps the form it was written in: 16.0 is not a whole number to Milvus. */
function keepNumberText(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  return typeof value === "number" ? (context.source ?? String(value)) : value;
}

function jsonParams(text: string): KeyValues {
  const params: Record<string, string> = {};
  let parsed: unknown;
  try {
    // The type definitions do not know the third argument of a reviver yet.
    parsed = JSON.parse(text, keepNumberText as (key: string, value: unknown) => unknown);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw parameterInvalid(`the index params are not JSON: ${error.message}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw parameterInvalid(`the index params must be a JSON object, not ${text}`);
  }
  for (const [key, value] of Object.entries(parsed)) {
    if (value !== null) params[key] = Array.isArray(value) ? `[${value.join(" ")}]` : String(value);
  }
  return params;
}

function pairsOf(pairs: readonly KeyValuePair[]): KeyValues {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

function checkSize(
  pairs: readonly KeyValuePair[],
  { indexParamsBytesMax }: Pick<ProxyLimits, "indexParamsBytesMax">,
): void {
  const size = pairs.reduce((sum, { key, value }) => sum + byteLength(key) + byteLength(value), 0);
  if (size > indexParamsBytesMax) {
    throw parameterInvalid(`index params size exceeds limit: ${size} > ${indexParamsBytesMax}`);
  }
}
