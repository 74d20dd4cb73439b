import type { Counter, Gauge, Histogram, MetricsRegistry } from "../../obs/metrics.ts";
import { physicalMs, type Timestamp } from "../../model/timestamp.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RootTables } from "./root-tables.ts";

/** Methods that change metadata, with the names of their RPCs. */
export const DDL_METHODS: ReadonlyMap<string, string> = new Map(
  [
    "createDatabase",
    "dropDatabase",
    "alterDatabase",
    "createCollection",
    "dropCollection",
    "renameCollection",
    "alterCollection",
    "alterCollectionField",
    "addCollectionField",
    "dropDynamicField",
    "truncateCollection",
    "createPartition",
    "dropPartition",
    "createAlias",
    "alterAlias",
    "dropAlias",
  ].map((method) => [method, method.charAt(0).toUpperCase() + method.slice(1)]),
);

/** What RootCoord counts, under Milvus's names. */
export class RootCoordMetrics {
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #idsAllocated: Counter;
  readonly #timestampsAllocated: Counter;
  readonly #timestamp: Gauge;

  constructor(registry: MetricsRegistry, tables: RootTables) {
    this.#requests = registry.counter({
      name: "milvus_rootcoord_ddl_req_count",
      help: "Changes of databases, collections, partitions and aliases by how they ended",
      labels: ["function_name", "status"],
    });
    this.#latency = registry.histogram({
      name: "milvus_rootcoord_ddl_req_latency",
      help: "Time of such a change in milliseconds",
      labels: ["function_name"],
    });
    this.#idsAllocated = registry.counter({
      name: "milvus_rootcoord_id_alloc_count",
      help: "Ids given out",
    });
    this.#timestampsAllocated = registry.counter({
      name: "milvus_rootcoord_timestamp_alloc_count",
      help: "Timestamps given out",
    });
    this.#timestamp = registry.gauge({
      name: "milvus_rootcoord_timestamp",
      help: "Physical part of the latest timestamp, milliseconds since the epoch",
    });
    const databases = registry.gauge({ name: "milvus_rootcoord_database_num", help: "Databases" });
    const collections = registry.gauge({
      name: "milvus_rootcoord_collection_num",
      help: "Collections by database",
      labels: ["db_name"],
    });
    const partitions = registry.gauge({ name: "milvus_rootcoord_partition_num", help: "Partitions" });
    const channels = registry.gauge({ name: "milvus_rootcoord_dml_channel_num", help: "vchannels" });
    registry.onScrape(() => {
      collections.clear();
      databases.set(tables.databases().length);
      for (const { name } of tables.databases()) collections.set(0, { db_name: name });
      let partitionCount = 0;
      let channelCount = 0;
      for (const info of tables.allCollections()) {
        if (info.state !== "Created") continue;
        collections.add(1, { db_name: info.databaseName });
        partitionCount += info.partitions.filter(({ state }) => state === "Created").length;
        channelCount += info.vchannels.length;
      }
      partitions.set(partitionCount);
      channels.set(channelCount);
    });
  }

  /** Counts a change of metadata under the name of its RPC. */
  async ddl<T>(name: string, clock: Clock, run: () => Promise<T>): Promise<T> {
    const startedMs = clock.monotonicMs();
    let status = "fail";
    this.#requests.inc({ function_name: name, status: "total" });
    try {
      const answer = await run();
      status = "success";
      return answer;
    } finally {
      this.#requests.inc({ function_name: name, status });
      this.#latency.observe(clock.monotonicMs() - startedMs, { function_name: name });
    }
  }

  ids(count: number): void {
    this.#idsAllocated.inc({}, count);
  }

  timestamps(first: Timestamp, count: number): void {
    this.#timestampsAllocated.inc({}, count);
    this.#timestamp.set(Number(physicalMs(first)));
  }
}
