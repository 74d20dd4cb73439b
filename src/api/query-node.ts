import type { CallContext } from "../model/call-context.ts";
import type { CollectionId, PartitionId, VChannel } from "../model/ids.ts";
import type {
  ShardQueryRequest,
  ShardQueryResult,
  ShardSearchRequest,
  ShardSearchResult,
} from "../model/read.ts";
import type { Timestamp } from "../model/timestamp.ts";
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
  unwatchChannel(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly version: bigint },
  ): Promise<void>;
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
  /** Grows with what is asked for, over all leaders: what comes late, behind a newer request, changes nothing. */
  readonly version: bigint;
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
  /** It failed in a way that another try does not mend: a stored file is damaged. */
  readonly isDamaged: boolean;
  /** Key of the stored object that was not there, when that is why it failed. Whether the newest target still names it this node cannot know. */
  readonly missing: string | undefined;
  readonly version: bigint;
  readonly segments: readonly LoadedSegmentInfo[];
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
