/** The smoke test of the Node SDK: smoke-node.ts ADDRESS. Prints a line per check, see support/smoke-report.ts. */
import assert from "node:assert/strict";
import { DataType, ErrorCode, MetricType, MilvusClient } from "@zilliz/milvus2-sdk-node";

const name = "node_smoke";
const dim = 8;
const rowCount = 200;
const colours = ["red", "green", "blue", "white"];

const client = new MilvusClient({ address: process.argv[2] ?? "127.0.0.1:19530" });
let checks = 0;

async function check(what: string, body: () => Promise<void>): Promise<void> {
  checks++;
  try {
    await body();
    console.log(`ok\t${what}`);
  } catch (error) {
    console.log(`not ok\t${what}\t${String(error).replaceAll(/\s+/g, " ")}`);
  }
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
}

/** The SDK hands statuses over instead of throwing. */
function succeeded(answer: Status | { readonly status: Status }) {
  const status = "status" in answer ? answer.status : answer;
  assert.equal(status.code ?? 0, 0, status.reason ?? "no reason given");
}

/** Points along axis i mod dim and leans a little towards the next one, so nearest neighbours are known. */
function vector(i: number): number[] {
  const v = new Array<number>(dim).fill(0);
  v[i % dim] = 1;
  v[(i + 1) % dim] = Math.fround(i / 1000);
  return v;
}

const row = (i: number) => ({
  id: i,
  vector: vector(i),
  colour: colours[i % 4],
  price: i / 2,
  doc: { n: i, tags: [i % 3] },
  numbers: [i, i + 1],
  maybe: i % 3 === 0 ? null : i % 100,
  extra: i * 10,
});
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => row(from + k));

async function countIs(want: number): Promise<void> {
  const counted = await client.count({ collection_name: name });
  succeeded(counted);
  assert.equal(counted.data, want);
}

await check("connects and tells its version", async () => {
  await client.connectPromise;
  assert.ok((await client.getVersion()).version);
  assert.equal((await client.checkHealth()).isHealthy, true);
});

await client.dropCollection({ collection_name: name });

await check("creates a collection", async () => {
  succeeded(
    await client.createCollection({
      collection_name: name,
      description: "smoke",
      enable_dynamic_field: true,
      consistency_level: "Strong",
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: "vector", data_type: DataType.FloatVector, dim },
        { name: "colour", data_type: DataType.VarChar, max_length: 32 },
        { name: "price", data_type: DataType.Float },
        { name: "doc", data_type: DataType.JSON },
        { name: "numbers", data_type: DataType.Array, element_type: DataType.Int64, max_capacity: 4 },
        { name: "maybe", data_type: DataType.Int8, nullable: true },
        { name: "level", data_type: DataType.Int16, default_value: 7 },
      ],
    }),
  );
  assert.equal((await client.hasCollection({ collection_name: name })).value, true);
  const shown = await client.showCollections();
  assert.ok(shown.data.some((collection) => collection.name === name));
});

await check("describes the collection", async () => {
  const described = await client.describeCollection({ collection_name: name });
  succeeded(described);
  assert.equal(described.schema.fields.length, 8);
  assert.equal(described.schema.enable_dynamic_field, true);
});

await check("inserts rows", async () => {
  const inserted = await client.insert({ collection_name: name, data: rows(0, rowCount) });
  succeeded(inserted);
  assert.equal(Number(inserted.insert_cnt), rowCount);
});

await check("flushes", async () => {
  succeeded(await client.flushSync({ collection_names: [name] }));
  const stats = await client.getCollectionStatistics({ collection_name: name });
  assert.equal(Number(stats.data.row_count), rowCount);
});

await check("builds an HNSW index", async () => {
  succeeded(
    await client.createIndex({
      collection_name: name,
      field_name: "vector",
      index_name: "by_vector",
      index_type: "HNSW",
      metric_type: MetricType.COSINE,
      params: { M: 16, efConstruction: 100 },
    }),
  );
  const described = await client.describeIndex({ collection_name: name, field_name: "vector" });
  succeeded(described);
  assert.equal(described.index_descriptions[0]?.index_name, "by_vector");
  assert.equal(Number(described.index_descriptions[0]?.total_rows), rowCount);
});

await check("loads", async () => {
  succeeded(await client.loadCollectionSync({ collection_name: name }));
  const progress = await client.getLoadingProgress({ collection_name: name });
  assert.equal(Number(progress.progress), 100);
  const state = await client.getLoadState({ collection_name: name });
  assert.equal(state.state, "LoadStateLoaded");
});

