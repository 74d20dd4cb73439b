import assert from "node:assert/strict";
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { startServer } from "../e2e/support/server.ts";

/**
 * Makes a database through a real server and client, and stops the server in order: a collection `books` with a sealed
 * segment, an HNSW and a scalar index, a delta log, and rows that are only in the log.
 */
export async function makeStoppedDatabase(dataDir: string): Promise<void> {
  await using server = await startServer({ dataDir });
  const client = new MilvusClient({ address: server.address });
  try {
    await fill(client);
  } finally {
    await client.closeConnection();
  }
  assert.equal(await server.stop(), 0, server.output());
}

export const COLLECTION = "books";
const SEALED_ROWS = 1500;
export const TOTAL_ROWS = SEALED_ROWS + 200;
export const DELETED_IDS: readonly number[] = [3, 5, 7];

async function fill(client: MilvusClient): Promise<void> {
  const collection_name = COLLECTION;
  const fields = [
    { name: "id", data_type: DataType.Int64, is_primary_key: true },
    { name: "title", data_type: DataType.VarChar, max_length: 100, nullable: true },
    { name: "pages", data_type: DataType.Int32 },
    { name: "on_loan", data_type: DataType.Bool },
    { name: "vector", data_type: DataType.FloatVector, dim: 8 },
  ];
  succeeded(await client.createCollection({ collection_name, fields, shards_num: 1 }));
  succeeded(await client.insert({ collection_name, data: books(0, SEALED_ROWS) }));
  await flush(client);
  const hnsw = { index_type: "HNSW", metric_type: "L2", params: { M: 8, efConstruction: 64 } };
  succeeded(await client.createIndex({ collection_name, field_name: "vector", index_name: "near", ...hnsw }));
  const sorted = { field_name: "pages", index_name: "by_pages", index_type: "STL_SORT" };
  succeeded(await client.createIndex({ collection_name, ...sorted }));
  await indexesFinished(client);
  succeeded(await client.loadCollectionSync({ collection_name }));
  // Deletes of sealed rows are stored with the next flush of the channel's rows.
  succeeded(await client.delete({ collection_name, filter: `id in [${DELETED_IDS.join(", ")}]` }));
  succeeded(await client.insert({ collection_name, data: books(SEALED_ROWS, SEALED_ROWS + 100) }));
  await flush(client);
  succeeded(await client.insert({ collection_name, data: books(SEALED_ROWS + 100, TOTAL_ROWS) }));
}

async function flush(client: MilvusClient): Promise<void> {
  const { status } = await client.flushSync({ collection_names: [COLLECTION] });
  succeeded(status);
}

async function indexesFinished(client: MilvusClient): Promise<void> {
  for (;;) {
    const { status, index_descriptions } = await client.describeIndex({ collection_name: COLLECTION });
    succeeded(status);
    if (index_descriptions.every(({ state }) => state === "Finished")) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Rows [from, to) as they were inserted. */
export function books(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => {
    const id = from + i;
    return {
      id,
      title: id % 10 === 0 ? null : `Volume ${id}`,
      pages: (id * 37) % 900,
      on_loan: id % 3 === 0,
      vector: Array.from({ length: 8 }, (__, d) => Math.fround(Math.sin(id * (d + 1)))),
    };
  });
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
}

/** The SDK hands statuses over instead of throwing. */
export function succeeded(answer: Status | { readonly status: Status }): void {
  const status = "status" in answer ? answer.status : answer;
  assert.equal(status.code ?? 0, 0, status.reason ?? "no reason given");
}
