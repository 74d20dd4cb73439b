import type { DataCoord } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import type { IndexCoord } from "../api/index-coord.ts";
import type { QueryNode } from "../api/query-node.ts";
import type { RootCoord } from "../api/root-coord.ts";
import { FilterCache } from "../core/search/filter-cache.ts";
import { ShardOpener } from "../core/shard/open-shard.ts";
import { SegmentFiles } from "../core/shard/segment-files.ts";
import { SegmentScrubber } from "../core/shard/segment-scrubber.ts";
import { ShardRegistry } from "../core/shard/shard-registry.ts";
import { SILENT_LOGGER, type Logger } from "../obs/logger.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { DataNodeRole } from "../roles/datanode/data-node.ts";
import { IndexNodeRole } from "../roles/indexnode/index-node.ts";
import { observeReads, ReadMetrics, registerShardGauges } from "../roles/querynode/query-node-metrics.ts";
import { QueryNodeRole } from "../roles/querynode/query-node.ts";
import { OwnerClient } from "../transport/owner-client.ts";
import type { Links, ProcessPorts, ProcessSettings } from "./process-ports.ts";

/** Stubs of the coordinators, wherever they are. */
export interface CoordinatorStubs {
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoord;
  readonly indexCoord: IndexCoord;
}

export interface WorkerRoles {
  readonly dataNode: DataNodeRole;
  readonly queryNode: QueryNodeRole;
  /** The query node as those reach it who read through it: its reads are measured. */
  readonly reads: QueryNode;
  readonly indexNode: IndexNodeRole;
  readonly shards: ShardRegistry;
  /** Drains: reads and builds first, then the owners of channels. */
  stop(): Promise<void>;
}

/** The three node roles of one process. They share the shards that more than one of them has open (D10). */
export function startWorkerRoles(
  ports: ProcessPorts,
  links: Links,
  stubs: CoordinatorStubs,
  settings: ProcessSettings,
): WorkerRoles {
  const { engine, objects, stream, clock, faults } = ports;
  const tasks = ports.tasks.child();
  const { nodeId, context, workers, coordinators } = settings;
  // Closed with the roles: when they are made anew in the process they count anew.
  const metrics = (ports.metrics ?? new MetricsRegistry()).child();
  const logger = (role: string): Logger => ports.logger?.forRole(role) ?? SILENT_LOGGER;
  const files = new SegmentFiles(engine, objects);
  const opener = new ShardOpener({
    engine,
    objects,
    files,
    growingRowsMax: workers.growingRowsMax,
    recentWritesMax: workers.recentWritesMax,
    seed: workers.seed,
  });
  const shards = new ShardRegistry({
    opener,
    stream,
    tasks,
    collections: {
      describe: async (collectionId, signal) =>
        stubs.rootCoord.describeCollection(context(signal), { by: "id", id: collectionId }),
    },
    fetchTarget: async (vchannel, signal) =>
      stubs.dataCoord.getTarget(context(signal), { vchannel, reader: nodeId }),
  });
  const owners = new OwnerClient({
    dataCoord: stubs.dataCoord,
    connect: (id, address) => links.connect(dataNodeTable, { nodeId: id, address }),
    clock,
    pauseMs: coordinators.retryPauseMs,
    triesMax: coordinators.ownerTriesMax,
  });
  const dataNode = new DataNodeRole({
    nodeId,
    rootCoord: stubs.rootCoord,
    dataCoord: stubs.dataCoord,
    shards,
    files,
    engine,
    objects,
    stream,
    clock,
    tasks,
    faults,
    metrics,
    logger: logger("datanode"),
    context,
    ...workers,
  });
  const queryNode = new QueryNodeRole({
    nodeId,
    engine,
    objects,
    stream,
    clock,
    tasks,
    shards,
    context,
    targetsReportIntervalMs: workers.targetsReportIntervalMs,
    dataCoord: stubs.dataCoord,
    indexCoord: stubs.indexCoord,
    owner: async (ctx, vchannel, use) => owners.call(ctx, vchannel, use),
    filters: new FilterCache(workers.filtersCachedMax),
    policy: { inlineWorkMax: workers.inlineSearchWorkMax },
  });
  const indexNode = new IndexNodeRole({
    nodeId,
    engine,
    files,
    objects,
    clock,
    metrics,
    logger: logger("indexnode"),
    buildThreads: workers.buildThreads,
  });
  if (workers.scrubIntervalMs !== undefined) {
    const scrubber = new SegmentScrubber({
      files,
      clock,
      tasks,
      logger: logger("querynode"),
      shards: () => shards.states(),
      damaged: (vchannel, error) => queryNode.noteDamage(vchannel, error),
      indexes: () => queryNode.indexFiles(),
      intervalMs: workers.scrubIntervalMs,
    });
    scrubber.start();
  }
  registerShardGauges(metrics, nodeId, shards);
  for (const role of [dataNode, queryNode, indexNode]) role.start();
  return {
    dataNode,
    queryNode,
    reads: observeReads(queryNode, new ReadMetrics(metrics, nodeId, clock)),
    indexNode,
    shards,
    stop: async () => {
      await indexNode.stop();
      await queryNode.stop();
      await dataNode.stop();
      await tasks.stop();
      metrics.close();
    },
  };
}
