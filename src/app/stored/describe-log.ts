import { dirname, basename } from "node:path";
import { NodeDisk } from "../../adapters/node/disk.ts";
import { FileWindow } from "../../adapters/stream/file-wal/file-window.ts";
import { scanWalFile, type ScanItem } from "../../adapters/stream/file-wal/wal-scan.ts";
import { ByteFormatError, utf8Decode } from "../../base/bytes.ts";
import { crc32c } from "../../base/crc32c.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { decodeLogRecord, type LogRecord } from "../../format/log-record.ts";
import { decodeRowBatch } from "../../format/row-batch.ts";
import { decodeWalHead, decodeWalTruncate } from "../../format/wal-control.ts";
import { WAL_HEADER_BYTES, WalFrameKind, walOffsetOf, type WalFrameHeader } from "../../format/wal-frame.ts";
import { keyCount } from "../../model/columns.ts";
import { describeValue } from "./describe-value.ts";

/** A file of the write-ahead log, frame by frame, with the records of channels decoded. */
export async function* describeLog(path: string, number: number): AsyncGenerator<string> {
  const handle = await new NodeDisk(dirname(path)).open(basename(path), "read");
  try {
    yield `log file ${number}, ${await handle.size()} bytes`;
    const items: ScanItem[] = [];
    const end = await scanWalFile({ number, handle, checksum: crc32c }, undefined, (item) => {
      // Contents of frames other than records are kept: they are small.
      items.push(item);
    });
    const window = new FileWindow(handle);
    for (const item of items) {
      if (item.item === "gap") {
        yield `offset ${item.from}: ${item.to - item.from} bytes that are no frame`;
        continue;
      }
      const { header } = item;
      yield frameLine(header, item.item === "badPayload");
      if (item.item === "badPayload") continue;
      const isRecord = header.kind === WalFrameKind.record;
      const at = walOffsetOf(header.position) + WAL_HEADER_BYTES;
      yield* describePayload(header, isRecord ? await window.copy(at, header.payloadBytes) : item.payload);
    }
    yield `offset ${end}: the end; zeros follow`;
  } finally {
    await handle.close();
  }
}

function frameLine(header: WalFrameHeader, bad: boolean): string {
  const { position, synced, previous, topic, run, kind, payloadBytes } = header;
  const name = Object.entries(WalFrameKind).find(([, code]) => code === kind)?.[0] ?? String(kind);
  const of = topic === 0 ? "" : ` topic ${topic}, previous ${previous},`;
  const problem = bad ? "; DAMAGED: the checksum of its contents differs" : "";
  return `offset ${walOffsetOf(position)}: ${name},${of} position ${position}, synced ${synced}, run ${run}, ${payloadBytes} bytes${problem}`;
}

function* describePayload(header: WalFrameHeader, payload: Uint8Array): Generator<string> {
  try {
    switch (header.kind) {
      case WalFrameKind.head:
        yield* describeValue(decodeWalHead(payload), "  ");
        break;
      case WalFrameKind.create:
        yield `  name: ${JSON.stringify(utf8Decode(payload))}`;
        break;
      case WalFrameKind.truncate:
        yield `  up to: ${decodeWalTruncate(payload)}`;
        break;
      case WalFrameKind.record:
        yield* describeValue(summaryOf(decodeLogRecord(payload)), "  ");
        break;
      case WalFrameKind.drop:
      case WalFrameKind.close:
        break;
    }
  } catch (error) {
    if (!(error instanceof ByteFormatError) && !isRedkiteError(error, "corrupted")) throw error;
    yield `  cannot be decoded: ${error.message}`;
  }
}

/** The record with its rows and keys counted instead of shown. */
function summaryOf(record: LogRecord): unknown {
  if (record.type !== "rows") return record;
  return {
    ...record,
    deletes: record.deletes.map(({ partitionId, keys }) => ({
      partition: partitionId ?? "all",
      keys: keyCount(keys),
      first:
        keys.kind === "int64"
          ? keys.values[0]
          : utf8Decode(keys.bytes.subarray(keys.offsets[0], keys.offsets[1])),
    })),
    inserts: record.inserts.map(({ partitionId, segmentId, batch }) => {
      const { rows, columns } = decodeRowBatch(batch);
      return { partitionId, segmentId, rows, fields: [...columns.keys()], bytes: batch.length };
    }),
  };
}