await check("searches, with output fields and a filter", async () => {
  const found = await client.search({
    collection_name: name,
    data: vector(42),
    limit: 5,
    output_fields: ["id", "colour", "price", "doc", "extra"],
  });
  succeeded(found);
  assert.equal(found.results.length, 5);
  const { score, ...first } = found.results[0] ?? { score: 0 };
  assert.ok(Math.abs(score - 1) < 1e-5);
  assert.deepEqual(
    { ...first, id: Number(found.results[0]?.id) },
    { id: 42, colour: "blue", price: 21, doc: { n: 42, tags: [0] }, extra: 420 },
  );
  const red = await client.search({
    collection_name: name,
    data: [vector(42), vector(3)],
    limit: 10,
    filter: 'colour == "red" and price < {top}',
    exprValues: { top: 50 },
    output_fields: ["colour"],
  });
  succeeded(red);
  assert.deepEqual(
    red.results.map((hits) => hits.map((hit: { colour: string }) => hit.colour)),
    [new Array(10).fill("red"), new Array(10).fill("red")],
  );
});

await check("queries and gets", async () => {
  const queried = await client.query({
    collection_name: name,
    filter: "id in [1, 2, 3, 1000]",
    output_fields: ["*"],
  });
  succeeded(queried);
  assert.deepEqual(queried.data.map((r) => Number(r["id"])).sort(), [1, 2, 3]);
  assert.deepEqual(queried.data[0]?.["vector"], vector(Number(queried.data[0]?.["id"])));
  assert.equal(queried.data[0]?.["level"], 7);
  const got = await client.get({ collection_name: name, ids: [3], output_fields: ["maybe", "numbers"] });
  assert.equal(got.data[0]?.["maybe"], null);
  assert.deepEqual(got.data[0]?.["numbers"], ["3", "4"]);
});

await check("counts", () => countIs(rowCount));

await check("upserts, whole rows and parts", async () => {
  const upserted = await client.upsert({ collection_name: name, data: rows(rowCount - 10, rowCount + 10) });
  succeeded(upserted);
  assert.equal(Number(upserted.upsert_cnt), 20);
  await countIs(rowCount + 10);
  succeeded(
    await client.upsert({
      collection_name: name,
      data: [{ id: 50, colour: "partial" }],
      partial_update: true,
    }),
  );
  const got = await client.get({ collection_name: name, ids: [50], output_fields: ["colour", "price"] });
  assert.deepEqual([got.data[0]?.["colour"], got.data[0]?.["price"]], ["partial", 25]);
});

await check("deletes by filter and by key", async () => {
  const deleted = await client.delete({ collection_name: name, filter: "id < 10" });
  succeeded(deleted);
  assert.equal(Number(deleted.delete_cnt), 10);
  succeeded(await client.delete({ collection_name: name, ids: [10, 11] }));
  await countIs(rowCount - 2);
});

await check("iterates over a query and a search", async () => {
  let seen = 0;
  for await (const page of await client.queryIterator({
    collection_name: name,
    filter: "id >= 0",
    batchSize: 60,
    output_fields: ["id"],
  })) {
    seen += page.length;
  }
  assert.equal(seen, rowCount - 2);
  const found = new Set<unknown>();
  for await (const page of await client.searchIterator({
    collection_name: name,
    data: vector(5),
    batchSize: 15,
    limit: 45,
  })) {
    for (const hit of page) found.add(hit.id);
  }
  assert.equal(found.size, 45);
});

await check("has partitions, aliases and databases", async () => {
  succeeded(await client.createPartition({ collection_name: name, partition_name: "extra" }));
  const partitions = await client.showPartitions({ collection_name: name });
  assert.deepEqual(partitions.data.map((partition) => partition.name).sort(), ["_default", "extra"]);
  succeeded(await client.createAlias({ collection_name: name, alias: "node_alias" }));
  assert.equal((await client.describeAlias({ collection_name: name, alias: "node_alias" })).collection, name);
  succeeded(await client.dropAlias({ alias: "node_alias" }));
  await client.dropDatabase({ db_name: "node_db" });
  succeeded(await client.createDatabase({ db_name: "node_db" }));
  assert.ok((await client.listDatabases()).db_names.includes("node_db"));
  succeeded(await client.dropDatabase({ db_name: "node_db" }));
});

await check("names what is missing, and what is not served", async () => {
  const missing = await client.query({ collection_name: "node_nowhere", filter: "id > 0" }).catch(String);
  assert.match(JSON.stringify(missing), /node_nowhere/);
  const user = await client.createUser({ username: "someone", password: "some-password" });
  assert.notEqual(user.error_code, ErrorCode.SUCCESS);
  assert.match(user.reason, /not served|not supported/i);
});

await check("compacts and drops", async () => {
  const job = await client.compact({ collection_name: name });
  succeeded(job);
  succeeded(await client.getCompactionState({ compactionID: job.compactionID }));
  succeeded(await client.releaseCollection({ collection_name: name }));
  succeeded(await client.dropIndex({ collection_name: name, index_name: "by_vector" }));
  succeeded(await client.dropCollection({ collection_name: name }));
  assert.equal((await client.hasCollection({ collection_name: name })).value, false);
});

await client.closeConnection();
console.log(`done\t${checks}`);
