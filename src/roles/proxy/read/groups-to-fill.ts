import { groupKeys } from "../../../core/search/group-values.ts";
import { isValid, type Column } from "../../../model/columns.ts";
import { DataType } from "../../../model/data-type.ts";
import type { Among, ShardSearchResult } from "../../../model/read.ts";
import type { FieldSchema } from "../../../model/schema.ts";
import type { GroupByField } from "./group-params.ts";
import { mergeShards, type HitsWanted } from "./search-hits.ts";

/**
 * Every segment gives its own best groups, so that one which is found through one segment can lack members that lie in another, where other
 * groups were better. The groups of the answer, when some may lack members: searched for without the others, they come whole.
 */
export function groupsToFill(
  results: readonly ShardSearchResult[],
  wanted: HitsWanted & { readonly groupBy: GroupByField },
): Among | undefined {
  const { groupSize, field } = wanted.groupBy;
  const segments = results.reduce((sum, { stats }) => sum + stats.length, 0);
  if (segments <= 1) return undefined;
  const { starts, groupValues } = mergeShards(results, wanted);
  if (groupValues === undefined) return undefined;
  // Where a shard gave fewer groups than it was asked for, none of its segments left one out.
  const shards = results.map((result) => membersByQuery(result.starts, result.groupValues));
  const lacks = membersByQuery(starts, groupValues).some(
    (groups, q) =>
      shards.some((queries) => (queries[q]?.size ?? 0) >= wanted.limit) &&
      [...groups.values()].some((members) => members < groupSize),
  );
  return lacks ? { ...amongGroups(field, groupValues), json: wanted.groupBy.json } : undefined;
}

function membersByQuery(
  starts: Int32Array,
  values: Column | undefined,
): readonly ReadonlyMap<string, number>[] {
  const keys = values === undefined ? [] : groupKeys(values);
  return Array.from({ length: starts.length - 1 }, (_, q) => {
    const members = new Map<string, number>();
    for (const key of keys.slice(starts[q], starts[q + 1])) members.set(key, (members.get(key) ?? 0) + 1);
    return members;
  });
}

function amongGroups({ name }: FieldSchema, column: Column): Among {
  const values = new Set<boolean | bigint | string>();
  let orNull = false;
  for (let row = 0; row < column.rows; row++) {
    if (isValid(column.validity, row)) values.add(groupValue(column, row));
    else orNull = true;
  }
  return { field: name, values: [...values], orNull };
}

function groupValue(column: Column, row: number): boolean | bigint | string {
  switch (column.kind) {
    case "fixed": {
      const value = BigInt(column.values[row] ?? 0);
      return column.type === DataType.Bool ? value !== 0n : value;
    }
    case "bytes":
      return text.decode(column.bytes.subarray(column.offsets[row], column.offsets[row + 1]));
    case "list":
      throw new TypeError("arrays cannot be grouped by");
  }
}

const text = new TextDecoder();
