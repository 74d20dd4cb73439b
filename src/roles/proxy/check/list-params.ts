import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import type { FieldSchema, KeyValues } from "../../../model/schema.ts";
import { integerParam } from "./integer-param.ts";

/** Index types whose rows lie in lists around centroids. */
export const LIST_TYPES: ReadonlySet<string> = new Set([
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "IVF_RABITQ",
  "SCANN",
  "BIN_IVF_FLAT",
]);

/** Checks and completes the parameters of such an index with knowhere's bounds and defaults. */
export function listParams(indexType: string, field: FieldSchema, given: KeyValues): KeyValues {
  const nlist = integerParam(given, "nlist", { lower: 1, upper: 65_536, otherwise: 128 });
  const dim = Number(field.typeParams["dim"] ?? 0);
  switch (indexType) {
    case "IVF_PQ":
      return { index_type: indexType, nlist, ...productParams(given, dim) };
    case "SCANN":
      if (dim % 2 !== 0) {
        throw parameterInvalid(
          `The dimension of a vector (dim) should be a multiple of 2. Dimension:${dim}, sub_dim:2`,
        );
      }
      return { index_type: indexType, nlist, refine: booleanParam(given, "with_raw_data", "true") };
    case "IVF_RABITQ":
      return { index_type: indexType, nlist, ...refineParams(given, refineTypes) };
    default:
      return { index_type: indexType, nlist };
  }
}

/** Codes of more than eight bits would need tables larger than a processor's cache for no gain in recall per byte. */
const SERVED_BITS_MAX = 8;

/** `m` and `nbits` of product codes. */
export function productParams(given: KeyValues, dim: number, mOtherwise = 32): KeyValues {
  const m = integerParam(given, "m", { lower: 1, upper: 65_536, otherwise: mOtherwise });
  const nbits = integerParam(given, "nbits", { lower: 1, upper: 24, otherwise: 8 });
  if (dim % Number(m) !== 0) {
    throw parameterInvalid(
      `The dimension of a vector (dim) should be a multiple of the number of subquantizers (m). Dimension:${dim}, m:${m}`,
    );
  }
  if (Number(nbits) > SERVED_BITS_MAX)
    throw notServed(`nbits ${nbits}`, `1 to ${SERVED_BITS_MAX} are served`);
  return { m, nbits };
}

const refineTypes: readonly string[] = ["sq6", "sq8", "fp16", "bf16", "fp32", "flat"];

/** Without a `refine_type` the best are ranked again on the raw vectors, which every segment has. */
export function refineParams(given: KeyValues, types: readonly string[]): KeyValues {
  const type = given["refine_type"] ?? "None";
  if (type !== "None" && !types.includes(type.toLowerCase())) {
    throw parameterInvalid(`invalid refine type : ${type}, optional types are [${types.join(", ")}]`);
  }
  const refine = booleanParam(given, "refine", "false");
  return { refine, ...(refine === "true" && type !== "None" ? { refine_type: type.toUpperCase() } : {}) };
}

function booleanParam(given: KeyValues, key: string, otherwise: "true" | "false"): string {
  const text = given[key];
  if (text === undefined || text === "None") return otherwise;
  const value = text.toLowerCase();
  if (value === "true" || value === "false") return value;
  throw parameterInvalid(`Type conflict in json: param '${key}' ("${text}") should be a boolean`);
}
