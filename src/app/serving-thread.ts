import { parentPort } from "node:worker_threads";
import { nodeClock } from "../adapters/node/clock.ts";
import { NodeRng } from "../adapters/node/rng.ts";
import { dataCoordTable } from "../api/data-coord.ts";
import { dataNodeTable } from "../api/data-node.ts";
import { indexCoordTable } from "../api/index-coord.ts";
import { proxyTable } from "../api/proxy.ts";
import { queryCoordTable } from "../api/query-coord.ts";
import { queryNodeTable } from "../api/query-node.ts";
import { rootCoordTable } from "../api/root-coord.ts";
import { shardReaderTable } from "../api/shard-reader.ts";
import { Config } from "../config/config.ts";
import { FilterCache } from "../core/search/filter-cache.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { OPEN_AUTHENTICATOR } from "../roles/proxy/authenticator.ts";
import { OPEN_LIMITER } from "../roles/proxy/limiter.ts";
import { proxyLimits } from "../roles/proxy/proxy-limits.ts";
import { ProxyRole } from "../roles/proxy/proxy.ts";
import { observeReads, ReadMetrics } from "../roles/querynode/query-node-metrics.ts";
import { ThreadReader } from "../roles/querynode/thread-reader.ts";
import { OwnerClient } from "../transport/owner-client.ts";
import { connectWorker, serveWorker } from "../transport/worker-channel.ts";
import { backgroundContext } from "./default-settings.ts";
import { loggerFromConfig } from "./logging.ts";
import { registerThreadMetrics } from "./process-metrics.ts";
import { PublicServer } from "./public-server.ts";
import { servingThreadTable, type ServingThreadData } from "./serving-thread-contract.ts";
import { MILVUS_VERSION, VERSION } from "./version.ts";

/** A serving thread: one proxy, its public server, and reads. Everything else of the process is behind its ports. */
function main({ nodeId, address, config: entries, reading, ports }: ServingThreadData): void {
  const config = new Config(entries);
  const logger = loggerFromConfig(config, "proxy");
  const metrics = new MetricsRegistry();
  registerThreadMetrics(metrics, `serving-${nodeId}`);
  const stopping = new AbortController();
  const dataNode = connectWorker(ports.dataNode, dataNodeTable).client;
  const reader = new ThreadReader({
    queryNode: connectWorker(ports.queryNode, queryNodeTable).client,
    shardReader: connectWorker(ports.shardReader, shardReaderTable).client,
    engine: new NativeEngine({ threads: reading.poolThreads, deterministic: false }),
    filters: new FilterCache(reading.filtersCachedMax),
    policy: { inlineWorkMax: reading.inlineSearchWorkMax },
    context: () => backgroundContext(stopping.signal),
  });
  const reads = observeReads(reader, new ReadMetrics(metrics, nodeId, nodeClock));
  const dataCoord = connectWorker(ports.dataCoord, dataCoordTable).client;
  const owners = new OwnerClient({
    dataCoord,
    connect: () => dataNode,
    clock: nodeClock,
    pauseMs: 20,
    triesMax: 50,
  });
  const proxy = new ProxyRole({
    nodeId,
    address,
    rootCoord: connectWorker(ports.rootCoord, rootCoordTable).client,
    dataCoord,
    queryCoord: connectWorker(ports.queryCoord, queryCoordTable).client,
    indexCoord: connectWorker(ports.indexCoord, indexCoordTable).client,
    owner: async (ctx, vchannel, use) => owners.call(ctx, vchannel, use),
    queryNode: () => reads,
    clock: nodeClock,
    rng: new NodeRng(),
    limits: proxyLimits(config),
    logger,
    metrics,
    authenticator: OPEN_AUTHENTICATOR,
    limiter: OPEN_LIMITER,
    build: {
      milvusVersion: MILVUS_VERSION,
      version: VERSION,
      commit: "",
      builtAt: "",
      runtime: process.version,
      deployMode: "STANDALONE",
    },
    context: (signal) => backgroundContext(signal ?? stopping.signal),
  });
  const server = new PublicServer(proxy, config, logger);
  serveWorker(ports.proxy, proxyTable, proxy);
  serveWorker(ports.control, servingThreadTable, {
    listen: async (_ctx, request) => {
      proxy.start();
      return { port: await server.listen(request) };
    },
    drain: async (_ctx, { timeoutMs }) => {
      proxy.drain();
      await server.drain(timeoutMs);
      stopping.abort();
      reader.close();
    },
    metrics: async () => metrics.snapshot(),
    updateConfig: async (_ctx, { key, value }) => config.update(key, value),
    dropStaleView: async (_ctx, { vchannel }) => reader.dropStaleView(vchannel),
    setSession: async (_ctx, { session }) => proxy.setSession(session),
  });
}

parentPort?.once("message", (data: ServingThreadData) => main(data));
