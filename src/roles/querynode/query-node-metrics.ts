import { Lru } from "../../base/lru.ts";
import { observedService } from "../../api/observed-service.ts";
import { queryNodeTable, type QueryNode } from "../../api/query-node.ts";
import type { ShardState } from "../../core/shard/shard-state.ts";
import { inTrace, type CallContext } from "../../model/call-context.ts";
import type { CollectionId, NodeId } from "../../model/ids.ts";
import type { SegmentSearchStats, ShardSearchRequest, ShardSearchResult } from "../../model/read.ts";
import type {
  Counter,
  CounterSeries,
  Histogram,
  HistogramSeries,
  MetricsRegistry,
} from "../../obs/metrics.ts";
import { span } from "../../obs/tracing.ts";
import type { Clock } from "../../ports/clock.ts";

/** What reads cost, under Milvus's names. Each thread that reads has its own; a scrape adds them up. */
export class ReadMetrics {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #segments: Histogram;
  readonly #distances: Counter;
  readonly #nq: HistogramSeries;
  readonly #topk: HistogramSeries;
  /** What reads of a collection count in. */
  readonly #held = new Lru<string, ReadSeries>({ entriesMax: SERIES_HELD_MAX });
  readonly #paths = new Map<SegmentSearchStats["path"], CounterSeries>();

  constructor(registry: MetricsRegistry, nodeId: NodeId, clock: Clock) {
    this.#node = String(nodeId);
    this.#clock = clock;
    this.#requests = registry.counter({
      name: "milvus_querynode_sq_req_count",
      help: "Reads of a shard by kind and how they ended",
      labels: ["node_id", "query_type", "status", "scope", "collection_id"],
      seriesMax: 10_000,
    });
    this.#latency = registry.histogram({
      name: "milvus_querynode_sq_req_latency",
      alias: "milvus_querynode_search_latency",
      help: "Time of a read of a shard in milliseconds, the wait for its timestamp included",
      labels: ["node_id", "query_type", "scope"],
    });
    const searched = (name: string, help: string): HistogramSeries =>
      registry.histogram({ name, help, labels: ["node_id"] }).of({ node_id: this.#node });
    this.#nq = searched("milvus_querynode_search_nq", "Queries of a search");
    this.#topk = searched("milvus_querynode_search_topk", "Hits wanted of a query");
    this.#segments = registry.histogram({
      name: "milvus_querynode_search_hit_segment_num",
      help: "Segments that a search looked at",
      labels: ["node_id", "collection_id", "query_type"],
    });
    this.#distances = registry.counter({
      name: "milvus_querynode_search_distance_count",
      help: "Distances computed by searches, by how a segment was searched",
      labels: ["node_id", "path"],
    });
  }

  /** Runs a read: counts, measures and traces it. */
  async read<T>(
    type: "search" | "query",
    ctx: CallContext,
    collectionId: CollectionId,
    run: (ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    const series = this.#series(type, collectionId);
    const startedMs = this.#clock.monotonicMs();
    let status: "success" | "fail" = "fail";
    series.total.inc();
    try {
      const name = type === "search" ? "QueryNode-Search" : "QueryNode-Query";
      const answer = await span(name, ctx.trace, async (trace) => run(inTrace(ctx, trace)));
      status = "success";
      return answer;
    } finally {
      series[status].inc();
      series.latency.observe(this.#clock.monotonicMs() - startedMs);
    }
  }

  /** What a search that succeeded has looked at. */
  searched(request: ShardSearchRequest, stats: readonly SegmentSearchStats[]): void {
    this.#nq.observe(request.nq);
    this.#topk.observe(request.k);
    this.#series("search", request.collectionId).segments.observe(stats.length);
    for (const { path, distances } of stats) this.#path(path).inc(distances);
  }

  #series(type: "search" | "query", collectionId: CollectionId): ReadSeries {
    return this.#held.getOrMake(`${type} ${collectionId}`, () => {
      const node = { node_id: this.#node, query_type: type };
      const reads = { ...node, scope: "OnLeader" };
      const of = (status: string): CounterSeries =>
        this.#requests.of({ ...reads, collection_id: collectionId, status });
      return {
        total: of("total"),
        success: of("success"),
        fail: of("fail"),
        latency: this.#latency.of(reads),
        segments: this.#segments.of({ ...node, collection_id: collectionId }),
      };
    });
  }

  #path(path: SegmentSearchStats["path"]): CounterSeries {
    let series = this.#paths.get(path);
    if (series === undefined)
      this.#paths.set(path, (series = this.#distances.of({ node_id: this.#node, path })));
    return series;
  }
}

