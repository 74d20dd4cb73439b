/**
 * What collections cost that nobody uses: `npm run bench:idle -- [--collections 1000] [--rows 100] [--seconds 30]`. Creates and loads
 * them, lets the server rest, and measures processor time, memory, and the time of a restart until all answer again.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { sleep, startServer } from "../tests/e2e/support/server.ts";
import { must } from "../tests/load/load-collection.ts";
import { measureProcess, processorSeconds } from "../tests/load/process-figures.ts";
import { printHeader } from "./support.ts";

const dim = 16;
/** Collections that are made at once. */
const parallel = 8;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      collections: { type: "string", default: "1000" },
      rows: { type: "string", default: "100" },
      seconds: { type: "string", default: "30" },
    },
  });
  const collections = Number(values.collections);
  const rows = Number(values.rows);
  const seconds = Number(values.seconds);
  printHeader("idle collections", `${collections} collections of ${rows} rows x ${dim}`);
  const dataDir = await mkdtemp(path.join(tmpdir(), "redkite-bench-"));
  try {
    {
      await using server = await startServer({ dataDir });
      await inParallel(server.address, collections, (client, i) => makeCollection(client, `idle_${i}`, rows));
      await rest(server.pid, seconds, dataDir);
    }
    await using server = await startServer({ dataDir });
    const started = performance.now();
    await inParallel(server.address, collections, async (client, i) => {
      const counted = must(await client.count({ collection_name: `idle_${i}` }));
      if (counted.data !== rows) throw new Error(`idle_${i} has ${counted.data} rows`);
    });
    const answersMs = performance.now() - started;
    console.log(
      `restart: healthy after ${server.readyMs.toFixed(0)} ms (bar 3000), all counted ${answersMs.toFixed(0)} ms later`,
    );
    await rest(server.pid, seconds, dataDir);
    return 0;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function rest(pid: number, seconds: number, dataDir: string): Promise<void> {
  await sleep(5000);
  const before = await processorSeconds(pid);
  await sleep(seconds * 1000);
  const share = ((await processorSeconds(pid)) - before) / seconds;
  const { rssMB, descriptors, diskMB } = await measureProcess(pid, dataDir);
  console.log(
    `idle for ${seconds} s: ${(share * 100).toFixed(2)} % of a core (bar 1), ${rssMB.toFixed(0)} MB (bar 400), ` +
      `${descriptors} descriptors, ${diskMB.toFixed(0)} MB on disk`,
  );
}

async function makeCollection(client: MilvusClient, name: string, rows: number): Promise<void> {
  must(
    await client.createCollection({
      collection_name: name,
      consistency_level: "Strong",
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: "vector", data_type: DataType.FloatVector, dim },
      ],
    }),
  );
  const data = Array.from({ length: rows }, (_, id) => ({
    id,
    vector: Array.from({ length: dim }, (_, k) => Math.sin(id * dim + k)),
  }));
  must(await client.insert({ collection_name: name, data }));
  must(
    await client.createIndex({
      collection_name: name,
      field_name: "vector",
      index_type: "AUTOINDEX",
      metric_type: "L2",
    }),
  );
  must(await client.loadCollection({ collection_name: name }));
}

async function inParallel(
  address: string,
  count: number,
  work: (client: MilvusClient, i: number) => Promise<void>,
): Promise<void> {
  const client = new MilvusClient({ address });
  await client.connectPromise;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(client, next++);
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
  } finally {
    await client.closeConnection();
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
