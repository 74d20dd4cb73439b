import type { Counter, Histogram, MetricsRegistry } from "../../obs/metrics.ts";
import { SEGMENT_STATES } from "../../model/segment.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import type { DataTables } from "./data-tables.ts";

/** What DataCoord counts, under Milvus's names. */
export class DataCoordMetrics {
  readonly #compactions: Counter;
  readonly #compactionLatency: Histogram;
  readonly #flushes: Counter;

  constructor(registry: MetricsRegistry, tables: DataTables) {
    this.#compactions = registry.counter({
      name: "milvus_datacoord_compaction_task_count",
      help: "Compactions by why they were planned and how they ended",
      labels: ["compaction_type", "status"],
    });
    this.#compactionLatency = registry.histogram({
      name: "milvus_datacoord_compaction_latency",
      help: "Time of a compaction from plan to commit in milliseconds",
      labels: ["compaction_type"],
    });
    this.#flushes = registry.counter({
      name: "milvus_datacoord_flushed_segment_count",
      help: "Segments that were committed as flushed",
    });
    registerGauges(registry, tables);
  }

  flushed(segments: number): void {
    this.#flushes.inc({}, segments);
  }

  /** `durationMs` counts only for one that was committed. */
  compacted(type: string, status: "success" | "fail", durationMs: number): void {
    this.#compactions.inc({ compaction_type: type, status });
    if (status === "success") this.#compactionLatency.observe(durationMs, { compaction_type: type });
  }
}

/** Asked of the tables when somebody looks: nothing is kept up to date for nobody. */
function registerGauges(registry: MetricsRegistry, tables: DataTables): void {
  const segments = registry.gauge({
    name: "milvus_datacoord_segment_num",
    alias: "milvus_segment_num",
    help: "Segments by state",
    labels: ["segment_state"],
  });
  const rows = registry.gauge({
    name: "milvus_datacoord_stored_rows_num",
    help: "Rows of live segments by collection and state",
    labels: ["collection_id", "segment_state"],
  });
  const bytes = registry.gauge({
    name: "milvus_datacoord_stored_binlog_size",
    help: "Bytes of the files of live segments by collection and state",
    labels: ["collection_id", "segment_state"],
  });
  const deltaEntries = registry.gauge({
    name: "milvus_datacoord_l0_delete_entries_num",
    help: "Ends of row versions in stored delta logs by collection",
    labels: ["collection_id"],
  });
  const deltaBytes = registry.gauge({
    name: "milvus_datacoord_store_level0_segment_size",
    help: "Bytes of stored delta logs by collection",
    labels: ["collection_id"],
  });
  const channels = registry.gauge({
    name: "milvus_datacoord_watched_dml_chanel_num",
    help: "vchannels that are not dropped",
  });
  const collections = registry.gauge({
    name: "milvus_datacoord_collection_num",
    help: "Collections with vchannels",
  });
  registry.onScrape(() => {
    for (const gauge of [rows, bytes, deltaEntries, deltaBytes]) gauge.clear();
    for (const state of SEGMENT_STATES) segments.set(0, { segment_state: state });
    for (const meta of tables.allSegments()) {
      segments.add(1, { segment_state: meta.state });
      if (!isStored(meta)) continue;
      const labels = { collection_id: meta.collectionId, segment_state: meta.state };
      rows.add(meta.rows, labels);
      bytes.add(meta.bytes, labels);
    }
    const live = tables.channels().filter(({ dropped }) => !dropped);
    for (const { vchannel, collectionId } of live) {
      for (const delta of tables.deltasOn(vchannel)) {
        deltaEntries.add(delta.entries, { collection_id: collectionId });
        deltaBytes.add(delta.bytes, { collection_id: collectionId });
      }
    }
    channels.set(live.length);
    collections.set(new Set(live.map(({ collectionId }) => collectionId)).size);
  });
}

function isStored({ state }: SegmentMeta): boolean {
  return state !== "Dropped" && state !== "Compacted";
}
