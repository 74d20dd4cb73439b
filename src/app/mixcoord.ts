import { proxyTable, type CacheInvalidation } from "../api/proxy.ts";
import { dataCoordTable } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import { indexCoordTable, indexNodeTable } from "../api/index-coord.ts";
import { queryCoordTable } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable, type RootCoord } from "../api/root-coord.ts";
import { Leadership } from "../core/leader/leadership.ts";
import { registeredSessions, sessionKey, type SessionDirectory } from "../core/session/sessions.ts";
import { seeThrough } from "../core/tasks/see-through.ts";
import type { CallContext } from "../model/call-context.ts";
import { SILENT_LOGGER } from "../obs/logger.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { DataCoordRole } from "../roles/datacoord/data-coord.ts";
import { IndexCoordRole } from "../roles/indexcoord/index-coord.ts";
import { QueryCoordRole } from "../roles/querycoord/query-coord.ts";
import { RootCoordRole } from "../roles/rootcoord/root-coord.ts";
import { lateBound } from "../transport/late-bound.ts";
import { OwnerClient } from "../transport/owner-client.ts";
import type { Links, ProcessPorts, ProcessSettings } from "./process-ports.ts";

/** The four coordinators of one process, once it leads. */
export interface MixCoord {
  readonly rootCoord: RootCoord;
  readonly dataCoord: DataCoordRole;
  readonly queryCoord: QueryCoordRole;
  readonly indexCoord: IndexCoordRole;
  stop(): Promise<void>;
}

export const LEADER_KEY = "leader/mixcoord";

/**
 * Waits until nobody else leads, loads the metadata, and serves. `deposed` is called when the lead was lost: the process must build its
 * coordinators anew then.
 */
export async function leadMixCoord(
  ports: ProcessPorts,
  links: Links,
  sessions: SessionDirectory,
  settings: ProcessSettings,
  signal: AbortSignal,
  deposed: (error: unknown) => void,
): Promise<MixCoord> {
  const { clock, meta, faults, stream, objects } = ports;
  // They end with the lead, while the process may go on.
  const tasks = ports.tasks.child();
  const { nodeId, address, context, coordinators } = settings;
  const leadership = await Leadership.win(
    { meta, clock, tasks, key: LEADER_KEY, nodeId, address, leaseMs: coordinators.leaseMs },
    signal,
    deposed,
  );
  // The coordinators call each other through stubs, so that none needs the others to be built.
  const root = lateBound(rootCoordTable);
  const data = lateBound(dataCoordTable);
  const query = lateBound(queryCoordTable);
  const index = lateBound(indexCoordTable);
  const owners = new OwnerClient({
    dataCoord: data.client,
    connect: (id, at) => links.connect(dataNodeTable, { nodeId: id, address: at }),
    clock,
    pauseMs: coordinators.retryPauseMs,
    triesMax: coordinators.ownerTriesMax,
  });
  // Closed with the lead: a later one counts anew.
  const metrics = (ports.metrics ?? new MetricsRegistry()).child();
  const logger = ports.logger?.forRole("mixcoord") ?? SILENT_LOGGER;
  const common = {
    nodeId,
    meta,
    leadership,
    sessions,
    clock,
    tasks,
    faults,
    metrics,
    logger,
    context,
  } as const;
  const rootCoord = await RootCoordRole.open({
    ...common,
    stream,
    dataCoord: data.client,
    queryCoord: query.client,
    indexCoord: index.client,
    owner: async (ctx, vchannel, use) => owners.call(ctx, vchannel, use),
    invalidateProxies: async (ctx, invalidation) =>
      invalidateProxies(ctx, invalidation, { ports, links, settings }),
    ...coordinators.root,
  });
  const dataCoord = await DataCoordRole.open({
    ...common,
    stream,
    objects,
    rootCoord: root.client,
    queryCoord: query.client,
    indexCoord: index.client,
    connectDataNode: (id, at) => links.connect(dataNodeTable, { nodeId: id, address: at }),
    limits: coordinators.data,
  });
  const queryCoord = await QueryCoordRole.open({
    ...common,
    rootCoord: root.client,
    dataCoord: data.client,
    indexCoord: index.client,
    connectQueryNode: (id, at) => links.connect(queryNodeTable, { nodeId: id, address: at }),
    pollMs: coordinators.loadPollMs,
    timeoutMs: coordinators.loadTimeoutMs,
  });
  const indexCoord = await IndexCoordRole.open({
    ...common,
    objects,
    invalidateProxies: async (ctx, info) => {
      const invalidation = {
        database: info.databaseName,
        collectionId: info.id,
        names: [info.name, ...info.aliases],
        at: await root.client.allocTimestamp(ctx, { count: 1, owner: undefined }),
      };
      await seeThrough(tasks, `invalidate indexes of ${info.name}`, ctx, async (signal) =>
        invalidateProxies(context(signal), invalidation, { ports, links, settings }),
      );
    },
    rootCoord: root.client,
    dataCoord: data.client,
    queryCoord: query.client,
    connectIndexNode: (id, at) => links.connect(indexNodeTable, { nodeId: id, address: at }),
    limits: coordinators.index,
  });
  const observedRoot = rootCoord.observed();
  root.bind(observedRoot);
  data.bind(dataCoord);
  query.bind(queryCoord);
  index.bind(indexCoord);
  for (const role of [rootCoord, dataCoord, indexCoord, queryCoord]) role.start();
  return {
    rootCoord: observedRoot,
    dataCoord,
    queryCoord,
    indexCoord,
    stop: async () => {
      for (const role of [queryCoord, indexCoord, dataCoord, rootCoord]) await role.stop();
      await leadership.resign();
      await tasks.stop();
      metrics.close();
    },
  };
}

/**
 * Every live proxy drops what it has cached; one whose session ends has stopped serving. Who is live the store says: one that has
 * just registered may have cached what is outdated, while watches have not told of it.
 */
async function invalidateProxies(
  ctx: CallContext,
  invalidation: CacheInvalidation,
  { ports, links, settings }: { ports: ProcessPorts; links: Links; settings: ProcessSettings },
): Promise<void> {
  const { meta, clock } = ports;
  await Promise.all(
    (await registeredSessions(meta, "proxy")).map(async (session) => {
      for (;;) {
        try {
          await links.connect(proxyTable, session).invalidateCache(ctx, invalidation);
          return;
        } catch (error) {
          if (ctx.signal.aborted) throw error;
          await clock.sleep(settings.coordinators.retryPauseMs, ctx.signal);
          if ((await meta.get(sessionKey(session))) === undefined) return;
        }
      }
    }),
  );
}
