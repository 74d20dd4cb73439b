import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeClock } from "../adapters/node/clock.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import type { MetricsRegistry } from "../obs/metrics.ts";
import { oneProcessFor } from "./one-process.testing.ts";

/** Values of a scrape by name and labels, histograms by `_count` and `_sum`. */
type Scrape = ReadonlyMap<string, number>;

function scrape(metrics: MetricsRegistry): Scrape {
  const lines = metrics.expose().split("\n");
  return new Map(
    lines.flatMap((line) => {
      const [, series, value] = /^([^#\s]\S*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return series === undefined ? [] : [[series, Number(value)] as const];
    }),
  );
}

/** What has changed, sums of times and sizes left out; collection and node by letters. */
function changes(
  before: Scrape,
  after: Scrape,
  names: Readonly<Record<string, string>>,
): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [series, value] of after) {
    const by = value - (before.get(series) ?? 0);
    if (by === 0 || /_bucket\{|_sum(\{|$)|timestamp|id_alloc|_size|duration_seconds/.test(series)) continue;
    let shown = series.replaceAll("milvus_", "");
    for (const [id, name] of Object.entries(names)) shown = shown.replaceAll(`"${id}"`, name);
    out[shown] = by;
  }
  return out;
}

test("scraped values move by exactly what was done", async (t) => {
  const process = await oneProcessFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  const { metrics } = process;
  let before = scrape(metrics);
  const names: Record<string, string> = { [String(process.nodeId)]: "N" };
  const moved = (): Record<string, number> => {
    const after = scrape(metrics);
    const by = changes(before, after, names);
    before = after;
    return by;
  };

  const info = await process.create();
  names[String(info.id)] = "C";
  for (const vchannel of info.vchannels) names[vchannel] = "V";
  assert.deepEqual(moved(), {
    'rootcoord_ddl_req_count{function_name="CreateCollection",status="total"}': 1,
    'rootcoord_ddl_req_count{function_name="CreateCollection",status="success"}': 1,
    'rootcoord_ddl_req_latency_count{function_name="CreateCollection"}': 1,
    'rootcoord_collection_num{db_name="default"}': 1,
    rootcoord_partition_num: 1,
    rootcoord_dml_channel_num: 1,
    datacoord_watched_dml_chanel_num: 1,
    datacoord_collection_num: 1,
  });

  await assert.rejects(process.coords.rootCoord.createAlias(process.ctx, { alias: "a", collection: "none" }));
  assert.deepEqual(moved(), {
    'rootcoord_ddl_req_count{function_name="CreateAlias",status="total"}': 1,
    'rootcoord_ddl_req_count{function_name="CreateAlias",status="fail"}': 1,
    'rootcoord_ddl_req_latency_count{function_name="CreateAlias"}': 1,
  });

  await process.load(info);
  assert.deepEqual(moved(), {
    "querynode_collection_num{node_id=N}": 1,
    "querynode_dml_vchannel_num{node_id=N}": 1,
  });

  await process.insert(info, [1n, 2n, 3n, 4n]);
  assert.deepEqual(moved(), {
    // The take-over of the channel, and the rows.
    'wal_append_message_total{status="ok"}': 2,
    'wal_append_message_bytes_count{status="ok"}': 2,
    "datanode_channel_takeover_count{node_id=N}": 1,
    "datanode_flowgraph_num{node_id=N}": 1,
    'datanode_msg_rows_count{node_id=N,msg_type="insert"}': 4,
    'datacoord_segment_num{segment_state="Growing"}': 1,
    'segment_num{segment_state="Growing"}': 1,
    'querynode_segment_num{node_id=N,collection_id=C,segment_state="Growing"}': 1,
    'querynode_entity_num{node_id=N,collection_id=C,segment_state="Growing"}': 4,
  });

  await process.remove(info, [1n]);
  assert.deepEqual(moved(), {
    'wal_append_message_total{status="ok"}': 1,
    'wal_append_message_bytes_count{status="ok"}': 1,
    'datanode_msg_rows_count{node_id=N,msg_type="delete"}': 1,
  });

  await process.nearest(info, 3);
  assert.deepEqual(moved(), {
    'querynode_sq_req_count{node_id=N,query_type="search",status="total",scope="OnLeader",collection_id=C}': 1,
    'querynode_sq_req_count{node_id=N,query_type="search",status="success",scope="OnLeader",collection_id=C}': 1,
    'querynode_sq_req_latency_count{node_id=N,query_type="search",scope="OnLeader"}': 1,
    'querynode_search_latency_count{node_id=N,query_type="search",scope="OnLeader"}': 1,
    "querynode_search_nq_count{node_id=N}": 1,
    "querynode_search_topk_count{node_id=N}": 1,
    'querynode_search_hit_segment_num_count{node_id=N,collection_id=C,query_type="search"}': 1,
    // The three rows that are left.
    'querynode_search_distance_count{node_id=N,path="flat"}': 3,
  });

  await assert.rejects(process.keys(info, "no such field > 1"));
  assert.deepEqual(moved(), {
    'querynode_sq_req_count{node_id=N,query_type="query",status="total",scope="OnLeader",collection_id=C}': 1,
    'querynode_sq_req_count{node_id=N,query_type="query",status="fail",scope="OnLeader",collection_id=C}': 1,
    'querynode_sq_req_latency_count{node_id=N,query_type="query",scope="OnLeader"}': 1,
    'querynode_search_latency_count{node_id=N,query_type="query",scope="OnLeader"}': 1,
  });

  await process.flush(info);
  // Counted by the data node once DataCoord has answered, which a reader may see a moment earlier.
  while (
    (scrape(metrics).get(
      `milvus_datanode_flushed_data_rows{node_id="${process.nodeId}",data_source="streaming"}`,
    ) ?? 0) === 0
  )
    await nodeClock.sleep(1);
  await process.keys(info, "");
  const flushed = moved();
  assert.equal(flushed['datacoord_segment_num{segment_state="Growing"}'], -1);
  assert.equal(flushed['datacoord_segment_num{segment_state="Flushed"}'], 1);
  assert.equal(flushed['datacoord_stored_rows_num{collection_id=C,segment_state="Flushed"}'], 4);
  assert.equal(flushed['datanode_flushed_data_rows{node_id=N,data_source="streaming"}'], 4);
  assert.equal(flushed['datanode_flush_buffer_op_count{node_id=N,status="success"}'], 1);
  assert.equal(flushed['datanode_flush_buffer_count{node_id=N,status="success"}'], 1);
  assert.equal(flushed["datacoord_flushed_segment_count"], 1);

  await process.insert(info, [5n]);
  await process.flush(info);
  moved();
  await process.compact(info);
  const compacted = moved();
  assert.equal(compacted['datacoord_compaction_task_count{compaction_type="small",status="success"}'], 1);
  assert.equal(compacted['datacoord_segment_num{segment_state="Compacted"}'], 2);
  assert.equal(compacted["datanode_compaction_latency_count{node_id=N}"], 1);

  await process.stop();
  assert.deepEqual(
    [...scrape(metrics).keys()].filter(
      (series) => /coord_|node_/.test(series) && !series.startsWith("milvus_wal"),
    ),
    [],
    "roles that have ended show nothing",
  );
});

test("nothing moves while nothing is done", async (t) => {
  const process = await oneProcessFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  const info = await process.create();
  await process.load(info);
  const before = scrape(process.metrics);
  await nodeClock.sleep(100);
  assert.deepEqual(changes(before, scrape(process.metrics), {}), {});
  assert.deepEqual(scrape(process.metrics), before, "a scrape itself changes nothing either");
});
