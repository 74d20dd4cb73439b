import type { CallContext } from "../model/call-context.ts";
import { NO_TRACE } from "../model/call-context.ts";
import type { NodeId } from "../model/ids.ts";
import type { ProcessSettings } from "./process-ports.ts";

/** A context for work that no call asked for: no user, no deadline. */
export function backgroundContext(signal: AbortSignal): CallContext {
  return {
    principal: "",
    database: "default",
    deadlineMs: undefined,
    signal,
    trace: NO_TRACE,
    clientRequestId: "",
  };
}

/** Settings before the configuration has its say. */
export function defaultSettings(identity: {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly stopping: AbortSignal;
}): ProcessSettings {
  return {
    nodeId: identity.nodeId,
    address: identity.address,
    context: (signal) =>
      backgroundContext(
        signal === undefined ? identity.stopping : AbortSignal.any([signal, identity.stopping]),
      ),
    sessionLeaseMs: 10_000,
    coordinators: {
      leaseMs: 10_000,
      retryPauseMs: 20,
      ownerTriesMax: 20,
      loadPollMs: 5,
      loadTimeoutMs: 600_000,
      root: {
        limits: {
          databasesMax: 64,
          collectionsMax: 65_536,
          collectionsPerDatabaseMax: 65_536,
          partitionsMax: 4_096,
          capacityMax: 65_536,
        },
        channelPrefix: "by-dev",
        pchannels: 16,
      },
      data: {
        segmentBytesMax: 1024 << 20,
        sealProportion: 0.25,
        segmentRowsMax: 4_000_000,
        segmentAgeMsMax: 24 * 3600_000,
        segmentIdleMsMax: 600_000,
        segmentIdleBytesMin: 16 << 20,
        syncMsMax: 600_000,
        compactionEnabled: true,
        compaction: {
          segmentBytesMax: 1024 << 20,
          smallShare: 0.5,
          smallMin: 4,
          deletedShareMax: 0.2,
          deltaLogsMax: 30,
          inputsMax: 30,
        },
        retentionMs: 300_000,
        compactionsParallelMax: 2,
        checkIntervalMs: 10_000,
        compactionIntervalMs: 60_000,
        gcEnabled: true,
        gcIntervalMs: 60_000,
        gcDropToleranceMs: 60_000,
        gcOrphanToleranceMs: 3600_000,
      },
      index: {
        buildsParallelMax: 1,
        rowsMin: 1024,
        triesMax: 5,
        retryPauseMs: 200,
        failedPauseMs: 60_000,
        upkeepIntervalMs: 60_000,
        orphanToleranceMs: 3600_000,
      },
    },
    workers: {
      growingRowsMax: 4_200_000,
      seed: 42,
      writerLimits: { queueMax: 1024, queueBytesMax: 256 << 20, groupMax: 256 },
      recentWritesMax: 4096,
      reportIntervalMs: 500,
      targetsReportIntervalMs: 10_000,
      deltaBytesMax: 8 << 20,
      filtersCachedMax: 1024,
      inlineSearchWorkMax: 4_000_000,
      scrubIntervalMs: undefined,
      poolThreads: 2,
      buildThreads: 2,
    },
  };
}
