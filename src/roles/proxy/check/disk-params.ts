import type { KeyValues } from "../../../model/schema.ts";

/**
 * The parameters of a DISKANN index. Milvus takes its configured ones whatever a request says; here those of a request count where
 * they lie within their bounds, and all others stand for Milvus's.
 */
export function diskParams(given: KeyValues): KeyValues {
  return {
    index_type: "DISKANN",
    max_degree: wholeParam(given["max_degree"], DEGREE_MAX, "56"),
    search_list_size: wholeParam(given["search_list_size"], SEARCH_LIST_MAX, "100"),
    pq_code_budget_gb_ratio: shareParam(given["pq_code_budget_gb_ratio"], CODES_MAX, "0.125"),
    search_cache_budget_gb_ratio: shareParam(given["search_cache_budget_gb_ratio"], CACHED_MAX, "0.1"),
  };
}

const DEGREE_MAX = 2048;
const SEARCH_LIST_MAX = 65_536;
/** Milvus documents these as the largest shares of the raw vectors. */
const CODES_MAX = 0.25;
const CACHED_MAX = 0.3;

function wholeParam(text: string | undefined, most: number, otherwise: string): string {
  const value = Number(text);
  return text !== undefined && /^\d{1,10}$/.test(text) && value >= 1 && value <= most ? text : otherwise;
}

function shareParam(text: string | undefined, most: number, otherwise: string): string {
  const value = Number(text);
  return text !== undefined && /^\d*\.?\d+$/.test(text) && value <= most ? text : otherwise;
}
