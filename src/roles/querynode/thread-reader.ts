import type { ComponentMetrics, ComponentState } from "../../api/component.ts";
import type { ChannelState, QueryNode, WatchRequest } from "../../api/query-node.ts";
import type { ShardReader } from "../../api/shard-reader.ts";
import { SharedRuns } from "../../base/shared-runs.ts";
import type { FilterCache } from "../../core/search/filter-cache.ts";
import { narrowed, readableSegments, type ReadableShard } from "../../core/search/read-segments.ts";
import { queryShard } from "../../core/search/shard-query.ts";
import { searchShard, type SearchPolicy } from "../../core/search/shard-search.ts";
import { CancelOnAbort } from "../../core/search/cancel-on-abort.ts";
import { serviceUnavailable } from "../../errors/service-errors.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { untilAborted } from "../../errors/until-aborted.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { VChannel } from "../../model/ids.ts";
import type {
  ReadScope,
  ShardQueryRequest,
  ShardQueryResult,
  ShardSearchRequest,
  ShardSearchResult,
} from "../../model/read.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { Engine } from "../../ports/engine.ts";
import { ThreadView } from "./thread-view.ts";

export interface ThreadReaderDeps {
  /** The query node of this process, for everything that is not a read. */
  readonly queryNode: QueryNode;
  readonly shardReader: ShardReader;
  /** This thread's: attaches to the segments of the process. */
  readonly engine: Engine;
  readonly filters: FilterCache;
  readonly policy: SearchPolicy;
  /** A context for what several reads wait for. */
  readonly context: () => CallContext;
}

/**
 * The query node as a serving thread has it: reads run on this thread, over segments that exist once per process (D11). A read asks
 * the control thread only when the channel is not yet closed at its timestamp, or when its segments have changed. Owns views of
 * shards, nothing else; core/shard/watermark.ts says why they show every row once.
 */
export class ThreadReader implements QueryNode {
  readonly #deps: ThreadReaderDeps;
  readonly #channels = new Map<VChannel, Channel>();
  #closed = false;

  constructor(deps: ThreadReaderDeps) {
    this.#deps = deps;
  }

