import type { DataType } from "../model/data-type.ts";
import type { FieldId } from "../model/ids.ts";

/** A typed condition on a row: true, false or unknown (null). What the type check makes and everything behind it reads. */
export type Predicate =
  | ConstantPredicate
  | JunctionPredicate
  | NotPredicate
  | ComparePredicate
  | RangePredicate
  | InPredicate
  | LikePredicate
  | RegexPredicate
  | IsNullPredicate
  | ArithmeticPredicate
  | ShiftedTimePredicate
  | ArrayLengthPredicate
  | CompareFieldsPredicate
  | ContainsPredicate
  | ExistsPredicate
  | JsonGroupPredicate;

/** A predicate that looks at columns itself, rather than joining others. */
export type LeafPredicate = Exclude<Predicate, ConstantPredicate | JunctionPredicate | NotPredicate>;

export interface ConstantPredicate {
  readonly kind: "constant";
  readonly value: boolean;
}

/** At least two children; `a and b and c` is one node. */
export interface JunctionPredicate {
  readonly kind: "and" | "or";
  readonly children: readonly Predicate[];
}

export interface NotPredicate {
  readonly kind: "not";
  readonly child: Predicate;
}

/** Unknown where the column has no value, or a JSON path none of a kind that compares with the constant. */
export interface ComparePredicate {
  readonly kind: "compare";
  readonly column: ColumnRef;
  readonly op: ComparisonOp;
  readonly value: Constant;
}

export interface RangePredicate {
  readonly kind: "range";
  readonly column: ColumnRef;
  readonly lower: Constant;
  readonly lowerInclusive: boolean;
  readonly upper: Constant;
  readonly upperInclusive: boolean;
}

/** Values sorted and without duplicates once simplified; unknown for null, even with no values. */
export interface InPredicate {
  readonly kind: "in";
  readonly column: ColumnRef;
  readonly values: readonly Constant[];
}

export interface LikePredicate {
  readonly kind: "like";
  readonly column: ColumnRef;
  /** As written, after string escapes. */
  readonly pattern: string;
  readonly parts: readonly LikePatternPart[];
}

/** Some part of a text matches. Valid and within the bounds of `regex.ts`, which compiles it wherever it is to run. */
export interface RegexPredicate {
  readonly kind: "regex";
  readonly column: ColumnRef;
  /** As RE2 reads it. */
  readonly pattern: string;
}

/** A whole value matches when the parts, in order, cover it. Literals have at least one character. */
export type LikePatternPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "any-run" }
  | { readonly kind: "one-character" };

/** Never unknown. The column has no path: `json["a"] is null` is `not exists json["a"]`. */
export interface IsNullPredicate {
  readonly kind: "is-null";
  readonly column: ColumnRef;
}

/** (column arithmetic operand) op value. Operand and value are of one kind. */
export interface ArithmeticPredicate {
  readonly kind: "arithmetic";
  readonly column: ColumnRef;
  readonly arithmetic: ArithmeticOp;
  readonly operand: NumberConstant;
  readonly op: ComparisonOp;
  readonly value: NumberConstant;
}

/** (column + months + micros) op value, on a Timestamptz column; the months are not 0, as without them the value is shifted instead. */
export interface ShiftedTimePredicate {
  readonly kind: "shifted-time";
  readonly column: ColumnRef;
  readonly months: number;
  readonly micros: bigint;
  readonly op: ComparisonOp;
  /** Microseconds since 1970, as the column holds them. */
  readonly value: bigint;
}

export interface ArrayLengthPredicate {
  readonly kind: "array-length";
  readonly column: ColumnRef;
  readonly op: ComparisonOp;
  readonly value: bigint;
}

export interface CompareFieldsPredicate {
  readonly kind: "compare-fields";
  readonly left: ColumnRef;
  readonly op: ComparisonOp;
  readonly right: ColumnRef;
}

