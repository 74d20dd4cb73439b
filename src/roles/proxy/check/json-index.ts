import { parameterInvalid, parameterMissing } from "../../../errors/parameter-errors.ts";
import { jsonPointer } from "../../../expr/json-pointer.ts";
import type { CollectionSchema, FieldSchema, KeyValues } from "../../../model/schema.ts";
import { jsonPathKeys } from "./json-path.ts";

/** Keys of an index over one path of a JSON field. In resolved parameters the path is a JSON pointer. */
export const JSON_PATH = "json_path";
export const JSON_CAST_TYPE = "json_cast_type";
const JSON_CAST_FUNCTION = "json_cast_function";

/** By index type, with what Milvus says behind the type that it refuses. */
const castTypes: Readonly<Record<string, readonly string[]>> = {
  INVERTED: ["BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON"],
  STL_SORT: ["DOUBLE", "VARCHAR"],
  BITMAP: ["BOOL", "VARCHAR"],
};

/**
 * The parameters of an index on a path of a JSON field, checked in Milvus's order: its cast type, its cast function, its path. `asked` is
 * the field, or the key of the dynamic field, that the request names.
 */
export function jsonIndexParams(
  indexType: string,
  field: FieldSchema,
  asked: string,
  given: KeyValues,
  schema: CollectionSchema,
): KeyValues {
  const castType = given[JSON_CAST_TYPE]?.trim().toUpperCase();
  if (castType === undefined) {
    throw parameterMissing(JSON_CAST_TYPE, "json index must specify cast type");
  }
  if (castTypes[indexType]?.includes(castType) !== true) {
    const where = indexType === "INVERTED" ? "" : ` for ${indexType} index`;
    throw parameterInvalid(`json_cast_type ${castType} is not supported${where}`);
  }
  const castFunction = given[JSON_CAST_FUNCTION]?.trim().toUpperCase();
  if (castFunction !== undefined) checkCastFunction(castFunction, castType);
  // Without a path the whole value is meant.
  const path = given[JSON_PATH] ?? asked;
  return {
    [JSON_PATH]: jsonPointer(jsonPathKeys(path, schema, field)),
    [JSON_CAST_TYPE]: castType,
    ...(castFunction !== undefined && { [JSON_CAST_FUNCTION]: castFunction }),
  };
}

function checkCastFunction(castFunction: string, castType: string): void {
  if (castFunction !== "STRING_TO_DOUBLE") {
    throw parameterInvalid(`json_cast_function ${castFunction} is not supported`);
  }
  if (castType !== "DOUBLE") {
    throw parameterInvalid(
      `json_cast_function ${castFunction} is not supported for json_cast_type ${castType}`,
    );
  }
}
