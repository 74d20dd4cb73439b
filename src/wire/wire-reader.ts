import { WireType } from "./message-plan.ts";

/** The bytes are not a protobuf message. Turned into a RedkiteError, with the message's name, by codec.ts. */
export class WireFormatError extends Error {
  override readonly name = "WireFormatError";
}

const GROUP_DEPTH_MAX = 16;
/** Below this many bytes a loop over ASCII characters is faster than a TextDecoder. */
const SHORT_STRING_BYTES = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const words = new Int32Array(2);
const signed = new BigInt64Array(words.buffer);
const unsigned = new BigUint64Array(words.buffer);

/** Reads protobuf's primitives, never beyond `end`. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position = 0;
  /** Where the innermost message that is being read ends. */
  end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /** A varint of at most 64 bits, cut to its lower 32. */
  varint32(): number {
    const { bytes, end } = this;
    let at = this.position;
    if (at >= end) throw truncated();
    let byte = bytes[at++] as number;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 63) throw new WireFormatError("a number is longer than 10 bytes");
      if (at >= end) throw truncated();
      byte = bytes[at++] as number;
      // Shifts count modulo 32: bits above the 32nd must not come back in below.
      if (shift < 32) value |= (byte & 0x7f) << shift;
    }
    this.position = at;
    return value;
  }

  int64(): bigint {
    this.#varint64();
    return signed[0] as bigint;
  }

  uint64(): bigint {
    this.#varint64();
    return unsigned[0] as bigint;
  }

  bool(): boolean {
    this.#varint64();
    return words[0] !== 0 || words[1] !== 0;
  }

  /** Reads a varint into two words of `out`, the lower first, without making a bigint. */
  int64Into(out: Int32Array, index: number): void {
    this.#varint64();
    out[index] = words[0] as number;
    out[index + 1] = words[1] as number;
  }

  float(): number {
    const at = this.take(4);
    return this.view.getFloat32(at, true);
  }

  double(): number {
    const at = this.take(8);
    return this.view.getFloat64(at, true);
  }

  string(): string {
    const length = this.length();
    const start = this.take(length);
    const { bytes } = this;
    const stop = start + length;
    if (length <= SHORT_STRING_BYTES) {
      let text = "";
      let at = start;
      for (; at < stop; at++) {
        const byte = bytes[at] as number;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === stop) return text;
    }
    return decodeUtf8(bytes.subarray(start, stop));
  }

  /** A view of the next length-delimited bytes, not a copy. */
  view8(): Uint8Array {
    const length = this.length();
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The length that stands before strings, bytes, packed numbers and messages; checked against what is left. */
  length(): number {
    const length = this.varint32() >>> 0;
    if (length > this.end - this.position) {
      throw new WireFormatError(`a length of ${length} bytes where ${this.end - this.position} are left`);
    }
    return length;
  }

  /** Moves over `count` bytes and returns where they start. */
  take(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw truncated();
    this.position = start + count;
    return start;
  }

  /** Moves over one value behind its tag. */
  skip(tag: number, groupDepth = 0): void {
    switch (tag & 7) {
      case WireType.Varint:
        this.#varint64();
        return;
      case WireType.Fixed64:
        this.take(8);
        return;
      case WireType.Bytes:
        this.take(this.length());
        return;
      case WireType.Fixed32:
        this.take(4);
        return;
      case WireType.StartGroup:
        this.#skipGroup(tag >>> 3, groupDepth);
        return;
      default:
        throw new WireFormatError(`wire type ${tag & 7} where a value was expected`);
    }
  }

  /** A tag; field number 0 does not exist. */
  tag(): number {
    const tag = this.varint32();
    if (tag >>> 3 === 0) throw new WireFormatError("field number 0");
    return tag;
  }

  #skipGroup(number: number, depth: number): void {
    if (depth >= GROUP_DEPTH_MAX) throw new WireFormatError(`groups nested deeper than ${GROUP_DEPTH_MAX}`);
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === WireType.EndGroup) {
        if (tag >>> 3 !== number) throw new WireFormatError(`group ${number} ends as ${tag >>> 3}`);
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  #varint64(): void {
    const { bytes, end } = this;
    let at = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 63) throw new WireFormatError("a number is longer than 10 bytes");
      if (at >= end) throw truncated();
      const byte = bytes[at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) break;
    }
    words[0] = low;
    words[1] = high;
    this.position = at;
  }
}

/** Text of UTF-8 bytes; protobuf strings must be valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WireFormatError("a string is not valid UTF-8");
  }
}

function truncated(): WireFormatError {
  return new WireFormatError("the bytes end inside of a value");
}
