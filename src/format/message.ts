import { ByteFormatError } from "../base/bytes.ts";

/**
 * Protobuf messages for what Redkite stores in metadata and small files (docs/internals/messages.md). Table-driven; fields that
 * this release does not know survive a rewrite: they are kept under a symbol that object spread copies.
 */
export interface MessageCodec<T> {
  readonly name: string;
  encode(value: T): Uint8Array;
  /** Throws ByteFormatError on bytes that are no such message. */
  decode(bytes: Uint8Array): T;
}

/**
 * Kinds of fields. `uint64` is a bigint in [0, 2^64), `int64` a bigint, `uint32` and `double` numbers, `map` a record of strings.
 * Scalars of value zero are written too, so that absent always means undefined for `optional`, and zero otherwise.
 */
export type FieldKind =
  | "uint64"
  | "int64"
  | "uint32"
  | "double"
  | "bool"
  | "string"
  | "bytes"
  | "map"
  | { readonly message: MessageCodec<never> };

export interface FieldSpec {
  readonly no: number;
  readonly kind: FieldKind;
  readonly cardinality: "single" | "optional" | "repeated";
}

export const field = (no: number, kind: FieldKind): FieldSpec => ({ no, kind, cardinality: "single" });
export const optional = (no: number, kind: FieldKind): FieldSpec => ({ no, kind, cardinality: "optional" });
export const repeated = (no: number, kind: FieldKind): FieldSpec => ({ no, kind, cardinality: "repeated" });

/** A nested message as the kind of a field. */
export function nested<T>(codec: MessageCodec<T>): FieldKind {
  return { message: codec as unknown as MessageCodec<never> };
}

const UNKNOWN = Symbol("unknown fields");

type Bag = Record<string | symbol, unknown>;

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** Elements of a repeated field: an empty message takes two bytes here and a hundred times that as an object. */
const ELEMENTS_MAX = 4_000_000;
const NESTED_ELEMENTS_MAX = 250_000;
/** Messages inside of messages; ours go no deeper than a schema does. */
const DEPTH_MAX = 64;

/** The table names every property of T once; numbers are never used again for something else. */
export function defineMessage<T extends object>(
  name: string,
  table: { readonly [K in keyof T]-?: FieldSpec },
): MessageCodec<T> {
  const entries = Object.entries<FieldSpec>(table);
  const byNumber = new Map(entries.map(([key, spec]) => [spec.no, { key, spec }]));
  if (byNumber.size !== entries.length) throw new Error(`message ${name} uses a field number twice`);

  /** Of the messages of this kind that are being read: one that holds itself must not use up the stack. */
  let depth = 0;

  return {
    name,
    encode(value) {
      const bag = value as Bag;
      const out = new ProtoWriter();
      for (const [key, spec] of entries) {
        const item = bag[key];
        if (spec.cardinality === "repeated") {
          for (const element of item as Iterable<unknown>) writeField(out, spec, element);
        } else if (item !== undefined) {
          writeField(out, spec, item);
        } else if (spec.cardinality === "single") {
          throw new Error(`message ${name}: ${key} is missing`);
        }
      }
      const unknown = bag[UNKNOWN];
      if (unknown instanceof Uint8Array) out.raw(unknown);
      return out.finish();
    },
    decode(bytes) {
      if (depth >= DEPTH_MAX) throw new ByteFormatError(`a ${name} lies more than ${DEPTH_MAX} deep`, 0);
      depth += 1;
      try {
        return decodeFields(bytes);
      } finally {
        depth -= 1;
      }
    },
  };

  function decodeFields(bytes: Uint8Array): T {
    if (bytes.length > MESSAGE_BYTES_MAX)
      throw new ByteFormatError(`a ${name} of ${bytes.length} bytes is too large`, 0);
    const bag: Bag = {};
    for (const [key, spec] of entries) bag[key] = absent(spec);
    const unknown: Uint8Array[] = [];
    const reader = new ProtoReader(bytes);
    while (!reader.done) {
      const start = reader.offset;
      const tag = reader.varint32();
      const known = byNumber.get(tag >>> 3);
      if (known === undefined || wireType(known.spec.kind) !== (tag & 7)) {
        reader.skip(tag & 7);
        unknown.push(bytes.subarray(start, reader.offset));
        continue;
      }
      const { key, spec } = known;
      if (spec.kind === "map") {
        const [entryKey, entryValue] = readMapEntry(reader.lengthDelimited());
        setEntry(bag[key] as Record<string, string>, entryKey, entryValue);
      } else if (spec.cardinality === "repeated") {
        const list = bag[key] as unknown[];
        if (list.length >= (typeof spec.kind === "object" ? NESTED_ELEMENTS_MAX : ELEMENTS_MAX))
          throw new ByteFormatError(`${name}: more than ${list.length} of ${key}`, start);
        list.push(readValue(reader, spec.kind));
      } else {
        bag[key] = readValue(reader, spec.kind);
      }
    }
    if (unknown.length > 0) bag[UNKNOWN] = concat(unknown);
    return bag as T;
  }
}

