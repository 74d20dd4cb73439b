import type { Counter, Gauge, Histogram, MetricsRegistry } from "../../obs/metrics.ts";
import type { MovedRows } from "./moved-rows.ts";
import type { NodeId } from "../../model/ids.ts";

/** What a proxy counts, under Milvus's names and labels. */
export class ProxyMetrics {
  readonly #node: string;
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #rateLimited: Counter;
  readonly #slow: Counter;
  readonly #cacheHits: Counter;
  readonly #cacheMisses: Counter;
  readonly #connections: Gauge;
  readonly #queued: Gauge;
  readonly #receivedNq: Counter;
  readonly #movedVectors: Readonly<Record<"search" | "insert" | "upsert" | "delete", Counter>>;
  readonly #readLatency: Histogram;
  readonly #writeLatency: Histogram;

  constructor(registry: MetricsRegistry, nodeId: NodeId) {
    this.#node = String(nodeId);
    const perCall = ["node_id", "function_name", "status", "db_name", "collection_name"];
    this.#requests = registry.counter({
      name: "milvus_proxy_req_count",
      help: "Calls by RPC and how they ended",
      labels: perCall,
      seriesMax: 10_000,
    });
    this.#latency = registry.histogram({
      name: "milvus_proxy_req_latency",
      help: "Time of a call in milliseconds",
      labels: ["node_id", "function_name"],
    });
    this.#rateLimited = registry.counter({
      name: "milvus_proxy_rate_limit_req_count",
      help: "Calls by what the limiter said",
      labels: ["node_id", "msg_type", "status"],
    });
    this.#slow = registry.counter({
      name: "milvus_proxy_slow_query_count",
      help: "Calls that took longer than the slow log's threshold",
      labels: ["node_id", "msg_type"],
    });
    this.#cacheHits = registry.counter({
      name: "milvus_proxy_meta_cache_hit_count",
      help: "Lookups of metadata that the cache answered",
      labels: ["node_id", "cache_name"],
    });
    this.#cacheMisses = registry.counter({
      name: "milvus_proxy_meta_cache_miss_count",
      help: "Lookups of metadata that a coordinator answered",
      labels: ["node_id", "cache_name"],
    });
    this.#connections = registry.gauge({
      name: "milvus_proxy_connection_num",
      help: "Clients that were active lately",
      labels: ["node_id"],
    });
    this.#queued = registry.gauge({
      name: "milvus_proxy_queue_task_num",
      help: "Tasks by queue and state",
      labels: ["node_id", "queue_type", "task_state"],
    });
    const perCollection = ["node_id", "db_name", "collection_name"];
    this.#receivedNq = registry.counter({
      name: "milvus_proxy_received_nq",
      help: "Query vectors of received searches, and received queries",
      labels: ["node_id", "query_type", "db_name", "collection_name"],
    });
    const vectors = (kind: string): Counter =>
      registry.counter({
        name: `milvus_proxy_${kind}_vectors_count`,
        help: `Vectors or rows of successful calls: ${kind}`,
        labels: perCollection,
      });
    this.#movedVectors = {
      search: vectors("search"),
      insert: vectors("insert"),
      upsert: vectors("upsert"),
      delete: vectors("delete"),
    };
    this.#readLatency = registry.histogram({
      name: "milvus_proxy_sq_latency",
      alias: "milvus_proxy_search_latency",
      help: "Time of a successful search or query in milliseconds",
      labels: ["node_id", "query_type", "db_name", "collection_name"],
    });
    this.#writeLatency = registry.histogram({
      name: "milvus_proxy_mutation_latency",
      alias: "milvus_proxy_insert_latency",
      help: "Time of a successful insert, upsert or delete in milliseconds",
      labels: ["node_id", "msg_type", "db_name", "collection_name"],
    });
  }

  received(rpc: string, where: CallPlace): void {
    this.#count(rpc, "total", where);
  }

  done(rpc: string, outcome: "success" | "fail", where: CallPlace, durationMs: number): void {
    this.#count(rpc, outcome, where);
    this.#latency.observe(durationMs, { node_id: this.#node, function_name: rpc });
  }

  /** Rows of a read or a write, whose time is counted when it succeeded. */
  moved(rows: MovedRows, outcome: "success" | "fail", where: CallPlace, durationMs: number): void {
    const { kind, asked, moved } = rows;
    const labels = { node_id: this.#node, db_name: where.database, collection_name: where.collection };
    const reads = kind === "search" || kind === "query";
    if (reads) this.#receivedNq.inc({ ...labels, query_type: kind }, asked);
    if (outcome === "fail") return;
    if (kind !== "query") this.#movedVectors[kind].inc(labels, moved);
    if (reads) this.#readLatency.observe(durationMs, { ...labels, query_type: kind });
    else this.#writeLatency.observe(durationMs, { ...labels, msg_type: kind });
  }

  limited(rpc: string, outcome: "total" | "success" | "fail"): void {
    this.#rateLimited.inc({ node_id: this.#node, msg_type: rpc, status: outcome });
  }

  slow(rpc: string): void {
    this.#slow.inc({ node_id: this.#node, msg_type: rpc });
  }

  cacheLookup(cache: string, outcome: "hit" | "miss"): void {
    const counter = outcome === "hit" ? this.#cacheHits : this.#cacheMisses;
    counter.inc({ node_id: this.#node, cache_name: cache });
  }

  connections(count: number): void {
    this.#connections.set(count, { node_id: this.#node });
  }

  queue(name: string, counts: { readonly running: number; readonly waiting: number }): void {
    this.#queued.set(counts.running, { node_id: this.#node, queue_type: name, task_state: "executing" });
    this.#queued.set(counts.waiting, { node_id: this.#node, queue_type: name, task_state: "unissued" });
  }

  #count(rpc: string, status: string, where: CallPlace): void {
    this.#requests.inc({
      node_id: this.#node,
      function_name: rpc,
      status,
      db_name: where.database,
      collection_name: where.collection,
    });
  }
}

export interface CallPlace {
  readonly database: string;
  /** Empty where the request names none. */
  readonly collection: string;
}
