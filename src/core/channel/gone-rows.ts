import { assert } from "../../base/assert.ts";
import { compileFilter } from "../../expr/compile-filter.ts";
import { isValid, type Column } from "../../model/columns.ts";
import type { FieldId } from "../../model/ids.ts";
import { fieldById, type CollectionSchema } from "../../model/schema.ts";
import { physicalMs, TIMESTAMP_MAX, TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { FilterInput, Segment } from "../../ports/engine.ts";

/** Which row versions no read sees any more. */
export interface GoneRows {
  /** Versions that ended at or below it. */
  readonly dropEndedUpTo: Timestamp;
  /** Versions that began at or below it (TTL, truncation). */
  readonly dropBegunUpTo: Timestamp;
  /** Versions that had expired by the time in this field at `dropEndedUpTo`. */
  readonly expiryField: FieldId | undefined;
}

/** Row versions that some read may still see, ascending. */
export function keptRows(segment: Segment, schema: CollectionSchema, gone: GoneRows): Int32Array {
  const lasting = segment.retrieve(
    {
      visibility: { at: TIMESTAMP_MAX, minBegin: gone.dropBegunUpTo },
      filter:
        gone.expiryField === undefined ? undefined : aliveAfter(schema, gone.expiryField, gone.dropEndedUpTo),
      limit: -1,
      order: "row",
    },
    undefined,
  );
  const ending = endedLater(segment, gone);
  if (ending.length === 0) return lasting;
  const kept = new Int32Array(lasting.length + ending.length);
  kept.set(lasting);
  kept.set(ending, lasting.length);
  return kept.sort();
}

/** How many versions ended at or before a time, and of the others how many had expired then. */
export function countUnseen(
  segment: Segment,
  schema: CollectionSchema,
  { at, expiryField }: { readonly at: Timestamp; readonly expiryField: FieldId },
): number {
  const visibility = { at: TIMESTAMP_MAX, minBegin: TIMESTAMP_ZERO };
  const lasting = segment.count({ visibility, filter: undefined }, undefined);
  const alive = segment.count({ visibility, filter: aliveAfter(schema, expiryField, at) }, undefined);
  return segment.endedRows(at) + lasting - alive;
}

/** Versions that ended only after what may go: few, next to the rows of a segment. */
function endedLater(segment: Segment, gone: GoneRows): Int32Array {
  const { dropEndedUpTo, dropBegunUpTo, expiryField } = gone;
  const ends = segment.ends();
  const rows = Int32Array.from(ends.rows.filter((_, i) => (ends.timestamps[i] ?? 0n) > dropEndedUpTo));
  const begins = segment.takeTimestamps(rows);
  const expired = expiryField === undefined ? undefined : expiry(segment.take(expiryField, rows));
  return rows.filter(
    (_, i) =>
      (dropBegunUpTo === TIMESTAMP_ZERO || (begins[i] ?? 0n) > dropBegunUpTo) &&
      expired?.(i, dropEndedUpTo) !== true,
  );
}

function expiry(times: Column): (row: number, at: Timestamp) => boolean {
  assert(
    times.kind === "fixed" && times.values instanceof BigInt64Array,
    "rows expire by a Timestamptz field",
  );
  const { values, validity } = times;
  return (row, at) => isValid(validity, row) && (values[row] ?? 0n) <= microsAt(at);
}

function aliveAfter(schema: CollectionSchema, expiryField: FieldId, at: Timestamp): FilterInput {
  const field = fieldById(schema, expiryField)?.name;
  assert(field !== undefined, "rows expire by a field of the schema");
  const { program } = compileFilter("", schema, { aliveAfter: { field, micros: microsAt(at) } });
  return { program, externals: [] };
}

function microsAt(at: Timestamp): bigint {
  return physicalMs(at) * 1000n;
}