/** Of one kind of read of one collection. */
interface ReadSeries {
  readonly total: CounterSeries;
  readonly success: CounterSeries;
  readonly fail: CounterSeries;
  readonly latency: HistogramSeries;
  readonly segments: HistogramSeries;
}

const SERIES_HELD_MAX = 1000;

/** A query node whose reads are measured; everything else is passed on. */
export function observeReads(node: QueryNode, metrics: ReadMetrics): QueryNode {
  return observedService(queryNodeTable, node, async ({ method, ctx, request, run }) => {
    if (method !== "search" && method !== "query") return run(ctx);
    // The table says what these methods take and give.
    const asked = request as ShardSearchRequest;
    const answer = await metrics.read(method, ctx, asked.collectionId, run);
    if (method === "search") metrics.searched(asked, (answer as ShardSearchResult).stats);
    return answer;
  });
}

/** What is loaded: asked of the shards when somebody looks. Those that only a data node has open count as well. */
export function registerShardGauges(
  registry: MetricsRegistry,
  nodeId: NodeId,
  shards: { states(): readonly ShardState[] },
): void {
  const node_id = String(nodeId);
  const byState = ["node_id", "collection_id", "segment_state"];
  const collections = registry.gauge({
    name: "milvus_querynode_collection_num",
    help: "Collections with an open shard",
    labels: ["node_id"],
  });
  const channels = registry.gauge({
    name: "milvus_querynode_dml_vchannel_num",
    help: "Open shards",
    labels: ["node_id"],
  });
  const segments = registry.gauge({
    name: "milvus_querynode_segment_num",
    help: "Open segments by collection and state",
    labels: byState,
  });
  const entities = registry.gauge({
    name: "milvus_querynode_entity_num",
    help: "Rows of open segments by collection and state, ended versions included",
    labels: byState,
  });
  const bytes = registry.gauge({
    name: "milvus_querynode_entity_size",
    help: "Native memory of open segments in bytes, without mappings, by collection and state",
    labels: byState,
  });
  const deltas = registry.gauge({
    name: "milvus_datanode_fg_buffer_size",
    help: "Bytes of growing rows and of ends that wait for a flush, by vchannel",
    labels: ["node_id", "channel_name"],
  });
  registry.onScrape(() => {
    for (const gauge of [segments, entities, bytes, deltas]) gauge.clear();
    const states = shards.states();
    channels.set(states.length, { node_id });
    collections.set(new Set(states.map(({ collectionId }) => collectionId)).size, { node_id });
    for (const state of states) {
      let buffered = state.deltas.bytes;
      for (const [segment_state, entries] of [
        ["Sealed", state.sealed()],
        ["Growing", state.growing()],
      ] as const) {
        const labels = { node_id, collection_id: state.collectionId, segment_state };
        for (const { ref } of entries) {
          segments.add(1, labels);
          entities.add(ref.segment.rows, labels);
          bytes.add(ref.segment.memoryBytes, labels);
          if (segment_state === "Growing") buffered += ref.segment.memoryBytes;
        }
      }
      deltas.set(buffered, { node_id, channel_name: state.vchannel });
    }
  });
}
