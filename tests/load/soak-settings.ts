/** Settings that make segments tiny, so that seconds see what otherwise takes hours: seals, flushes, compactions, collections of garbage. */
export const SOAK_SETTINGS: readonly string[] = [
  "dataCoord.segment.maxSize=1",
  "dataCoord.segment.sealProportion=0.02",
  "dataCoord.segment.maxIdleTime=1",
  "dataCoord.segment.minSizeFromIdleToSealed=0",
  "dataCoord.compaction.mix.triggerInterval=1",
  "dataCoord.gc.interval=2",
  "dataCoord.gc.dropTolerance=2",
  "dataCoord.gc.missingTolerance=10",
  "dataNode.segment.syncPeriod=2",
  "common.retentionDuration=2",
  "common.gracefulTime=1000",
];
