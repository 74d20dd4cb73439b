import type { Keys } from "../model/columns.ts";
import type { Init } from "./codec.ts";
import type { FieldData, IDs, QueryResults, SearchResultData } from "./messages.gen.ts";

/** The hits of all queries of a search, those of query 0 first, each query's best first. */
export interface SearchHits {
  /** Hits that were asked for, per query. */
  readonly limit: number;
  /** Hits of each query. */
  readonly counts: BigInt64Array;
  readonly ids: Keys;
  /** One a hit, in Milvus's sense: larger is better for IP and COSINE, smaller for the others. */
  readonly scores: Float32Array;
  /** Columns of the output fields, one row a hit. */
  readonly fields: readonly Init<FieldData>[];
  readonly outputFields: readonly string[];
  readonly primaryFieldName: string;
  readonly groupBy?: Init<FieldData> | undefined;
  /** Continues a search iterator: the client sends both back. */
  readonly iterator?: { readonly token: string; readonly lastBound: number } | undefined;
  readonly allSearchCount?: number;
}

/** `results` of SearchResults. Columns go to the wire as they are. */
export function searchResultData(hits: SearchHits): Init<SearchResultData> {
  return {
    numQueries: BigInt(hits.counts.length),
    topK: BigInt(hits.limit),
    fieldsData: hits.fields,
    scores: hits.scores,
    ids: toWireIds(hits.ids),
    topks: hits.counts,
    outputFields: hits.outputFields,
    primaryFieldName: hits.primaryFieldName,
    groupByFieldValue: hits.groupBy,
    groupByFieldValues: hits.groupBy === undefined ? undefined : [hits.groupBy],
    searchIteratorV2Results: hits.iterator,
    allSearchCount: BigInt(hits.allSearchCount ?? 0),
  };
}

/** The `count(*)` of a query, as Milvus answers it. */
export function countResults(count: bigint): Pick<Init<QueryResults>, "fieldsData" | "outputFields"> {
  return {
    fieldsData: [{ type: 5, fieldName: COUNT, scalars: { longData: { data: BigInt64Array.of(count) } } }],
    outputFields: [COUNT],
  };
}

const COUNT = "count(*)";

export function toWireIds(keys: Keys): Init<IDs> {
  return keys.kind === "int64"
    ? { intId: { data: keys.values } }
    : { strId: { data: { offsets: keys.offsets, bytes: keys.bytes } } };
}

/** Keys of a request or answer; where there are none of either kind, no integers. */
export function fromWireIds(ids: IDs | undefined): Keys {
  if (ids?.strId !== undefined) return { kind: "varchar", ...ids.strId.data };
  if (ids?.intId !== undefined) return { kind: "int64", values: ids.intId.data };
  return { kind: "int64", values: new BigInt64Array(0) };
}
