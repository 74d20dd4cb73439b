import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { DataCoord } from "../../api/data-coord.ts";
import type { ChannelState, QueryNode, WatchRequest } from "../../api/query-node.ts";
import type { DecayedIndex, ShardReader, ShardViewInfo, ViewRequest } from "../../api/shard-reader.ts";
import { Lru } from "../../base/lru.ts";
import { SharedRuns } from "../../base/shared-runs.ts";
import type { ScrubbedIndex } from "../../core/shard/segment-scrubber.ts";
import type { ShardRegistry } from "../../core/shard/shard-registry.ts";
import { channelMisrouted } from "../../errors/meta-errors.ts";
import { isRedkiteError, type RedkiteError } from "../../errors/redkite-error.ts";
import { missingObject } from "../../errors/storage-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { VChannel } from "../../model/ids.ts";
import type {
  ShardQueryRequest,
  ShardQueryResult,
  ShardSearchRequest,
  ShardSearchResult,
} from "../../model/read.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TaskHandle } from "../../ports/executor.ts";
import { Delegator, type DelegatorDeps } from "./delegator.ts";

export interface QueryNodeDeps extends Omit<DelegatorDeps, "viewChanged"> {
  readonly dataCoord: DataCoord;
  readonly shards: ShardRegistry;
  readonly clock: Clock;
  /** How often DataCoord is told which targets are read, though nothing has changed: a new leader of it knows nothing. */
  readonly targetsReportIntervalMs: number;
}

/**
 * Hosts delegators. Owns nothing durable: QueryCoord tells it again what to watch after a crash. Other threads of its process read
 * the same segments through `ShardReader`.
 */
export class QueryNodeRole implements QueryNode, ShardReader {
  readonly #deps: QueryNodeDeps;
  readonly #watched = new Map<VChannel, Watched>();
  /** Versions of the requests that ended the watch of a channel. */
  readonly #unwatched = new Lru<VChannel, bigint>({ entriesMax: UNWATCHED_MAX });
  readonly #viewListeners = new Set<(vchannel: VChannel) => void>();
  /** DataCoord may collect what no reader uses any more. A report names all channels: those that come together share one. */
  readonly #reports = new SharedRuns(async () => this.#report());
  #state: ComponentStateCode = "Initializing";

