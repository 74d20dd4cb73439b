import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { ExpressionError } from "../../../expr/expression-error.ts";
import { jsonKeys } from "../../../expr/json-pointer.ts";
import type { CollectionSchema, FieldSchema } from "../../../model/schema.ts";

/** The keys of a path in a JSON field that a request names; refused in Milvus's words. */
export function jsonPathKeys(path: string, schema: CollectionSchema, field: FieldSchema): readonly string[] {
  try {
    return jsonKeys(path, schema, field);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw parameterInvalid(`cannot parse identifier: ${path}, error: ${error.message}`);
  }
}
