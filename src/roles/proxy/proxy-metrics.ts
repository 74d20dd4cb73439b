import { Lru } from "../../base/lru.ts";
import type {
  Counter,
  CounterSeries,
  Gauge,
  Histogram,
  HistogramSeries,
  MetricsRegistry,
} from "../../obs/metrics.ts";
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
  /** What calls count in, found by one text instead of by several labels for each of some ten numbers. */
  readonly #calls = new Lru<string, CallSeries>({ entriesMax: SERIES_HELD_MAX });
  readonly #moves = new Lru<string, MoveSeries>({ entriesMax: SERIES_HELD_MAX });
  readonly #limits = new Map<string, Readonly<Record<"total" | Outcome, CounterSeries>>>();
  readonly #lookups = new Map<string, Readonly<Record<"hit" | "miss", CounterSeries>>>();

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

  /** In the end, when it is known whether there is such a place. */
  done(rpc: string, outcome: Outcome, where: CallPlace, durationMs: number): void {
    const call = this.#call(rpc, where);
    call.total.inc();
    call[outcome].inc();
    call.latency.observe(durationMs);
  }

  /** Rows of a read or a write, whose time is counted when it succeeded. */
  moved({ kind, asked, moved }: MovedRows, outcome: Outcome, where: CallPlace, durationMs: number): void {
    const series = this.#move(kind, where);
    series.asked?.inc(asked);
    if (outcome === "fail") return;
    series.moved?.inc(moved);
    series.latency.observe(durationMs);
  }

  limited(rpc: string, outcome: "total" | Outcome): void {
    let series = this.#limits.get(rpc);
    if (series === undefined) {
      const of = (status: string): CounterSeries =>
        this.#rateLimited.of({ node_id: this.#node, msg_type: rpc, status });
      this.#limits.set(rpc, (series = { total: of("total"), success: of("success"), fail: of("fail") }));
    }
    series[outcome].inc();
  }

  slow(rpc: string): void {
    this.#slow.inc({ node_id: this.#node, msg_type: rpc });
  }

  cacheLookup(cache: string, outcome: "hit" | "miss"): void {
    let series = this.#lookups.get(cache);
    if (series === undefined) {
      const labels = { node_id: this.#node, cache_name: cache };
      this.#lookups.set(
        cache,
        (series = { hit: this.#cacheHits.of(labels), miss: this.#cacheMisses.of(labels) }),
      );
    }
    series[outcome].inc();
  }

  connections(count: number): void {
    this.#connections.set(count, { node_id: this.#node });
  }

  queue(name: string, counts: { readonly running: number; readonly waiting: number }): void {
    this.#queued.set(counts.running, { node_id: this.#node, queue_type: name, task_state: "executing" });
    this.#queued.set(counts.waiting, { node_id: this.#node, queue_type: name, task_state: "unissued" });
  }

  #call(rpc: string, where: CallPlace): CallSeries {
    const database = nameLabel(where.database);
    const collection = nameLabel(where.collection);
    return this.#calls.getOrMake(keyOf(rpc, database, collection), () => {
      const place = {
        node_id: this.#node,
        function_name: rpc,
        db_name: database,
        collection_name: collection,
      };
      const of = (status: string): CounterSeries => this.#requests.of({ ...place, status });
      return {
        total: of("total"),
        success: of("success"),
        fail: of("fail"),
        latency: this.#latency.of({ node_id: this.#node, function_name: rpc }),
      };
    });
  }

  #move(kind: MovedRows["kind"], where: CallPlace): MoveSeries {
    const database = nameLabel(where.database);
    const collection = nameLabel(where.collection);
    return this.#moves.getOrMake(keyOf(kind, database, collection), () => {
      const place = { node_id: this.#node, db_name: database, collection_name: collection };
      const reads = kind === "search" || kind === "query";
      return {
        asked: reads ? this.#receivedNq.of({ ...place, query_type: kind }) : undefined,
        moved: kind === "query" ? undefined : this.#movedVectors[kind].of(place),
        latency: reads
          ? this.#readLatency.of({ ...place, query_type: kind })
          : this.#writeLatency.of({ ...place, msg_type: kind }),
      };
    });
  }
}

type Outcome = "success" | "fail";

/** Of one RPC in one collection. */
interface CallSeries {
  readonly total: CounterSeries;
  readonly success: CounterSeries;
  readonly fail: CounterSeries;
  readonly latency: HistogramSeries;
}

/** Of one kind of read or write in one collection. */
interface MoveSeries {
  readonly asked: CounterSeries | undefined;
  readonly moved: CounterSeries | undefined;
  readonly latency: HistogramSeries;
}

const SERIES_HELD_MAX = 1000;

function keyOf(what: string, database: string, collection: string): string {
  return `${what} ${database} ${collection}`;
}

/** What nothing can be called: requests may name anything, of any length. */
function nameLabel(name: string | undefined): string {
  return name !== undefined && (name === "" || NAME.test(name)) ? name : "(unknown)";
}

/** As of databases and collections, with the length that Milvus allows by default. */
const NAME = /^[A-Za-z_]\w{0,254}$/;

/** Undefined: there is none of the name that the request has. */
export interface CallPlace {
  readonly database: string | undefined;
  /** Empty where the request names none. */
  readonly collection: string | undefined;
}
