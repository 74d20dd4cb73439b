import { open, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { toDiskError } from "../../adapters/node/disk-errors.ts";
import { ByteFormatError, utf8Decode } from "../../base/bytes.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { decodeDeltaLog, type DeltaPart } from "../../format/delta-log.ts";
import { decodeManifest } from "../../format/manifest.ts";
import { decodeRowBatch } from "../../format/row-batch.ts";
import { walFileOf } from "../../format/wal-frame.ts";
import { dataTypeName } from "../../model/data-type.ts";
import { describeIndex, isIndexMagic } from "./describe-index.ts";
import { describeLog } from "./describe-log.ts";
import { describeArrow, describeColumn } from "./describe-rows.ts";
import { describeValue } from "./describe-value.ts";
import { readMetadata } from "./read-metadata.ts";
import { decodeRecord } from "./record-kinds.ts";

/**
 * Any file of a data folder as lines of text, recognised by its first bytes, or by its name where it has no magic. Throws
 * corrupted for a file that is not what it begins as, parameterInvalid for one that is none of ours, and the disk's errors.
 */
export async function* describeFile(path: string): AsyncGenerator<string> {
  const head = await firstBytes(path);
  const magic = Buffer.from(head.subarray(0, 4)).toString("latin1");
  const name = basename(path);
  try {
    if (Buffer.from(head).toString("latin1").startsWith("SQLite format 3\0")) yield* describeMetadata(path);
    else if (magic === "RWK1") yield* describeLog(path, walFileOf(positionIn(head)));
    else if (/\.wal$|^next$|^reserve(\.new)?$/.test(name) && isZero(head))
      yield "log file without frames: zeros";
    else if (isIndexMagic(magic)) {
      await using file = await open(path, "r");
      yield* describeIndex(magic, file);
    } else yield* describeBytes(await readFile(path), { magic, name });
  } catch (error) {
    if (error instanceof ByteFormatError)
      throw corrupted({ file: path, offset: error.offset, problem: error.message, cause: error });
    if (error instanceof RangeError)
      throw corrupted({ file: path, problem: "the file ends inside its header", cause: error });
    throw error;
  }
}

function* describeBytes(
  bytes: Uint8Array,
  { magic, name }: { readonly magic: string; readonly name: string },
): Generator<string> {
  if (magic === "RKMF") yield* describeValue({ file: "segment manifest", ...decodeManifest(bytes) });
  else if (magic === "RKDL") yield* describeDeltaLog(decodeDeltaLog(bytes));
  else if (magic === "RKRB") yield* describeRowBatch(bytes);
  else if (magic === "ARRO") yield* describeArrow(bytes, name);
  else if (name.endsWith(".json")) yield utf8Decode(bytes).trimEnd();
  else if (name === "ends") yield* describeEnds(bytes);
  else yield* describeUnknown(bytes);
}

async function* describeMetadata(path: string): AsyncGenerator<string> {
  const { revision, values } = await readMetadata(path);
  yield `metadata at revision ${revision}, ${values.size} entries`;
  for (const [key, value] of values) {
    yield `${key}:`;
    const decoded = decodeRecord(key, value);
    yield* decoded === undefined
      ? [`  <${value.length} bytes of an unknown kind>`]
      : describeValue(decoded, "  ");
  }
}

function* describeDeltaLog(parts: readonly DeltaPart[]): Generator<string> {
  yield `delta log of ${parts.length} parts`;
  for (const { partitionId, keys, timestamps } of parts) {
    yield `partition ${partitionId ?? "all"}: ${timestamps.length} keys of kind ${keys.kind}`;
    for (let i = 0; i < Math.min(timestamps.length, ENTRIES_SHOWN); i++) {
      const key =
        keys.kind === "int64"
          ? String(keys.values[i])
          : JSON.stringify(utf8Decode(keys.bytes.subarray(keys.offsets[i], keys.offsets[i + 1])));
      yield `  ${key} ended at ${timestamps[i]}`;
    }
    if (timestamps.length > ENTRIES_SHOWN) yield `  ... ${timestamps.length - ENTRIES_SHOWN} more`;
  }
}

function* describeRowBatch(bytes: Uint8Array): Generator<string> {
  const { rows, columns } = decodeRowBatch(bytes);
  yield `row batch: ${rows} rows, ${columns.size} columns`;
  for (const [fieldId, column] of columns) {
    yield `field ${fieldId} ${dataTypeName(column.type)}`;
    yield* describeColumn(column);
  }
}

/** uint32 row [n], padded to 8 bytes, uint64 end [n]; n follows from the size. */
function* describeEnds(bytes: Uint8Array): Generator<string> {
  const count = Math.floor(bytes.length / 12);
  const rowBytes = Math.ceil((count * 4) / 8) * 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  yield `ends of ${count} row versions`;
  for (let i = 0; i < Math.min(count, ENTRIES_SHOWN); i++) {
    yield `  row ${view.getUint32(i * 4, true)} ended at ${view.getBigUint64(rowBytes + i * 8, true)}`;
  }
  if (count > ENTRIES_SHOWN) yield `  ... ${count - ENTRIES_SHOWN} more`;
}

function* describeUnknown(bytes: Uint8Array): Generator<string> {
  yield `no file that this release knows; ${bytes.length} bytes, the first:`;
  for (let at = 0; at < Math.min(bytes.length, DUMP_BYTES); at += 16) {
    const line = [...bytes.subarray(at, at + 16)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = line.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    yield `${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${text}`;
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw toDiskError(error, path, "read");
  }
}

/** Of the frame at the file's start. */
function positionIn(head: Uint8Array): bigint {
  return new DataView(head.buffer, head.byteOffset, head.length).getBigUint64(8, true);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

const HEAD_BYTES = 64;
const ENTRIES_SHOWN = 20;
const DUMP_BYTES = 256;
