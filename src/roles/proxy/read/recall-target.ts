import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { KeyValues } from "../../../model/schema.ts";

/**
 * Checks `recall_target`, which stands in place of the width that an index is searched with. A parameter of ours, refused in the words that
 * Milvus has for others.
 */
export function checkRecallTarget(params: KeyValues): void {
  const text = params["recall_target"];
  if (text === undefined) return;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value))
    throw parameterInvalid(`Type conflict in json: param 'recall_target' (${text}) should be a number`);
  if (!(value > 0 && value < 1)) {
    throw parameterInvalid(
      `Out of range in json: param 'recall_target' (${text}) should be in range (0.000000, 1.000000)`,
    );
  }
  const width = ["ef", "nprobe", "search_list", "search_list_size"].find((key) => params[key] !== undefined);
  if (width !== undefined) {
    throw parameterInvalid(
      `param 'recall_target' (${text}) chooses '${width}' (${params[width]}): only one of them can be given`,
    );
  }
}
