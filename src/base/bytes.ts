/** Bytes in and out: little-endian reader and writer with bounds checks, and the small helpers around them. */

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Name = "valid UTF-8";

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/**
 * The bytes end, or hold something impossible, where a value was expected. Not a bug of ours by itself:
 * formats turn it into "this file is damaged".
 */
export class ByteFormatError extends Error {
  override readonly name = "ByteFormatError";
  /** Offset in the bytes given to the reader. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Reads little-endian values in order. Every method throws `ByteFormatError` rather than read past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = 0;
    this.seek(offset);
  }

  get offset(): number {
    return this.#offset;
  }

  /** Total bytes, read or not. */
  get length(): number {
    return this.#bytes.length;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  seek(offset: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset > this.#bytes.length) {
      throw new ByteFormatError(`offset ${offset} is outside of ${this.#bytes.length} bytes`, this.#offset);
    }
    this.#offset = offset;
  }

  skip(count: number): void {
    this.#take(count, "skipped bytes");
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1, "u8"));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2, "u16"), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4, "u32"), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8, "u64"), true);
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1, "i8"));
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2, "i16"), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4, "i32"), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8, "i64"), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4, "f32"), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8, "f64"), true);
  }

  /** A u64 that must fit a JavaScript integer: lengths, offsets, counts. */
  u64AsNumber(): number {
    const start = this.#offset;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ByteFormatError(`${value} at offset ${start} is too large for a length or count`, start);
    }
    return Number(value);
  }

  /** The next `count` bytes as a view, not a copy. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count, "bytes");
    return this.#bytes.subarray(start, start + count);
  }

  /** Everything not read yet, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** u32 length, then that many bytes, as a view. */
  lengthPrefixed(): Uint8Array {
    const start = this.#offset;
    const count = this.u32();
    if (count > this.remaining) {
      throw new ByteFormatError(
        `length ${count} at offset ${start} runs past the end (${this.remaining} left)`,
        start,
      );
    }
    return this.bytes(count);
  }

  /** u32 length, then UTF-8. */
  string(): string {
    const start = this.#offset;
    const encoded = this.lengthPrefixed();
    try {
      return textDecoder.decode(encoded);
    } catch {
      throw new ByteFormatError(`the string at offset ${start} is not ${utf8Name}`, start);
    }
  }

  /** Asserts that nothing follows. */
  end(): void {
    if (this.remaining !== 0) {
      throw new ByteFormatError(
        `${this.remaining} unexpected bytes after offset ${this.#offset}`,
        this.#offset,
      );
    }
  }

  #take(count: number, what: string): number {
    const start = this.#offset;
    if (!Number.isInteger(count) || count < 0 || count > this.#bytes.length - start) {
      throw new ByteFormatError(
        `cannot read ${what} (${count} bytes) at offset ${start} of ${this.#bytes.length}`,
        start,
      );
    }
    this.#offset = start + count;
    return start;
  }
}

/** Appends little-endian values to a buffer that grows up to `bytesMax`. Throws `RangeError` on values out of range. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;
  readonly #bytesMax: number;

  constructor({ capacity = 256, bytesMax = 2 ** 31 - 1 }: { capacity?: number; bytesMax?: number } = {}) {
    this.#bytes = new Uint8Array(Math.min(capacity, bytesMax));
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    checkInteger(value, 0, 0xff, "u8");
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    checkInteger(value, 0, 0xffff, "u16");
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    checkInteger(value, 0, 0xffff_ffff, "u32");
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint | number): this {
    const wide = BigInt(value);
    if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${wide} does not fit u64`);
    const at = this.#grow(8);
    this.#view.setBigUint64(at, wide, true);
    return this;
  }

  i8(value: number): this {
    checkInteger(value, -0x80, 0x7f, "i8");
    const at = this.#grow(1);
    this.#view.setInt8(at, value);
    return this;
  }

  i16(value: number): this {
    checkInteger(value, -0x8000, 0x7fff, "i16");
    const at = this.#grow(2);
    this.#view.setInt16(at, value, true);
    return this;
  }

  i32(value: number): this {
    checkInteger(value, -0x8000_0000, 0x7fff_ffff, "i32");
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  i64(value: bigint | number): this {
    const wide = BigInt(value);
    if (wide !== BigInt.asIntN(64, wide)) throw new RangeError(`${wide} does not fit i64`);
    const at = this.#grow(8);
    this.#view.setBigInt64(at, wide, true);
    return this;
  }

  f32(value: number): this {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** u32 length, then the bytes. */
  lengthPrefixed(value: Uint8Array): this {
    return this.u32(value.length).bytes(value);
  }

  /** u32 length in bytes, then UTF-8. Lone surrogates become U+FFFD, as everywhere in UTF-8. */
  string(value: string): this {
    return this.lengthPrefixed(textEncoder.encode(value));
  }

  /** `count` zero bytes. */
  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, this.#length);
    return this;
  }

  /** Zero bytes up to the next multiple of `alignment`. */
  align(alignment: number): this {
    return this.zeros((alignment - (this.#length % alignment)) % alignment);
  }

  /** Overwrites four bytes written before, for lengths and checksums known only later. */
  patchU32(offset: number, value: number): this {
    checkInteger(value, 0, 0xffff_ffff, "u32");
    if (!Number.isInteger(offset) || offset < 0 || offset + 4 > this.#length) {
      throw new RangeError(`offset ${offset} is not within the ${this.#length} bytes written`);
    }
    this.#view.setUint32(offset, value, true);
    return this;
  }

  /** A view of what was written; valid until the next write, which may move the buffer. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.#length = 0;
  }

  /** Makes room and returns where it starts. May replace the buffer, so call it before touching that. */
  #grow(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      if (needed > this.#bytesMax) {
        throw new RangeError(`${needed} bytes exceed the writer's limit of ${this.#bytesMax}`);
      }
      const larger = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.#bytes.length * 2, 64)));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return start;
  }
}

function checkInteger(value: number, min: number, max: number, type: string): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${value} does not fit ${type}`);
}

export function utf8Encode(text: string): Uint8Array<ArrayBuffer> {
  return textEncoder.encode(text);
}

/** Throws `ByteFormatError` on anything that is not UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw new ByteFormatError(`${bytes.length} bytes are not ${utf8Name}`, 0);
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of unsigned bytes; a prefix sorts before what it is a prefix of. Negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const hexDigits = "0123456789abcdef";

/** Lower-case hex digits, two per byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexDigits.charAt(byte >> 4) + hexDigits.charAt(byte & 15);
  return text;
}

/** Accepts both cases; throws `ByteFormatError` on an odd length or another character. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0)
    throw new ByteFormatError(`${text.length} hex digits are not whole bytes`, text.length);
  const lower = text.toLowerCase();
  const bytes = new Uint8Array(lower.length / 2);
  for (let i = 0; i < lower.length; i++) {
    const digit = hexDigits.indexOf(lower.charAt(i));
    if (digit < 0) throw new ByteFormatError(`"${text.charAt(i)}" at position ${i} is not a hex digit`, i);
    bytes[i >> 1] = ((bytes[i >> 1] ?? 0) << 4) | digit;
  }
  return bytes;
}
