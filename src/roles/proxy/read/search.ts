import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { emptyColumn } from "../../../format/column-fill.ts";
import { gatherColumn, gatherKeys, keysOf } from "../../../format/column-select.ts";
import { keyCount, type Column } from "../../../model/columns.ts";
import { largerIsBetter, type MetricType, type ShardSearchResult } from "../../../model/read.ts";
import { primaryKeyField } from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import { encodeFieldData } from "../../../wire/field-data-encode.ts";
import type { SearchRequest, SearchResults } from "../../../wire/messages.gen.ts";
import { searchResultData } from "../../../wire/search-results.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { atReadTimestamp } from "./at-read-timestamp.ts";
import { columnsBytes } from "./columns-bytes.ts";
import { fieldsOfKeys } from "./fields-of-keys.ts";
import { groupsToFill } from "./groups-to-fill.ts";
import { checkDiskSearch } from "./disk-search-params.ts";
import { checkGraphSearch } from "./graph-search-params.ts";
import { orderedRows, rowComparison, type OrderBy } from "./order-by.ts";
import { checkListSearch } from "./list-search-params.ts";
import { minHashSearch } from "./minhash-search-params.ts";
import { checkRecallTarget } from "./recall-target.ts";
import { encodeOutput, outputFields, type OutputFields } from "./output-fields.ts";
import { readPartitions } from "./partitions.ts";
import { checkPartitionKeyUse } from "./query.ts";
import { requestFilter, scopeOn, type ReadTarget } from "./read-scope.ts";
import { freshnessOf } from "./read-timestamp.ts";
import { joinHits, mergeShards, roundScores, type Hits } from "./search-hits.ts";
import { boundOfNothing, newIteratorToken, rangeBehind, type IteratorPage } from "./search-iterator.ts";
import { indexOfField, searchMetric } from "./search-metric.ts";
import { searchPlan } from "./search-plan.ts";
import type { SearchParams } from "./search-params.ts";
import {
  queriesInParts,
  queriesOfKeys,
  queriesOfRequest,
  queryCount,
  searchedKeys,
  type SearchQueries,
} from "./search-queries.ts";
import { onShards } from "./shard-calls.ts";

/** The nearest rows of each query vector, at one timestamp. */
export const searchHandler: Handler<SearchRequest, Init<SearchResults>> = async (call, request) => {
  const { limits } = call.deps;
  refuseParts(request);
  const info = await call.metaCache.collection(call.ctx, request.collectionName);
  checkPartitionKeyUse(info, limits.mustUsePartitionKey, "search");
  const keys = searchedKeys(request, info);
  const output = outputFields(request.outputFields, info.schema);
  if (output.countRows) throw parameterInvalid("aggregates are not supported in search request");
  const nq = queryCount(request);
  if (nq < 1 || nq > limits.nqMax) {
    throw parameterInvalid(
      `nq [${nq}] is invalid, nq (number of search vector per search request) should be in range ` +
        `[1, ${limits.nqMax}], but got ${nq}`,
    );
  }
  const { params, times } = call.self.searchParams.parse(request.searchParams, info);
  const filter = requestFilter(
    call,
    request.dsl,
    request.exprTemplateValues,
    info,
    times.zone,
    "failed to create query plan",
  );
  const partitionIds = readPartitions(info, request.partitionNames, filter.compiled);
  const entries = nq * (params.limit + params.offset) * (params.groupBy?.groupSize ?? 1);
  if (limits.resultEntriesMax >= 0 && entries > limits.resultEntriesMax)
    throw parameterInvalid("number of result entries is too large");
  const index = await indexOfField(call, info, params.field);
  const metric = searchMetric(index, params.field, params.metric);
  checkRange(params, metric);
  checkRecallTarget(params.indexParams);
  checkGraphSearch(index?.params["index_type"] ?? "", params);
  checkDiskSearch(index?.params["index_type"] ?? "", params);
  checkListSearch(index?.params["index_type"] ?? "", params.indexParams, params.limit + params.offset);
  const indexParams = metric === "MHJACCARD" ? minHashSearch(index, params.indexParams) : params.indexParams;
  call.note({ collection: info.name, nq, topk: params.limit, filter: request.dsl });

  const freshness = freshnessOf(request, params.iterator);
  return atReadTimestamp(call, info, freshness, "failed to search", async (readAt) => {
    const target: ReadTarget = {
      info,
      readAt,
      partitionIds,
      filter: filter.source,
      ignoreGrowing: params.ignoreGrowing,
    };
    const stored = keys && (await queriesOfKeys(call, target, params.field, keys));
    const queries = stored?.queries ?? queriesOfRequest(request, params.field);
    const search: Search = { params: { ...params, indexParams }, metric, queries, output };
    const found = queries.nq === 0 ? undefined : await searchPage(call, target, search);
    const counts = countsPerQuery(found?.hits, nq, stored?.present);
    const groupField = params.groupBy?.field;
    const groupValues = found?.hits.groupValues;
    return {
      results: searchResultData({
        limit: params.limit,
        counts,
        ids: found?.hits.keys ?? keysOf(emptyColumn(primaryKeyField(info.schema))),
        scores: roundScores(found?.hits.scores ?? new Float32Array(0), params.roundDecimal),
        fields: found === undefined ? [] : encodeOutput(output, found.fields, times),
        outputFields: output.names,
        primaryFieldName: primaryKeyField(info.schema).name,
        groupBy: groupField && groupValues && encodeFieldData(groupValues, groupField, times),
        iterator: params.page && iteratorAnswer(call, params.page, found?.hits, metric),
        allSearchCount: found?.searchedRows ?? 0,
      }),
      collectionName: request.collectionName,
      sessionTs: readAt,
    };
  });
};

