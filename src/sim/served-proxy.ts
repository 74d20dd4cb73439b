import { dataNodeTable } from "../api/data-node.ts";
import { queryNodeTable, type QueryNode } from "../api/query-node.ts";
import { shardReaderTable } from "../api/shard-reader.ts";
import type { Links, ProcessPorts, ProcessSettings } from "../app/process-ports.ts";
import type { WorkerRoles } from "../app/worker-roles.ts";
import { Config } from "../config/config.ts";
import { FilterCache } from "../core/search/filter-cache.ts";
import type { CallContext } from "../model/call-context.ts";
import { SILENT_LOGGER } from "../obs/logger.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { OPEN_AUTHENTICATOR } from "../roles/proxy/authenticator.ts";
import { OPEN_LIMITER } from "../roles/proxy/limiter.ts";
import type { ProxyDeps } from "../roles/proxy/proxy-deps.ts";
import { proxyLimits } from "../roles/proxy/proxy-limits.ts";
import { ProxyRole } from "../roles/proxy/proxy.ts";
import type { PublicMethod } from "../roles/proxy/public-service.ts";
import { ThreadReader } from "../roles/querynode/thread-reader.ts";
import { directChannel } from "../transport/direct-channel.ts";
import { OwnerClient } from "../transport/owner-client.ts";
import { decode, encode, type Init, type MessageName } from "../wire/codec.ts";
import type { MessageTypes } from "../wire/messages.gen.ts";
import { fromWireStatus } from "../wire/status-wire.ts";
import type { NetProcess } from "./net.ts";

type Coordinators = Pick<ProxyDeps, "rootCoord" | "dataCoord" | "queryCoord" | "indexCoord">;

export interface ServedProxyDeps extends NetProcess {
  readonly coordinators: Coordinators;
  readonly links: Links;
  readonly ports: ProcessPorts;
  readonly settings: ProcessSettings;
  /** The nodes of the same process: reads go to their segments directly, as a serving thread's do. */
  readonly workers: WorkerRoles | undefined;
  readonly gracefulTimeMs: number;
  readonly cachedCollectionsMax: number;
}

/** The product's proxy, and its public service as a client reaches it: every request and answer passes through the wire format. */
export class ServedProxy {
  readonly role: ProxyRole;
  readonly process: NetProcess;
  /** What the proxy itself asks: for a workload that must know what it did. */
  readonly coordinators: Coordinators;
  readonly #methods: ReadonlyMap<string, PublicMethod>;

  constructor(deps: ServedProxyDeps) {
    const { ports, links, settings, coordinators, gracefulTimeMs, cachedCollectionsMax } = deps;
    this.process = deps;
    this.coordinators = coordinators;
    const owners = new OwnerClient({
      dataCoord: coordinators.dataCoord,
      connect: (nodeId, address) => links.connect(dataNodeTable, { nodeId, address }),
      clock: ports.clock,
      pauseMs: settings.coordinators.retryPauseMs,
      triesMax: settings.coordinators.ownerTriesMax,
    });
    const here = deps.workers && readerOf(deps, deps.workers);
    this.role = new ProxyRole({
      nodeId: deps.nodeId,
      address: deps.machine,
      ...coordinators,
      owner: async (ctx, vchannel, use) => owners.call(ctx, vchannel, use),
      queryNode: (nodeId, address) => here ?? links.connect(queryNodeTable, { nodeId, address }),
      clock: ports.clock,
      rng: ports.rng,
      limits: { ...proxyLimits(new Config()), gracefulTimeMs, cachedCollectionsMax },
      logger: SILENT_LOGGER,
      metrics: new MetricsRegistry(),
      authenticator: OPEN_AUTHENTICATOR,
      limiter: OPEN_LIMITER,
      build: {
        milvusVersion: "2.6.0",
        version: "simulated",
        commit: "",
        builtAt: "",
        runtime: "simulation",
        deployMode: deps.workers === undefined ? "DISTRIBUTED" : "STANDALONE",
      },
      context: settings.context,
    });
    this.#methods = new Map(
      this.role.methods().map((method) => [method.path.slice(method.path.lastIndexOf("/") + 1), method]),
    );
  }

  /** One RPC of a client. Throws the error that the answer's status stands for; a status inside an answer is left in it. */
  async call<Req extends MessageName, Res extends MessageName>(
    ctx: CallContext,
    rpc: string,
    [requestName, answerName]: readonly [Req, Res],
    request: Init<MessageTypes[Req]>,
  ): Promise<MessageTypes[Res]> {
    const method = this.#methods.get(rpc);
    if (method === undefined) throw new TypeError(`no RPC ${rpc}`);
    const bytes = encode(requestName, request);
    const incoming = {
      metadata: { get: () => undefined },
      deadlineMs: ctx.deadlineMs,
      signal: ctx.signal,
      peer: "client",
      requestBytes: bytes.length,
    };
    const answer = await method.handle(incoming, method.decode(bytes));
    const decoded = decode(answerName, method.encode(answer, 0).slice());
    // The transport uses their memory again.
    if (method.requestBytes === "borrowed") bytes.fill(0xee);
    if (answer.kind === "message") return decoded;
    const { code } = fromWireStatus(statusIn(answerName, decoded));
    if (code === 0)
      throw new TypeError(`the failure of ${rpc} reached the client as a success`, { cause: answer.error });
    throw answer.error;
  }
}

function statusIn(name: MessageName, message: unknown): MessageTypes["common.Status"] | undefined {
  const found = name === "common.Status" ? message : (message as { readonly status?: unknown }).status;
  return found as MessageTypes["common.Status"] | undefined;
}

/** Reads as a serving thread of one process does: over segments that it attaches, asking the query node only for what has changed. */
function readerOf({ ports, settings, life }: ServedProxyDeps, workers: WorkerRoles): QueryNode {
  const control = directChannel(shardReaderTable, workers.queryNode, { freeze: true });
  const random = life.world.random(`thread ${life.name}`);
  // Messages between threads take their time, in which the control thread goes on.
  const crossed = async <T>(ask: () => Promise<T>): Promise<T> => {
    const answer = await life.after(random.float() * THREAD_MS, "to control thread", ask);
    return life.after(random.float() * THREAD_MS, "from control thread", () => answer);
  };
  const reader = new ThreadReader({
    queryNode: directChannel(queryNodeTable, workers.reads, { freeze: true }),
    shardReader: {
      openView: async (ctx, request) => crossed(async () => control.openView(ctx, request)),
      waitClosed: async (ctx, request) => crossed(async () => control.waitClosed(ctx, request)),
      indexDecayed: async (ctx, request) => crossed(async () => control.indexDecayed(ctx, request)),
    },
    engine: ports.engine,
    filters: new FilterCache(settings.workers.filtersCachedMax),
    policy: { inlineWorkMax: settings.workers.inlineSearchWorkMax },
    context: () => settings.context(),
  });
  workers.queryNode.onViewChange((vchannel) => {
    void life.after(random.float() * THREAD_MS, "view changed", () => reader.dropStaleView(vchannel));
  });
  return reader;
}

const THREAD_MS = 0.05;
