import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { SearchParams } from "./search-params.ts";

/**
 * Checks the width of the walk through a DISKANN index, `search_list` or `search_list_size`: one that is named must be at least as many
 * rows as are wanted. Ranges, pages of iterators and groups widen the walk themselves. Throws parameterInvalid in Milvus's words.
 */
export function checkDiskSearch(indexType: string, params: SearchParams): void {
  if (indexType !== "DISKANN") return;
  const text = params.indexParams["search_list"] ?? params.indexParams["search_list_size"];
  if (text === undefined) return;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw parameterInvalid(
      `Type conflict in json: param 'search_list_size' (${text === "None" ? "null" : text}) should be integer`,
    );
  const width = Number(text);
  if (width < 1 || width > WIDTH_MAX) {
    throw parameterInvalid(
      `Out of range in json: param 'search_list_size' (${text}) should be in range [1, ${WIDTH_MAX}]`,
    );
  }
  const k = params.limit + params.offset;
  const widens =
    params.iterator ||
    params.page !== undefined ||
    params.groupBy !== undefined ||
    params.radius !== undefined;
  if (!widens && width < k)
    throw parameterInvalid(`search_list_size(${width}) should be larger than k(${k})`);
}

const WIDTH_MAX = 2_147_483_647;
