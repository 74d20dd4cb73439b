import type { Config } from "../config/config.ts";
import type { NodeId } from "../model/ids.ts";
import { defaultSettings } from "./default-settings.ts";
import type { ProcessSettings } from "./process-ports.ts";

const MiB = 1 << 20;

/** What the configuration says of one process. */
export function settingsFromConfig(
  config: Config,
  identity: {
    readonly nodeId: NodeId;
    readonly address: string;
    readonly stopping: AbortSignal;
    readonly cores: number;
  },
): ProcessSettings {
  const base = defaultSettings(identity);
  const segmentBytesMax = config.get("dataCoord.segment.maxSize") * MiB;
  const segmentIdleMsMax = config.get("dataCoord.segment.maxIdleTime") * 1000;
  const syncMsMax = config.get("dataNode.segment.syncPeriod") * 1000;
  const { coordinators, workers } = base;
  return {
    ...base,
    sessionLeaseMs: config.get("common.session.ttl") * 1000,
    coordinators: {
      ...coordinators,
      leaseMs: config.get("common.session.ttl") * 1000,
      loadTimeoutMs: config.get("queryCoord.loadTimeoutSeconds") * 1000,
      root: {
        ...coordinators.root,
        channelPrefix: config.get("msgChannel.chanNamePrefix.cluster"),
        pchannels: config.get("rootCoord.dmlChannelNum"),
        limits: {
          databasesMax: config.get("rootCoord.maxDatabaseNum"),
          collectionsMax: config.get("quotaAndLimits.limits.maxCollectionNum"),
          collectionsPerDatabaseMax: config.get("quotaAndLimits.limits.maxCollectionNumPerDB"),
          partitionsMax: config.get("rootCoord.maxPartitionNum"),
          capacityMax: config.get("rootCoord.maxGeneralCapacity"),
        },
      },
      data: {
        ...coordinators.data,
        segmentBytesMax,
        sealProportion: config.get("dataCoord.segment.sealProportion"),
        segmentAgeMsMax: config.get("dataCoord.segment.maxLife") * 1000,
        segmentIdleMsMax,
        segmentIdleBytesMin: config.get("dataCoord.segment.minSizeFromIdleToSealed") * MiB,
        syncMsMax,
        compactionEnabled:
          config.get("dataCoord.enableCompaction") && config.get("dataCoord.compaction.enableAutoCompaction"),
        compaction: {
          ...coordinators.data.compaction,
          segmentBytesMax,
          smallShare: config.get("dataCoord.segment.smallProportion"),
          deletedShareMax: config.get("dataCoord.compaction.single.ratio.threshold"),
          deltaLogsMax: config.get("dataCoord.compaction.single.deltalog.maxnum"),
        },
        retentionMs: config.get("common.retentionDuration") * 1000,
        // Noticed no later than half of the time again.
        checkIntervalMs: Math.min(coordinators.data.checkIntervalMs, segmentIdleMsMax / 2, syncMsMax / 2),
        compactionIntervalMs: config.get("dataCoord.compaction.mix.triggerInterval") * 1000,
        gcEnabled: config.get("dataCoord.enableGarbageCollection"),
        gcIntervalMs: config.get("dataCoord.gc.interval") * 1000,
        gcDropToleranceMs: config.get("dataCoord.gc.dropTolerance") * 1000,
        gcOrphanToleranceMs: config.get("dataCoord.gc.missingTolerance") * 1000,
      },
      index: {
        ...coordinators.index,
        buildsParallelMax: config.get("indexNode.scheduler.buildParallel"),
        upkeepIntervalMs: config.get("dataCoord.gc.interval") * 1000,
        orphanToleranceMs: config.get("dataCoord.gc.missingTolerance") * 1000,
      },
    },
    workers: {
      ...workers,
      poolThreads: identity.cores,
      buildThreads: identity.cores,
      // Starts and first searches come before it.
      scrubIntervalMs: 2_000,
    },
  };
}
