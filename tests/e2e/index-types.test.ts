import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsistencyLevelEnum, DataType, MetricType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { Prng } from "../../src/base/prng.ts";
import { startServer } from "./support/server.ts";

const DIM = 32;
const ROWS = 3000;

interface Case {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly search: Readonly<Record<string, unknown>>;
  /** Share of the ten nearest rows that a search finds at least. */
  readonly recall: number;
  /** COSINE when absent. */
  readonly metric?: MetricType;
}

/** Newer than the client's list. */
const MHJACCARD = "MHJACCARD" as MetricType;

const cases: readonly Case[] = [
  { type: "IVF_FLAT", params: { nlist: 16 }, search: { nprobe: 16 }, recall: 1 },
  { type: "HNSW", params: { M: 16, efConstruction: 100 }, search: { recall_target: 0.95 }, recall: 0.9 },
  { type: "IVF_SQ8", params: { nlist: 16 }, search: { nprobe: 16 }, recall: 0.9 },
  { type: "IVF_PQ", params: { nlist: 16, m: 16, nbits: 8 }, search: { nprobe: 16 }, recall: 0.5 },
  {
    type: "SCANN",
    params: { nlist: 16, with_raw_data: true },
    search: { nprobe: 16, reorder_k: 200 },
    recall: 0.8,
  },
  {
    type: "IVF_RABITQ",
    params: { nlist: 16, refine: true, refine_type: "SQ8" },
    search: { nprobe: 16, refine_k: 20 },
    recall: 0.8,
  },
  { type: "HNSW_SQ", params: { M: 16, efConstruction: 100 }, search: { ef: 100 }, recall: 0.9 },
  {
    type: "HNSW_PQ",
    params: { M: 16, efConstruction: 100, m: 16, nbits: 8, refine: true, refine_type: "FP16" },
    search: { ef: 200, refine_k: 10 },
    recall: 0.9,
  },
  {
    type: "HNSW_PRQ",
    params: { M: 16, efConstruction: 100, m: 8, nrq: 3, nbits: 8 },
    search: { ef: 100 },
    recall: 0.5,
  },
  {
    type: "DISKANN",
    params: { max_degree: 32, search_list_size: 60, pq_code_budget_gb_ratio: 0.25 },
    search: { search_list: 100 },
    recall: 0.9,
  },
  {
    type: "BIN_IVF_FLAT",
    params: { nlist: 16 },
    search: { nprobe: 16 },
    recall: 1,
    metric: MetricType.HAMMING,
  },
  {
    type: "MINHASH_LSH",
    params: { mh_element_bit_width: 8, mh_lsh_band: 4 },
    search: { mh_search_with_jaccard: true, mh_element_bit_width: 8, mh_lsh_band: 4 },
    recall: 1,
    metric: MHJACCARD,
  },
];

test("each index type is built over flushed rows and found with its parameters", async (t) => {
  await using server = await startServer();
  const client = new MilvusClient({ address: server.address });
  const random = Prng.fromSeed(7);
  const vectors = Array.from({ length: ROWS }, () => Array.from({ length: DIM }, () => random.float() - 0.5));
  const bits = Array.from({ length: ROWS }, () => Array.from({ length: DIM / 8 }, () => random.int(256)));
  for (const { type, params, search, recall, metric = MetricType.COSINE } of cases) {
    await t.test(type, async () => {
      const name = type.toLowerCase();
      const binary = metric !== MetricType.COSINE;
      const rows = binary ? bits : vectors;
      const fields = [
        { name: "id", data_type: DataType.Int64, is_primary_key: true },
        { name: "vec", data_type: binary ? DataType.BinaryVector : DataType.FloatVector, dim: DIM },
      ];
      const created = await client.createCollection({
        collection_name: name,
        fields,
      });
      assert.equal(created.error_code, "Success", created.reason);
      const data = rows.map((vec, id) => ({ id, vec }));
      const inserted = await client.insert({ collection_name: name, data });
      assert.equal(inserted.status.error_code, "Success", inserted.status.reason);
      await client.flushSync({ collection_names: [name] });
      const index = {
        collection_name: name,
        field_name: "vec",
        index_type: type,
        metric_type: metric,
        params,
      };
      const indexed = await client.createIndex(index);
      assert.equal(indexed.error_code, "Success", indexed.reason);
      await waitForRows(client, name);
      await client.loadCollectionSync({ collection_name: name });
      let found = 0;
      for (const query of [3, 500, 2999]) {
        const vector = rows[query] ?? [];
        const answer = await client.search({
          collection_name: name,
          data: vector,
          limit: 10,
          params: search,
          metric_type: metric,
          consistency_level: ConsistencyLevelEnum.Strong,
        });
        assert.equal(answer.status.error_code, "Success", answer.status.reason);
        const hits = answer.results as readonly { readonly id: string; readonly score: number }[];
        assert.equal(hits.length, 10);
        const worst = nearest(rows, vector, metric)[9] ?? 0;
        found += hits.filter(
          ({ id }) => distance(rows[Number(id)] ?? [], vector, metric) <= worst + 1e-6,
        ).length;
      }
      assert.ok(found >= recall * 30, `${found} of 30`);
    });
  }
  await client.closeConnection();
});

async function waitForRows(client: MilvusClient, name: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { index_descriptions } = await client.describeIndex({ collection_name: name });
    const [index] = index_descriptions;
    if (Number(index?.indexed_rows) >= ROWS && Number(index?.pending_index_rows) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`the index of ${name} was not built`);
}

function nearest(
  rows: readonly (readonly number[])[],
  query: readonly number[],
  metric: MetricType,
): number[] {
  return rows.map((row) => distance(row, query, metric)).toSorted((a, b) => a - b);
}

function distance(a: readonly number[], b: readonly number[], metric: MetricType): number {
  if (metric === MetricType.HAMMING) return a.reduce((sum, byte, i) => sum + ones(byte ^ (b[i] ?? 0)), 0);
  if (metric === MHJACCARD) return a.filter((element, i) => element !== b[i]).length;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return -dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function ones(byte: number): number {
  return byte.toString(2).replaceAll("0", "").length;
}
