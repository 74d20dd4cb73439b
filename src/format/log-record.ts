import { ByteFormatError } from "../base/bytes.ts";
import type { Keys } from "../model/columns.ts";
import { keyCount } from "../model/columns.ts";
import {
  type CollectionId,
  type Epoch,
  type NodeId,
  type PartitionId,
  type SegmentId,
} from "../model/ids.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { DeletePart, PlacedInsert } from "../model/write-batch.ts";
import { defineMessage, field, nested, optional, repeated } from "./message.ts";

/** docs/internals/log-record.md */
export type LogRecord = RowsRecord | DdlRecord | EpochRecord;

interface RecordBase {
  readonly timestamp: Timestamp;
  readonly epoch: Epoch;
}

export interface RowsRecord extends RecordBase {
  readonly type: "rows";
  readonly collectionId: CollectionId;
  readonly schemaVersion: number;
  readonly session: NodeId;
  readonly sequence: bigint;
  readonly deletes: readonly DeletePart[];
  readonly inserts: readonly PlacedInsert[];
  /** Part of the answer to the proxy, kept for repetitions. */
  readonly skipped: readonly number[];
}

export interface DdlRecord extends RecordBase {
  readonly type: "ddl";
  readonly collectionId: CollectionId;
  readonly intentId: bigint;
  readonly kind: string;
  readonly schemaVersion: number;
  readonly partitionId: PartitionId;
}

export interface EpochRecord extends RecordBase {
  readonly type: "epoch";
  readonly owner: NodeId;
}

const VERSION = 1;
const FIXED_BYTES = 24;
const TYPES = { rows: 1, ddl: 2, epoch: 3 } as const;

interface DeleteHead {
  readonly partitionId: bigint | undefined;
  readonly varchar: boolean;
  readonly count: number;
  readonly bytes: number;
}
interface InsertHead {
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly rows: number;
  readonly bytes: number;
}
interface RowsHead {
  readonly collectionId: bigint;
  readonly schemaVersion: number;
  readonly session: bigint;
  readonly sequence: bigint;
  readonly deletes: readonly DeleteHead[];
  readonly inserts: readonly InsertHead[];
  readonly skipped: readonly number[];
}

const deleteHead = defineMessage<DeleteHead>("DeleteHead", {
  partitionId: optional(1, "uint64"),
  varchar: field(2, "bool"),
  count: field(3, "uint32"),
  bytes: field(4, "uint32"),
});
const insertHead = defineMessage<InsertHead>("InsertHead", {
  partitionId: field(1, "uint64"),
  segmentId: field(2, "uint64"),
  rows: field(3, "uint32"),
  bytes: field(4, "uint32"),
});
const rowsHead = defineMessage<RowsHead>("RowsHead", {
  collectionId: field(1, "uint64"),
  schemaVersion: field(2, "uint32"),
  session: field(3, "uint64"),
  sequence: field(4, "uint64"),
  deletes: repeated(5, nested(deleteHead)),
  inserts: repeated(6, nested(insertHead)),
  skipped: repeated(7, "uint32"),
});
type DdlHead = Omit<DdlRecord, "type" | "timestamp" | "epoch">;
const ddlHead = defineMessage<DdlHead>("DdlHead", {
  collectionId: field(1, "uint64"),
  intentId: field(2, "uint64"),
  kind: field(3, "string"),
  schemaVersion: field(4, "uint32"),
  partitionId: field(5, "uint64"),
});
const epochHead = defineMessage<{ readonly owner: NodeId }>("EpochHead", { owner: field(1, "uint64") });

/** The record as chunks to append: row batches are not copied. */
export function encodeLogRecord(record: LogRecord): readonly Uint8Array[] {
  switch (record.type) {
    case "rows": {
      const keyBodies = record.deletes.map((part) => encodeKeys(part.keys));
      const head = rowsHead.encode({
        collectionId: record.collectionId,
        schemaVersion: record.schemaVersion,
        session: record.session,
        sequence: record.sequence,
        deletes: record.deletes.map((part, i) => ({
          partitionId: part.partitionId,
          varchar: part.keys.kind === "varchar",
          count: keyCount(part.keys),
          bytes: keyBodies[i]?.length ?? 0,
        })),
        inserts: record.inserts.map((part) => ({
          partitionId: part.partitionId,
          segmentId: part.segmentId,
          rows: part.rows,
          bytes: part.batch.length,
        })),
        skipped: record.skipped,
      });
      return assemble(record, head, [...keyBodies, ...record.inserts.map((part) => part.batch)]);
    }
    case "ddl":
      return assemble(record, ddlHead.encode(record), []);
    case "epoch":
      return assemble(record, epochHead.encode(record), []);
  }
}

