import type { CollectionSchema, FieldSchema } from "../model/schema.ts";
import { ExpressionError } from "./expression-error.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { parseExpression } from "./parser.ts";
import { ColumnResolver } from "./resolve-column.ts";

/**
 * The keys and indexes of a path as filters write it: `meta["a"][0]` has a and 0 in the field meta, an undeclared `color` has color in
 * the dynamic field, a field by itself none. Throws ExpressionError for anything that is no path in that field.
 */
export function jsonKeys(text: string, schema: CollectionSchema, field: FieldSchema): readonly string[] {
  const node = parseExpression(text, DEFAULT_LIMITS);
  const columns = new ColumnResolver(schema);
  if (node.kind !== "name" && node.kind !== "path")
    throw new ExpressionError(`${text} is no path in a JSON field`);
  const column = node.kind === "name" ? columns.name(node.name) : columns.path(node.name, node.steps);
  if (column.fieldId !== field.id) throw new ExpressionError("fieldID not match with field name");
  return column.path.map((step) => step.text);
}

/** Such keys as a JSON pointer (RFC 6901): `/a/0`, and "" for none. */
export function jsonPointer(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The first key of a pointer: the name by which clients know a key of the dynamic field. */
export function firstKey(pointer: string): string {
  const first = pointer.split("/")[1] ?? "";
  return first.replaceAll("~1", "/").replaceAll("~0", "~");
}
