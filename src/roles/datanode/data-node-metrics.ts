import type { FlushOutput } from "../../core/channel/flusher.ts";
import type { NodeId } from "../../model/ids.ts";
import type { DeltaLogMeta } from "../../model/segment-meta.ts";
import type { Counter, Histogram, MetricsRegistry } from "../../obs/metrics.ts";

/** What a data node counts, under Milvus's names. */
export class DataNodeMetrics {
  readonly #node: string;
  readonly #flushedBytes: Counter;
  readonly #flushedRows: Counter;
  readonly #flushes: Counter;
  readonly #saveLatency: Histogram;
  readonly #writtenRows: Counter;
  readonly #compactionLatency: Histogram;
  readonly #takeOvers: Counter;

  constructor(registry: MetricsRegistry, nodeId: NodeId, channels: () => number) {
    this.#node = String(nodeId);
    this.#flushedBytes = registry.counter({
      name: "milvus_datanode_flushed_data_size",
      alias: "milvus_datanode_flushed_size",
      help: "Bytes written to the object store by what wrote them",
      labels: ["node_id", "data_source", "segment_level"],
    });
    this.#flushedRows = registry.counter({
      name: "milvus_datanode_flushed_data_rows",
      help: "Rows written to the object store by what wrote them",
      labels: ["node_id", "data_source"],
    });
    this.#flushes = registry.counter({
      name: "milvus_datanode_flush_buffer_op_count",
      alias: "milvus_datanode_flush_buffer_count",
      help: "Flushes of a vchannel's memory by how they ended",
      labels: ["node_id", "status"],
    });
    this.#saveLatency = registry.histogram({
      name: "milvus_datanode_save_latency",
      help: "Time of a flush that was committed in milliseconds",
      labels: ["node_id"],
    });
    this.#writtenRows = registry.counter({
      name: "milvus_datanode_msg_rows_count",
      help: "Rows inserted and keys deleted that were acknowledged",
      labels: ["node_id", "msg_type"],
    });
    this.#compactionLatency = registry.histogram({
      name: "milvus_datanode_compaction_latency",
      help: "Time of a compaction here in milliseconds",
      labels: ["node_id"],
    });
    this.#takeOvers = registry.counter({
      name: "milvus_datanode_channel_takeover_count",
      help: "vchannels that this node has become the owner of",
      labels: ["node_id"],
    });
    const owned = registry.gauge({
      name: "milvus_datanode_flowgraph_num",
      help: "vchannels that this node owns",
      labels: ["node_id"],
    });
    registry.onScrape(() => owned.set(channels(), { node_id: this.#node }));
  }

  written(rows: { readonly inserted: number; readonly deleted: number }): void {
    this.#writtenRows.inc({ node_id: this.#node, msg_type: "insert" }, rows.inserted);
    this.#writtenRows.inc({ node_id: this.#node, msg_type: "delete" }, rows.deleted);
  }

  /** A flush that stored something and was committed, or one that was not. */
  flushed(
    outcome: "success" | "fail",
    stored: { readonly segments: readonly FlushOutput[]; readonly deltaLogs: readonly DeltaLogMeta[] },
    durationMs: number,
  ): void {
    this.#flushes.inc({ node_id: this.#node, status: outcome });
    if (outcome === "fail") return;
    this.#saveLatency.observe(durationMs, { node_id: this.#node });
    for (const { rows, bytes } of stored.segments) this.#stored("streaming", rows, bytes);
    for (const { bytes } of stored.deltaLogs) this.#bytes("streaming", "L0", bytes);
  }

  compacted(output: FlushOutput, durationMs: number): void {
    this.#compactionLatency.observe(durationMs, { node_id: this.#node });
    this.#stored("compaction", output.rows, output.bytes);
  }

  tookOver(): void {
    this.#takeOvers.inc({ node_id: this.#node });
  }

  #stored(source: string, rows: number, bytes: number): void {
    this.#flushedRows.inc({ node_id: this.#node, data_source: source }, rows);
    this.#bytes(source, "L1", bytes);
  }

  #bytes(source: string, level: string, bytes: number): void {
    this.#flushedBytes.inc({ node_id: this.#node, data_source: source, segment_level: level }, bytes);
  }
}
