import {
  ConstantKind,
  FILTER_HEADER_BYTES,
  FILTER_MAGIC,
  FILTER_OP_BYTES,
  FILTER_VERSION,
  LikePart,
  type FilterProgram,
} from "../../../src/model/filter-program.ts";

/** One operation of a filter program; what is left out is 0. */
export interface Operation {
  readonly opcode: number;
  readonly target?: number;
  readonly a?: number;
  readonly b?: number;
  readonly comparison?: number;
  readonly arithmetic?: number;
  readonly flags?: number;
  /** Field id, or the index of an external bitmap. */
  readonly field?: number;
  readonly second?: number;
  readonly constant?: Constant;
}

export interface Constant {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** Encodes docs/internals/filter-program.md on its own, so that no engine is checked with another part's reading of it. */
export function filterProgram(operations: readonly Operation[], externals = 0): FilterProgram {
  const pool: number[] = [];
  const head = new Uint8Array(FILTER_HEADER_BYTES + operations.length * FILTER_OP_BYTES);
  const view = new DataView(head.buffer);
  operations.forEach((operation, i) => {
    const at = FILTER_HEADER_BYTES + i * FILTER_OP_BYTES;
    view.setUint8(at, operation.opcode);
    view.setUint8(at + 1, operation.comparison ?? 0);
    view.setUint8(at + 2, operation.arithmetic ?? 0);
    view.setUint8(at + 3, operation.flags ?? 0);
    view.setUint16(at + 4, operation.target ?? 0, true);
    view.setUint16(at + 6, operation.a ?? 0, true);
    view.setUint16(at + 8, operation.b ?? 0, true);
    view.setUint16(at + 10, operation.constant?.kind ?? ConstantKind.None, true);
    view.setUint32(at + 12, operation.field ?? 0, true);
    view.setUint32(at + 16, operation.second ?? 0, true);
    if (operation.constant === undefined) return;
    view.setUint32(at + 20, pool.length, true);
    view.setUint32(at + 24, operation.constant.bytes.length, true);
    pool.push(...operation.constant.bytes);
    while (pool.length % 8 !== 0) pool.push(0);
  });
  const registers = Math.max(0, ...operations.flatMap(({ target = 0, a = 0, b = 0 }) => [target, a, b])) + 1;
  view.setUint32(0, FILTER_MAGIC, true);
  view.setUint16(4, FILTER_VERSION, true);
  view.setUint16(6, registers, true);
  view.setUint32(8, operations.length, true);
  view.setUint32(12, pool.length, true);
  const bytes = new Uint8Array(head.length + pool.length);
  bytes.set(head);
  bytes.set(pool, head.length);
  return { bytes, externals };
}

export const int64s = (...values: bigint[]): Constant => ({
  kind: ConstantKind.Int64,
  bytes: new Uint8Array(BigInt64Array.from(values).buffer),
});
export const doubles = (...values: number[]): Constant => ({
  kind: ConstantKind.Double,
  bytes: new Uint8Array(Float64Array.from(values).buffer),
});
export const text = (value: string): Constant => ({ kind: ConstantKind.String, bytes: utf8(value) });
export const bool = (value: boolean): Constant => ({
  kind: ConstantKind.Bool,
  bytes: Uint8Array.of(Number(value)),
});
export const int64List = (values: readonly bigint[]): Constant => ({
  kind: ConstantKind.Int64List,
  bytes: int64s(...distinct(values, (a, b) => Number(a > b) - Number(a < b))).bytes,
});
export const doubleList = (values: readonly number[]): Constant => ({
  kind: ConstantKind.DoubleList,
  bytes: doubles(...distinct(values, (a, b) => a - b)).bytes,
});

/** Lower and upper bound of a RANGE over strings. */
export function textRange(lower: string, upper: string): Constant {
  return { kind: ConstantKind.String, bytes: joined([uint32(utf8(lower).length), utf8(lower), utf8(upper)]) };
}

export function textList(values: readonly string[]): Constant {
  const texts = distinct(values, (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(utf8);
  let end = 0;
  const offsets = [0, ...texts.map(({ length }) => (end += length))];
  return {
    kind: ConstantKind.StringList,
    bytes: joined([uint32(texts.length), ...offsets.map(uint32), ...texts]),
  };
}

/** A LIKE pattern in SQL's spelling, without escapes. */
export function like(pattern: string): Constant {
  const parts = pattern.split(/([%_])/).filter((part) => part !== "");
  const bytes = parts.map((part) => {
    if (part === "%") return Uint8Array.of(LikePart.AnyRun);
    if (part === "_") return Uint8Array.of(LikePart.OneCharacter);
    return joined([Uint8Array.of(LikePart.Literal), uint32(utf8(part).length), utf8(part)]);
  });
  return { kind: ConstantKind.String, bytes: joined(bytes) };
}

function distinct<T>(values: readonly T[], compare: (a: T, b: T) => number): T[] {
  return [...new Set(values)].sort(compare);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
