import { Kind, newBulk, WireType, wireTypeOf, type BulkNumbers, type FieldPlan } from "./message-plan.ts";
import { NO_PACKED_BYTES, packBytes, packedAt, packedCount, type PackedBytes } from "./packed-bytes.ts";
import { decodeUtf8, WireFormatError, type WireReader } from "./wire-reader.ts";

export type BulkValues = BulkNumbers | PackedBytes;

/** Below this many bytes a loop copies faster than `set` on a view. */
const SHORT_COPY_BYTES = 24;

/**
 * All values of a repeated field, read at its first occurrence: the rest of the message is counted, then read, so
 * that packed, unpacked and split encodings end in one exactly sized array. The reader stands behind the first
 * tag and is left behind the first occurrence; the caller skips the later ones.
 */
export function decodeBulk(reader: WireReader, field: FieldPlan, tag: number): BulkValues {
  const start = reader.position;
  reader.skip(tag);
  const next = reader.position;
  const values =
    field.kind === Kind.String || field.kind === Kind.Bytes
      ? decodeStrings(reader, field, start, tag)
      : decodeNumbers(reader, field, start, tag);
  reader.position = next;
  return values;
}

/** Both in one, for a message that comes in parts. */
export function concatBulk(first: BulkValues, second: BulkValues): BulkValues {
  if (!ArrayBuffer.isView(first) || !ArrayBuffer.isView(second))
    return concatPacked(first as PackedBytes, second as PackedBytes);
  const bytes = new Uint8Array(first.byteLength + second.byteLength);
  bytes.set(bytesOf(first));
  bytes.set(bytesOf(second), first.byteLength);
  const make = first.constructor as new (buffer: ArrayBuffer) => BulkNumbers;
  return new make(bytes.buffer);
}

function bytesOf(values: BulkNumbers): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function concatPacked(first: PackedBytes, second: PackedBytes): PackedBytes {
  const values = [first, second].flatMap((packed) =>
    Array.from({ length: packedCount(packed) }, (_, i) => packedAt(packed, i)),
  );
  return packBytes(values);
}

/** Whether a tag belongs to the field, in its packed or its single encoding. */
export function isBulkTag(field: FieldPlan, tag: number): boolean {
  if (tag >>> 3 !== field.number) return false;
  const wireType = tag & 7;
  return wireType === WireType.Bytes || wireType === wireTypeOf(field.kind);
}

function decodeNumbers(reader: WireReader, field: FieldPlan, start: number, tag: number): BulkNumbers {
  const { kind } = field;
  let count = 0;
  forEachChunk(reader, field, start, tag, (from, to, delimited) => {
    count += delimited ? countPacked(reader, kind, from, to) : 1;
  });
  const one = onlyChunk(reader, start, tag);
  if (one !== undefined) {
    const view = alignedView(reader.bytes, kind, one, count);
    if (view !== undefined) return view;
  }
  const out = newBulk(kind, count) as BulkNumbers;
  let filled = 0;
  forEachChunk(reader, field, start, tag, (from, to) => {
    filled = fill(reader, kind, out, filled, from, to);
  });
  return out;
}

/** Calls back with each occurrence's bytes. The reader's position is free to use inside. */
function forEachChunk(
  reader: WireReader,
  field: FieldPlan,
  start: number,
  firstTag: number,
  visit: (from: number, to: number, delimited: boolean) => void,
): void {
  reader.position = start;
  for (let tag = firstTag; ; tag = reader.tag()) {
    if (isBulkTag(field, tag)) {
      const delimited = (tag & 7) === WireType.Bytes;
      const length = delimited ? reader.length() : 0;
      const from = reader.position;
      if (delimited) reader.take(length);
      else reader.skip(tag);
      const to = reader.position;
      visit(from, to, delimited);
      reader.position = to;
    } else {
      reader.skip(tag);
    }
    if (reader.position >= reader.end) return;
  }
}

