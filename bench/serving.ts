import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { field, pair } from "../src/roles/proxy/requests.testing.ts";
import { frame, TestGrpcClient } from "../src/transport/grpc-client.testing.ts";
import { decode, encode, type Init, type MessageName } from "../src/wire/codec.ts";
import type { SearchRequest } from "../src/wire/messages.gen.ts";
import { milvusRpcs } from "../src/wire/service.ts";
import { sleep, startServer } from "../tests/e2e/support/server.ts";
import { dataFolder, printHeader } from "./support.ts";

/**
 * What one insert and one search cost the server, in processor time of its own process: requests are encoded before the clock runs, so
 * that the clients, which share the machine, take as little of it as they can.
 *
 *   node bench/serving.ts [--data FOLDER] [--threads 1] [--clients 8] [--seconds 5] [--levels Bounded,Strong]
 *                         [--steps insert,search] [--folder DATA] [--profile FOLDER]
 */
async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      data: { type: "string" },
      folder: { type: "string" },
      threads: { type: "string", default: "1" },
      clients: { type: "string", default: "8" },
      writers: { type: "string", default: "4" },
      seconds: { type: "string", default: "5" },
      levels: { type: "string", default: "Bounded,Strong,Eventually" },
      steps: { type: "string", default: "insert,search" },
      profile: { type: "string" },
      collection: { type: "string", default: "wordnet" },
    },
  });
  const folder = dataFolder(args.data);
  const base = readVectors(path.join(folder, "base.f16.npy"));
  const queries = readVectors(path.join(folder, "queries.f16.npy"));
  const truth = readTruth(path.join(folder, "truth.all.i32.npy"));
  printHeader("the cost of inserts and searches in the server", `${folder}, ${base.rows} x ${base.dim}`);
  await using server = await startServer({
    threads: Number(args.threads),
    ...(args.folder !== undefined && { dataDir: args.folder }),
    ...(args.profile !== undefined && {
      env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${args.profile}` },
    }),
  });
  const connections = Array.from({ length: Number(args.clients) }, () => new TestGrpcClient(server.port));
  const bench: Bench = { connections, pid: server.pid, collection: args.collection };
  if (args.steps.includes("insert")) await insertAll(bench, base, Number(args.writers));
  if (args.steps.includes("search")) {
    const ef = await efForRecall(bench, queries, truth);
    for (const level of args.levels.split(",")) {
      await searchFor(bench, queries, ef, level, Number(args.seconds) * 1000);
    }
  }
  for (const connection of connections) await connection.close();
  await server.stop();
}

interface Bench {
  readonly connections: readonly TestGrpcClient[];
  readonly pid: number;
  readonly collection: string;
}

async function insertAll(bench: Bench, base: Vectors, writers: number): Promise<void> {
  const { collection } = bench;
  const fields = [
    field("id", 5, { isPrimaryKey: true }),
    field("vector", 101, { typeParams: [pair("dim", String(base.dim))] }),
  ];
  await call(bench, "CreateCollection", {
    collectionName: collection,
    schema: encode("schema.CollectionSchema", { name: collection, fields }),
    shardsNum: 1,
    consistencyLevel: 2,
  });
  const bodies = batches(base, collection);
  const before = cpuByThread(bench.pid);
  const startedMs = performance.now();
  let next = 0;
  await Promise.all(
    bench.connections.slice(0, writers).map(async (connection) => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        check("milvus.MutationResult", (await connection.raw(pathOf("Insert"), body)).body);
      }
    }),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `insert   ${(base.rows / seconds).toFixed(0)} rows/s with ${writers} clients; ` +
      cpuPer(before, cpuByThread(bench.pid), bodies.length, "batch of 1,000"),
  );
  await call(bench, "CreateIndex", {
    collectionName: collection,
    fieldName: "vector",
    indexName: "vector",
    extraParams: [
      pair("index_type", "HNSW"),
      pair("metric_type", "COSINE"),
      pair("params", '{"M": 16, "efConstruction": 200}'),
    ],
  });
  await call(bench, "Flush", { collectionNames: [collection] });
  await call(bench, "LoadCollection", { collectionName: collection, replicaNumber: 1 });
  const indexedMs = performance.now();
  for (;;) {
    const state = decode(
      "milvus.DescribeIndexResponse",
      await call(bench, "DescribeIndex", { collectionName: collection, fieldName: "vector" }),
    ).indexDescriptions[0];
    if (state?.state === 4) throw new Error(state.indexStateFailReason);
    if (state?.state === 3 && Number(state.pendingIndexRows) === 0 && Number(state.indexedRows) >= base.rows)
      break;
    await sleep(200);
  }
  console.log(`indexed  ${((performance.now() - indexedMs) / 1000).toFixed(1)} s after the flush`);
  // Hand-over of the index to the readers.
  await sleep(3000);
}

/** The smallest width that finds 95 of 100 neighbours. */
async function efForRecall(bench: Bench, queries: Vectors, truth: Int32Array): Promise<number> {
  for (const ef of [10, 16, 24, 32, 48, 64, 96, 128]) {
    let found = 0;
    for (let q = 0; q < queries.rows; q++) {
      const bytes = await call(bench, "Search", searchRequest(bench.collection, queries, q, ef, "Bounded"));
      const ids = decode("milvus.SearchResults", bytes).results?.ids?.intId?.data;
      const hits = ids === undefined ? [] : [...ids];
      for (const id of hits) if (truth.subarray(q * 100, q * 100 + 10).includes(Number(id))) found++;
    }
    const recall = found / (queries.rows * 10);
    console.log(`ef ${ef}: recall@10 ${recall.toFixed(4)}`);
    if (recall >= 0.95) return ef;
  }
  return 128;
}

async function searchFor(
  bench: Bench,
  queries: Vectors,
  ef: number,
  level: string,
  ms: number,
): Promise<void> {
  const bodies = Array.from({ length: queries.rows }, (_, q) =>
    frame(encode("milvus.SearchRequest", searchRequest(bench.collection, queries, q, ef, level))),
  );
  const run = async (untilMs: number): Promise<number[]> => {
    const latencies: number[] = [];
    await Promise.all(
      bench.connections.map(async (connection, c) => {
        for (let i = c * 97; performance.now() < untilMs; i++) {
          const startedMs = performance.now();
          const answer = await connection.raw(pathOf("Search"), bodies[i % bodies.length] ?? Buffer.alloc(0));
          check("milvus.SearchResults", answer.body);
          latencies.push(performance.now() - startedMs);
        }
      }),
    );
    return latencies;
  };
  await run(performance.now() + ms / 3);
  const before = cpuByThread(bench.pid);
  const startedMs = performance.now();
  const latencies = await run(startedMs + ms);
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = cpuPer(before, cpuByThread(bench.pid), latencies.length, "search");
  latencies.sort((a, b) => a - b);
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  console.log(
    `search   ${level}, ${bench.connections.length} clients: ${(latencies.length / seconds).toFixed(0)}/s, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${cpu}`,
  );
}

const LEVELS: Readonly<Record<string, number>> = { Strong: 0, Session: 1, Bounded: 2, Eventually: 3 };

function searchRequest(
  collection: string,
  queries: Vectors,
  q: number,
  ef: number,
  level: string,
): Init<SearchRequest> {
  const vector = queries.values.slice(q * queries.dim, (q + 1) * queries.dim);
  const bytes = new Uint8Array(vector.buffer);
  return {
    collectionName: collection,
    dslType: 1,
    nq: 1n,
    placeholderGroup: encode("common.PlaceholderGroup", {
      placeholders: [{ tag: "$0", type: 101, values: { offsets: Int32Array.of(0, bytes.length), bytes } }],
    }),
    searchParams: [
      pair("anns_field", "vector"),
      pair("topk", "10"),
      pair("metric_type", "COSINE"),
      pair("params", JSON.stringify({ ef })),
    ],
    consistencyLevel: LEVELS[level] ?? 2,
  };
}

/** Requests of 1,000 rows, framed. */
function batches(base: Vectors, collection: string): Buffer[] {
  const bodies: Buffer[] = [];
  for (let first = 0; first < base.rows; first += 1000) {
    const rows = Math.min(1000, base.rows - first);
    const ids = BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i));
    const vectors = base.values.subarray(first * base.dim, (first + rows) * base.dim);
    bodies.push(
      frame(
        encode("milvus.InsertRequest", {
          collectionName: collection,
          numRows: rows,
          fieldsData: [
            { type: 5, fieldName: "id", scalars: { longData: { data: ids } } },
            {
              type: 101,
              fieldName: "vector",
              vectors: { dim: BigInt(base.dim), floatVector: { data: vectors } },
            },
          ],
        }),
      ),
    );
  }
  return bodies;
}

function pathOf(rpc: string): string {
  return `/milvus.proto.milvus.MilvusService/${rpc}`;
}

async function call(bench: Bench, rpc: string, request: object): Promise<Uint8Array> {
  const known = milvusRpcs().find(({ name }) => name === rpc);
  if (known === undefined) throw new Error(`there is no RPC ${rpc}`);
  const body = frame(encode(known.request, request));
  const answer = await (bench.connections[0] as TestGrpcClient).raw(known.path, body, {
    "grpc-timeout": "100S",
  });
  if (answer.status !== 0) throw new Error(`${rpc}: ${answer.status} ${answer.message}`);
  return check(known.response, answer.body);
}

/** The message of an answer that says success. */
function check(response: MessageName, body: Buffer): Uint8Array {
  const bytes = body.subarray(5);
  if (!quick.has(response)) {
    const message = decode(response, bytes) as {
      readonly code?: number;
      readonly reason?: string;
      readonly status?: { readonly code: number; readonly reason: string };
    };
    const status = message.status ?? message;
    if ((status.code ?? 0) !== 0) throw new Error(status.reason);
  } else if (bytes.length < 60) {
    // A failure has no hits.
    throw new Error(decode("milvus.SearchResults", bytes).status?.reason);
  }
  return bytes;
}

/** Answers that are told from failures by their length: the clients shall be cheap. */
const quick: ReadonlySet<MessageName> = new Set(["milvus.SearchResults"]);

interface Vectors {
  readonly rows: number;
  readonly dim: number;
  readonly values: Float32Array<ArrayBuffer>;
}

function readVectors(file: string): Vectors {
  const { rows, columns, bytes } = readNpy(file);
  const halves = new Float16Array(bytes.buffer, bytes.byteOffset, rows * columns);
  return { rows, dim: columns, values: Float32Array.from(halves) };
}

function readTruth(file: string): Int32Array {
  const { rows, columns, bytes } = readNpy(file);
  return new Int32Array(bytes.buffer, bytes.byteOffset, rows * columns);
}

function readNpy(file: string): { rows: number; columns: number; bytes: Uint8Array } {
  const content = readFileSync(file);
  const headerBytes = content.readUInt16LE(8);
  const header = content.toString("latin1", 10, 10 + headerBytes);
  const [rows = 0, columns = 0] = (/\((\d+), (\d+)\)/.exec(header) ?? []).slice(1).map(Number);
  return { rows, columns, bytes: new Uint8Array(content.subarray(10 + headerBytes)) };
}

/** Processor microseconds of each thread so far, by its name and id. */
function cpuByThread(pid: number): ReadonlyMap<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`).map((id): [string, number] => {
    const line = readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8");
    const name = readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim();
    return [`${name}/${id}`, Number(line.split(" ")[0]) / 1000];
  });
  return new Map(threads);
}

function cpuPer(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  count: number,
  unit: string,
): string {
  const used = [...after].map(([name, us]): [string, number] => [
    name,
    (us - (before.get(name) ?? 0)) / count,
  ]);
  const total = used.reduce((sum, [, us]) => sum + us, 0);
  const shares = used
    .filter(([, us]) => us >= total / 50)
    .sort(([, a], [, b]) => b - a)
    .map(([name, us]) => `${name.split("/")[0]} ${us.toFixed(0)}`);
  return `${total.toFixed(0)} us of processor time per ${unit} (${shares.join(", ")})`;
}

if (import.meta.main) await main();
