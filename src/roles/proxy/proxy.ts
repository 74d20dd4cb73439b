import { BufferPool } from "../../base/buffer-pool.ts";
import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { CacheInvalidation, Proxy } from "../../api/proxy.ts";
import type { CallContext } from "../../model/call-context.ts";
import { FilterCache } from "../../core/search/filter-cache.ts";
import { SlowLog } from "../../obs/slow-log.ts";
import type { CallHost } from "./active-call.ts";
import { ClientRegistry } from "./client-registry.ts";
import type { TaskQueues } from "./interceptors.ts";
import { CoordinatorMetaCache } from "./meta-cache.ts";
import { componentMetrics } from "./system/component-metrics.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { ProxyMetrics } from "./proxy-metrics.ts";
import { publicMethods, type PublicMethod } from "./public-service.ts";
import { SearchParamsCache } from "./read/search-params-cache.ts";
import { TaskQueue } from "./task-queue.ts";

const BATCH_MEMORY_IDLE_MAX = 32 << 20;
/** Compiled texts, a few kilobytes each. */
const FILTERS_CACHED_MAX = 1024;

/**
 * The role that clients talk to. It owns nothing durable: the cache of metadata, the queues and the list of clients are
 * rebuilt empty after a crash, and a repeated request finds the same state behind it.
 *
 * States: Initializing -> Healthy -> Stopping. A proxy that cannot renew its session becomes Abnormal and answers nothing but
 * its state, because a DDL no longer waits for it to forget what it had cached; it becomes Healthy again with an empty cache.
 */
export class ProxyRole implements Proxy, CallHost {
  readonly deps: ProxyDeps;
  readonly metaCache: CoordinatorMetaCache;
  readonly clients: ClientRegistry;
  readonly filters = new FilterCache(FILTERS_CACHED_MAX);
  readonly searchParams: SearchParamsCache;
  readonly batchMemory = new BufferPool("shared", BATCH_MEMORY_IDLE_MAX);
  readonly slowLog: SlowLog;
  readonly #metrics: ProxyMetrics;
  readonly #queues: TaskQueues;
  #state: ComponentStateCode = "Initializing";
  #reason = "";

  constructor(deps: ProxyDeps) {
    const { limits } = deps;
    this.deps = deps;
    this.#metrics = new ProxyMetrics(deps.metrics, deps.nodeId);
    this.metaCache = new CoordinatorMetaCache(deps, (cache, outcome) =>
      this.#metrics.cacheLookup(cache, outcome),
    );
    this.clients = new ClientRegistry(limits);
    this.searchParams = new SearchParamsCache(limits);
    this.slowLog = new SlowLog({ logger: deps.logger, thresholdMs: limits.slowRequestMs });
    const queue = (concurrency: number): TaskQueue =>
      new TaskQueue({ capacity: limits.tasksMax, concurrency: Math.min(concurrency, limits.tasksMax) });
    this.#queues = {
      ddl: queue(limits.ddlConcurrency),
      dml: queue(limits.dmlConcurrency),
      dql: queue(limits.dqlConcurrency),
      lookup: queue(limits.tasksMax),
    };
    deps.metrics.onScrape(() => this.#scrape());
  }

  get state(): ComponentStateCode {
    return this.#state;
  }

  /** The public service for a transport to serve. */
  methods(): PublicMethod[] {
    return publicMethods(this, { queues: this.#queues, metrics: this.#metrics, slowLog: this.slowLog });
  }

  start(): void {
    if (this.#state === "Initializing") this.#state = "Healthy";
  }

  /** Refuses new calls; running ones end by themselves or by their transport. */
  drain(): void {
    this.#state = "Stopping";
    this.#reason = "the server is shutting down";
  }

  /** The session could not be renewed, or was renewed again. */
  setSession(session: "held" | "lost"): void {
    if (this.#state === "Stopping") return;
    if (session === "lost") {
      this.#state = "Abnormal";
      this.#reason = "the session with the metadata store is lost";
      return;
    }
    if (this.#state === "Abnormal") this.metaCache.clear();
    this.#state = "Healthy";
    this.#reason = "";
  }

  invalidateCache(_: CallContext, invalidation: CacheInvalidation): Promise<void> {
    this.metaCache.invalidate(invalidation);
    return Promise.resolve();
  }

  getComponentStates(): Promise<ComponentState> {
    const { nodeId } = this.deps;
    return Promise.resolve({ nodeId, role: "proxy", state: this.#state, reason: this.#reason });
  }

  getMetrics(): Promise<ComponentMetrics> {
    return Promise.resolve(componentMetrics(this));
  }

  #scrape(): void {
    this.#metrics.connections(this.clients.count(this.deps.clock.nowMs()));
    for (const [name, queue] of Object.entries(this.#queues)) this.#metrics.queue(name, queue);
  }
}
