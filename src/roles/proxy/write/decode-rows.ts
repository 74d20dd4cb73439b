import { missingColumn } from "../../../format/column-fill.ts";
import type { Column } from "../../../model/columns.ts";
import { timeZoneOf } from "../../../model/timestamptz.ts";
import type { CollectionInfo, FieldSchema } from "../../../model/schema.ts";
import { checkColumn } from "../../../wire/check-column.ts";
import { decodeFieldData } from "../../../wire/field-data.ts";
import type { FieldData } from "../../../wire/messages.gen.ts";
import { checkDynamicColumn, emptyDynamicColumn } from "./dynamic-data.ts";
import type { MatchedFields } from "./match-fields.ts";

/** Bytes of one JSON value (`common.JSONMaxLength`). */
const JSON_BYTES_MAX = 65_536;

/**
 * A column for each field that the request brings or the server fills, checked with Milvus's rules; the primary key of "server" ids is
 * left to the caller.
 */
export function decodeRows(
  { given, absent }: MatchedFields,
  info: CollectionInfo,
  rows: number,
): Map<number, Column> {
  const columns = new Map<number, Column>();
  for (const [field, column] of decodeGiven(given, info, rows, "declared-refused"))
    columns.set(field.id, column);
  for (const field of absent) {
    if (field.isPrimaryKey) continue;
    columns.set(field.id, field.isDynamic ? emptyDynamicColumn(rows) : missingColumn(field, rows));
  }
  return columns;
}

export function decodeGiven(
  given: ReadonlyMap<FieldSchema, FieldData>,
  { schema, properties }: CollectionInfo,
  rows: number,
  names: "declared-refused" | "declared-allowed",
): ReadonlyMap<FieldSchema, Column> {
  const timeZone = timeZoneOf(properties);
  const columns = new Map<FieldSchema, Column>();
  for (const [field, data] of given) {
    const column = decodeFieldData(data, field, rows, timeZone);
    if (field.isDynamic && column.kind === "bytes") checkDynamicColumn(column, schema, names);
    checkColumn(column, field, { jsonBytesMax: JSON_BYTES_MAX });
    columns.set(field, column);
  }
  return columns;
}
