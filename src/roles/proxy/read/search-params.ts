import { parameterInvalid, parameterMissing } from "../../../errors/parameter-errors.ts";
import { redkiteError } from "../../../errors/redkite-error.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { DataType, isVector } from "../../../model/data-type.ts";
import type { CollectionId } from "../../../model/ids.ts";
import {
  fieldByName,
  type CollectionSchema,
  type FieldSchema,
  type KeyValues,
} from "../../../model/schema.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { BM25_NUMBERS, checkSparseNumber } from "../check/sparse-params.ts";
import { parseGoInt } from "./go-values.ts";
import { parseGroupBy, type GroupByField } from "./group-params.ts";
import { parseOrderBy, type OrderBy } from "./order-by.ts";
import { parseIgnoreGrowing } from "./query-params.ts";
import { parseIteratorPage, type IteratorPage } from "./search-iterator.ts";

/** `search_params` of a search. */
export interface SearchParams {
  readonly field: FieldSchema;
  /** Hits (groups, when grouped) per query, behind `offset` of them. */
  readonly limit: number;
  readonly offset: number;
  /** `""` when the request names none. */
  readonly metric: string;
  /** Parameters of the index: `ef` and the like. */
  readonly indexParams: KeyValues;
  readonly radius: number | undefined;
  readonly rangeFilter: number | undefined;
  /** Digits behind the point of a score; -1 for all. */
  readonly roundDecimal: number;
  readonly groupBy: GroupByField | undefined;
  /** Of the hits, which the distance has chosen. */
  readonly orderBy: readonly OrderBy[];
  readonly ignoreGrowing: boolean;
  readonly iterator: boolean;
  /** A page of an iterator of the second kind. */
  readonly page: IteratorPage | undefined;
}

type Limits = Pick<ProxyLimits, "topKMax">;

const NOT_SERVED: readonly string[] = ["analyzer_name"];

/** Unknown parameters are ignored, as Milvus does. Checks follow Milvus's order, so that of several mistakes the same is reported. */
export function parseSearchParams(
  params: KeyValues,
  schema: CollectionSchema,
  collectionId: CollectionId,
  limits: Limits,
): SearchParams {
  const ignoreGrowing = parseIgnoreGrowing(params);
  const fieldName = annsFieldName(params, schema);
  const iterator = ["True", "true"].includes(params["iterator"] ?? "");
  const topK = parseTopK(params, iterator, limits.topKMax);
  const offset = parseOffset(params, topK, limits.topKMax);
  const roundDecimal = parseRoundDecimal(params);
  const indexParams = parseIndexParams(params["params"] ?? "");
  const groupBy = parseGroupBy(params, schema);
  if (iterator && groupBy !== undefined) {
    throw emptyParameter("Not allowed to do groupBy when doing iteration");
  }
  const radius = numberParam(indexParams, "radius");
  const rangeFilter = numberParam(indexParams, "range_filter");
  if (radius === undefined && rangeFilter !== undefined) {
    throw parameterInvalid(
      "range_filter requires radius to be set; range_filter alone is not a valid range search parameter",
      { expected: "range_filter", actual: "" },
    );
  }
  if (radius !== undefined && groupBy !== undefined) {
    throw emptyParameter("Not allowed to do range-search when doing search-group-by");
  }
  const page = parseIteratorPage(params, { iterator, offset, topKMax: limits.topKMax });
  for (const name of NOT_SERVED) {
    if ((params[name] ?? "") !== "") throw notServed(`the search parameter ${name}`);
  }
  const orderBy = parseOrderBy(params["order_by_fields"] ?? "", schema);
  if (iterator && orderBy.length > 0) {
    throw emptyParameter("order_by is not supported when using search iterator");
  }
  checkCollectionId(params, collectionId);
  checkHints(params["hints"] ?? "");
  const field = vectorFieldNamed(fieldName, schema);
  if (groupBy !== undefined && field.type === DataType.BinaryVector) {
    throw parameterInvalid("not support search_group_by operation based on binary vector column");
  }
  return {
    field,
    limit: page?.batchSize ?? topK,
    offset,
    metric: (params["metric_type"] ?? "").trim(),
    indexParams: checkedIndexParams(indexParams, field),
    radius,
    rangeFilter,
    roundDecimal,
    groupBy,
    orderBy,
    ignoreGrowing,
    iterator,
    page,
  };
}

