import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { IndexInfo, KeyValues } from "../../../model/schema.ts";

/**
 * The parameters of a search by MHJACCARD: what the request says about candidates and scores, checked, and how the field's index reads
 * signatures, whatever the request says about that. Throws parameterInvalid in Milvus's words.
 */
export function minHashSearch(index: Pick<IndexInfo, "params"> | undefined, params: KeyValues): KeyValues {
  checkBoolean(params, "mh_search_with_jaccard");
  // The candidates of each query are compared by themselves, which bounds what is read at a time.
  checkBoolean(params, "mh_lsh_batch_search");
  checkRefineK(params);
  const { mh_element_bit_width: _width, mh_lsh_band: _band, ...asked } = params;
  const own = index?.params ?? {};
  return {
    ...asked,
    mh_element_bit_width: own["mh_element_bit_width"] ?? "8",
    mh_lsh_band: own["mh_lsh_band"] ?? "1",
  };
}

function checkBoolean(params: KeyValues, key: string): void {
  const text = params[key];
  if (text === undefined || ["true", "false"].includes(text.toLowerCase())) return;
  throw parameterInvalid(`Type conflict in json: param '${key}' (${text}) should be a boolean`);
}

/** Candidates that are compared, a whole number here. */
function checkRefineK(params: KeyValues): void {
  const text = params["refine_k"];
  if (text === undefined) return;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw parameterInvalid(`Type conflict in json: param 'refine_k' (${text}) should be integer`);
  if (Number(text) < 1 || Number(text) > INT_MAX)
    throw parameterInvalid(
      `Out of range in json: param 'refine_k' (${text}) should be in range [1, ${INT_MAX}]`,
    );
}

const INT_MAX = 2_147_483_647;
