import { observedService } from "../../api/observed-service.ts";
import { queryNodeTable, type QueryNode } from "../../api/query-node.ts";
import type { ShardState } from "../../core/shard/shard-state.ts";
import { inTrace, type CallContext } from "../../model/call-context.ts";
import type { CollectionId, NodeId } from "../../model/ids.ts";
import type { SegmentSearchStats, ShardSearchRequest, ShardSearchResult } from "../../model/read.ts";
import type { Counter, Histogram, MetricsRegistry } from "../../obs/metrics.ts";
import { span } from "../../obs/tracing.ts";
import type { Clock } from "../../ports/clock.ts";

/** What reads cost, under Milvus's names. Each thread that reads has its own; a scrape adds them up. */
export class ReadMetrics {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #nq: Histogram;
  readonly #topk: Histogram;
  readonly #segments: Histogram;
  readonly #distances: Counter;

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
    this.#nq = registry.histogram({
      name: "milvus_querynode_search_nq",
      help: "Queries of a search",
      labels: ["node_id"],
    });
    this.#topk = registry.histogram({
      name: "milvus_querynode_search_topk",
      help: "Hits wanted of a query",
      labels: ["node_id"],
    });
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
    const labels = { node_id: this.#node, query_type: type, scope: "OnLeader" };
    const perCollection = { ...labels, collection_id: collectionId };
    const startedMs = this.#clock.monotonicMs();
    let status = "fail";
    this.#requests.inc({ ...perCollection, status: "total" });
    try {
      const name = type === "search" ? "QueryNode-Search" : "QueryNode-Query";
      const answer = await span(name, ctx.trace, async (trace) => run(inTrace(ctx, trace)));
      status = "success";
      return answer;
    } finally {
      this.#requests.inc({ ...perCollection, status });
      this.#latency.observe(this.#clock.monotonicMs() - startedMs, labels);
    }
  }

  /** What a search that succeeded has looked at. */
  searched(request: ShardSearchRequest, stats: readonly SegmentSearchStats[]): void {
    this.#nq.observe(request.nq, { node_id: this.#node });
    this.#topk.observe(request.k, { node_id: this.#node });
    const labels = { node_id: this.#node, collection_id: request.collectionId, query_type: "search" };
    this.#segments.observe(stats.length, labels);
    for (const { path, distances } of stats) this.#distances.inc({ node_id: this.#node, path }, distances);
  }
}

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