/** Views into `bytes`, not copies. Throws ByteFormatError on bytes that are no such record. */
export function decodeLogRecord(bytes: Uint8Array): LogRecord {
  if (bytes.length < FIXED_BYTES)
    throw new ByteFormatError(`a log record of ${bytes.length} bytes is too short`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(0, true);
  if (version !== VERSION)
    throw new ByteFormatError(`log record version ${version} is unknown (known: ${VERSION})`, 0);
  const type = view.getUint8(2);
  const headBytes = view.getUint32(4, true);
  if (headBytes > bytes.length - FIXED_BYTES)
    throw new ByteFormatError(`a head of ${headBytes} bytes runs past the end`, 4);
  const timestamp = view.getBigUint64(8, true) as Timestamp;
  const epoch = view.getBigUint64(16, true) as Epoch;
  const head = bytes.subarray(FIXED_BYTES, FIXED_BYTES + headBytes);
  const bodies = new Bodies(bytes, align(FIXED_BYTES + headBytes));
  if (type === TYPES.rows) {
    const rows = rowsHead.decode(head);
    return {
      type: "rows",
      timestamp,
      epoch,
      collectionId: rows.collectionId as CollectionId,
      schemaVersion: rows.schemaVersion,
      session: rows.session as NodeId,
      sequence: rows.sequence,
      deletes: rows.deletes.map((part) => ({
        partitionId: part.partitionId as PartitionId | undefined,
        keys: decodeKeys(bodies.next(part.bytes), part.count, part.varchar),
      })),
      inserts: rows.inserts.map((part) => ({
        partitionId: part.partitionId as PartitionId,
        segmentId: part.segmentId as SegmentId,
        rows: part.rows,
        batch: bodies.next(part.bytes),
      })),
      skipped: rows.skipped,
    };
  }
  if (type === TYPES.ddl) return { type: "ddl", timestamp, epoch, ...ddlHead.decode(head) };
  if (type === TYPES.epoch) return { type: "epoch", timestamp, epoch, ...epochHead.decode(head) };
  throw new ByteFormatError(`log record type ${type} is unknown`, 2);
}

class Bodies {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  next(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length)
      throw new ByteFormatError(`a body of ${count} bytes runs past the end`, this.#at);
    const body = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at = align(this.#at + count);
    return body;
  }
}

function assemble(record: LogRecord, head: Uint8Array, bodies: readonly Uint8Array[]): readonly Uint8Array[] {
  const front = new Uint8Array(align(FIXED_BYTES + head.length));
  const view = new DataView(front.buffer);
  view.setUint16(0, VERSION, true);
  view.setUint8(2, TYPES[record.type]);
  view.setUint32(4, head.length, true);
  view.setBigUint64(8, record.timestamp, true);
  view.setBigUint64(16, record.epoch, true);
  front.set(head, FIXED_BYTES);
  const chunks: Uint8Array[] = [front];
  for (const body of bodies) {
    chunks.push(body);
    const padding = align(body.length) - body.length;
    if (padding > 0) chunks.push(new Uint8Array(padding));
  }
  return chunks;
}

const align = (offset: number): number => Math.ceil(offset / 64) * 64;

/** Keys as bytes: int64 [n], or int32 offsets [n + 1] and the text. */
export function encodeKeys(keys: Keys): Uint8Array {
  if (keys.kind === "int64") {
    return new Uint8Array(keys.values.buffer, keys.values.byteOffset, keys.values.byteLength);
  }
  const count = keys.offsets.length - 1;
  const first = keys.offsets[0] ?? 0;
  const last = keys.offsets[count] ?? 0;
  const out = new Uint8Array(4 * (count + 1) + (last - first));
  const offsets = new Int32Array(out.buffer, 0, count + 1);
  for (let i = 0; i <= count; i++) offsets[i] = (keys.offsets[i] ?? 0) - first;
  out.set(keys.bytes.subarray(first, last), 4 * (count + 1));
  return out;
}

/** The reverse; views where the bytes are aligned, copies where not. */
export function decodeKeys(bytes: Uint8Array, count: number, varchar: boolean): Keys {
  if (!varchar) {
    if (bytes.length !== count * 8)
      throw new ByteFormatError(`${bytes.length} bytes do not hold ${count} int64 keys`, 0);
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    return { kind: "int64", values: new BigInt64Array(aligned.buffer, aligned.byteOffset, count) };
  }
  const head = 4 * (count + 1);
  if (bytes.length < head)
    throw new ByteFormatError(`${bytes.length} bytes do not hold ${count} varchar keys`, 0);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const offsets = new Int32Array(aligned.buffer, aligned.byteOffset, count + 1);
  const text = aligned.subarray(head);
  let previous = 0;
  for (const offset of offsets) {
    if (offset < previous || offset > text.length)
      throw new ByteFormatError(`key offset ${offset} is out of order or range`, 0);
    previous = offset;
  }
  if (offsets[0] !== 0 || previous !== text.length)
    throw new ByteFormatError("key offsets do not cover their bytes", 0);
  return { kind: "varchar", offsets, bytes: text };
}