/** Where the values start when the first occurrence is packed and nothing follows it in the message. */
function onlyChunk(reader: WireReader, start: number, tag: number): number | undefined {
  if ((tag & 7) !== WireType.Bytes) return undefined;
  reader.position = start;
  const length = reader.length();
  return reader.position + length === reader.end ? reader.position : undefined;
}

/** A view of the request's own bytes where they happen to be aligned for the array. */
function alignedView(bytes: Uint8Array, kind: Kind, from: number, count: number): BulkNumbers | undefined {
  const offset = bytes.byteOffset + from;
  if (kind === Kind.Float && offset % 4 === 0) return new Float32Array(bytes.buffer, offset, count);
  if (kind === Kind.Double && offset % 8 === 0) return new Float64Array(bytes.buffer, offset, count);
  return undefined;
}

function countPacked(reader: WireReader, kind: Kind, from: number, to: number): number {
  if (kind === Kind.Float || kind === Kind.Double) {
    const width = kind === Kind.Float ? 4 : 8;
    if ((to - from) % width !== 0) {
      throw new WireFormatError(`${to - from} bytes of packed numbers are no multiple of ${width}`);
    }
    return (to - from) / width;
  }
  const { bytes } = reader;
  let count = 0;
  for (let at = from; at < to; at++) count += (bytes[at] as number) < 0x80 ? 1 : 0;
  if (to > from && (bytes[to - 1] as number) >= 0x80)
    throw new WireFormatError("packed numbers end inside of one");
  return count;
}

/** Reads the values in [from, to) behind the `filled` first ones of `out`; returns how many there are then. */
function fill(
  reader: WireReader,
  kind: Kind,
  out: BulkNumbers,
  filled: number,
  from: number,
  to: number,
): number {
  if (out instanceof Float32Array || out instanceof Float64Array) {
    const target = new Uint8Array(out.buffer, filled * out.BYTES_PER_ELEMENT, to - from);
    target.set(reader.bytes.subarray(from, to));
    return filled + (to - from) / out.BYTES_PER_ELEMENT;
  }
  reader.position = from;
  let at = filled;
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    const words = new Int32Array(out.buffer);
    for (; reader.position < to; at++) reader.int64Into(words, at * 2);
  } else if (kind === Kind.Bool) {
    for (; reader.position < to; at++) out[at] = reader.bool() ? 1 : 0;
  } else {
    for (; reader.position < to; at++) out[at] = reader.varint32();
  }
  return at;
}

function decodeStrings(reader: WireReader, field: FieldPlan, start: number, tag: number): PackedBytes {
  let count = 0;
  let total = 0;
  let firstFrom = 0;
  forEachChunk(reader, field, start, tag, (from, to) => {
    if (count === 0) firstFrom = from;
    count += 1;
    total += to - from;
  });
  if (count === 0) return NO_PACKED_BYTES;
  const offsets = new Int32Array(count + 1);
  let bytes: Uint8Array;
  if (count === 1) {
    bytes = reader.bytes.subarray(firstFrom, firstFrom + total);
    offsets[1] = total;
  } else {
    bytes = new Uint8Array(total);
    let index = 0;
    let at = 0;
    forEachChunk(reader, field, start, tag, (from, to) => {
      copy(reader.bytes, from, to, bytes, at);
      at += to - from;
      offsets[++index] = at;
    });
  }
  if (field.kind === Kind.String) checkUtf8(bytes, offsets);
  return { offsets, bytes };
}

function copy(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > SHORT_COPY_BYTES) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from, out = at; i < to; i++, out++) target[out] = source[i] as number;
}

/** The whole is valid UTF-8 and no value starts inside of a character: then each value is valid. */
function checkUtf8(bytes: Uint8Array, offsets: Int32Array): void {
  decodeUtf8(bytes);
  for (const offset of offsets) {
    if (offset < bytes.length && ((bytes[offset] as number) & 0xc0) === 0x80) {
      throw new WireFormatError("a string is not valid UTF-8");
    }
  }
}
