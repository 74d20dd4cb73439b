import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { GRAPH_TYPES } from "../check/graph-params.ts";
import { checkRefineK } from "./list-search-params.ts";
import type { SearchParams } from "./search-params.ts";

/**
 * Checks the width of the walk through a graph index: a search that names one must name at least as many rows as it wants. Pages of
 * iterators and groups widen the walk themselves. Throws parameterInvalid in Milvus's words.
 */
export function checkGraphSearch(indexType: string, params: SearchParams): void {
  if (!GRAPH_TYPES.has(indexType)) return;
  if (indexType !== "HNSW") checkRefineK(params.indexParams);
  const text = params.indexParams["ef"];
  if (text === undefined) return;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw parameterInvalid(`Type conflict in json: param 'ef' (${text}) should be integer`);
  const ef = Number(text);
  if (ef < 1 || ef > EF_MAX) {
    throw parameterInvalid(`Out of range in json: param 'ef' (${text}) should be in range [1, ${EF_MAX}]`);
  }
  const k = params.limit + params.offset;
  // Knowhere lets the walk of these two be narrower than what is wanted, and widens it.
  if (indexType === "HNSW_PQ" || indexType === "HNSW_PRQ") return;
  const widens = params.iterator || params.page !== undefined || params.groupBy !== undefined;
  if (!widens && ef < k) throw parameterInvalid(`ef(${ef}) should be larger than k(${k})`);
}

const EF_MAX = 2_147_483_647;