function absent(spec: FieldSpec): unknown {
  if (spec.cardinality === "repeated") return [];
  if (spec.cardinality === "optional") return spec.kind === "map" ? {} : undefined;
  switch (spec.kind) {
    case "uint64":
    case "int64":
      return 0n;
    case "uint32":
    case "double":
      return 0;
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "map":
      return {};
    default:
      return spec.kind.message.decode(new Uint8Array(0));
  }
}

function wireType(kind: FieldKind): number {
  if (kind === "uint64" || kind === "int64" || kind === "uint32" || kind === "bool") return 0;
  return kind === "double" ? 1 : 2;
}

function writeField(out: ProtoWriter, spec: FieldSpec, value: unknown): void {
  const tag = (spec.no << 3) | wireType(spec.kind);
  if (spec.kind === "map") {
    for (const [key, text] of Object.entries(value as Record<string, string>)) {
      const entry = new ProtoWriter();
      entry.varint32(10).lengthDelimited(utf8.encode(key));
      entry.varint32(18).lengthDelimited(utf8.encode(text));
      out.varint32(tag).lengthDelimited(entry.finish());
    }
    return;
  }
  out.varint32(tag);
  switch (spec.kind) {
    case "uint64":
    case "int64":
      out.varint64(value as bigint);
      break;
    case "uint32":
      out.varint32(value as number);
      break;
    case "bool":
      out.varint32(value === true ? 1 : 0);
      break;
    case "double":
      out.double(value as number);
      break;
    case "string":
      out.lengthDelimited(utf8.encode(value as string));
      break;
    case "bytes":
      out.lengthDelimited(value as Uint8Array);
      break;
    default:
      out.lengthDelimited(spec.kind.message.encode(value as never));
  }
}

function readValue(reader: ProtoReader, kind: Exclude<FieldKind, "map">): unknown {
  switch (kind) {
    case "uint64":
      return reader.varint64();
    case "int64":
      return BigInt.asIntN(64, reader.varint64());
    case "uint32":
      return reader.varint32();
    case "bool":
      return reader.varint64() !== 0n;
    case "double":
      return reader.double();
    case "string":
      return decodeText(reader.lengthDelimited(), reader.offset);
    case "bytes":
      return reader.lengthDelimited().slice();
    default:
      return kind.message.decode(reader.lengthDelimited());
  }
}

function readMapEntry(bytes: Uint8Array): [string, string] {
  const reader = new ProtoReader(bytes);
  let key = "";
  let value = "";
  while (!reader.done) {
    const tag = reader.varint32();
    if (tag === 10) key = decodeText(reader.lengthDelimited(), reader.offset);
    else if (tag === 18) value = decodeText(reader.lengthDelimited(), reader.offset);
    else reader.skip(tag & 7);
  }
  return [key, value];
}

/** An assignment would change the prototype when the key is `__proto__`, and lose the entry. */
function setEntry(record: Record<string, string>, key: string, value: string): void {
  if (key !== "__proto__") record[key] = value;
  else Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array, offset: number): string {
  try {
    return utf8Strict.decode(bytes);
  } catch {
    throw new ByteFormatError(`the text before offset ${offset} is not valid UTF-8`, offset);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

class ProtoWriter {
  #bytes = new Uint8Array(128);
  #length = 0;

  varint32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new RangeError(`${value} is no uint32`);
    this.#reserve(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  varint64(value: bigint): this {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
    return this;
  }

  double(value: number): this {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  lengthDelimited(bytes: Uint8Array): this {
    return this.varint32(bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class ProtoReader {
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.offset >= this.#bytes.length;
  }

  varint32(): number {
    const value = this.varint64();
    if (value > 0xffff_ffffn) throw new ByteFormatError(`${value} does not fit 32 bits`, this.offset);
    return Number(value);
  }

  varint64(): bigint {
    let low = 0;
    // Most values are short: numbers while they fit, bigints behind.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ByteFormatError("a varint is longer than 10 bytes", this.offset);
  }

  double(): number {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  lengthDelimited(): Uint8Array {
    return this.#take(this.varint32());
  }

  skip(wire: number): void {
    if (wire === 0) this.varint64();
    else if (wire === 1) this.#take(8);
    else if (wire === 2) this.lengthDelimited();
    else if (wire === 5) this.#take(4);
    else throw new ByteFormatError(`wire type ${wire} is unknown`, this.offset);
  }

  #byte(): number {
    const byte = this.#bytes[this.offset];
    if (byte === undefined) throw new ByteFormatError("the message ends inside a field", this.offset);
    this.offset += 1;
    return byte;
  }

  #take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.offset) {
      throw new ByteFormatError(`a field of ${count} bytes runs past the end`, this.offset);
    }
    const part = this.#bytes.subarray(this.offset, this.offset + count);
    this.offset += count;
    return part;
  }
}
