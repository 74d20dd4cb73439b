import { fieldNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { redkiteError } from "../../../errors/redkite-error.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { jsonGroupsType } from "../../../core/search/json-groups.ts";
import { JSON_GROUP_TYPES } from "../../../expr/json-group.ts";
import { DataType } from "../../../model/data-type.ts";
import type { GroupBy } from "../../../model/read.ts";
import {
  dynamicField,
  fieldByName,
  type CollectionSchema,
  type FieldSchema,
  type KeyValues,
} from "../../../model/schema.ts";
import { jsonPathKeys } from "../check/json-path.ts";
import { parseGoBool, parseGoInt } from "./go-values.ts";

/** What the hits of a search are grouped by. `field` is how answers carry the values of the groups. */
export type GroupByField = GroupBy & { readonly field: FieldSchema };

const GROUP_SIZE_MAX = 10;

const GROUPED_TYPES: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Timestamptz,
  DataType.VarChar,
]);

/** Milvus's checks and their order. `json_path` says more exactly what `group_by_field` says in brackets. */
export function parseGroupBy(params: KeyValues, schema: CollectionSchema): GroupByField | undefined {
  const single = (params["group_by_field"] ?? "").trim();
  const several = (params["group_by_fields"] ?? "").split(",").flatMap((name) => name.trim() || []);
  const names = single !== "" ? [single] : several;
  const groupSize = parseGroupSize(params);
  const [name] = names;
  if (name === undefined) return undefined;
  if (names.length > 1) throw notServed("grouping by more than one field");
  const base = name.includes("]") ? (name.split("[")[0] ?? name) : name;
  const field = fieldByName(schema, base) ?? dynamicField(schema);
  if (field === undefined) throw fieldNotFound(name, "groupBy field not found in schema");
  const given = params["json_path"] ?? "";
  const ownPath = field.type === DataType.JSON && name !== field.name ? name : "";
  const path = given !== "" ? given : ownPath;
  const keys = path === "" ? [] : jsonPathKeys(path, schema, field);
  if (field.type === DataType.JSON) return jsonGroupBy(field, keys, groupSize, params);
  if (!GROUPED_TYPES.has(field.type)) {
    throw redkiteError("segcore", {
      context: `unsupported data type ${coreTypeName(field.type)} for group by operator`,
      blame: "input",
    });
  }
  return { field, fieldId: field.id, groupSize };
}

function jsonGroupBy(
  field: FieldSchema,
  path: readonly string[],
  groupSize: number,
  params: KeyValues,
): GroupByField | undefined {
  // A name that is none is not looked at.
  const type = Object.entries(DataType).find(([name]) => name === params["json_type"])?.[1] ?? DataType.None;
  if (type !== DataType.None && !JSON_GROUP_TYPES.has(type)) {
    throw redkiteError("segcore", {
      context: `unsupported json_type ${coreTypeName(type)} for JSON group by`,
      blame: "input",
    });
  }
  const json = { path, type, strict: parseGoBool(params["strict_cast"] ?? "") === true };
  // As answers have the values of the groups: under the name of the field, of their own type.
  const values: FieldSchema = { ...field, type: jsonGroupsType(json), nullable: true, isDynamic: false };
  return { field: values, fieldId: field.id, groupSize, json };
}

function parseGroupSize(params: KeyValues): number {
  const text = params["group_size"];
  if (text === undefined) return 1;
  const size = parseGoInt(text);
  if (size === undefined) throw parameterInvalid(`failed to parse input group size:${text}`);
  if (size <= 0) throw parameterInvalid(`input group size:${size} is negative, failed to do search_groupby`);
  if (size > GROUP_SIZE_MAX) {
    throw parameterInvalid(`input group size:${size} exceeds configured max group size:${GROUP_SIZE_MAX}`);
  }
  return size;
}

/** Types as Milvus's core prints them. */
function coreTypeName(type: DataType): string {
  switch (type) {
    case DataType.Float:
      return "FLOAT";
    case DataType.Double:
      return "DOUBLE";
    case DataType.Array:
      return "ARRAY";
    case DataType.FloatVector:
      return "VECTOR_FLOAT";
    case DataType.BinaryVector:
      return "VECTOR_BINARY";
    case DataType.Float16Vector:
      return "VECTOR_FLOAT16";
    case DataType.BFloat16Vector:
      return "VECTOR_BFLOAT16";
    case DataType.SparseFloatVector:
      return "VECTOR_SPARSE_U32_F32";
    case DataType.Int8Vector:
      return "VECTOR_INT8";
    default:
      return `DataType(${type})`;
  }
}
