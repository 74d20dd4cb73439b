import type { CompiledFilter } from "../../expr/compile-filter.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import type { Column, Keys } from "../../model/columns.ts";
import type { SegmentId } from "../../model/ids.ts";
import type { GroupBy, SegmentSearchStats, ShardSearchRequest, ShardSearchResult } from "../../model/read.ts";
import type { HitGroups, SearchHits, SearchSpec, Segment } from "../../ports/engine.ts";
import { segmentOf, type ReadableSegment } from "../shard/shard-view.ts";
import type { CancelOnAbort } from "./cancel-on-abort.ts";
import { gatherField, gatherKeysOf, pickKeys, type RowPlaces } from "./gather-fields.ts";
import { groupKeys } from "./group-values.ts";
import { jsonGroupNumbers, jsonGroups } from "./json-groups.ts";
import { mergeHits, type HitList } from "./merge-hits.ts";
import { filterInput, visibilityOf } from "./read-segments.ts";

/** How many row-times-query products are searched on the calling thread; more goes to the engine's pool. */
export interface SearchPolicy {
  readonly inlineWorkMax: number;
}

export interface SearchHooks {
  readonly cancel: CancelOnAbort;
  /** Told of an index that could not be searched, although its file was whole when it was attached. */
  readonly indexDecayed: (segmentId: SegmentId, fieldId: number) => Promise<void>;
}

/** Searches the segments one by one and merges: the k best of the shard, with keys and output fields. */
export async function searchShard(
  entries: readonly ReadableSegment[],
  request: ShardSearchRequest,
  filter: CompiledFilter,
  policy: SearchPolicy,
  { cancel, indexDecayed }: SearchHooks,
): Promise<ShardSearchResult> {
  const segments: Segment[] = [];
  const hits: SearchHits[] = [];
  const stats: SegmentSearchStats[] = [];
  if (filter.kind !== "always-false") {
    for (const entry of entries) {
      const segment = segmentOf(entry);
      const spec = searchSpec(request, filter, segment);
      const inline = segment.rows * request.nq <= policy.inlineWorkMax;
      let found: SearchHits;
      try {
        found = inline ? segment.search(spec, undefined) : await segment.searchAsync(spec, cancel.flag);
      } catch (error) {
        if (!isRedkiteError(error, "corrupted")) throw error;
        // Blocks of an index are read when a search comes to them. Rows that are scanned without fault say that it was the index.
        found = await segment.searchAsync({ ...spec, exact: true }, cancel.flag);
        await indexDecayed(entry.id, request.fieldId);
      }
      segments.push(segment);
      hits.push(found);
      stats.push({ segmentId: entry.id, ...found.stats });
    }
  }
  return assemble(segments, hits, stats, request);
}

function searchSpec(request: ShardSearchRequest, filter: CompiledFilter, segment: Segment): SearchSpec {
  const recallTarget = Number(request.params["recall_target"] ?? 0);
  return {
    fieldId: request.fieldId,
    metric: request.metric,
    nq: request.nq,
    queries: request.queries,
    queryOffsets: request.queryOffsets,
    k: request.k,
    visibility: visibilityOf(request),
    filter: filterInput(filter, segment),
    ef: Math.max(request.k, walkWidth(request.params)),
    ...(recallTarget > 0 && recallTarget < 1 ? { recallTarget } : {}),
    dropRatio: Number(request.params["drop_ratio_search"] ?? 0),
    ...listParams(request),
    ...(request.metric === "MHJACCARD" ? signatureParams(request) : {}),
    exact: false,
    range: request.range,
    groupBy: request.groupBy && hitGroups(request.groupBy, segment),
  };
}

/** The engine knows nothing of JSON: it is told the group of each row. */
function hitGroups({ fieldId, groupSize, json }: GroupBy, segment: Segment): HitGroups {
  if (json === undefined) return { fieldId, groupSize };
  const { rows } = segment;
  const column = segment.column(fieldId, rows);
  return { groups: column === undefined ? new Int32Array(rows) : jsonGroupNumbers(column, json), groupSize };
}

/** What rows are grouped by, from the values of the field. */
function groupValuesOf(column: Column, { json }: GroupBy): Column {
  return json === undefined ? column : jsonGroups(column, json);
}

