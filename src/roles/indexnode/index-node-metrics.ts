import type { NodeId } from "../../model/ids.ts";
import type { Counter, Histogram, MetricsRegistry } from "../../obs/metrics.ts";

/** What an index node counts, under Milvus's names. */
export class IndexNodeMetrics {
  readonly #node: string;
  readonly #builds: Counter;
  readonly #latency: Histogram;
  readonly #bytes: Counter;

  constructor(registry: MetricsRegistry, nodeId: NodeId, running: () => number) {
    this.#node = String(nodeId);
    this.#builds = registry.counter({
      name: "milvus_indexnode_index_task_count",
      help: "Index builds by how they ended",
      labels: ["node_id", "status"],
    });
    this.#latency = registry.histogram({
      name: "milvus_indexnode_build_index_latency",
      help: "Time of an index build in milliseconds, reading and saving included",
      labels: ["node_id", "index_type"],
    });
    this.#bytes = registry.counter({
      name: "milvus_indexnode_index_file_size",
      help: "Bytes of index files written",
      labels: ["node_id", "index_type"],
    });
    const now = registry.gauge({
      name: "milvus_indexnode_index_task_running",
      help: "Index builds that run now",
      labels: ["node_id"],
    });
    registry.onScrape(() => now.set(running(), { node_id: this.#node }));
  }

  built(type: string, bytes: number, durationMs: number): void {
    const labels = { node_id: this.#node, index_type: type };
    this.#builds.inc({ node_id: this.#node, status: "success" });
    this.#latency.observe(durationMs, labels);
    this.#bytes.inc(labels, bytes);
  }

  failed(): void {
    this.#builds.inc({ node_id: this.#node, status: "fail" });
  }
}
