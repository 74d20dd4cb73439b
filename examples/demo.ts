/**
 * The main job on a small sample: `npm run demo`. Creates a collection, inserts 2,000 synsets of WordNet, builds an index, searches with and
 * without a filter, and prints what was found and how long it took. Talks to the server on port 19530 (or `npm run demo -- host:port`);
 * where none answers, to one that it starts on a folder of its own and stops again.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { startServer } from "../tests/e2e/support/server.ts";
import { readIds, readVectors, type Matrix } from "./read-npy.ts";

const collection = "wordnet_demo";
const filter = 'lexname == "noun.animal"';

interface Synset {
  readonly id: number;
  readonly lemmas: readonly string[];
  readonly lexname: string;
  readonly word_count: number;
}

export async function main([address = "127.0.0.1:19530"]: readonly string[]): Promise<number> {
  if (await answers(address)) {
    console.log(`using the server on ${address}`);
    await demo(address);
    return 0;
  }
  await using server = await startServer();
  console.log(`nothing answers on ${address}: started a server that lives as long as this demo`);
  console.log(`  ready after ${server.readyMs.toFixed(0)} ms`);
  await demo(server.address);
  return 0;
}

async function demo(address: string): Promise<void> {
  const vectors = readVectors(data("base.f16.npy"));
  const synsets = readSynsets("base.jsonl");
  const queries = readVectors(data("queries.f16.npy"));
  const questions = readSynsets("queries.jsonl");
  const client = new MilvusClient({ address });

  await timed("create the collection", () => createCollection(client, vectors.columns));
  await timed(`insert ${synsets.length} rows`, async () => {
    for (let from = 0; from < synsets.length; from += 500) {
      const rows = synsets.slice(from, from + 500).map(({ id, lemmas, ...rest }) => ({
        id,
        vector: rowOf(vectors, id),
        lemmas: [...lemmas],
        ...rest,
      }));
      must(await client.insert({ collection_name: collection, data: rows }));
    }
  });
  await timed("flush, build an HNSW index and load", async () => {
    must(await client.flushSync({ collection_names: [collection] }));
    must(
      await client.createIndex({
        collection_name: collection,
        field_name: "vector",
        index_type: "HNSW",
        metric_type: "COSINE",
        params: { M: 16, efConstruction: 200 },
      }),
    );
    must(await client.loadCollectionSync({ collection_name: collection }));
  });
  const counted = await client.count({ collection_name: collection });
  console.log(`count(*) is ${counted.data}\n`);

  const asked = [0, 10, 20, 30, 40].filter((i) => i < questions.length);
  for (const [title, expression] of [
    ["nearest synsets", ""],
    [`nearest where ${filter}`, filter],
  ] as const) {
    console.log(title);
    const table = [];
    for (const i of asked) {
      const hits = await search(client, rowOf(queries, i), 3, expression);
      table.push({
        query: questions[i]?.lemmas.join(", "),
        ...Object.fromEntries(hits.map((hit, k) => [`hit ${k + 1}`, describe(hit)])),
      });
    }
    console.table(table);
    const truth = readIds(data(expression === "" ? "truth.all.i32.npy" : "truth.animal.i32.npy"));
    const { recall, ms } = await measure(client, queries, truth, expression);
    console.log(
      `${queries.rows} searches, one at a time: recall@10 ${recall.toFixed(3)}, median ${ms.toFixed(2)} ms\n`,
    );
  }
  must(await client.dropCollection({ collection_name: collection }));
  await client.closeConnection();
}

async function createCollection(client: MilvusClient, dim: number): Promise<void> {
  must(await client.dropCollection({ collection_name: collection }));
  must(
    await client.createCollection({
      collection_name: collection,
      consistency_level: "Strong",
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: "vector", data_type: DataType.FloatVector, dim },
        { name: "lexname", data_type: DataType.VarChar, max_length: 64 },
        {
          name: "lemmas",
          data_type: DataType.Array,
          element_type: DataType.VarChar,
          max_capacity: 64,
          max_length: 256,
        },
        { name: "word_count", data_type: DataType.Int32 },
      ],
    }),
  );
}

interface Hit {
  readonly id: string;
  readonly score: number;
  readonly lemmas?: readonly string[];
}

async function search(client: MilvusClient, query: number[], limit: number, expression: string) {
  const found = await client.search({
    collection_name: collection,
    data: query,
    limit,
    filter: expression,
    output_fields: ["id", "lemmas"],
    params: { ef: 64 },
  });
  must(found);
  return found.results as unknown as readonly Hit[];
}

function describe(hit: Hit): string {
  const text = `${(hit.lemmas ?? []).join(", ")} (${hit.score.toFixed(2)})`;
  return text.length > 36 ? `${text.slice(0, 33)}...` : text;
}

/** Recall of the first ten against the exact answer, and the median time of a search. */
async function measure(
  client: MilvusClient,
  queries: Matrix<Float32Array>,
  truth: Matrix<Int32Array>,
  expression: string,
) {
  let found = 0;
  const times: number[] = [];
  for (let i = 0; i < queries.rows; i++) {
    const started = performance.now();
    const hits = await search(client, rowOf(queries, i), 10, expression);
    times.push(performance.now() - started);
    const right = new Set(truth.data.subarray(i * truth.columns, i * truth.columns + 10));
    found += hits.filter((hit) => right.has(Number(hit.id))).length;
  }
  times.sort((a, b) => a - b);
  return { recall: found / (queries.rows * 10), ms: times[times.length >> 1] ?? 0 };
}

function rowOf({ data, columns }: Matrix<Float32Array>, row: number): number[] {
  return Array.from(data.subarray(row * columns, (row + 1) * columns));
}

function readSynsets(file: string): readonly Synset[] {
  const lines = readFileSync(data(file), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Synset);
}

function data(file: string): string {
  return path.join(import.meta.dirname, "data", file);
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  console.log(`${what}: ${(performance.now() - started).toFixed(0)} ms`);
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
}

/** The SDK hands errors over as a status. */
function must(answer: Status | { readonly status: Status }): void {
  const status = "status" in answer ? answer.status : answer;
  if ((status.code ?? 0) !== 0) throw new Error(status.reason ?? "the server gave no reason");
}

async function answers(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
