import { ByteFormatError } from "../base/bytes.ts";
import type { Keys } from "../model/columns.ts";
import { keyCount } from "../model/columns.ts";
import type { PartitionId } from "../model/ids.ts";
import { decodeKeys, encodeKeys } from "./log-record.ts";
import { defineMessage, field, nested, optional, repeated } from "./message.ts";

/** Deletes of one scope: keys[i] ended at timestamps[i], in one partition or (undefined) in all of the vchannel. */
export interface DeltaPart {
  readonly partitionId: PartitionId | undefined;
  readonly keys: Keys;
  readonly timestamps: BigUint64Array;
}

const MAGIC = 0x4c44_4b52; // "RKDL"
const VERSION = 1;
const FIXED_BYTES = 16;

interface PartHead {
  readonly partitionId: bigint | undefined;
  readonly varchar: boolean;
  readonly count: number;
  readonly keyBytes: number;
}
const partHead = defineMessage<PartHead>("DeltaPart", {
  partitionId: optional(1, "uint64"),
  varchar: field(2, "bool"),
  count: field(3, "uint32"),
  keyBytes: field(4, "uint32"),
});
const head = defineMessage<{ readonly parts: readonly PartHead[] }>("DeltaLog", {
  parts: repeated(1, nested(partHead)),
});

/** docs/internals/delta-log.md */
export function encodeDeltaLog(parts: readonly DeltaPart[]): Uint8Array {
  const keyBodies = parts.map((part) => encodeKeys(part.keys));
  const headBytes = head.encode({
    parts: parts.map((part, i) => ({
      partitionId: part.partitionId,
      varchar: part.keys.kind === "varchar",
      count: keyCount(part.keys),
      keyBytes: keyBodies[i]?.length ?? 0,
    })),
  });
  let total = align(FIXED_BYTES + headBytes.length);
  for (const [i, part] of parts.entries()) {
    total += align(keyBodies[i]?.length ?? 0) + align(part.timestamps.byteLength);
  }
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint32(8, headBytes.length, true);
  out.set(headBytes, FIXED_BYTES);
  let at = align(FIXED_BYTES + headBytes.length);
  for (const [i, part] of parts.entries()) {
    const keys = keyBodies[i] ?? new Uint8Array(0);
    out.set(keys, at);
    at += align(keys.length);
    const { buffer, byteOffset, byteLength } = part.timestamps;
    out.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += align(byteLength);
  }
  return out;
}

/** Throws ByteFormatError on bytes that are no delta log of a known version. */
export function decodeDeltaLog(bytes: Uint8Array): readonly DeltaPart[] {
  if (bytes.length < FIXED_BYTES)
    throw new ByteFormatError(`a delta log of ${bytes.length} bytes is too short`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC)
    throw new ByteFormatError("this is not a delta log: the magic differs", 0);
  const version = view.getUint16(4, true);
  if (version !== VERSION)
    throw new ByteFormatError(`delta log version ${version} is unknown (known: ${VERSION})`, 4);
  const headBytes = view.getUint32(8, true);
  let at = align(FIXED_BYTES + headBytes);
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at)
      throw new ByteFormatError(`a part of ${count} bytes runs past the end`, at);
    const part = bytes.subarray(at, at + count);
    at += align(count);
    return part;
  };
  if (FIXED_BYTES + headBytes > bytes.length)
    throw new ByteFormatError(`a head of ${headBytes} bytes runs past the end`, 8);
  return head.decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + headBytes)).parts.map((part) => {
    const keys = decodeKeys(take(part.keyBytes), part.count, part.varchar);
    const raw = take(part.count * 8);
    const aligned = raw.byteOffset % 8 === 0 ? raw : raw.slice();
    return {
      partitionId: part.partitionId as PartitionId | undefined,
      keys,
      timestamps: new BigUint64Array(aligned.buffer, aligned.byteOffset, part.count),
    };
  });
}

const align = (offset: number): number => Math.ceil(offset / 64) * 64;
