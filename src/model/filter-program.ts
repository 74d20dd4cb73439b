/** Numbers of docs/internals/filter-program.md; the engine has the same in engine/include. */
export const FILTER_MAGIC = 0x5046_4b52; // "RKFP", little-endian
export const FILTER_VERSION = 1;
export const FILTER_HEADER_BYTES = 16;
export const FILTER_OP_BYTES = 32;
export const FILTER_REGISTERS_MAX = 64;
export const FILTER_OPS_MAX = 65_536;

export const FilterOp = {
  Const: 0,
  And: 1,
  Or: 2,
  Not: 3,
  Compare: 4,
  Range: 5,
  In: 6,
  Like: 7,
  IsNull: 8,
  Arith: 9,
  CompareFields: 10,
  External: 11,
  Bool: 12,
} as const;
export type FilterOp = (typeof FilterOp)[keyof typeof FilterOp];

export const Comparison = { Eq: 0, Ne: 1, Lt: 2, Le: 3, Gt: 4, Ge: 5 } as const;
export type Comparison = (typeof Comparison)[keyof typeof Comparison];

export const Arithmetic = { None: 0, Add: 1, Sub: 2, Mul: 3, Div: 4, Mod: 5 } as const;
export type Arithmetic = (typeof Arithmetic)[keyof typeof Arithmetic];

export const ConstantKind = {
  None: 0,
  Int64: 1,
  Double: 2,
  String: 3,
  Bool: 4,
  Int64List: 5,
  DoubleList: 6,
  StringList: 7,
} as const;
export type ConstantKind = (typeof ConstantKind)[keyof typeof ConstantKind];

export const LikePart = { Literal: 0, AnyRun: 1, OneCharacter: 2 } as const;

/** Flags of an operation. */
export const LOWER_INCLUSIVE = 1;
export const UPPER_INCLUSIVE = 2;
/** A segment without the field (added later, nullable) has null in every row; without the flag that is an error. */
export const FIELD_MISSING_IS_NULL = 4;

/** An encoded program (docs/internals/filter-program.md). */
export interface FilterProgram {
  readonly bytes: Uint8Array;
  /** Number of EXTERNAL bitmaps that a run must be given. */
  readonly externals: number;
}

/** A three-valued bitmap over the rows of a segment, as words of 64 bits (least significant bit first). */
export interface TriBitmap {
  readonly isTrue: BigUint64Array;
  readonly isFalse: BigUint64Array;
}
