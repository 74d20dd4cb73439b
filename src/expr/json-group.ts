import { DataType } from "../model/data-type.ts";
import { compactJson, findJson, isIntegerJson, jsonPath, readJson } from "./json-text.ts";

/** What a JSON value is grouped by: text without a type, else a value of that type. */
export type JsonGroupValue = boolean | bigint | string;

/** Types that the values of a path can be grouped as, besides their text. */
export const JSON_GROUP_TYPES: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.VarChar,
]);

const integerBits = new Map<DataType, number>([
  [DataType.Int8, 8],
  [DataType.Int16, 16],
  [DataType.Int32, 32],
  [DataType.Int64, 64],
]);

/**
 * Reads what the value at a path is grouped by; undefined where the path is missing, or its value is not of the type. With no type
 * (None) it is the JSON text without blanks, so that `"1"`, `1` and null are three groups. Integers are cut to their type, as in Milvus.
 */
export function jsonGroupReader(
  steps: readonly string[],
  type: DataType,
): (bytes: Uint8Array, start: number, end: number) => JsonGroupValue | undefined {
  const path = jsonPath(steps.map((text) => ({ kind: "key", text })));
  const read = valueReader(type);
  return (bytes, start, end) => {
    const at = findJson(bytes, start, end, path);
    return at === -1 ? undefined : read(bytes, at, end);
  };
}

type ValueReader = (bytes: Uint8Array, at: number, end: number) => JsonGroupValue | undefined;

function valueReader(type: DataType): ValueReader {
  if (type === DataType.None) return compactJson;
  const bits = integerBits.get(type);
  return (bytes, at, end) => {
    const value = readJson(bytes, at, end);
    if (bits === undefined) {
      return typeof value === (type === DataType.Bool ? "boolean" : "string")
        ? (value as boolean | string)
        : undefined;
    }
    if ((typeof value !== "number" && typeof value !== "bigint") || !isIntegerJson(bytes, at, end))
      return undefined;
    const integer = BigInt(value);
    return BigInt.asIntN(64, integer) === integer ? BigInt.asIntN(bits, integer) : undefined;
  };
}
