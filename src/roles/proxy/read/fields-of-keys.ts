import { gatherColumn, keyAt } from "../../../format/column-select.ts";
import { keyCount, type Column, type Keys } from "../../../model/columns.ts";
import type { FieldSchema } from "../../../model/schema.ts";
import type { ProxyCall } from "../handler.ts";
import { queryRows } from "./query-shards.ts";
import { NO_FILTER, type ReadTarget } from "./read-scope.ts";
import { distinctKeys } from "./search-queries.ts";

/** Values of the fields in the rows of the keys, in their order, read at the target's timestamp. Every key must be there. */
export async function fieldsOfKeys(
  call: ProxyCall,
  target: ReadTarget,
  fields: readonly FieldSchema[],
  keys: Keys,
): Promise<readonly Column[]> {
  if (fields.length === 0) return [];
  const rows = await queryRows(
    call,
    { ...target, filter: NO_FILTER },
    { keys: distinctKeys(keys), limit: -1, offset: 0, outputFieldIds: fields.map(({ id }) => id) },
  );
  const rowOf = new Map(Array.from({ length: keyCount(rows.keys) }, (_, i) => [keyAt(rows.keys, i), i]));
  const places = Int32Array.from({ length: keyCount(keys) }, (_, i) => rowOf.get(keyAt(keys, i)) ?? -1);
  return rows.fields.map((column) => gatherColumn(column, places));
}
