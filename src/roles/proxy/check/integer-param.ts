import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { KeyValues } from "../../../model/schema.ts";

/** A whole number among index parameters, or what stands for one that is left out. Throws parameterInvalid in Milvus's words. */
export function integerParam(
  given: KeyValues,
  key: string,
  range: { readonly lower: number; readonly upper: number; readonly otherwise: number },
): string {
  const text = given[key];
  if (text === undefined || text === "None") return String(range.otherwise);
  if (/^[+-]?\d+\.\d*$/.test(text)) {
    throw parameterInvalid(`wrong data type in json, key: '${key}', value: '${text}'`);
  }
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw parameterInvalid(`invalid integer value, key: '${key}', value: '${text}'`);
  }
  const value = Number(text);
  if (value < range.lower || value > range.upper) {
    throw parameterInvalid(
      `Out of range in json: param '${key}' (${text}) should be in range [${range.lower}, ${range.upper}]`,
    );
  }
  return String(value);
}
