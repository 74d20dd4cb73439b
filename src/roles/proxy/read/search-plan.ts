import type { ShardSearchResult } from "../../../model/read.ts";

/** How a search was carried out, in short: what the slow log shows. */
export interface SearchPlan {
  readonly shards: number;
  readonly segments: number;
  /** Segments by how they were searched. */
  readonly paths: Readonly<Record<string, number>>;
  /** Rows that could have been hits, before the filter. */
  readonly visibleRows: number;
  readonly distances: number;
}

export function searchPlan(results: readonly ShardSearchResult[]): SearchPlan {
  const paths: Record<string, number> = {};
  let segments = 0;
  let visibleRows = 0;
  let distances = 0;
  for (const { stats } of results) {
    segments += stats.length;
    for (const segment of stats) {
      paths[segment.path] = (paths[segment.path] ?? 0) + 1;
      visibleRows += segment.visibleRows;
      distances += segment.distances;
    }
  }
  return { shards: results.length, segments, paths, visibleRows, distances };
}
