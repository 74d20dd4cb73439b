import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { nodeClock } from "../adapters/node/clock.ts";
import { NodeRng } from "../adapters/node/rng.ts";
import { ObservedStream } from "../adapters/stream/observed-stream.ts";
import { TaskRunner } from "../adapters/tasks.ts";
import { dataCoordTable } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import { indexCoordTable, indexNodeTable } from "../api/index-coord.ts";
import { proxyTable } from "../api/proxy.ts";
import { queryCoordTable } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable } from "../api/root-coord.ts";
import type { Config } from "../config/config.ts";
import { registerSession, SessionDirectory } from "../core/session/sessions.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { nodeId, type NodeId } from "../model/ids.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { NO_FAULTS } from "../ports/faults.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import { openDataFolder } from "./data-folder.ts";
import { backgroundContext } from "./default-settings.ts";
import { loggerFromConfig } from "./logging.ts";
import { LocalLinks } from "./local-links.ts";
import { MetricsServer } from "./metrics-server.ts";
import { registerProcessMetrics, registerThreadMetrics } from "./process-metrics.ts";
import { leadMixCoord } from "./mixcoord.ts";
import type { ProcessPorts, ProcessSettings } from "./process-ports.ts";
import { startServingThread, type ServingThreadHandle } from "./serving-threads.ts";
import type { ServingWorkers } from "./serving-workers.ts";
import { settingsFromConfig } from "./settings-from-config.ts";
import { recoveredText } from "./recovered-text.ts";
import { Shutdown } from "./shutdown.ts";
import { VERSION } from "./version.ts";
import { startWorkerRoles } from "./worker-roles.ts";

export interface StandaloneOptions {
  readonly config: Config;
  /** Said about the configuration, one line each. */
  readonly notices: readonly string[];
  readonly print: (line: string) => void;
  /** `proxy.threads` of them. */
  readonly servingWorkers: ServingWorkers;
}

/**
 * All roles in one process on one folder: the coordinators and nodes on this thread, a proxy on each serving thread. Resolves with the
 * exit code when the server has drained and closed; rejects with one clear error when it cannot start.
 */
export async function runStandalone(options: StandaloneOptions): Promise<number> {
  const { config, notices, print, servingWorkers } = options;
  const startedMs = nodeClock.monotonicMs();
  const logger = loggerFromConfig(config, "standalone");
  const shutdown = new Shutdown(config.get("proxy.gracefulStopTimeout") * 1000, logger);
  try {
    const server = await Standalone.start(config, servingWorkers, logger, shutdown);
    for (const notice of notices) print(notice);
    for (const line of server.welcome(nodeClock.monotonicMs() - startedMs)) print(line);
    await shutdown.requested;
  } finally {
    await shutdown.run();
  }
  return shutdown.exitCode;
}

class Standalone {
  readonly #config: Config;
  readonly #folder: string;
  readonly #port: number;
  readonly #metricsPort: number;
  readonly #recovered: string;

  constructor(config: Config, folder: string, port: number, metricsPort: number, recovered: string) {
    this.#config = config;
    this.#folder = folder;
    this.#port = port;
    this.#metricsPort = metricsPort;
    this.#recovered = recovered;
  }

