import type { CacheInvalidation } from "../../api/proxy.ts";
import type { DataCoord } from "../../api/data-coord.ts";
import type { DataNode } from "../../api/data-node.ts";
import type { IndexCoord } from "../../api/index-coord.ts";
import type { QueryCoord } from "../../api/query-coord.ts";
import type { Leadership } from "../../core/leader/leadership.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId, VChannel } from "../../model/ids.ts";
import type { MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Faults } from "../../ports/faults.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import type { MessageStream } from "../../ports/message-stream.ts";

export interface RootCoordDeps {
  readonly nodeId: NodeId;
  readonly meta: MetaStore;
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly tasks: Tasks;
  readonly faults: Faults;
  readonly stream: MessageStream;
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
  /** Calls the owner of a channel, wherever it is now. */
  readonly owner: <T>(
    ctx: CallContext,
    vchannel: VChannel,
    use: (owner: DataNode) => Promise<T>,
  ) => Promise<T>;
  /** Returns when every live proxy has dropped what it had cached, or its session has ended. */
  readonly invalidateProxies: (ctx: CallContext, invalidation: CacheInvalidation) => Promise<void>;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  readonly limits: RootCoordLimits;
  /** Prefix of channel names, as in `by-dev-rootcoord-dml_0_449v0`. */
  readonly channelPrefix: string;
  readonly pchannels: number;
}

export interface RootCoordLimits {
  readonly databasesMax: number;
  readonly collectionsMax: number;
  readonly collectionsPerDatabaseMax: number;
  readonly partitionsMax: number;
  /** Sum over all collections of shards times partitions. */
  readonly capacityMax: number;
}
