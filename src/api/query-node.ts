import type { CallContext } from "../model/call-context.ts";
import type { Column, Keys } from "../model/columns.ts";
import type { CollectionId, PartitionId, SegmentId, VChannel } from "../model/ids.ts";
import type { CollectionSchema, KeyValues } from "../model/schema.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { MetricType, SearchStats } from "../ports/engine.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { LoadedSegmentInfo } from "./query-coord.ts";
import type { ServiceTable } from "./service-table.ts";

/**
 * Hosts delegators: for each vchannel it leads, the sealed segments of the target plus the growing rows of the log, as one
 * consistent set. Reads are repeatable: the same request at the same timestamp gives the same rows.
 */
export interface QueryNode extends Component {
  /** Begins to serve (or changes what it serves of) a vchannel. Returns at once; `channelState` tells the progress. */
  watchChannel(ctx: CallContext, request: WatchRequest): Promise<void>;
  unwatchChannel(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void>;
  /** Fetches the newest target from DataCoord and goes over to it in one step. Returns when it serves it. */
  syncTarget(
    ctx: CallContext,
    request: { readonly vchannel: VChannel },
  ): Promise<{ readonly version: bigint }>;
  channelState(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<ChannelState>;
  /**
   * Waits until the channel is closed at `readAt` and answers from exactly that state. Errors: channelNotFound (retriable: ask QueryCoord
   * again), partitionNotLoaded, historyGone (the timestamp is too old), deadlineExceeded.
   */
  search(ctx: CallContext, request: ShardSearchRequest): Promise<ShardSearchResult>;
  query(ctx: CallContext, request: ShardQueryRequest): Promise<ShardQueryResult>;
  /** The highest timestamp at which the channel is closed here, asking no owner (Eventually). */
  closedTimestamp(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<Timestamp>;
}

export interface WatchRequest {
  readonly vchannel: VChannel;
  readonly collectionId: CollectionId;
  /** Undefined: all partitions, later ones too. */
  readonly partitionIds: readonly PartitionId[] | undefined;
  /** Fields to load; empty for all. */
  readonly fieldIds: readonly number[];
}

export interface ChannelState {
  readonly state: "Loading" | "Serving" | "Failed";
  readonly progress: number;
  readonly failReason: string;
  readonly version: bigint;
  readonly segments: readonly LoadedSegmentInfo[];
}

/** The part of every read that fixes what it sees. */
export interface ReadScope {
  readonly collectionId: CollectionId;
  readonly vchannel: VChannel;
  /** Undefined: all loaded ones. */
  readonly partitionIds: readonly PartitionId[] | undefined;
  readonly readAt: Timestamp;
  /** Rows that began at or below it are expired or truncated. */
  readonly minBegin: Timestamp;
  readonly ignoreGrowing: boolean;
  /** As of `readAt`; the filter text was checked against it. */
  readonly schema: CollectionSchema;
  /** Filter source and its template values, compiled once per node and schema version; empty for none. */
  readonly filter: FilterSource;
}

export interface FilterSource {
  readonly text: string;
  readonly templates: readonly { readonly name: string; readonly value: TemplateValue }[];
}

export type TemplateValue = boolean | bigint | number | string | readonly TemplateValue[];

export interface ShardSearchRequest extends ReadScope {
  readonly fieldId: number;
  readonly metric: MetricType;
  readonly nq: number;
  readonly queries: Uint8Array;
  readonly queryOffsets: Int32Array | undefined;
  /** Hits wanted per query, offset included. */
  readonly k: number;
  /** Index parameters (ef, ...), checked by the proxy. */
  readonly params: KeyValues;
  readonly range: { readonly radius: number; readonly rangeFilter: number | undefined } | undefined;
  readonly groupBy:
    { readonly fieldId: number; readonly groupSize: number; readonly strict: boolean } | undefined;
  /** Fields returned with the hits; empty when the proxy fetches them later. */
  readonly outputFieldIds: readonly number[];
}

/** Hits of query q are [starts[q], starts[q + 1]), best first; equal scores by ascending key. */
export interface ShardSearchResult {
  readonly starts: Int32Array;
  readonly keys: Keys;
  readonly scores: Float32Array;
  readonly groupValues: Column | undefined;
  /** One column per output field, in the order of the request, one value per hit. */
  readonly fields: readonly Column[];
  readonly stats: readonly (SearchStats & { readonly segmentId: SegmentId })[];
}

export interface ShardQueryRequest extends ReadScope {
  /** Undefined: by filter. Else rows of these keys (in their order is not promised), filter applied too. */
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
  readonly fields: readonly Column[];
}

const yes = { idempotent: true } as const;

export const queryNodeTable: ServiceTable<QueryNode> = {
  name: "QueryNode",
  methods: {
    ...componentMethods,
    watchChannel: yes,
    unwatchChannel: yes,
    syncTarget: yes,
    channelState: yes,
    search: yes,
    query: yes,
    closedTimestamp: yes,
  },
};
