import { assert } from "../base/assert.ts";
import { utf8Decode, utf8Encode } from "../base/bytes.ts";

/**
 * As much of the FlatBuffers binary format as Arrow's metadata needs: tables, strings, vectors of tables and of structs.
 * Written front to back (a table before what it refers to), which the format allows; equal values give equal bytes.
 */
export function encodeFlatbuffer(root: FlatTable): Uint8Array<ArrayBuffer> {
  const writer = new FlatWriter();
  const slot = writer.reserve(4, 4);
  writer.reserve(4, 4);
  writer.pointTo(slot, writer.table(root));
  return writer.finish();
}

/** Values of a table by slot; a slot that is undefined is not stored and reads as its default. */
export type FlatTable = readonly (FlatValue | undefined)[];

export type FlatValue =
  | { readonly kind: "u8" | "i16" | "i32"; readonly value: number }
  | { readonly kind: "i64"; readonly value: number | bigint }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "table"; readonly value: FlatTable }
  | { readonly kind: "tables"; readonly value: readonly FlatTable[] }
  /** Structs of 64-bit words, `words` of them each. */
  | { readonly kind: "structs"; readonly words: number; readonly value: readonly bigint[] };

const inlineBytes = { u8: 1, i16: 2, i32: 4, i64: 8, string: 4, table: 4, tables: 4, structs: 4 } as const;

class FlatWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  finish(): Uint8Array<ArrayBuffer> {
    this.reserve(0, 8);
    return this.#bytes.slice(0, this.#end);
  }

  /** Room for `count` zero bytes at the next multiple of `alignment`. */
  reserve(count: number, alignment: number): number {
    const start = Math.ceil(this.#end / alignment) * alignment;
    this.#end = start + count;
    if (this.#end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }

  pointTo(slot: number, target: number): void {
    this.#view.setUint32(slot, target - slot, true);
  }

  table(fields: FlatTable): number {
    const vtable = this.reserve(4 + fields.length * 2, 2);
    const start = this.reserve(4, 8);
    const places = fields.map((field) => {
      if (field === undefined) return undefined;
      const size = inlineBytes[field.kind];
      return this.reserve(size, size);
    });
    this.#view.setUint16(vtable, 4 + fields.length * 2, true);
    this.#view.setUint16(vtable + 2, this.#end - start, true);
    places.forEach((place, i) => {
      this.#view.setUint16(vtable + 4 + i * 2, place === undefined ? 0 : place - start, true);
    });
    this.#view.setInt32(start, start - vtable, true);
    fields.forEach((field, i) => {
      const place = places[i];
      if (field !== undefined && place !== undefined) this.#write(field, place);
    });
    return start;
  }

  #write(field: FlatValue, place: number): void {
    switch (field.kind) {
      case "u8":
        return this.#view.setUint8(place, field.value);
      case "i16":
        return this.#view.setInt16(place, field.value, true);
      case "i32":
        return this.#view.setInt32(place, field.value, true);
      case "i64":
        return this.#view.setBigInt64(place, BigInt(field.value), true);
      case "string":
        return this.pointTo(place, this.#string(field.value));
      case "table":
        return this.pointTo(place, this.table(field.value));
      case "tables":
        return this.pointTo(place, this.#tables(field.value));
      case "structs":
        return this.pointTo(place, this.#structs(field.words, field.value));
    }
  }

  #string(text: string): number {
    const bytes = utf8Encode(text);
    const start = this.reserve(4 + bytes.length + 1, 4);
    this.#view.setUint32(start, bytes.length, true);
    this.#bytes.set(bytes, start + 4);
    return start;
  }

  #tables(tables: readonly FlatTable[]): number {
    const start = this.reserve(4 + tables.length * 4, 4);
    this.#view.setUint32(start, tables.length, true);
    tables.forEach((table, i) => this.pointTo(start + 4 + i * 4, this.table(table)));
    return start;
  }

  #structs(words: number, values: readonly bigint[]): number {
    assert(values.length % words === 0, `${values.length} words are no structs of ${words}`);
    // The count stands right before the first struct, which is aligned to 8.
    const padding = this.reserve(0, 8);
    const start = padding + 4;
    this.reserve(8 + values.length * 8, 8);
    this.#view.setUint32(start, values.length / words, true);
    values.forEach((value, i) => this.#view.setBigInt64(start + 4 + i * 8, value, true));
    return start;
  }
}

/**
 * Reads tables of hostile bytes: every access is checked, and `fail` gets a sentence and throws. Nothing is read beyond
 * what is asked for, so neither cycles nor depth matter.
 */
export class FlatReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #table: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;
  readonly #fail: (problem: string) => never;

  private constructor(bytes: Uint8Array, view: DataView, table: number, fail: (problem: string) => never) {
    this.#bytes = bytes;
    this.#view = view;
    this.#fail = fail;
    this.#table = this.#inside(table, 4);
    this.#vtable = this.#inside(table - view.getInt32(table, true), 4);
    this.#vtableBytes = view.getUint16(this.#vtable, true);
    this.#inside(this.#vtable, this.#vtableBytes);
  }

  static root(bytes: Uint8Array, fail: (problem: string) => never): FlatReader {
    if (bytes.length < 8) fail(`${bytes.length} bytes of metadata`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new FlatReader(bytes, view, view.getUint32(0, true), fail);
  }

  u8(slot: number): number {
    const at = this.#field(slot, 1);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  i16(slot: number): number {
    const at = this.#field(slot, 2);
    return at === undefined ? 0 : this.#view.getInt16(at, true);
  }

  i32(slot: number): number {
    const at = this.#field(slot, 4);
    return at === undefined ? 0 : this.#view.getInt32(at, true);
  }

  /** A count or an offset: refused where it is negative or beyond 2^53. */
  count(slot: number): number {
    const at = this.#field(slot, 8);
    return at === undefined ? 0 : this.#countAt(at);
  }

  string(slot: number): string {
    const at = this.#reference(slot);
    if (at === undefined) return "";
    const length = this.#view.getUint32(this.#inside(at, 4), true);
    const start = this.#inside(at + 4, length);
    try {
      return utf8Decode(this.#bytes.subarray(start, start + length));
    } catch {
      return this.#fail("a text of the metadata is not UTF-8");
    }
  }

  table(slot: number): FlatReader | undefined {
    const at = this.#reference(slot);
    return at === undefined ? undefined : new FlatReader(this.#bytes, this.#view, at, this.#fail);
  }

  tables(slot: number): FlatReader[] {
    const at = this.#reference(slot);
    if (at === undefined) return [];
    const { start, count } = this.#vector(at, 4);
    return Array.from({ length: count }, (_, i) => {
      const place = start + i * 4;
      return new FlatReader(this.#bytes, this.#view, place + this.#view.getUint32(place, true), this.#fail);
    });
  }

  /** Structs of 64-bit words, each refused where it is negative or beyond 2^53. */
  structs(slot: number, words: number): number[][] {
    const at = this.#reference(slot);
    if (at === undefined) return [];
    const { start, count } = this.#vector(at, words * 8);
    return Array.from({ length: count }, (_, i) =>
      Array.from({ length: words }, (_, word) => this.#countAt(start + (i * words + word) * 8)),
    );
  }

  has(slot: number): boolean {
    return this.#field(slot, 1) !== undefined;
  }

  #vector(at: number, itemBytes: number): { start: number; count: number } {
    const count = this.#view.getUint32(this.#inside(at, 4), true);
    return { start: this.#inside(at + 4, count * itemBytes), count };
  }

  #field(slot: number, size: number): number | undefined {
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : this.#inside(this.#table + offset, size);
  }

  #reference(slot: number): number | undefined {
    const at = this.#field(slot, 4);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }

  #countAt(at: number): number {
    const value = this.#view.getBigInt64(at, true);
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) return this.#fail(`${value} is no count`);
    return Number(value);
  }

  #inside(at: number, size: number): number {
    if (at < 0 || at + size > this.#bytes.length) {
      this.#fail(`metadata refers to ${size} bytes at ${at} of ${this.#bytes.length}`);
    }
    return at;
  }
}
