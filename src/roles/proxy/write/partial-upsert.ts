import { utf8Decode, utf8Encode } from "../../../base/bytes.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { missingColumn } from "../../../format/column-fill.ts";
import { concatColumns, gatherColumn, keyAt } from "../../../format/column-select.ts";
import { isValid, keyCount, type BytesColumn, type Column } from "../../../model/columns.ts";
import {
  livePartitions,
  primaryKeyField,
  type CollectionInfo,
  type FieldSchema,
} from "../../../model/schema.ts";
import type { Timestamp } from "../../../model/timestamp.ts";
import type { UpsertRequest } from "../../../wire/messages.gen.ts";
import { packBytes, packedAt } from "../../../wire/packed-bytes.ts";
import type { ProxyCall } from "../handler.ts";
import { atReadTimestamp } from "../read/at-read-timestamp.ts";
import { jsonEntries, jsonObject } from "../read/json-entries.ts";
import { distinctKeys } from "../read/search-queries.ts";
import { queryRows } from "../read/query-shards.ts";
import { NO_FILTER } from "../read/read-scope.ts";
import { applyArrayOp, type ArrayOp } from "./array-ops.ts";
import { decodeGiven } from "./decode-rows.ts";
import { emptyDynamicColumn } from "./dynamic-data.ts";
import { keysOfColumn } from "./insert.ts";
import { checkNewRows, matchSomeFields } from "./match-fields.ts";

/** Whole rows, made of what a request changes and what was stored at `readAt`. */
export interface MergedRows {
  readonly columns: Map<number, Column>;
  readonly readAt: Timestamp;
  /** Rows that existed. */
  readonly updated: number;
}

/**
 * Reads the rows that a partial upsert changes, all fields, and puts its values in, or with an operation on an array
 * its elements. Rows that do not exist begin anew.
 */
export async function mergeStoredRows(
  call: ProxyCall,
  info: CollectionInfo,
  request: UpsertRequest,
  ops: ReadonlyMap<string, ArrayOp>,
): Promise<MergedRows> {
  const { schema } = info;
  const rows = request.numRows;
  const given = decodeGiven(matchSomeFields(request.fieldsData, schema), info, rows, "declared-allowed");
  const keyField = primaryKeyField(schema);
  const keys = keysOfColumn(new Map([...given].map(([field, column]) => [field.id, column])), keyField.id);
  const kept = schema.fields.filter((field) => !given.has(field) || field.isDynamic || ops.has(field.name));
  // A row in a partition that is not loaded would begin anew, without what was stored.
  const mustBeLoaded = livePartitions(info).map(({ id }) => id);
  const strong = {
    guaranteeTimestamp: 0n,
    consistencyLevel: 0,
    useDefaultConsistency: false,
    iterator: false,
  };
  const { stored, readAt } = await atReadTimestamp(call, info, strong, "failed to query", async (at) => ({
    readAt: at,
    stored: await queryRows(
      call,
      { info, readAt: at, partitionIds: undefined, mustBeLoaded, filter: NO_FILTER, ignoreGrowing: false },
      { keys: distinctKeys(keys), limit: -1, offset: 0, outputFieldIds: kept.map(({ id }) => id) },
    ),
  }));
  const storedAt = new Map(
    Array.from({ length: keyCount(stored.keys) }, (_, i) => [keyAt(stored.keys, i), i]),
  );
  /** Row of the stored ones, -1 for a new row. */
  const places = Int32Array.from({ length: rows }, (_, row) => storedAt.get(keyAt(keys, row)) ?? -1);
  if (places.includes(-1)) checkNewRows(given, schema);
  const columns = new Map<number, Column>();
  for (const [field, column] of given) columns.set(field.id, column);
  for (const [i, field] of kept.entries()) {
    const column = stored.fields[i];
    if (column === undefined) throw new TypeError(`no stored values of field ${field.name}`);
    const change = given.get(field);
    const op = ops.get(field.name);
    if (op !== undefined && change !== undefined) {
      columns.set(field.id, applyArrayOp(op, field, column, places, change));
      continue;
    }
    const before = storedOrMissing(column, field, places);
    columns.set(field.id, change === undefined ? before : mergeDynamic(before, change));
  }
  return { columns, readAt, updated: places.reduce((n, place) => n + (place < 0 ? 0 : 1), 0) };
}

function storedOrMissing(stored: Column, field: FieldSchema, places: Int32Array): Column {
  if (!places.includes(-1)) return gatherColumn(stored, places);
  const missing = field.isDynamic ? emptyDynamicColumn(1) : missingColumn(field, 1);
  const both = stored.rows === 0 ? missing : concatColumns([stored, missing]);
  const last = both.rows - 1;
  return gatherColumn(
    both,
    places.map((place) => (place < 0 ? last : place)),
  );
}

/** Undeclared keys are changed one by one: those that the request does not name stay. */
function mergeDynamic(before: Column, change: Column): BytesColumn {
  if (before.kind !== "bytes" || change.kind !== "bytes") throw new TypeError("dynamic fields hold text");
  const rows = Array.from({ length: change.rows }, (_, row) => {
    const changed = isValid(change.validity, row) ? entriesAt(change, row) : [];
    return utf8Encode(jsonObject(new Map([...entriesAt(before, row), ...changed])));
  });
  return { ...change, ...packBytes(rows), validity: undefined };
}

function entriesAt(column: BytesColumn, row: number): Iterable<readonly [string, string]> {
  if (!isValid(column.validity, row)) return [];
  const text = utf8Decode(packedAt(column, row));
  const entries = jsonEntries(text);
  if (entries === undefined)
    throw parameterInvalid(`invalid dynamic field data, only json map is supported: ${text.slice(0, 100)}`);
  return entries;
}
