import type { MessagePort } from "node:worker_threads";
import type { ServiceTable } from "../api/service-table.ts";
import type { ConfigEntry } from "../config/config.ts";
import type { CallContext } from "../model/call-context.ts";
import type { NodeId, VChannel } from "../model/ids.ts";
import type { MetricSnapshot } from "../obs/metrics.ts";

/** What the control thread asks of a serving thread. */
export interface ServingThread {
  /** Begins to accept connections; returns the port bound. */
  listen(
    ctx: CallContext,
    request: { readonly host: string; readonly port: number; readonly reusePort: boolean },
  ): Promise<{ readonly port: number }>;
  /** Refuses new calls and finishes running ones, at most for the time given. */
  drain(ctx: CallContext, request: { readonly timeoutMs: number }): Promise<void>;
  metrics(ctx: CallContext, request: Record<string, never>): Promise<readonly MetricSnapshot[]>;
  /** Changes a reloadable key of the thread's configuration. */
  updateConfig(ctx: CallContext, request: { readonly key: string; readonly value: string }): Promise<void>;
  setSession(ctx: CallContext, request: { readonly session: "held" | "lost" }): Promise<void>;
  /** The vchannel's segments have changed: what the thread keeps open of an older set is given back. */
  dropStaleView(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<void>;
}

export const servingThreadTable: ServiceTable<ServingThread> = {
  name: "ServingThread",
  methods: {
    listen: { idempotent: false },
    drain: { idempotent: true },
    metrics: { idempotent: true },
    updateConfig: { idempotent: true },
    setSession: { idempotent: true },
    dropStaleView: { idempotent: true },
  },
};

/** What a serving thread gets when it is started. One port per contract: calls of one never wait behind another's. */
export interface ServingThreadData {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly config: readonly ConfigEntry[];
  /** How reads run: as those of the control thread. */
  readonly reading: {
    readonly inlineSearchWorkMax: number;
    readonly filtersCachedMax: number;
    readonly poolThreads: number;
  };
  readonly ports: {
    readonly control: MessagePort;
    readonly proxy: MessagePort;
    readonly rootCoord: MessagePort;
    readonly dataCoord: MessagePort;
    readonly queryCoord: MessagePort;
    readonly indexCoord: MessagePort;
    readonly dataNode: MessagePort;
    readonly queryNode: MessagePort;
    readonly shardReader: MessagePort;
  };
}
