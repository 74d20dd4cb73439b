import type { ServiceTable } from "../api/service-table.ts";
import type { CallContext } from "../model/call-context.ts";
import type { NodeId } from "../model/ids.ts";
import type { StructuredLogger } from "../obs/logger.ts";
import type { MetricsRegistry } from "../obs/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Engine } from "../ports/engine.ts";
import type { TaskGroup } from "../ports/executor.ts";
import type { Faults } from "../ports/faults.ts";
import type { MessageStream } from "../ports/message-stream.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Rng } from "../ports/rng.ts";
import type { DataCoordLimits } from "../roles/datacoord/data-coord-deps.ts";
import type { IndexCoordLimits } from "../roles/indexcoord/index-coord-deps.ts";
import type { RootCoordLimits } from "../roles/rootcoord/root-coord-deps.ts";

/** The world as one process sees it. */
export interface ProcessPorts {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tasks: TaskGroup;
  readonly faults: Faults;
  readonly engine: Engine;
  readonly meta: MetaStore;
  readonly stream: MessageStream;
  readonly objects: ObjectStore;
  /** Undefined: nobody looks. */
  readonly metrics?: MetricsRegistry;
  /** Undefined: nobody reads. */
  readonly logger?: StructuredLogger;
}

/** How a process reaches the roles of others, and its own. */
export interface Links {
  connect<C extends object>(
    table: ServiceTable<C>,
    node: { readonly nodeId: NodeId; readonly address: string },
  ): C;
}

/** What differs between processes and between tests and production; built from the configuration. */
export interface ProcessSettings {
  readonly nodeId: NodeId;
  readonly address: string;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  readonly sessionLeaseMs: number;
  readonly coordinators: {
    readonly leaseMs: number;
    readonly retryPauseMs: number;
    readonly ownerTriesMax: number;
    readonly loadPollMs: number;
    readonly loadTimeoutMs: number;
    readonly root: {
      readonly limits: RootCoordLimits;
      readonly channelPrefix: string;
      readonly pchannels: number;
    };
    readonly data: DataCoordLimits;
    readonly index: IndexCoordLimits;
  };
  readonly workers: {
    readonly growingRowsMax: number;
    readonly seed: number;
    readonly writerLimits: {
      readonly queueMax: number;
      readonly queueBytesMax: number;
      readonly groupMax: number;
    };
    readonly recentWritesMax: number;
    readonly reportIntervalMs: number;
    readonly targetsReportIntervalMs: number;
    readonly deltaBytesMax: number;
    readonly filtersCachedMax: number;
    readonly inlineSearchWorkMax: number;
    /** Between two rounds of looking for segments whose files are to be verified; undefined: nothing is read that nobody asks for. */
    readonly scrubIntervalMs: number | undefined;
    /** Of the engine, for searches that are not done where they arrive. */
    readonly poolThreads: number;
    readonly buildThreads: number;
  };
}
