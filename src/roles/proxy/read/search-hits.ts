import { assert } from "../../../base/assert.ts";
import { groupKeys } from "../../../core/search/group-values.ts";
import { mergeHits } from "../../../core/search/merge-hits.ts";
import { columnOfKeys, concatColumns, gatherColumn, keysOf } from "../../../format/column-select.ts";
import { keyCount, type Column, type Keys } from "../../../model/columns.ts";
import type { GroupBy, MetricType, ShardSearchResult } from "../../../model/read.ts";

/** Hits of all queries, those of query 0 first, each query's best first. */
export interface Hits {
  /** Hits of query q are [starts[q], starts[q + 1]). */
  readonly starts: Int32Array;
  readonly keys: Keys;
  readonly scores: Float32Array;
  readonly groupValues: Column | undefined;
  /** As the shards gave them; none when they were not asked for fields. */
  readonly fields: readonly Column[];
}

export interface HitsWanted {
  readonly metric: MetricType;
  readonly nq: number;
  readonly limit: number;
  /** Hits, or groups, to leave out at the beginning of each query's. */
  readonly offset: number;
  readonly groupBy: GroupBy | undefined;
}

/** Merges shards. A merge never removes a version: each key is visible in one shard at most. */
export function mergeShards(results: readonly ShardSearchResult[], wanted: HitsWanted): Hits {
  const [only] = results;
  if (only !== undefined && results.length === 1 && wanted.offset === 0) return only;
  const lists = results.map(({ starts, scores, keys, groupValues }) => ({
    starts,
    scores,
    keys,
    groups: groupValues && groupKeys(groupValues),
  }));
  const merged = mergeHits(lists, {
    metric: wanted.metric,
    nq: wanted.nq,
    k: wanted.offset + wanted.limit,
    groupSize: wanted.groupBy?.groupSize ?? 1,
  });
  const { starts, kept } = leaveOut(
    merged.starts,
    wanted.offset,
    wanted.groupBy && ((i) => lists[merged.source[i] ?? 0]?.groups?.[merged.position[i] ?? 0] ?? ""),
  );
  const bases: number[] = [];
  let total = 0;
  for (const { keys } of results) {
    bases.push(total);
    total += keyCount(keys);
  }
  const places = kept.map((i) => (bases[merged.source[i] ?? 0] ?? 0) + (merged.position[i] ?? 0));
  const pick = (columns: readonly Column[]): Column =>
    gatherColumn(columns.length === 1 && columns[0] ? columns[0] : concatColumns(columns), places);
  return {
    starts,
    keys: keysOf(pick(results.map(({ keys }) => columnOfKeys(keys)))),
    scores: Float32Array.from(
      kept,
      (i) => results[merged.source[i] ?? 0]?.scores[merged.position[i] ?? 0] ?? 0,
    ),
    groupValues: wanted.groupBy && pick(results.flatMap(({ groupValues }) => groupValues ?? [])),
    fields: (results[0]?.fields ?? []).map((_, f) => pick(results.flatMap(({ fields }) => fields[f] ?? []))),
  };
}

/** The hits of the first queries, then those of the next. There must be at least one part. */
export function joinHits(parts: readonly Hits[]): Hits {
  const [first] = parts;
  assert(first !== undefined, "no hits to join");
  if (parts.length === 1) return first;
  const starts = [0];
  for (const part of parts) {
    const base = starts.at(-1) ?? 0;
    for (const end of part.starts.subarray(1)) starts.push(base + end);
  }
  return {
    starts: Int32Array.from(starts),
    keys: keysOf(concatColumns(parts.map(({ keys }) => columnOfKeys(keys)))),
    scores: Float32Array.from(parts.flatMap(({ scores }) => [...scores])),
    groupValues: first.groupValues && concatColumns(parts.flatMap(({ groupValues }) => groupValues ?? [])),
    fields: first.fields.map((_, f) => concatColumns(parts.flatMap(({ fields }) => fields[f] ?? []))),
  };
}

/** Positions of the hits that stay, and where each query's begin among them. */
function leaveOut(
  starts: Int32Array,
  offset: number,
  groupOf: ((hit: number) => string) | undefined,
): { readonly starts: Int32Array; readonly kept: Int32Array } {
  const kept: number[] = [];
  const keptStarts = new Int32Array(starts.length);
  for (let q = 0; q + 1 < starts.length; q++) {
    const start = starts[q] ?? 0;
    const skippedGroups = new Set<string>();
    for (let i = start; i < (starts[q + 1] ?? 0); i++) {
      if (groupOf === undefined) {
        if (i >= start + offset) kept.push(i);
        continue;
      }
      const group = groupOf(i);
      if (skippedGroups.size < offset) skippedGroups.add(group);
      if (!skippedGroups.has(group)) kept.push(i);
    }
    keptStarts[q + 1] = kept.length;
  }
  return { starts: keptStarts, kept: Int32Array.from(kept) };
}

/** Scores with `decimals` digits behind the point, rounded as Milvus rounds; -1 for all digits. */
export function roundScores(scores: Float32Array, decimals: number): Float32Array {
  if (decimals < 0) return scores;
  const scale = 10 ** decimals;
  return scores.map((score) => Math.floor(score * scale + 0.5) / scale);
}
