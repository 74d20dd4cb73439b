import { existsSync } from "node:fs";
import path from "node:path";
import { ConsistencyLevelEnum, LoadState, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { examineFolder } from "../../src/app/doctor/examine-folder.ts";
import type { Expectation, Rows } from "./expectation.ts";
import { startServer } from "./server.ts";
import { INDEX, succeeded } from "./workload.ts";

/**
 * Starts a server on what a power cut left and compares what it shows with what its clients were promised; before that, doctor must not
 * call the remains of a power cut damage. With `again`, a second start must show the same.
 */
export async function checkImage(
  dataDir: string,
  expectation: Expectation,
  { again }: { readonly again: boolean },
): Promise<string[]> {
  const problems: string[] = [];
  if (existsSync(path.join(dataDir, "redkite.json"))) {
    const { findings } = await examineFolder(dataDir);
    for (const { severity, file, problem } of findings) {
      if (severity === "damage") problems.push(`doctor calls ${file} damaged: ${problem}`);
    }
  }
  let found: ReadonlyMap<string, Rows>;
  try {
    found = await shownRows(dataDir);
    problems.push(...expectation.problems(found));
    if (again) problems.push(...changes(found, await shownRows(dataDir)));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return problems;
}

/** Starts, reads every collection, and kills. */
async function shownRows(dataDir: string): Promise<ReadonlyMap<string, Rows>> {
  const server = await startServer(dataDir);
  const client = new MilvusClient({
    address: server.address,
    maxRetries: 5,
    timeout: 120_000,
    // Of hundreds of servers one gets the port of another that was killed: a shared connection would still be waiting to try that again.
    channelOptions: { "grpc.use_local_subchannel_pool": 1 },
  });
  try {
    const found = new Map<string, Rows>();
    const { status, data } = await client.showCollections();
    succeeded(status);
    await Promise.all(data.map(async ({ name }) => load(client, name)));
    for (const { name } of data) found.set(name, await rowsOf(client, name));
    return found;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${server.output()}`, {
      cause: error,
    });
  } finally {
    await client.closeConnection();
    await server.kill();
  }
}

/** The cut may have come between the creation and what follows it. */
async function load(client: MilvusClient, collection_name: string): Promise<void> {
  succeeded(await client.createIndex({ collection_name, ...INDEX }));
  // The other one waits as long as the server keeps trying, which is long for a file that is not there.
  succeeded(await client.loadCollectionAsync({ collection_name }));
  const until = performance.now() + LOAD_MS_MAX;
  while (performance.now() < until) {
    const { status, state } = await client.getLoadState({ collection_name });
    succeeded(status);
    if (state === LoadState.LoadStateLoaded) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`collection ${collection_name} is not loaded after ${LOAD_MS_MAX / 1000} s`);
}

const LOAD_MS_MAX = 60_000;

async function rowsOf(client: MilvusClient, collection_name: string): Promise<Rows> {
  const consistency = { consistency_level: ConsistencyLevelEnum.Strong };
  const { status, data } = await client.query({
    collection_name,
    ...consistency,
    filter: "",
    limit: LIMIT,
    output_fields: ["id", "version"],
  });
  succeeded(status);
  const rows = new Map(data.map((row) => [Number(row["id"]), Number(row["version"])]));
  if (rows.size !== data.length) throw new Error(`collection ${collection_name} shows a key twice`);
  const counted = await client.count({ collection_name, ...consistency });
  succeeded(counted.status);
  if (counted.data !== rows.size) {
    throw new Error(`collection ${collection_name} counts ${counted.data} rows and shows ${rows.size}`);
  }
  return rows;
}

function changes(before: ReadonlyMap<string, Rows>, after: ReadonlyMap<string, Rows>): string[] {
  const text = (found: ReadonlyMap<string, Rows>): string =>
    JSON.stringify(
      [...found].toSorted().map(([name, rows]) => [name, [...rows].toSorted(([a], [b]) => a - b)]),
    );
  return text(before) === text(after) ? [] : ["a second start shows other rows than the first"];
}

/** The most that one query may ask for. */
const LIMIT = 16_384;