interface Search {
  readonly params: SearchParams;
  readonly metric: MetricType;
  readonly queries: SearchQueries;
  readonly output: OutputFields;
}

interface Found {
  readonly hits: Hits;
  /** Of the output fields, one row a hit. */
  readonly fields: readonly Column[];
  readonly searchedRows: number;
}

/** What of a request belongs to features that this version does not have. */
function refuseParts(request: SearchRequest): void {
  if (request.subReqs.length > 0) throw notServed("hybrid search");
  if (request.functionScore !== undefined) throw notServed("a function_score (ranker)");
  if (request.functionChains.length > 0) throw notServed("function_chains");
  if (request.highlighter !== undefined) throw notServed("a highlighter");
  if (request.searchAggregation !== undefined) throw notServed("search_aggregation");
  if (request.namespace !== undefined) throw notServed("namespaces");
}

function checkRange({ radius, rangeFilter }: SearchParams, metric: MetricType): void {
  if (radius === undefined || rangeFilter === undefined) return;
  const descending = largerIsBetter(metric);
  if (descending ? rangeFilter > radius : rangeFilter < radius) return;
  throw parameterInvalid(
    `range_filter(${rangeFilter}) must be ${descending ? "greater" : "less"} than radius(${radius}) for metric ${metric}`,
  );
}

/**
 * One search, with the fields of its hits. A page of an iterator takes in all hits that tie with its last one: the next page begins
 * behind their score, and would miss them.
 */
async function searchPage(call: ProxyCall, target: ReadTarget, search: Search): Promise<Found> {
  const { page, limit, offset } = search.params;
  if (page === undefined) return withFields(call, target, search, limit, offset);
  const { topKMax } = call.deps.limits;
  for (let asked = Math.min(limit + 1, topKMax); ; asked = Math.min(asked * 2, topKMax)) {
    const { hits, searchedRows } = await searchShards(call, target, search, asked, 0, []);
    const end = endOfPage(hits.scores, limit);
    if (end === hits.scores.length && end === asked && asked < topKMax) continue;
    const rows = Int32Array.from({ length: end }, (_, i) => i);
    const kept = pickHits(hits, rows);
    return {
      hits: kept,
      fields: await fieldsOfKeys(call, target, search.output.fields, kept.keys),
      searchedRows,
    };
  }
}

/** Behind the last hit that has the score of hit `limit - 1`. */
function endOfPage(scores: Float32Array, limit: number): number {
  let end = Math.min(limit, scores.length);
  while (end > 0 && end < scores.length && scores[end] === scores[end - 1]) end++;
  return end;
}

function pickHits(hits: Hits, rows: Int32Array): Hits {
  const values = rows.length === keyCount(hits.keys) ? hits : undefined;
  if (values !== undefined) return values;
  const { keys } = hits;
  return {
    starts: Int32Array.of(0, rows.length),
    keys:
      keys.kind === "int64"
        ? { kind: "int64", values: keys.values.slice(0, rows.length) }
        : { kind: "varchar", offsets: keys.offsets.slice(0, rows.length + 1), bytes: keys.bytes },
    scores: hits.scores.slice(0, rows.length),
    groupValues: undefined,
    fields: [],
  };
}

/** Up to this many hits bring their fields along from every shard; beyond, only the final ones' are fetched. */
const DIRECT_HITS_MAX = 1_024;

async function withFields(
  call: ProxyCall,
  target: ReadTarget,
  search: Search,
  limit: number,
  offset: number,
): Promise<Found> {
  const { output, queries, params } = search;
  const hitsMax = queries.nq * (limit + offset) * (params.groupBy?.groupSize ?? 1);
  const direct = target.info.vchannels.length === 1 ? offset === 0 : hitsMax <= DIRECT_HITS_MAX;
  const fieldIds = direct ? output.fields.map(({ id }) => id) : [];
  const { hits, searchedRows } = await searchShards(call, target, search, limit, offset, fieldIds);
  const fields = direct ? hits.fields : await fieldsOfKeys(call, target, output.fields, hits.keys);
  const { resultBytesMax } = call.deps.limits;
  if (columnsBytes(fields) > resultBytesMax)
    throw parameterInvalid(`search results exceed the maxOutputSize Limit ${resultBytesMax}`);
  const found = { hits, fields, searchedRows };
  const asFound = params.orderBy.length === 0 && (params.groupBy?.groupSize ?? 1) === 1;
  return asFound ? found : ordered(call, target, params.orderBy, found);
}

