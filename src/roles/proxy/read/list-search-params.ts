import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { KeyValues } from "../../../model/schema.ts";
import { LIST_TYPES } from "../check/list-params.ts";

/**
 * Checks the search parameters of an index of lists; those of other types are ignored, as Milvus does. Throws parameterInvalid in its
 * words.
 */
export function checkListSearch(indexType: string, params: KeyValues, k: number): void {
  if (!LIST_TYPES.has(indexType)) return;
  checkInteger(params, "nprobe", 1, 65_536);
  if (indexType === "SCANN") {
    checkInteger(params, "reorder_k", 1, 2_147_483_647);
    const reorderK = params["reorder_k"];
    if (reorderK !== undefined && Number(reorderK) < k)
      throw parameterInvalid(`reorder_k(${reorderK}) should be larger than k(${k})`);
  }
  if (indexType === "IVF_RABITQ") {
    checkInteger(params, "rbq_bits_query", 0, 8);
    checkRefineK(params);
  }
}

/** How many times k rows are ranked again. */
export function checkRefineK(params: KeyValues): void {
  const text = params["refine_k"];
  if (text === undefined) return;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value))
    throw parameterInvalid(`Type conflict in json: param 'refine_k' (${text}) should be a number`);
  if (!(value >= 1) || value > SINGLE_MAX) {
    throw parameterInvalid(
      `Out of range in json: param 'refine_k' (${text}) should be in range [1.000000, 340282346638528859811704183484516925440.000000]`,
    );
  }
}

/** The largest number of single precision. */
const SINGLE_MAX = 3.4028234663852886e38;

function checkInteger(params: KeyValues, key: string, lower: number, upper: number): void {
  const text = params[key];
  if (text === undefined) return;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw parameterInvalid(`Type conflict in json: param '${key}' (${text}) should be integer`);
  const value = Number(text);
  if (value < lower || value > upper)
    throw parameterInvalid(
      `Out of range in json: param '${key}' (${text}) should be in range [${lower}, ${upper}]`,
    );
}