/** The field that is searched; may be left out where there is only one vector field. */
export function annsFieldName(params: KeyValues, schema: CollectionSchema): string {
  const named = params["anns_field"] ?? "";
  if (named !== "") return named;
  const [first, second] = schema.fields.filter(({ type }) => isVector(type));
  if (first === undefined) throw parameterInvalid("anns_field not found in schema");
  if (second !== undefined)
    throw parameterInvalid("multiple anns_fields exist, please specify a anns_field in search_params");
  return first.name;
}

function vectorFieldNamed(name: string, schema: CollectionSchema): FieldSchema {
  const field = fieldByName(schema, name);
  if (field === undefined) {
    throw parameterInvalid(
      `failed to create query plan: failed to get field schema by name: fieldName(${name}) not found`,
    );
  }
  if (!isVector(field.type)) {
    throw parameterInvalid(
      `failed to create query plan: field (${name}) to search is not of vector data type`,
    );
  }
  return field;
}

function parseTopK(params: KeyValues, iterator: boolean, topKMax: number): number {
  const text = params["topk"];
  if (text === undefined) throw parameterMissing("topk", "topk is required");
  const topK = parseGoInt(text);
  if (topK === undefined) throw parameterInvalid(`topk [${text}] is invalid`);
  if (topK >= 1 && topK <= topKMax) return topK;
  if (iterator) return topKMax;
  throw parameterInvalid(`topk [${topK}] is invalid, ${outOfRange(topK, topKMax)}`);
}

function parseOffset(params: KeyValues, topK: number, topKMax: number): number {
  const text = params["offset"];
  const offset = text === undefined ? 0 : parseGoInt(text);
  if (offset === undefined) throw parameterInvalid(`offset [${text}] is invalid`);
  if (offset !== 0 && (offset < 1 || offset > topKMax)) {
    throw parameterInvalid(`offset [${offset}] is invalid, ${outOfRange(offset, topKMax)}`);
  }
  if (topK + offset > topKMax) {
    throw parameterInvalid(
      `offset+topk [${topK + offset}] is invalid, ${outOfRange(topK + offset, topKMax)}`,
    );
  }
  return offset;
}

export function outOfRange(value: number, max: number): string {
  return `it should be in range [1, ${max}], but got ${value}`;
}

function parseRoundDecimal(params: KeyValues): number {
  const text = params["round_decimal"] ?? "-1";
  const value = parseGoInt(text);
  if (value !== undefined && value >= -1 && value <= 6) return value;
  throw parameterInvalid(`round_decimal [${text}] is invalid, should be -1 or an integer in range [0, 6]`);
}

type IndexParams = Readonly<Record<string, unknown>>;

function parseIndexParams(text: string): IndexParams {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw parameterInvalid(`params [${text}] is invalid, should be a JSON object`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw parameterInvalid(`params [${text}] is invalid, should be a JSON object`);
  return { ...value };
}

function numberParam(params: IndexParams, name: string): number | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw parameterInvalid(`param '${name}' (${JSON.stringify(value)}) should be a number`);
}

function textValues(params: IndexParams): KeyValues {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (typeof value === "string") texts[name] = value;
    else if (typeof value === "number" || typeof value === "boolean") texts[name] = String(value);
  }
  return texts;
}

function checkedIndexParams(params: IndexParams, field: FieldSchema): KeyValues {
  for (const name of ["drop_ratio_search", ...BM25_NUMBERS] as const) {
    const value = numberParam(params, name);
    if (field.type === DataType.SparseFloatVector && value !== undefined) checkSparseNumber(name, value);
  }
  return textValues(params);
}

function checkCollectionId(params: KeyValues, collectionId: CollectionId): void {
  const text = params["collection_id"] ?? "";
  if (!/^\d{1,19}$/.test(text) || BigInt(text) === 0n || BigInt(text) === collectionId) return;
  throw parameterInvalid(
    `collection id:${text} in the request is not consistent to that in the search context,` +
      `alias or database may have been changed: ${collectionId}`,
  );
}

function checkHints(hints: string): void {
  if (hints === "" || hints === "disable" || hints === "iterative_filter") return;
  throw redkiteError("segcore", { context: `hints: ${hints} not supported`, blame: "input" });
}

/** A sentence where Milvus has nothing to expect. */
export function emptyParameter(message: string): Error {
  return parameterInvalid(message, { expected: "", actual: "" });
}