/** The same hits, those of each query in the order of some of their fields, if any; the hits of a group come together, as in Milvus. */
async function ordered(
  call: ProxyCall,
  target: ReadTarget,
  orderBy: readonly OrderBy[],
  { hits, fields, searchedRows }: Found,
): Promise<Found> {
  const fieldsBy = orderBy.map(({ field }) => field);
  const columns = orderBy.length === 0 ? [] : await fieldsOfKeys(call, target, fieldsBy, hits.keys);
  const compare = rowComparison(orderBy, columns);
  const rows: number[] = [];
  for (let q = 0; q + 1 < hits.starts.length; q++) {
    rows.push(...orderedRows(hits.starts[q] ?? 0, hits.starts[q + 1] ?? 0, compare, hits.groupValues));
  }
  return {
    searchedRows,
    fields: fields.map((column) => gatherColumn(column, rows)),
    hits: {
      starts: hits.starts,
      keys: gatherKeys(hits.keys, rows),
      scores: Float32Array.from(rows, (row) => hits.scores[row] ?? 0),
      groupValues: hits.groupValues && gatherColumn(hits.groupValues, rows),
      fields: [],
    },
  };
}

async function searchShards(
  call: ProxyCall,
  target: ReadTarget,
  search: Search,
  limit: number,
  offset: number,
  outputFieldIds: readonly number[],
): Promise<{ readonly hits: Hits; readonly searchedRows: number }> {
  const { params, metric, queries } = search;
  const { groupBy } = params;
  const k = limit + offset;
  const merged = (results: readonly ShardSearchResult[], nq: number): Hits =>
    mergeShards(results, { metric, nq, limit, offset, groupBy });
  if (groupBy === undefined || groupBy.groupSize === 1) {
    const results = await shardResults(call, target, search, k, outputFieldIds);
    return { hits: merged(results, queries.nq), searchedRows: notePlan(call, results) };
  }
  const parts: Hits[] = [];
  let searchedRows = 0;
  for (const part of queriesInParts(queries, Math.floor(GROUPED_HITS_MAX / (k * groupBy.groupSize)))) {
    const partly = { ...search, queries: part };
    const first = await shardResults(call, target, partly, k, outputFieldIds);
    searchedRows = notePlan(call, first);
    const among = groupsToFill(first, { metric, nq: part.nq, limit: k, offset: 0, groupBy });
    const filled = among && { ...target, filter: { ...target.filter, among } };
    const groups = (among?.values.length ?? 0) + (among?.orNull === true ? 1 : 0);
    const results = filled && (await shardResults(call, filled, partly, groups, outputFieldIds));
    parts.push(merged(results ?? first, part.nq));
  }
  return { hits: joinHits(parts), searchedRows };
}

/** Hits of queries that are searched at once when groups have several: the groups of all of them may be searched for again. */
const GROUPED_HITS_MAX = 65_536;

async function shardResults(
  call: ProxyCall,
  target: ReadTarget,
  { params, metric, queries }: Search,
  k: number,
  outputFieldIds: readonly number[],
): Promise<readonly ShardSearchResult[]> {
  const { groupBy } = params;
  return onShards(call, target.info, async (node, vchannel) =>
    node.search(call.ctx, {
      ...scopeOn(target, vchannel),
      fieldId: params.field.id,
      metric,
      ...queries,
      k,
      params: params.indexParams,
      range: rangeBehind(params.page?.lastBound, metric, params),
      groupBy: groupBy && { fieldId: groupBy.fieldId, groupSize: groupBy.groupSize, json: groupBy.json },
      outputFieldIds,
    }),
  );
}

function notePlan(call: ProxyCall, results: readonly ShardSearchResult[]): number {
  const plan = searchPlan(results);
  call.note({ plan });
  return plan.visibleRows;
}

/** Hits of each of the request's queries; those without a vector have none. */
function countsPerQuery(
  hits: Hits | undefined,
  nq: number,
  present: readonly number[] | undefined,
): BigInt64Array {
  const counts = new BigInt64Array(nq);
  if (hits === undefined) return counts;
  for (let q = 0; q + 1 < hits.starts.length; q++)
    counts[present?.[q] ?? q] = BigInt((hits.starts[q + 1] ?? 0) - (hits.starts[q] ?? 0));
  return counts;
}

function iteratorAnswer(
  call: ProxyCall,
  page: IteratorPage,
  hits: Hits | undefined,
  metric: MetricType,
): { readonly token: string; readonly lastBound: number } {
  return {
    token: page.token === "" ? newIteratorToken(call.deps.rng) : page.token,
    lastBound: hits?.scores.at(-1) ?? boundOfNothing(page, metric),
  };
}
