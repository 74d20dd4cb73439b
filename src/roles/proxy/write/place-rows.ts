import type { BufferPool } from "../../../base/buffer-pool.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { gatherColumn, keyAt, keysFrom, keysOf } from "../../../format/column-select.ts";
import { routeKeys } from "../../../format/key-hash.ts";
import { encodeRowBatchTo } from "../../../format/row-batch.ts";
import { keyCount, type Column, type Keys } from "../../../model/columns.ts";
import { DataType } from "../../../model/data-type.ts";
import type { PartitionId } from "../../../model/ids.ts";
import { partitionKeyField, type CollectionInfo } from "../../../model/schema.ts";
import type { InsertPart } from "../../../model/write-batch.ts";
import { keyedPartitions } from "../read/partitions.ts";

/** Rows of one request, ready to be written. */
export interface DecodedRows {
  readonly rows: number;
  /** By field id, one for each field of the schema. */
  readonly columns: ReadonlyMap<number, Column>;
  readonly keys: Keys;
  /** Partition of each row; one for all where they share it. */
  readonly partitions: PartitionId | readonly PartitionId[];
}

/** Rows that go to one vchannel as one record. */
export interface Placement {
  /** Number of the vchannel in the collection. */
  readonly shard: number;
  /** Of the request. */
  readonly rows: readonly number[];
  readonly inserts: readonly InsertPart[];
}

/** Partition of each row by its partition key. */
export function partitionsOfKeys(
  info: CollectionInfo,
  columns: ReadonlyMap<number, Column>,
): readonly PartitionId[] {
  const field = partitionKeyField(info.schema);
  const column = field && columns.get(field.id);
  if (field === undefined || column === undefined)
    throw parameterInvalid("partition key not specify when insert");
  const partitions = keyedPartitions(info);
  return Array.from(routeKeys(keysOfPartitionKey(column), partitions.length), (number) => {
    const partition = partitions[number];
    if (partition === undefined) throw new TypeError(`no partition ${number}`);
    return partition.id;
  });
}

/** A nullable partition key routes null as the zero of its type. */
function keysOfPartitionKey(column: Column): Keys {
  return keysOf({ ...column, validity: undefined });
}

/** The last row of each key, in the order of the rows. */
export function lastRowsOfKeys(keys: Keys): readonly number[] {
  const count = keyCount(keys);
  const last = new Map<bigint | string, number>();
  for (let row = 0; row < count; row++) last.set(keyAt(keys, row), row);
  if (last.size === count) return Array.from({ length: count }, (_, row) => row);
  return [...last.values()].sort((a, b) => a - b);
}

/** Splits rows by vchannel (hash of the key) and partition. What goes to one vchannel is one record: all of it or nothing. */
export function placeRows(
  decoded: DecodedRows,
  rows: readonly number[],
  shards: number,
  memory: BufferPool,
): readonly Placement[] {
  const routes = routeKeys(decoded.keys, shards);
  const perShard: number[][] = Array.from({ length: shards }, () => []);
  for (const row of rows) perShard[routes[row] ?? 0]?.push(row);
  return perShard.flatMap((ofShard, shard) => {
    if (ofShard.length === 0) return [];
    const inserts = byPartition(decoded, ofShard).map(([partitionId, part]) => ({
      partitionId,
      rows: part.length,
      batch: encodeRows(decoded, part, memory),
    }));
    return [{ shard, rows: ofShard, inserts }];
  });
}

function byPartition(
  { partitions }: DecodedRows,
  rows: readonly number[],
): readonly (readonly [PartitionId, readonly number[]])[] {
  if (typeof partitions === "bigint") return [[partitions, rows]];
  const parts = new Map<PartitionId, number[]>();
  for (const row of rows) {
    const id = partitions[row];
    if (id === undefined) throw new TypeError(`row ${row} has no partition`);
    const part = parts.get(id);
    if (part === undefined) parts.set(id, [row]);
    else part.push(row);
  }
  return [...parts];
}

function encodeRows(
  { rows, columns }: DecodedRows,
  wanted: readonly number[],
  memory: BufferPool,
): Uint8Array {
  const allocate = (bytes: number): Uint8Array => memory.take(bytes);
  if (wanted.length === rows) return encodeRowBatchTo({ rows, columns }, allocate);
  const part = new Map([...columns].map(([id, column]) => [id, gatherColumn(column, wanted)]));
  return encodeRowBatchTo({ rows: wanted.length, columns: part }, allocate);
}

/** Ids made by the server, as a primary-key column. */
export function keysOfIds(first: bigint, count: number, type: DataType): Keys {
  const ids = Array.from({ length: count }, (_, i) => first + BigInt(i));
  return type === DataType.VarChar ? keysFrom("varchar", ids.map(String)) : keysFrom("int64", ids);
}