/** What indexes of lists and of coarse codes ask for; others do not look at it. */
function listParams({ params, k }: ShardSearchRequest): Pick<SearchSpec, "nprobe" | "refineRows"> {
  const nprobe = Number(params["nprobe"]);
  const refine = Number(params["reorder_k"] ?? Number(params["refine_k"]) * k);
  return {
    ...(nprobe >= 1 ? { nprobe: Math.floor(Math.min(nprobe, LISTS_MAX)) } : {}),
    ...(refine >= k ? { refineRows: Math.ceil(Math.min(refine, REFINE_ROWS_MAX)) } : {}),
  };
}

/** How signatures are read, and how many candidates MINHASH_LSH compares; Milvus's defaults. */
function signatureParams({
  params,
  k,
}: ShardSearchRequest): Required<Pick<SearchSpec, "minHash">> & Pick<SearchSpec, "refineRows"> {
  const refine = Number(params["refine_k"]);
  return {
    minHash: {
      elementBytes: Number(params["mh_element_bit_width"] ?? 8) / 8,
      bands: Number(params["mh_lsh_band"] ?? 1),
      estimate: params["mh_search_with_jaccard"]?.toLowerCase() === "true",
    },
    refineRows: refine >= 1 ? Math.floor(Math.min(Math.max(refine, k), REFINE_ROWS_MAX)) : 0,
  };
}

const LISTS_MAX = 65_536;
const REFINE_ROWS_MAX = 1_048_576;

/** How wide a graph is walked, whatever its type calls that. */
function walkWidth(params: ShardSearchRequest["params"]): number {
  const asked = Number(params["ef"] ?? params["search_list"] ?? params["search_list_size"]);
  return asked >= 1 ? Math.floor(Math.min(asked, WIDTH_MAX)) : DEFAULT_EF;
}

/** Where a search names no width: Milvus's HNSW default is the larger of it and k. */
const DEFAULT_EF = 64;
const WIDTH_MAX = 2_147_483_647;

function assemble(
  segments: readonly Segment[],
  hits: readonly SearchHits[],
  stats: readonly SegmentSearchStats[],
  request: ShardSearchRequest,
): ShardSearchResult {
  const { starts, keys, scores, segment, rows } = mergeSegments(segments, hits, request);
  const places: RowPlaces = { segments, segment, rows };
  return {
    starts,
    keys,
    scores,
    groupValues:
      request.groupBy &&
      groupValuesOf(gatherField(places, request.schema, request.groupBy.fieldId), request.groupBy),
    fields: request.outputFieldIds.map((fieldId) => gatherField(places, request.schema, fieldId)),
    stats,
  };
}

/** Hit i is row rows[i] of segments[segment[i]]. */
interface ShardHits {
  readonly starts: Int32Array;
  readonly keys: Keys;
  readonly scores: Float32Array;
  readonly segment: Int32Array;
  readonly rows: Int32Array;
}

function mergeSegments(
  segments: readonly Segment[],
  hits: readonly SearchHits[],
  request: ShardSearchRequest,
): ShardHits {
  const { groupBy } = request;
  const lists = hits.map((found, i): HitList => {
    const segment = segments[i] as Segment;
    const groups = groupBy && groupValuesOf(segment.take(groupBy.fieldId, found.rows), groupBy);
    return {
      starts: found.starts,
      scores: found.scores,
      keys: segment.takeKeys(found.rows),
      groups: groups && groupKeys(groups),
    };
  });
  const [only] = hits;
  if (hits.length === 1 && only !== undefined && lists[0] !== undefined) {
    // The engine has cut them already.
    return { ...only, keys: lists[0].keys, segment: new Int32Array(only.rows.length) };
  }
  const { starts, source, position } = mergeHits(lists, {
    metric: request.metric,
    nq: request.nq,
    k: request.k,
    groupSize: groupBy?.groupSize ?? 1,
  });
  const rows = new Int32Array(source.length);
  const scores = new Float32Array(source.length);
  for (let i = 0; i < rows.length; i++) {
    const found = hits[source[i] ?? 0];
    rows[i] = found?.rows[position[i] ?? 0] ?? 0;
    scores[i] = found?.scores[position[i] ?? 0] ?? 0;
  }
  const keys =
    lists.length === 0
      ? gatherKeysOf({ segments, segment: source, rows }, request.schema)
      : pickKeys(
          lists.map((list) => list.keys),
          source,
          position,
        );
  return { starts, keys, scores, segment: source, rows };
}
