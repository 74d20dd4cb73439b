import type { Column, Keys } from "./columns.ts";
import type { DataType } from "./data-type.ts";
import type { CollectionId, PartitionId, SegmentId, VChannel } from "./ids.ts";
import type { CollectionSchema, KeyValues } from "./schema.ts";
import type { Timestamp } from "./timestamp.ts";

export const METRIC_TYPES = [
  ...(["L2", "IP", "COSINE"] as const),
  ...(["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE", "MHJACCARD"] as const),
  "BM25",
] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

/** Rows stand in these relations to the query, at distance 0, or are no hits. */
export function isRelation(metric: MetricType): boolean {
  return metric === "SUBSTRUCTURE" || metric === "SUPERSTRUCTURE";
}

/** What of every read fixes what it sees: the same scope always sees the same rows. */
export interface ReadScope {
  readonly collectionId: CollectionId;
  readonly vchannel: VChannel;
  /** Undefined: all loaded ones. */
  readonly partitionIds: readonly PartitionId[] | undefined;
  /** Refused when one of them is not loaded: a row that is not seen would be taken for one that is not there. */
  readonly mustBeLoaded?: readonly PartitionId[];
  readonly readAt: Timestamp;
  /** Rows that began at or below it are expired or truncated. */
  readonly minBegin: Timestamp;
  readonly ignoreGrowing: boolean;
  /** As of `readAt`; the filter text was checked against it. */
  readonly schema: CollectionSchema;
  readonly filter: FilterSource;
}

/** Compiled once per node, schema version and text; an empty text matches every row. */
export interface FilterSource {
  readonly text: string;
  readonly templates: readonly { readonly name: string; readonly value: TemplateValue }[];
  /** Zone of the times in the text that name none. */
  readonly timeZone: string;
  /** Rows whose time in a field is not behind this one have expired and do not match; those without a time never do. */
  readonly aliveAfter?: AliveAfter;
  /** Only rows with one of these values match. */
  readonly among?: Among;
}

/** Values of a field, as a filter has them: whole numbers as bigint. */
export interface Among {
  readonly field: string;
  readonly values: readonly (boolean | bigint | string)[];
  /** Rows without a value match as well. */
  readonly orNull: boolean;
  /** Of a JSON field: the values are what these groups are of. */
  readonly json?: JsonGroups | undefined;
}

export interface AliveAfter {
  readonly field: string;
  /** Since 1970. */
  readonly micros: bigint;
}

export type TemplateValue = boolean | bigint | number | string | readonly TemplateValue[];

export interface ShardSearchRequest extends ReadScope {
  readonly fieldId: number;
  readonly metric: MetricType;
  readonly nq: number;
  /** Dense: nq x vector bytes. Sparse: concatenated (u32, f32) pairs with `queryOffsets`. */
  readonly queries: Uint8Array;
  readonly queryOffsets: Int32Array | undefined;
  /** Hits wanted per query, offset included; groups when grouped. */
  readonly k: number;
  /** Index parameters (ef, ...), checked by the proxy. */
  readonly params: KeyValues;
  readonly range: { readonly radius: number; readonly rangeFilter: number | undefined } | undefined;
  readonly groupBy: GroupBy | undefined;
  /** Fields returned with the hits; empty when the proxy fetches them later. */
  readonly outputFieldIds: readonly number[];
}

export interface GroupBy {
  readonly fieldId: number;
  readonly groupSize: number;
  /** Of a JSON field: groups are what is at a path. */
  readonly json?: JsonGroups | undefined;
}

/** What of a JSON field rows are grouped by. */
export interface JsonGroups {
  /** Keys and indexes; empty for the whole value. */
  readonly path: readonly string[];
  /** Bool, an integer or VarChar: values of other types have no group. None: the text of the value, whatever it is. */
  readonly type: DataType;
  /** Whether a hit without a value of the type is an error. */
  readonly strict: boolean;
}

/** Hits of query q are [starts[q], starts[q + 1]), best first; equal scores by ascending key. */
export interface ShardSearchResult {
  readonly starts: Int32Array;
  readonly keys: Keys;
  readonly scores: Float32Array;
  readonly groupValues: Column | undefined;
  /** One column per output field, in the order of the request, one value per hit. */
  readonly fields: readonly Column[];
  readonly stats: readonly SegmentSearchStats[];
}

export interface SegmentSearchStats {
  readonly segmentId: SegmentId;
  readonly distances: number;
  readonly path: "flat" | "graph" | "graph+exact" | "lists" | "empty";
  readonly visibleRows: number;
}

export interface ShardQueryRequest extends ReadScope {
  /** Undefined: by filter. Else rows of these keys, filter applied too. */
  readonly keys: Keys | undefined;
  /** Rows wanted at most, smallest keys first; -1 for all. */
  readonly limit: number;
  readonly countOnly: boolean;
  readonly outputFieldIds: readonly number[];
}

export interface ShardQueryResult {
  /** Matching rows; with countOnly the only answer. */
  readonly count: bigint;
  /** Ascending. */
  readonly keys: Keys;
  readonly timestamps: BigUint64Array;
  /** One column per output field, in the order of the request. */
  readonly fields: readonly Column[];
}

/** IP, COSINE, MHJACCARD and BM25 are similarities, the others distances. */
export function largerIsBetter(metric: MetricType): boolean {
  return metric === "IP" || metric === "COSINE" || metric === "MHJACCARD" || metric === "BM25";
}
