import { concatColumns, gatherColumn, keysOf, columnOfKeys } from "../../format/column-select.ts";
import { emptyColumn } from "../../format/column-fill.ts";
import { keyCount, type Column, type Keys } from "../../model/columns.ts";
import { fieldById, primaryKeyField, type CollectionSchema } from "../../model/schema.ts";
import { fieldId as toFieldId } from "../../model/ids.ts";
import { fieldNotFound } from "../../errors/meta-errors.ts";
import type { Segment } from "../../ports/engine.ts";
import { DataType } from "../../model/data-type.ts";

/** Where the rows of an answer lie: row rows[i] of segments[segment[i]]. */
export interface RowPlaces {
  readonly segments: readonly Segment[];
  readonly segment: Int32Array;
  readonly rows: Int32Array;
}

/** Values of a field for all places, in their order: one `take` per segment. */
export function gatherField(places: RowPlaces, schema: CollectionSchema, fieldId: number): Column {
  const field = fieldById(schema, toFieldId(fieldId));
  if (field === undefined) throw fieldNotFound(BigInt(fieldId));
  return gather(places, (segment, rows) => segment.take(fieldId, rows)) ?? emptyColumn(field);
}

/** Keys of hits: hit i is key position[i] of list source[i]. */
export function pickKeys(lists: readonly Keys[], source: Int32Array, position: Int32Array): Keys {
  if (lists.every((keys) => keys.kind === "int64")) {
    const values = new BigInt64Array(source.length);
    for (let i = 0; i < values.length; i++) values[i] = lists[source[i] ?? 0]?.values[position[i] ?? 0] ?? 0n;
    return { kind: "int64", values };
  }
  const bases: number[] = [];
  let total = 0;
  for (const keys of lists) {
    bases.push(total);
    total += keyCount(keys);
  }
  const places = position.map((at, i) => (bases[source[i] ?? 0] ?? 0) + at);
  return keysOf(gatherColumn(concatColumns(lists.map(columnOfKeys)), places));
}

export function gatherKeysOf(places: RowPlaces, schema: CollectionSchema): Keys {
  const column = gather(places, (segment, rows) => columnOfKeys(segment.takeKeys(rows)));
  if (column !== undefined) return keysOf(column);
  return primaryKeyField(schema).type === DataType.Int64
    ? { kind: "int64", values: new BigInt64Array(0) }
    : { kind: "varchar", offsets: new Int32Array(1), bytes: new Uint8Array(0) };
}

function gather(places: RowPlaces, take: (segment: Segment, rows: Int32Array) => Column): Column | undefined {
  const count = places.rows.length;
  if (count === 0) return undefined;
  const [only] = places.segments;
  if (only !== undefined && places.segments.length === 1) return take(only, places.rows);
  const bySegment: number[][] = places.segments.map(() => []);
  // Position of place i in the concatenation of what the segments give.
  for (let i = 0; i < count; i++) bySegment[places.segment[i] ?? 0]?.push(i);
  const parts: Column[] = [];
  const order = new Int32Array(count);
  let at = 0;
  for (const [s, indexes] of bySegment.entries()) {
    const segment = places.segments[s];
    if (indexes.length === 0 || segment === undefined) continue;
    parts.push(
      take(
        segment,
        Int32Array.from(indexes, (i) => places.rows[i] ?? 0),
      ),
    );
    for (const i of indexes) order[i] = at++;
  }
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  return gatherColumn(concatColumns(parts), order);
}

/** Orders keys ascending: int64 by value, varchar by bytes. */
export function compareKeys(a: Keys, i: number, b: Keys, j: number): number {
  if (a.kind === "int64" && b.kind === "int64") {
    const x = a.values[i] ?? 0n;
    const y = b.values[j] ?? 0n;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (a.kind === "varchar" && b.kind === "varchar") {
    const aEnd = a.offsets[i + 1] ?? 0;
    const bEnd = b.offsets[j + 1] ?? 0;
    let x = a.offsets[i] ?? 0;
    let y = b.offsets[j] ?? 0;
    while (x < aEnd && y < bEnd) {
      const difference = (a.bytes[x++] ?? 0) - (b.bytes[y++] ?? 0);
      if (difference !== 0) return difference;
    }
    return aEnd - x - (bEnd - y);
  }
  throw new TypeError("keys of different kinds");
}
