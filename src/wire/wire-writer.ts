/** Below this many characters a loop over ASCII is faster than a TextEncoder. */
const SHORT_STRING_CHARS = 48;
/** Answers up to this size are written into one buffer of the thread and copied out once, exactly sized. */
const SCRATCH_BYTES = 65_536;

const scratch = new Uint8Array(SCRATCH_BYTES);
const encoder = new TextEncoder();
const words = new Int32Array(2);
const wide = new BigUint64Array(words.buffer);
const doubleBytes = new Uint8Array(8);
const doubleView = new DataView(doubleBytes.buffer);

/**
 * Writes protobuf from the last byte to the first: when a message's length has to be written, its bytes already
 * stand behind it and are counted, so that nothing is sized twice or moved. One writer at a time: they share a buffer
 * until they outgrow it.
 */
export class WireWriter {
  #bytes = scratch;
  #at = SCRATCH_BYTES;

  /** Bytes written so far. */
  get written(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written, behind `headroom` bytes of zeros for the caller's own header. */
  finish(headroom: number): Uint8Array {
    this.#reserve(headroom);
    const start = this.#at - headroom;
    this.#bytes.fill(0, start, this.#at);
    return this.#bytes === scratch ? this.#bytes.slice(start) : this.#bytes.subarray(start);
  }

  varint32(value: number): void {
    this.#reserve(5);
    this.#at -= varint32Bytes(value);
    putVarint32(this.#bytes, this.#at, value);
  }

  /** int32: negative numbers are ten bytes, as their 64-bit form. */
  int32(value: number): void {
    if (value >= 0) this.varint32(value);
    else this.varint64(value | 0, -1);
  }

  int64(value: bigint): void {
    wide[0] = value;
    this.varint64(words[0] as number, words[1] as number);
  }

  varint64(low: number, high: number): void {
    if (high === 0) {
      this.varint32(low);
      return;
    }
    this.#reserve(10);
    const count = varint64Bytes(high);
    this.#at -= count;
    const bytes = this.#bytes;
    let at = this.#at;
    let lower = low >>> 0;
    let upper = high >>> 0;
    for (let left = count - 1; left > 0; left--) {
      bytes[at++] = (lower & 0x7f) | 0x80;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    bytes[at] = lower;
  }

  float(value: number): void {
    doubleView.setFloat32(0, value, true);
    this.raw(doubleBytes.subarray(0, 4));
  }

  double(value: number): void {
    doubleView.setFloat64(0, value, true);
    this.raw(doubleBytes);
  }

  raw(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#at -= source.length;
    this.#bytes.set(source, this.#at);
  }

  /** The text and its length before it. */
  string(text: string): void {
    const length = text.length;
    if (length <= SHORT_STRING_CHARS) {
      this.#reserve(length);
      const start = this.#at - length;
      const bytes = this.#bytes;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[start + i] = code;
      }
      if (i === length) {
        this.#at = start;
        this.varint32(length);
        return;
      }
    }
    this.delimited(encoder.encode(text));
  }

  /** The bytes and their length before them. */
  delimited(source: Uint8Array): void {
    this.raw(source);
    this.varint32(source.length);
  }

  #reserve(count: number): void {
    if (this.#at >= count) return;
    const { written } = this;
    const needed = written + count;
    // An eighth more for what comes before a large column, so that it is not moved for a few bytes.
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, needed + (needed >>> 3) + SCRATCH_BYTES));
    grown.set(this.#bytes.subarray(this.#at), grown.length - written);
    this.#at = grown.length - written;
    this.#bytes = grown;
  }
}

function varint32Bytes(value: number): number {
  const v = value >>> 0;
  return v < 0x80 ? 1 : v < 0x4000 ? 2 : v < 0x20_0000 ? 3 : v < 0x1000_0000 ? 4 : 5;
}

function varint64Bytes(high: number): number {
  const v = high >>> 0;
  return v < 0x8 ? 5 : v < 0x400 ? 6 : v < 0x2_0000 ? 7 : v < 0x100_0000 ? 8 : v < 0x8000_0000 ? 9 : 10;
}

function putVarint32(bytes: Uint8Array, start: number, value: number): void {
  let at = start;
  let v = value >>> 0;
  while (v >= 0x80) {
    bytes[at++] = (v & 0x7f) | 0x80;
    v >>>= 7;
  }
  bytes[at] = v;
}
