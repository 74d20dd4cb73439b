import type { CompiledFilter } from "../../expr/compile-filter.ts";
import { keysFrom } from "../../format/column-select.ts";
import type { Keys } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import type { ShardQueryRequest, ShardQueryResult } from "../../model/read.ts";
import { primaryKeyField, type CollectionSchema } from "../../model/schema.ts";
import type { CancelFlag, Segment } from "../../ports/engine.ts";
import { segmentOf, type ReadableSegment } from "../shard/shard-view.ts";
import { compareKeys, gatherField, gatherKeysOf, type RowPlaces } from "./gather-fields.ts";
import { filterInput, visibilityOf } from "./read-segments.ts";

/** Rows that match, smallest keys first, or only their number. A key is visible in one segment at most. */
export function queryShard(
  entries: readonly ReadableSegment[],
  request: ShardQueryRequest,
  filter: CompiledFilter,
  cancel: CancelFlag | undefined,
): ShardQueryResult {
  const segments = filter.kind === "always-false" ? [] : entries.map(segmentOf);
  if (request.countOnly && request.keys === undefined) {
    let count = 0n;
    for (const segment of segments) {
      count += BigInt(
        segment.count({ visibility: visibilityOf(request), filter: filterInput(filter, segment) }, cancel),
      );
    }
    return { ...emptyResult(request), count };
  }
  const places = smallest(
    segments.map((segment) => matchingRows(segment, request, filter, cancel)),
    segments,
    request.limit,
  );
  if (request.countOnly) return { ...emptyResult(request), count: BigInt(places.rows.length) };
  return {
    count: BigInt(places.rows.length),
    keys: gatherKeysOf(places, request.schema),
    timestamps: gatherTimestamps(places),
    fields: request.outputFieldIds.map((fieldId) => gatherField(places, request.schema, fieldId)),
  };
}

function matchingRows(
  segment: Segment,
  request: ShardQueryRequest,
  filter: CompiledFilter,
  cancel: CancelFlag | undefined,
): Int32Array {
  const visibility = visibilityOf(request);
  const keys = request.keys ?? wholeKeyFilter(filter, request.schema);
  const all = {
    visibility,
    filter: filterInput(filter, segment),
    limit: request.limit,
    order: "key",
  } as const;
  if (keys === undefined) return segment.retrieve(all, cancel);
  const found = segment.lookup(keys, visibility).filter((row) => row >= 0);
  const rows =
    filter.kind === "always-true" || filter.keyConstraint?.isWholeFilter === true
      ? found
      : intersect(found, segment.retrieve({ ...all, limit: -1 }, cancel));
  return sortByKey(segment, Int32Array.from(new Set(rows)));
}

/** The keys of a filter that asks for nothing but keys. */
function wholeKeyFilter(filter: CompiledFilter, schema: CollectionSchema): Keys | undefined {
  const constraint = filter.keyConstraint;
  if (constraint === undefined || !constraint.isWholeFilter) return undefined;
  const kind = primaryKeyField(schema).type === DataType.Int64 ? "int64" : "varchar";
  const values: (bigint | string)[] = [];
  for (const constant of constraint.values) {
    if (constant.kind === "int" && kind === "int64") values.push(constant.value);
    else if (constant.kind === "string" && kind === "varchar") values.push(constant.value);
    else return undefined;
  }
  return keysFrom(kind, values);
}

function intersect(rows: Int32Array, others: Int32Array): Int32Array {
  const set = new Set(others);
  return rows.filter((row) => set.has(row));
}

function sortByKey(segment: Segment, rows: Int32Array): Int32Array {
  const keys = segment.takeKeys(rows);
  const order = Int32Array.from(rows.keys()).sort((a, b) => compareKeys(keys, a, keys, b));
  return order.map((i) => rows[i] ?? 0);
}

/** The rows with the smallest keys of lists that are each sorted by key. */
function smallest(lists: readonly Int32Array[], segments: readonly Segment[], limit: number): RowPlaces {
  const keys = lists.map((rows, s) => (segments[s] as Segment).takeKeys(rows));
  const all: { s: number; i: number }[] = [];
  for (const [s, rows] of lists.entries()) for (let i = 0; i < rows.length; i++) all.push({ s, i });
  if (lists.filter((rows) => rows.length > 0).length > 1) {
    all.sort((a, b) => compareKeys(keys[a.s] as Keys, a.i, keys[b.s] as Keys, b.i));
  }
  const kept = limit < 0 ? all : all.slice(0, limit);
  return {
    segments,
    segment: Int32Array.from(kept, ({ s }) => s),
    rows: Int32Array.from(kept, ({ s, i }) => lists[s]?.[i] ?? 0),
  };
}

function gatherTimestamps(places: RowPlaces): BigUint64Array {
  const out = new BigUint64Array(places.rows.length);
  for (const [s, segment] of places.segments.entries()) {
    const indexes: number[] = [];
    for (let i = 0; i < out.length; i++) if (places.segment[i] === s) indexes.push(i);
    if (indexes.length === 0) continue;
    const begins = segment.takeTimestamps(Int32Array.from(indexes, (i) => places.rows[i] ?? 0));
    for (const [j, i] of indexes.entries()) out[i] = begins[j] ?? 0n;
  }
  return out;
}

function emptyResult(request: ShardQueryRequest): ShardQueryResult {
  const places: RowPlaces = { segments: [], segment: new Int32Array(0), rows: new Int32Array(0) };
  return {
    count: 0n,
    keys: gatherKeysOf(places, request.schema),
    timestamps: new BigUint64Array(0),
    fields: request.countOnly
      ? []
      : request.outputFieldIds.map((fieldId) => gatherField(places, request.schema, fieldId)),
  };
}
