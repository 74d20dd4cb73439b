import assert from "node:assert/strict";
import { DataType, type MilvusClient } from "@zilliz/milvus2-sdk-node";

/**
 * The collection that load tests write to. A row is a function of its key and of a value that grows with every write, so any row that
 * comes back can be checked by itself.
 */
export interface LoadRow {
  readonly id: number;
  readonly owner: number;
  readonly value: number;
  readonly note: string;
  readonly vector: number[];
}

export const partitions = ["_default", "north", "south"] as const;
const dim = 16;

export function loadRow(id: number, owner: number, value: number): LoadRow {
  return { id, owner, value, note: noteOf(id, value), vector: vectorOf(id, value) };
}

function noteOf(id: number, value: number): string {
  return `row ${id} as of ${value}`;
}

/** No two rows share a vector, so a search for one finds it at distance 0. */
export function vectorOf(id: number, value: number): number[] {
  const vector = [id, value];
  for (let k = 2; k < dim; k++) vector.push(((id * 31 + value * 17 + k * 7919) % 1000) / 1024);
  return vector;
}

/** Throws when a stored row is not what some write made it. `row` is as the SDK gives it: int64 as text, fields as asked for. */
export function checkRow(row: Readonly<Record<string, unknown>>): void {
  const id = Number(row["id"]);
  const value = Number(row["value"]);
  if (row["note"] !== undefined) assert.equal(row["note"], noteOf(id, value), `row ${id} is mixed up`);
  if (row["vector"] !== undefined) assert.deepEqual(row["vector"], vectorOf(id, value), `row ${id}`);
}

export async function createLoadCollection(
  client: MilvusClient,
  name: string,
  shards: number,
): Promise<void> {
  must(
    await client.createCollection({
      collection_name: name,
      consistency_level: "Strong",
      shards_num: shards,
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: "owner", data_type: DataType.Int32 },
        { name: "value", data_type: DataType.Int64 },
        { name: "note", data_type: DataType.VarChar, max_length: 100 },
        { name: "vector", data_type: DataType.FloatVector, dim },
      ],
    }),
  );
  for (const partition_name of partitions.slice(1)) {
    must(await client.createPartition({ collection_name: name, partition_name }));
  }
  must(
    await client.createIndex({
      collection_name: name,
      field_name: "vector",
      index_type: "FLAT",
      metric_type: "L2",
    }),
  );
  must(await client.loadCollectionSync({ collection_name: name }));
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
}

/** The SDK hands errors over as a status. */
export function must<T extends Status | { readonly status: Status }>(answer: T): T {
  const status: Status = "status" in answer ? answer.status : answer;
  if ((status.code ?? 0) !== 0) throw new Error(status.reason ?? "the server gave no reason");
  return answer;
}
