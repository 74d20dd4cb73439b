/**
 * Plain data as bytes, for the simulated network: what contracts may carry (api/service-table.ts) and nothing else. A class, a
 * function or a shared buffer in a request is a mistake that only separate processes would show, so it throws here.
 */
export function encodePlain(value: unknown): Uint8Array {
  const out = new Writer();
  write(out, value, "request");
  return out.bytes();
}

export function decodePlain(bytes: Uint8Array): unknown {
  return read(new Reader(bytes));
}

const Tag = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  bigint: 5,
  string: 6,
  array: 7,
  object: 8,
  map: 9,
  set: 10,
  typed: 11,
} as const;

const TYPED = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

function write(out: Writer, value: unknown, where: string): void {
  switch (typeof value) {
    case "undefined":
      return out.byte(Tag.undefined);
    case "boolean":
      return out.byte(value ? Tag.true : Tag.false);
    case "number":
      out.byte(Tag.number);
      return out.float(value);
    case "bigint":
      out.byte(Tag.bigint);
      return out.text(value.toString());
    case "string":
      out.byte(Tag.string);
      return out.text(value);
    case "object":
      return writeObject(out, value, where);
    default:
      throw new TypeError(`${where} holds a ${typeof value}, which no channel carries`);
  }
}

function writeObject(out: Writer, value: object | null, where: string): void {
  if (value === null) return out.byte(Tag.null);
  if (Array.isArray(value)) {
    out.byte(Tag.array);
    out.length(value.length);
    for (const [i, item] of value.entries()) write(out, item, `${where}[${i}]`);
    return;
  }
  const typed = TYPED.findIndex((type) => value instanceof type);
  if (typed >= 0) {
    const view = value as Uint8Array;
    out.byte(Tag.typed);
    out.byte(typed);
    out.length(view.byteLength);
    out.raw(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return;
  }
  if (value instanceof Map) {
    out.byte(Tag.map);
    out.length(value.size);
    for (const [key, item] of value) {
      write(out, key, `${where} key`);
      write(out, item, `${where}.${String(key)}`);
    }
    return;
  }
  if (value instanceof Set) {
    out.byte(Tag.set);
    out.length(value.size);
    for (const item of value) write(out, item, where);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${where} holds a ${value.constructor.name}, which no channel carries`);
  }
  const entries = Object.entries(value);
  out.byte(Tag.object);
  out.length(entries.length);
  for (const [key, item] of entries) {
    out.text(key);
    write(out, item, `${where}.${key}`);
  }
}

function read(from: Reader): unknown {
  const tag = from.byte();
  switch (tag) {
    case Tag.undefined:
      return undefined;
    case Tag.null:
      return null;
    case Tag.false:
      return false;
    case Tag.true:
      return true;
    case Tag.number:
      return from.float();
    case Tag.bigint:
      return BigInt(from.text());
    case Tag.string:
      return from.text();
    case Tag.array:
      return Array.from({ length: from.length() }, () => read(from));
    case Tag.object: {
      const value: Record<string, unknown> = {};
      for (let left = from.length(); left > 0; left--) value[from.text()] = read(from);
      return value;
    }
    case Tag.map:
      return new Map(Array.from({ length: from.length() }, () => [read(from), read(from)] as const));
    case Tag.set:
      return new Set(Array.from({ length: from.length() }, () => read(from)));
    case Tag.typed: {
      const type = TYPED[from.byte()] ?? Uint8Array;
      const bytes = from.raw(from.length());
      return new type(bytes.buffer, 0, bytes.length / type.BYTES_PER_ELEMENT);
    }
    default:
      throw new RangeError(`tag ${tag} is unknown`);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  length(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  float(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  text(value: string): void {
    this.#room(4 + value.length * 3);
    const start = this.#length + 4;
    let end = start;
    // Names and numbers, mostly: plain ASCII needs no encoder.
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) {
        end = start + encoder.encodeInto(value, this.#bytes.subarray(start)).written;
        break;
      }
      this.#bytes[end++] = code;
    }
    this.#view.setUint32(this.#length, end - start, true);
    this.#length = end;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  length(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  float(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  text(): string {
    const count = this.length();
    const start = this.#at;
    this.#at += count;
    let text = "";
    for (let i = start; i < this.#at; i++) {
      const code = this.#bytes[i] ?? 0;
      if (code > 127) return decoder.decode(this.#bytes.subarray(start, this.#at));
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** A copy of its own, so that typed arrays are aligned. */
  raw(count: number): Uint8Array<ArrayBuffer> {
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }
}
