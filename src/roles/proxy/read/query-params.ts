import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import type { CollectionId } from "../../../model/ids.ts";
import type { CollectionSchema, KeyValues } from "../../../model/schema.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { parseGoBool, parseGoInt } from "./go-values.ts";
import { parseOrderBy, type OrderBy } from "./order-by.ts";

/** `query_params` of a query. */
export interface QueryParams {
  /** -1 for all. */
  readonly limit: number;
  readonly offset: number;
  readonly iterator: boolean;
  readonly ignoreGrowing: boolean;
  readonly orderBy: readonly OrderBy[];
}

/** Parameters of a query that this version does not serve. */
const NOT_SERVED: readonly string[] = [
  "group_by_fields",
  "query_iter_last_pk",
  "query_iter_last_element_offset",
];

/** Unknown parameters are ignored, as Milvus does. Errors name parameter and value. */
export function parseQueryParams(
  params: KeyValues,
  schema: CollectionSchema,
  collectionId: CollectionId,
  limits: Pick<ProxyLimits, "resultWindowMax">,
): QueryParams {
  const ignoreGrowing = parseIgnoreGrowing(params);
  booleanParam(params, "reduce_stop_for_best", "value for reduce_stop_for_best is invalid");
  const iterator = booleanParam(params, "iterator", "value for iterator field is invalid");
  checkCollectionId(params, collectionId);
  for (const name of NOT_SERVED) {
    if ((params[name] ?? "") !== "") throw notServed(`the query parameter ${name}`);
  }
  const orderBy = parseOrderBy(params["order_by_fields"] ?? "", schema);
  if (orderBy.length > 0 && params["limit"] === undefined)
    throw parameterInvalid("ORDER BY requires explicit limit");
  if (orderBy.length > 0 && iterator) throw parameterInvalid("ORDER BY with iterator is not supported");
  if (params["limit"] === undefined) return { limit: -1, offset: 0, iterator, ignoreGrowing, orderBy };
  const limit = wholeParam(params, "limit");
  const offset = params["offset"] === undefined ? 0 : wholeParam(params, "offset");
  checkWindow(limit, offset, limits.resultWindowMax);
  return { limit, offset, iterator, ignoreGrowing, orderBy };
}

export function parseIgnoreGrowing(params: KeyValues): boolean {
  const text = params["ignore_growing"];
  if (text === undefined) return false;
  const value = parseGoBool(text);
  if (value === undefined) throw parameterInvalid("parse ignore growing field failed");
  return value;
}

function booleanParam(params: KeyValues, name: string, problem: string): boolean {
  const text = params[name];
  if (text === undefined) return false;
  const value = parseGoBool(text);
  if (value === undefined) throw parameterInvalid(problem, { expected: "true or false", actual: text });
  return value;
}

function wholeParam(params: KeyValues, name: string): number {
  const text = params[name] ?? "";
  const value = parseGoInt(text);
  if (value === undefined) throw parameterInvalid(`${name} [${text}] is invalid`);
  return value;
}

function checkCollectionId(params: KeyValues, collectionId: CollectionId): void {
  const text = params["collection_id"];
  if (text === undefined || text === "" || text === "0") return;
  if (!/^[+-]?\d{1,19}$/.test(text)) {
    throw parameterInvalid("value for collection id is invalid", {
      expected: "int value for collection_id",
      actual: text,
    });
  }
  if (BigInt(text) > 0n && BigInt(text) !== collectionId) {
    throw parameterInvalid(
      "Input collection id is not consistent to collectionID in the context,alias or database may have changed",
    );
  }
}

function checkWindow(limit: number, offset: number, windowMax: number): void {
  const head = "invalid max query result window, ";
  if (offset < 0) throw parameterInvalid(`${head}offset [${offset}] is invalid, should be gte than 0`);
  if (limit <= 0) throw parameterInvalid(`${head}limit [${limit}] is invalid, should be greater than 0`);
  if (offset + limit > windowMax) {
    throw parameterInvalid(
      `${head}(offset+limit) should be in range [1, ${windowMax}], but got ${offset + limit}`,
    );
  }
}