  constructor(deps: QueryNodeDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#state = "Healthy";
    const { clock, targetsReportIntervalMs } = this.#deps;
    this.#deps.tasks.spawn(
      "report targets",
      async (signal) => {
        while (!signal.aborted) {
          await this.#reports.run();
          await clock.sleep(targetsReportIntervalMs, signal);
        }
      },
      { endless: true },
    );
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
    await Promise.all([...this.#watched.keys()].map(async (vchannel) => this.#unwatch(vchannel)));
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "querynode", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return {
      name: "querynode",
      nodeId: this.#deps.nodeId,
      infos: { channels: this.#watched.size, nativeMemoryBytes: this.#deps.engine.memoryBytes() },
    };
  }

  async watchChannel(_ctx: CallContext, request: WatchRequest): Promise<void> {
    const known = this.#watched.get(request.vchannel);
    const newest = known?.request.version ?? this.#unwatched.get(request.vchannel) ?? request.version;
    if (request.version < newest) return;
    if (known !== undefined && known.failure === undefined) {
      known.request = request;
      known.delegator?.watch(request);
      return;
    }
    const watched: Watched = { request, delegator: undefined, failure: undefined, task: undefined };
    this.#watched.set(request.vchannel, watched);
    watched.task = this.#deps.tasks.spawn(
      `watch ${request.vchannel}`,
      async (signal) => this.#open(watched, signal),
      {
        failed: (error) => {
          watched.failure = error instanceof Error ? error : new Error(String(error));
        },
      },
    );
  }

  async unwatchChannel(
    _ctx: CallContext,
    { vchannel, version }: { readonly vchannel: VChannel; readonly version: bigint },
  ): Promise<void> {
    const known = this.#watched.get(vchannel);
    if (known !== undefined && known.request.version > version) return;
    if (version > (this.#unwatched.peek(vchannel) ?? 0n)) this.#unwatched.set(vchannel, version);
    await this.#unwatch(vchannel);
  }

  async syncTarget(
    ctx: CallContext,
    { vchannel }: { readonly vchannel: VChannel },
  ): Promise<{ readonly version: bigint }> {
    const delegator = this.#delegator(vchannel);
    const version = await delegator.sync(ctx);
    await this.#reports.run();
    return { version };
  }

  async channelState(
    _ctx: CallContext,
    { vchannel }: { readonly vchannel: VChannel },
  ): Promise<ChannelState> {
    const watched = this.#watched.get(vchannel);
    if (watched === undefined) throw channelMisrouted(vchannel, "this node does not serve it");
    if (watched.delegator !== undefined) return watched.delegator.state();
    const failed = watched.failure !== undefined;
    return {
      state: failed ? "Failed" : "Loading",
      progress: 0,
      failReason: watched.failure?.message ?? "",
      isDamaged: isRedkiteError(watched.failure, "corrupted"),
      missing: missingObject(watched.failure),
      version: 0n,
      segments: [],
    };
  }

  async search(ctx: CallContext, request: ShardSearchRequest): Promise<ShardSearchResult> {
    return this.#delegator(request.vchannel).search(ctx, request);
  }

  async query(ctx: CallContext, request: ShardQueryRequest): Promise<ShardQueryResult> {
    return this.#delegator(request.vchannel).query(ctx, request);
  }

  async closedTimestamp(
    _ctx: CallContext,
    { vchannel }: { readonly vchannel: VChannel },
  ): Promise<Timestamp> {
    return this.#delegator(vchannel).closedTimestamp;
  }

  async openView(_ctx: CallContext, { vchannel, schema }: ViewRequest): Promise<ShardViewInfo> {
    return this.#delegator(vchannel).view(schema);
  }

  async waitClosed(
    ctx: CallContext,
    { vchannel, at }: { readonly vchannel: VChannel; readonly at: Timestamp },
  ): Promise<void> {
    await this.#delegator(vchannel).waitClosed(ctx, at);
  }

  async indexDecayed(_ctx: CallContext, { vchannel, segmentId, fieldId }: DecayedIndex): Promise<void> {
    this.#watched.get(vchannel)?.delegator?.loseIndex(segmentId, fieldId);
  }

  /** Those that searches of all channels use now. */
  indexFiles(): readonly ScrubbedIndex[] {
    return [...this.#watched.values()].flatMap(({ delegator }) => delegator?.indexFiles() ?? []);
  }

  /** A file of the channel was found damaged after it was opened: nothing is read from it any more until it is loaded anew. */
  noteDamage(vchannel: VChannel, error: RedkiteError): void {
    this.#watched.get(vchannel)?.delegator?.noteDamage(error);
  }

  /** Told when what `openView` answered of a vchannel is no longer the newest. */
  onViewChange(listener: (vchannel: VChannel) => void): void {
    this.#viewListeners.add(listener);
  }

  async #open(watched: Watched, signal: AbortSignal): Promise<void> {
    const { vchannel } = watched.request;
    const ctx = this.#deps.context(signal);
    const shard = await this.#deps.shards.acquire(vchannel, signal);
    const viewChanged = (changed: VChannel): void => {
      for (const listener of this.#viewListeners) listener(changed);
    };
    const delegator = new Delegator({ ...this.#deps, viewChanged }, shard, watched.request);
    try {
      // Serving begins when everything acknowledged so far is applied.
      await delegator.sync(ctx);
      await delegator.catchUp(ctx);
    } catch (error) {
      await delegator.close();
      throw error;
    }
    if (signal.aborted || this.#watched.get(vchannel) !== watched) {
      await delegator.close();
      return;
    }
    delegator.watch(watched.request);
    watched.delegator = delegator;
    await this.#reports.run();
  }

  async #unwatch(vchannel: VChannel): Promise<void> {
    const watched = this.#watched.get(vchannel);
    if (watched === undefined) return;
    this.#watched.delete(vchannel);
    await watched.task?.stop();
    await watched.delegator?.close();
  }

  async #report(): Promise<void> {
    const targets = [...this.#watched].flatMap(([vchannel, { delegator }]) =>
      delegator === undefined ? [] : [{ vchannel, version: delegator.targetVersion }],
    );
    await this.#deps.dataCoord.reportTargets(this.#deps.context(), { reader: this.#deps.nodeId, targets });
  }

  #delegator(vchannel: VChannel): Delegator {
    const delegator = this.#watched.get(vchannel)?.delegator;
    if (delegator === undefined) throw channelMisrouted(vchannel, "this node does not serve it");
    return delegator;
  }
}

/** Late requests come soon: more releases than that do not lie in between. */
const UNWATCHED_MAX = 4_096;

interface Watched {
  request: WatchRequest;
  delegator: Delegator | undefined;
  failure: Error | undefined;
  task: TaskHandle | undefined;
}