  static async start(
    config: Config,
    servingWorkers: ServingWorkers,
    logger: ReturnType<typeof loggerFromConfig>,
    shutdown: Shutdown,
  ): Promise<Standalone> {
    const folder = resolve(config.get("localStorage.path"));
    const cores = availableParallelism();
    const engine = new NativeEngine({ threads: cores, deterministic: false });
    const data = await openDataFolder({
      folder,
      clock: nodeClock,
      engine,
      report: (event) => logger.warn("log", { ...event }),
    });
    shutdown.last("data folder", async () => data.close());
    const metrics = new MetricsRegistry();
    registerProcessMetrics(metrics, engine);
    registerThreadMetrics(metrics, "control");
    const metricsServer = new MetricsServer({ metrics, config, context: backgroundContext });
    const metricsPort = await metricsServer.listen({
      host: config.get("metrics.ip"),
      port: config.get("metrics.port"),
    });
    shutdown.last("metrics port", async () => metricsServer.stop());
    const self = await nextNodeId(data.meta);
    const settings = settingsFromConfig(config, {
      nodeId: self,
      address: "local",
      stopping: shutdown.signal,
      cores,
    });
    const threads = await startThreads(config, servingWorkers, data.meta, settings.workers, shutdown);
    const tasks = new TaskRunner(nodeClock, new NodeRng(), (failure) => {
      if (!shutdown.signal.aborted) logger.warn("a background task failed", { ...failure });
    });
    shutdown.last("tasks", async () => tasks.stop());
    const ports: ProcessPorts = {
      clock: nodeClock,
      rng: new NodeRng(),
      tasks,
      faults: NO_FAULTS,
      engine,
      ...data,
      stream: new ObservedStream(data.stream, metrics, nodeClock),
      metrics,
      logger,
    };
    const links = new LocalLinks({ freeze: false });
    for (const { nodeId: id, proxy } of threads) links.attach(proxyTable, id, proxy);
    const sessions = await SessionDirectory.watch(data.meta, tasks);
    const fatal = (error: unknown): void =>
      shutdown.fail("the session with the metadata store was lost", error);
    const coords = await leadMixCoord(ports, links, sessions, settings, shutdown.signal, fatal);
    shutdown.last("coordinators", async () => coords.stop());
    const recovered = recoveredText(data.found, coords.dataCoord.stored);
    links.serve(rootCoordTable, coords.rootCoord);
    links.serve(dataCoordTable, coords.dataCoord);
    links.serve(queryCoordTable, coords.queryCoord);
    links.serve(indexCoordTable, coords.indexCoord);
    const workers = startWorkerRoles(ports, links, coords, settings);
    shutdown.last("nodes", async () => workers.stop());
    links.serve(dataNodeTable, workers.dataNode);
    links.serve(queryNodeTable, workers.reads);
    links.serve(indexNodeTable, workers.indexNode);
    const session = await registerSession(
      { meta: data.meta, clock: nodeClock, tasks, leaseMs: settings.sessionLeaseMs },
      [
        ...["datanode", "querynode", "indexnode"].map((role) => ({ role, nodeId: self, address: "local" })),
        ...threads.map(({ nodeId: id }) => ({ role: "proxy", nodeId: id, address: "local" })),
      ],
      fatal,
    );
    shutdown.last("session", async () => session.end());
    for (const thread of threads) thread.serve({ ...coords, ...workers }, settings.context);
    const { rootCoord, dataCoord, queryCoord, indexCoord } = coords;
    const { dataNode, queryNode, indexNode } = workers;
    metricsServer.observe({
      components: [
        ...[rootCoord, dataCoord, queryCoord, indexCoord, dataNode, queryNode, indexNode],
        ...threads.map(({ proxy }) => proxy),
      ],
      threads: threads.map(({ thread }) => thread),
    });
    const port = await listen(config, threads, settings.context());
    const drainMs = config.get("proxy.gracefulStopTimeout") * 1000;
    shutdown.last("clients", async () => {
      await Promise.all(
        threads.map(async ({ thread }) =>
          thread.drain(settings.context(new AbortController().signal), { timeoutMs: drainMs }),
        ),
      );
    });
    return new Standalone(config, folder, port, metricsPort, recovered);
  }

  welcome(startMs: number): readonly string[] {
    const host = this.#config.get("proxy.ip");
    const open = host !== "127.0.0.1" && host !== "localhost" && host !== "::1";
    return [
      `Redkite ${VERSION} serves the Milvus protocol on ${host}:${this.#port} (metrics on ${this.#metricsPort}), ready in ${startMs.toFixed(0)} ms`,
      `data folder ${this.#folder}: ${this.#recovered}`,
      ...(open ? [`WARNING: ${host} can be reached from other machines, and authentication is off`] : []),
      "try it from Python (pip install pymilvus):",
      `  from pymilvus import MilvusClient; client = MilvusClient("http://localhost:${this.#port}")`,
      '  client.create_collection("demo", dimension=4); client.insert("demo", [{"id": 1, "vector": [1, 2, 3, 4]}])',
      '  print(client.search("demo", [[1, 2, 3, 4]], limit=1))',
    ];
  }
}

async function startThreads(
  config: Config,
  workers: ServingWorkers,
  meta: MetaStore,
  reading: ProcessSettings["workers"],
  shutdown: Shutdown,
): Promise<readonly ServingThreadHandle[]> {
  const { filtersCachedMax, inlineSearchWorkMax, poolThreads } = reading;
  const threads: ServingThreadHandle[] = [];
  for (let i = 0; i < config.get("proxy.threads"); i++) {
    threads.push(
      startServingThread(
        workers,
        {
          nodeId: await nextNodeId(meta),
          address: "local",
          config,
          reading: { filtersCachedMax, inlineSearchWorkMax, poolThreads },
        },
        (error) => shutdown.fail("a serving thread ended", error),
      ),
    );
  }
  shutdown.last("serving threads", async () => {
    await Promise.all(threads.map(async (thread) => thread.terminate()));
  });
  return threads;
}

/** All threads accept on one port; the first one decides which when any free one is asked for. */
async function listen(
  config: Config,
  threads: readonly ServingThreadHandle[],
  ctx: Parameters<ServingThreadHandle["thread"]["listen"]>[0],
): Promise<number> {
  const host = config.get("proxy.ip");
  const reusePort = threads.length > 1;
  let port = config.get("proxy.port");
  for (const { thread } of threads) port = (await thread.listen(ctx, { host, port, reusePort })).port;
  return port;
}

const NODE_ID_KEY = "app/last-node-id";

/** Never the same twice on one data folder: sequences of writes are counted per session. */
async function nextNodeId(meta: MetaStore): Promise<NodeId> {
  for (;;) {
    const entry = await meta.get(NODE_ID_KEY);
    const last = entry === undefined ? 0n : BigInt(new TextDecoder().decode(entry.value));
    const { succeeded } = await meta.txn({
      compare: [
        entry === undefined
          ? { key: NODE_ID_KEY, target: "absent" }
          : { key: NODE_ID_KEY, target: "modRevision", equals: entry.modRevision },
      ],
      ops: [{ op: "put", key: NODE_ID_KEY, value: new TextEncoder().encode(String(last + 1n)) }],
    });
    if (succeeded) return nodeId(last + 1n);
  }
}