/** Whether an array has any, or all, of the values. Unknown where there is no array. */
export interface ContainsPredicate {
  readonly kind: "contains";
  /** The function as the client knows it: `json_contains` and `array_contains` have one value. */
  readonly mode: "one" | "any" | "all";
  readonly column: ColumnRef;
  readonly values: readonly Constant[];
}

/** Whether a JSON path has a value other than null, and other than an object or array of nothing but such. Never unknown. */
export interface ExistsPredicate {
  readonly kind: "exists";
  readonly column: ColumnRef;
}

/** Whether a JSON path has one of the values that hits are grouped by (json-group.ts). Never unknown; no expression says it. */
export interface JsonGroupPredicate {
  readonly kind: "json-group";
  readonly column: ColumnRef;
  /** What values are read as; None for their text. */
  readonly type: DataType;
  readonly values: ReadonlySet<boolean | bigint | string>;
  /** Whether rows without a value count. */
  readonly orNone: boolean;
}

export type ComparisonOp = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type ArithmeticOp = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^";

export type Constant = BoolConstant | NumberConstant | StringConstant | ArrayConstant;
export type NumberConstant = IntConstant | FloatConstant;

export interface BoolConstant {
  readonly kind: "bool";
  readonly value: boolean;
}

/** Within int64. */
export interface IntConstant {
  readonly kind: "int";
  readonly value: bigint;
}

export interface FloatConstant {
  readonly kind: "float";
  readonly value: number;
}

export interface StringConstant {
  readonly kind: "string";
  readonly value: string;
}

export interface ArrayConstant {
  readonly kind: "array";
  readonly items: readonly Constant[];
}

/** A field, a JSON path inside one, or one element of an Array field. */
export interface ColumnRef {
  readonly fieldId: FieldId;
  readonly name: string;
  readonly type: DataType;
  /** Of an Array field, else None. */
  readonly elementType: DataType;
  readonly nullable: boolean;
  readonly isPrimaryKey: boolean;
  readonly isPartitionKey: boolean;
  /** Empty for the field itself; one index for an element of an Array. */
  readonly path: readonly PathStep[];
}

/**
 * One step of a JSON path. As in a JSON pointer a step is text: `["0"]` and `[0]` both find the first element of an array and
 * the key `0` of an object; `index` only remembers how it was written.
 */
export interface PathStep {
  readonly kind: "key" | "index";
  readonly text: string;
}

/** The type that comparisons see: an element's for an indexed Array. */
export function comparedType(column: ColumnRef): DataType {
  return column.elementType !== 0 && column.path.length > 0 ? column.elementType : column.type;
}

/** Equal for columns that hold the same values. */
export function columnKey(column: ColumnRef): string {
  if (column.path.length === 0) return String(column.fieldId);
  return `${column.fieldId}${column.path.map((step) => `/${step.text.length}:${step.text}`).join("")}`;
}

export const TRUE: ConstantPredicate = { kind: "constant", value: true };
export const FALSE: ConstantPredicate = { kind: "constant", value: false };

const mirrored = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;
const negated = { "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const;

/** `a op b` is `b mirror(op) a`. */
export function mirrorComparison(op: ComparisonOp): ComparisonOp {
  return mirrored[op];
}

/** `not (a op b)` is `a negate(op) b`, except where the order is not total (NaN). */
export function negateComparison(op: ComparisonOp): ComparisonOp {
  return negated[op];
}

/** Whether the leaf is true or false even where its column has no value. */
export function isNeverUnknown({ kind }: LeafPredicate): boolean {
  return kind === "is-null" || kind === "exists" || kind === "json-group";
}

/** The columns that a leaf reads. */
export function columnsOf(leaf: LeafPredicate): readonly ColumnRef[] {
  return leaf.kind === "compare-fields" ? [leaf.left, leaf.right] : [leaf.column];
}

export function isLeaf(predicate: Predicate): predicate is LeafPredicate {
  const { kind } = predicate;
  return kind !== "constant" && kind !== "and" && kind !== "or" && kind !== "not";
}
