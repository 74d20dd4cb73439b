import type { WalOptions } from "../adapters/stream/file-wal/wal-options.ts";
import { defaultSettings } from "../app/default-settings.ts";
import type { ProcessSettings } from "../app/process-ports.ts";
import type { World } from "./world.ts";

/** What a seed decides before the run begins: topology, engine, limits so small that everything happens often. */
export interface SimTuning {
  readonly topology: "standalone" | "cluster";
  readonly engine: "native" | "reference";
  readonly wal: Partial<WalOptions>;
  readonly retentionMs: number;
  /** How old rows a Bounded read may see. */
  readonly gracefulTimeMs: number;
  /** With a small one proxies ask for definitions all the time. */
  readonly cachedCollectionsMax: number;
  readonly settings: (identity: Parameters<typeof defaultSettings>[0]) => ProcessSettings;
}

export function tune(world: World): SimTuning {
  const random = world.random("tuning");
  const topology = world.seed % 2 === 0 ? "standalone" : "cluster";
  const engine = random.chance(0.8) ? "native" : "reference";
  const retentionMs = random.pick([200, 1_000, 5_000]);
  const segmentRowsMax = random.pick([8, 20, 60]);
  const segmentBytesMax = random.pick([16 << 10, 64 << 10, 1 << 20]);
  const data = {
    segmentBytesMax,
    sealProportion: random.pick([0.2, 0.6, 1]),
    segmentRowsMax,
    segmentAgeMsMax: random.pick([500, 3_000, 100_000]),
    segmentIdleMsMax: random.pick([300, 2_000]),
    segmentIdleBytesMin: random.pick([0, 1_000]),
    syncMsMax: random.pick([1_000, 10_000]),
    compactionEnabled: random.chance(0.85),
    compaction: {
      segmentBytesMax,
      smallShare: random.pick([0.5, 0.9]),
      smallMin: random.between(2, 5),
      deletedShareMax: random.pick([0.05, 0.2, 0.5]),
      deltaLogsMax: random.between(1, 8),
      inputsMax: random.between(2, 8),
    },
    retentionMs,
    compactionsParallelMax: random.between(1, 3),
    checkIntervalMs: random.pick([100, 500]),
    compactionIntervalMs: random.fork("compaction interval").pick([300, 3_000]),
    gcEnabled: true,
    gcIntervalMs: random.pick([200, 600, 2_000]),
    gcDropToleranceMs: random.pick([0, 100, 1_000]),
    // Even with none nothing is lost that somebody may still name.
    gcOrphanToleranceMs: random.pick([0, 2_000]),
  };
  const index = {
    buildsParallelMax: random.between(1, 2),
    rowsMin: random.pick([1, 8]) * random.fork("index rows").pick([1, 3, 6]),
    triesMax: random.fork("index tries").pick([3, 1_000]),
    retryPauseMs: 50,
    failedPauseMs: 300,
    upkeepIntervalMs: random.fork("index upkeep").pick([200, 1_000]),
    orphanToleranceMs: random.fork("index orphans").pick([0, 2_000]),
  };
  const leaseMs = random.pick([400, 1_200]);
  const workers = {
    growingRowsMax: 4_096,
    writerLimits: {
      queueMax: random.pick([8, 256]),
      queueBytesMax: 1 << 20,
      groupMax: random.pick([1, 4, 64]),
    },
    recentWritesMax: random.pick([64, 1_024]),
    reportIntervalMs: random.pick([20, 150]),
    targetsReportIntervalMs: random.fork("targets report").pick([200, 1_000]),
    deltaBytesMax: random.pick([64, 4_096]),
    inlineSearchWorkMax: random.pick([0, 1_000_000]),
  };
  return {
    topology,
    engine,
    retentionMs,
    gracefulTimeMs: random.pick([20, 100, 200]),
    cachedCollectionsMax: random.fork("cached collections").pick([1, 16, 16, 16]),
    wal: {
      segmentBytes: random.pick([16 << 10, 64 << 10]),
      batchBytesMax: random.pick([4 << 10, 64 << 10]),
      readBytes: random.pick([2 << 10, 64 << 10]),
      retryMs: 50,
    },
    settings: (identity) => {
      const base = defaultSettings(identity);
      const { root } = base.coordinators;
      return {
        ...base,
        sessionLeaseMs: leaseMs,
        coordinators: { ...base.coordinators, leaseMs, root, data, index },
        workers: { ...base.workers, ...workers },
      };
    },
  };
}
