import type { DataCoord } from "../../api/data-coord.ts";
import type { DataNode } from "../../api/data-node.ts";
import type { IndexCoord } from "../../api/index-coord.ts";
import type { QueryCoord } from "../../api/query-coord.ts";
import type { QueryNode } from "../../api/query-node.ts";
import type { RootCoord } from "../../api/root-coord.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId, VChannel } from "../../model/ids.ts";
import type { Logger } from "../../obs/logger.ts";
import type { MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Rng } from "../../ports/rng.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Limiter } from "./limiter.ts";
import type { ProxyLimits } from "./proxy-limits.ts";

/** Everything a proxy needs of the world. It needs no engine: rows and hits pass through it as columns. */
export interface ProxyDeps {
  /** This session: a restarted proxy has another one, so that its write sequences start anew. */
  readonly nodeId: NodeId;
  /** `host:port` that clients reach it at. */
  readonly address: string;
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly queryCoord: QueryCoord;
  readonly indexCoord: IndexCoord;
  /** Calls the owner of the channel, wherever it is now: finds it, and again when it has moved meanwhile. */
  readonly owner: <T>(
    ctx: CallContext,
    vchannel: VChannel,
    use: (owner: DataNode) => Promise<T>,
  ) => Promise<T>;
  /** A query node that QueryCoord named as leader of a shard. */
  readonly queryNode: (nodeId: NodeId, address: string) => QueryNode;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly limits: ProxyLimits;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly authenticator: Authenticator;
  readonly limiter: Limiter;
  readonly build: BuildInfo;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
}

/** What Connect, GetVersion and GetMetrics say of this server. */
export interface BuildInfo {
  /** The release of Milvus whose behaviour this server gives: clients switch features on it. */
  readonly milvusVersion: string;
  readonly version: string;
  readonly commit: string;
  readonly builtAt: string;
  readonly runtime: string;
  readonly deployMode: "STANDALONE" | "DISTRIBUTED";
}