  async search(ctx: CallContext, request: ShardSearchRequest): Promise<ShardSearchResult> {
    const filter = this.#deps.filters.get(request.collectionId, request.schema, request.filter);
    return this.#read(ctx, request, async (shard) => {
      using cancel = new CancelOnAbort(ctx);
      const segments = readableSegments(shard, request);
      const { policy, shardReader, context } = this.#deps;
      const { vchannel } = request;
      return await searchShard(segments, narrowed(shard, request), filter, policy, {
        cancel,
        indexDecayed: async (segmentId, fieldId) =>
          shardReader.indexDecayed(context(), { vchannel, segmentId, fieldId }),
      });
    });
  }

  async query(ctx: CallContext, request: ShardQueryRequest): Promise<ShardQueryResult> {
    const filter = this.#deps.filters.get(request.collectionId, request.schema, request.filter);
    return this.#read(ctx, request, async (shard) =>
      queryShard(readableSegments(shard, request), narrowed(shard, request), filter, undefined),
    );
  }

  async closedTimestamp(ctx: CallContext, { vchannel }: { readonly vchannel: VChannel }): Promise<Timestamp> {
    const channel = this.#channel(vchannel);
    return this.#using(channel, async () => {
      while (channel.view?.isCurrent() !== true) await this.#open(ctx, channel);
      return channel.view.watermark.closed;
    });
  }

  /** The control thread has a newer view: what this thread keeps open of an older one is given back, although no read may come. */
  dropStaleView(vchannel: VChannel): void {
    const channel = this.#channels.get(vchannel);
    if (channel?.view?.isCurrent() === false) this.#release(channel);
  }

  /** Gives all segments back; running reads finish on theirs. */
  close(): void {
    this.#closed = true;
    for (const channel of this.#channels.values()) this.#release(channel);
  }

  async watchChannel(ctx: CallContext, request: WatchRequest): Promise<void> {
    return this.#deps.queryNode.watchChannel(ctx, request);
  }

  async unwatchChannel(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly version: bigint },
  ): Promise<void> {
    return this.#deps.queryNode.unwatchChannel(ctx, request);
  }

  async syncTarget(
    ctx: CallContext,
    request: { readonly vchannel: VChannel },
  ): Promise<{ readonly version: bigint }> {
    return this.#deps.queryNode.syncTarget(ctx, request);
  }

  async channelState(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<ChannelState> {
    return this.#deps.queryNode.channelState(ctx, request);
  }

  async getComponentStates(...args: Parameters<QueryNode["getComponentStates"]>): Promise<ComponentState> {
    return this.#deps.queryNode.getComponentStates(...args);
  }

  async getMetrics(...args: Parameters<QueryNode["getMetrics"]>): Promise<ComponentMetrics> {
    return this.#deps.queryNode.getMetrics(...args);
  }

  /** Runs a read over segments that hold everything up to its timestamp. */
  async #read<T>(ctx: CallContext, scope: ReadScope, run: (shard: ReadableShard) => Promise<T>): Promise<T> {
    const channel = this.#channel(scope.vchannel);
    return this.#using(channel, async () => {
      for (;;) {
        const { view } = channel;
        // An outdated view comes first: its watermark may never move again.
        if (view === undefined || !view.isCurrent() || view.schemaVersion < scope.schema.version) {
          await this.#open(ctx, channel, scope.schema);
          continue;
        }
        if (view.watermark.closed < scope.readAt) {
          await this.#waitClosed(ctx, channel, scope.readAt);
          continue;
        }
        // Closed first, the version after it (core/shard/watermark.ts).
        if (!view.isCurrent()) continue;
        const { shard, release } = view.hold();
        try {
          return await run(shard);
        } finally {
          release();
        }
      }
    });
  }

  /** Channels that nobody uses, and that are not open, are forgotten. */
  async #using<T>(channel: Channel, use: () => Promise<T>): Promise<T> {
    channel.users += 1;
    try {
      return await use();
    } finally {
      channel.users -= 1;
      this.#tidy(channel);
    }
  }

  #channel(vchannel: VChannel): Channel {
    const known = this.#channels.get(vchannel);
    if (known !== undefined) return known;
    const { shardReader, context } = this.#deps;
    const channel: Channel = {
      vchannel,
      users: 0,
      view: undefined,
      schema: undefined,
      closeAt: TIMESTAMP_ZERO,
      opening: new SharedRuns(async () => {
        // Those who asked may have given up.
        if (channel.users > 0) await this.#using(channel, async () => this.#attach(channel));
      }),
      closing: new SharedRuns(async () =>
        shardReader.waitClosed(context(), { vchannel, at: channel.closeAt }),
      ),
    };
    this.#channels.set(vchannel, channel);
    return channel;
  }

  async #open(ctx: CallContext, channel: Channel, schema?: CollectionSchema): Promise<void> {
    if (schema !== undefined && schema.version > (channel.schema?.version ?? -1)) channel.schema = schema;
    await untilAborted(channel.opening.run(), ctx.signal);
  }

  async #waitClosed(ctx: CallContext, channel: Channel, at: Timestamp): Promise<void> {
    if (at > channel.closeAt) channel.closeAt = at;
    await untilAborted(channel.closing.run(), ctx.signal);
  }

  /** Goes over to the newest view; when there is none any more, gives back the last one. */
  async #attach(channel: Channel): Promise<void> {
    const { shardReader, engine, context } = this.#deps;
    const { vchannel } = channel;
    for (let tries = 1; !isNewest(channel); tries++) {
      if (this.#closed) throw serviceUnavailable("this thread no longer reads");
      try {
        const info = await shardReader.openView(context(), { vchannel, schema: channel.schema });
        const view = ThreadView.attach(engine, info, channel.view);
        this.#release(channel);
        channel.view = view;
      } catch (error) {
        this.#release(channel);
        // A segment was closed before it could be attached: a newer view is there already.
        if (!isRedkiteError(error, "parameterInvalid") || tries >= ATTACH_TRIES_MAX) throw error;
      }
    }
    if (this.#closed) this.#release(channel);
  }

  #release(channel: Channel): void {
    channel.view?.release();
    channel.view = undefined;
    this.#tidy(channel);
  }

  #tidy(channel: Channel): void {
    if (channel.users > 0 || channel.view !== undefined) return;
    if (this.#channels.get(channel.vchannel) === channel) this.#channels.delete(channel.vchannel);
  }
}

interface Channel {
  readonly vchannel: VChannel;
  users: number;
  view: ThreadView | undefined;
  /** The newest that a read has named. */
  schema: CollectionSchema | undefined;
  /** The highest timestamp that a read waits for. */
  closeAt: Timestamp;
  readonly opening: SharedRuns<void>;
  readonly closing: SharedRuns<void>;
}

/** Views that come with segments already closed; each means that another one was made meanwhile. */
const ATTACH_TRIES_MAX = 20;

function isNewest({ view, schema }: Channel): boolean {
  return view !== undefined && view.isCurrent() && view.schemaVersion >= (schema?.version ?? 0);
}
