import { concatBytes, utf8Encode } from "../base/bytes.ts";
import {
  ConstantKind,
  FILTER_HEADER_BYTES,
  FILTER_MAGIC,
  FILTER_OP_BYTES,
  FILTER_VERSION,
  LikePart,
  type FilterProgram,
} from "../model/filter-program.ts";
import type { LikePatternPart } from "./ast.ts";

/** One operation; what is left out is 0. */
export interface ProgramOp {
  readonly code: number;
  readonly to: number;
  readonly a?: number;
  readonly b?: number;
  readonly comparison?: number;
  readonly arithmetic?: number | undefined;
  readonly flags?: number;
  /** Field id, or the index of an external. */
  readonly field?: number;
  readonly second?: number;
  readonly constant?: ProgramConstant;
}

export type ProgramConstant =
  | { readonly kind: number; readonly ints: readonly bigint[] }
  | { readonly kind: number; readonly doubles: readonly number[] }
  | { readonly kind: number; readonly bool: boolean }
  | { readonly kind: number; readonly text: string }
  /** Lower and upper bound of a RANGE over strings. */
  | { readonly kind: number; readonly texts: readonly [string, string] }
  /** A string list: UTF-8, sorted by bytes. */
  | { readonly kind: number; readonly encoded: readonly Uint8Array[] }
  | { readonly kind: number; readonly like: readonly LikePatternPart[] };

/** Encodes a filter program as docs/internals/filter-program.md lays it out. */
export class ProgramWriter {
  readonly #ops: ProgramOp[] = [];
  readonly #pool: Uint8Array[] = [];
  readonly #placed: { readonly offset: number; readonly bytes: number }[] = [];
  #poolBytes = 0;
  #registers = 1;

  get count(): number {
    return this.#ops.length;
  }

  op(op: ProgramOp): void {
    this.#ops.push(op);
    this.#registers = Math.max(this.#registers, op.to + 1, (op.b ?? 0) + 1);
    this.#placed.push(
      op.constant === undefined ? { offset: 0, bytes: 0 } : this.#place(encodeConstant(op.constant)),
    );
  }

  finish(externals: number): FilterProgram {
    const head = new Uint8Array(FILTER_HEADER_BYTES + FILTER_OP_BYTES * this.#ops.length);
    const view = new DataView(head.buffer);
    view.setUint32(0, FILTER_MAGIC, true);
    view.setUint16(4, FILTER_VERSION, true);
    view.setUint16(6, this.#registers, true);
    view.setUint32(8, this.#ops.length, true);
    view.setUint32(12, this.#poolBytes, true);
    this.#ops.forEach((op, i) => {
      const at = FILTER_HEADER_BYTES + i * FILTER_OP_BYTES;
      const placed = this.#placed[i];
      view.setUint8(at, op.code);
      view.setUint8(at + 1, op.comparison ?? 0);
      view.setUint8(at + 2, op.arithmetic ?? 0);
      view.setUint8(at + 3, op.flags ?? 0);
      view.setUint16(at + 4, op.to, true);
      view.setUint16(at + 6, op.a ?? 0, true);
      view.setUint16(at + 8, op.b ?? 0, true);
      view.setUint16(at + 10, op.constant?.kind ?? ConstantKind.None, true);
      view.setUint32(at + 12, op.field ?? 0, true);
      view.setUint32(at + 16, op.second ?? 0, true);
      view.setUint32(at + 20, placed?.offset ?? 0, true);
      view.setUint32(at + 24, placed?.bytes ?? 0, true);
    });
    return { bytes: concatBytes([head, ...this.#pool]), externals };
  }

  /** Constants begin at multiples of 8; the length excludes the padding. */
  #place(bytes: Uint8Array): { readonly offset: number; readonly bytes: number } {
    const placed = { offset: this.#poolBytes, bytes: bytes.length };
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    this.#pool.push(padded);
    this.#poolBytes += padded.length;
    return placed;
  }
}

function encodeConstant(constant: ProgramConstant): Uint8Array {
  if ("ints" in constant) return new Uint8Array(BigInt64Array.from(constant.ints).buffer);
  if ("doubles" in constant) return new Uint8Array(Float64Array.from(constant.doubles).buffer);
  if ("bool" in constant) return Uint8Array.of(constant.bool ? 1 : 0);
  if ("text" in constant) return utf8Encode(constant.text);
  if ("texts" in constant) {
    const [lower, upper] = constant.texts.map(utf8Encode);
    if (lower === undefined || upper === undefined) return new Uint8Array(0);
    return concatBytes([uint32(lower.length), lower, upper]);
  }
  if ("encoded" in constant) return encodeStringList(constant.encoded);
  return concatBytes(constant.like.map(encodeLikePart));
}

function encodeStringList(texts: readonly Uint8Array[]): Uint8Array {
  const head = new Uint32Array(texts.length + 2);
  head[0] = texts.length;
  let end = 0;
  texts.forEach((text, i) => {
    end += text.length;
    head[i + 2] = end;
  });
  return concatBytes([new Uint8Array(head.buffer), ...texts]);
}

function encodeLikePart(part: LikePatternPart): Uint8Array {
  if (part.kind === "any-run") return Uint8Array.of(LikePart.AnyRun);
  if (part.kind === "one-character") return Uint8Array.of(LikePart.OneCharacter);
  const text = utf8Encode(part.text);
  return concatBytes([Uint8Array.of(LikePart.Literal), uint32(text.length), text]);
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
