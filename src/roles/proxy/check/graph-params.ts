import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { FieldSchema, KeyValues } from "../../../model/schema.ts";
import { integerParam } from "./integer-param.ts";
import { productParams, refineParams } from "./list-params.ts";

/** Index types whose rows are nodes of a graph. */
export const GRAPH_TYPES: ReadonlySet<string> = new Set(["HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ"]);

/** Checks and completes the parameters of such an index with knowhere's bounds and defaults. */
export function graphParams(indexType: string, field: FieldSchema, given: KeyValues): KeyValues {
  const links = {
    index_type: indexType,
    M: integerParam(given, "M", { lower: 2, upper: 2048, otherwise: 30 }),
    efConstruction: integerParam(given, "efConstruction", { lower: 1, upper: 2_147_483_647, otherwise: 360 }),
  };
  const dim = Number(field.typeParams["dim"] ?? 0);
  switch (indexType) {
    case "HNSW_SQ":
      return { ...links, ...scalarParams(given) };
    case "HNSW_PQ":
      return { ...links, ...productParams(given, dim), ...refineParams(given, refineTypes) };
    case "HNSW_PRQ":
      return {
        ...links,
        ...productParams(given, dim, 2),
        nrq: integerParam(given, "nrq", { lower: 1, upper: 16, otherwise: 2 }),
        ...refineParams(given, refineTypes),
      };
    default:
      return links;
  }
}

const refineTypes: readonly string[] = ["sq4u", "sq6", "sq8", "fp16", "bf16", "fp32", "flat"];
const scalarTypes: readonly string[] = ["sq4u", "sq6", "sq8", "fp16", "bf16"];

/** Codes have eight bits, whatever `sq_type` says. What asks for more precision than they have gets it as if it were the `refine_type`. */
function scalarParams(given: KeyValues): KeyValues {
  const named = given["sq_type"];
  const type = named === undefined || named === "None" ? "sq8" : named.toLowerCase();
  if (!scalarTypes.includes(type)) throw parameterInvalid("invalid scalar quantizer type");
  const sq_type = type.toUpperCase();
  const asked = refineParams(given, refineTypes);
  if (asked["refine"] === "true" || !type.endsWith("16")) return { sq_type, ...asked };
  return { sq_type, refine: "true", refine_type: sq_type };
}
