import type { FieldId } from "../model/ids.ts";
import {
  columnsOf,
  isLeaf,
  type ColumnRef,
  type Constant,
  type LeafPredicate,
  type Predicate,
} from "./ast.ts";
import { columnValues } from "./leaf-value-set.ts";
import { compareText } from "./constants.ts";
import { compareScalars, intersection, type Interval, type Scalar } from "./value-set.ts";

/** What is known of a field over all rows of a segment. Bounds may be wider than the values, never narrower. */
export interface FieldBounds {
  readonly rows: number;
  readonly nulls: number;
  /** Undefined when not known, and when all rows are null. NaN lies within any bounds. */
  readonly min: Scalar | boolean | undefined;
  readonly max: Scalar | boolean | undefined;
}

/**
 * Whether no row of a segment can match the (simplified) predicate, from its statistics alone. Conservative: false means
 * "look", and a field without statistics can match anything.
 */
export function cannotMatch(
  predicate: Predicate,
  statistics: (field: FieldId) => FieldBounds | undefined,
): boolean {
  switch (predicate.kind) {
    case "constant":
      return !predicate.value;
    case "and":
      return predicate.children.some((child) => cannotMatch(child, statistics));
    case "or":
      return predicate.children.every((child) => cannotMatch(child, statistics));
    case "not":
      return isLeaf(predicate.child) && leafCannotMatch(predicate.child, "negated", statistics);
    default:
      return leafCannotMatch(predicate, "plain", statistics);
  }
}

function leafCannotMatch(
  leaf: LeafPredicate,
  sign: "plain" | "negated",
  statistics: (field: FieldId) => FieldBounds | undefined,
): boolean {
  const [column] = columnsOf(leaf);
  const bounds = column === undefined ? undefined : statistics(column.fieldId);
  if (column === undefined || bounds === undefined) return false;
  if (bounds.rows === 0) return true;
  if (leaf.kind === "is-null") return sign === "plain" ? bounds.nulls === 0 : bounds.nulls >= bounds.rows;
  // A path that is not there does not exist, which a negation of `exists` is true for.
  if (leaf.kind === "exists") return sign === "plain" && bounds.nulls >= bounds.rows;
  if (leaf.kind === "json-group") return false;
  if (bounds.nulls >= bounds.rows) return true;
  if (column.path.length > 0 || leaf.kind === "compare-fields") return false;
  if (leaf.kind === "like") return sign === "plain" && prefixIsOutside(leaf.parts[0], bounds);
  if (leaf.kind === "compare" && leaf.value.kind === "bool")
    return boolCannotMatch(leaf.value, leaf.op, sign, bounds);
  return valuesAreOutside(column, sign === "negated" ? { kind: "not", child: leaf } : leaf, bounds);
}

function valuesAreOutside(column: ColumnRef, predicate: Predicate, bounds: FieldBounds): boolean {
  const values = columnValues(predicate);
  if (values === undefined || values.nan || column.path.length > 0) return false;
  const { min, max } = bounds;
  if (min === undefined || max === undefined || typeof min === "boolean" || typeof max === "boolean")
    return false;
  if ((typeof min === "string") !== (values.domain === "text")) return false;
  const within: Interval = { lower: min, lowerInclusive: true, upper: max, upperInclusive: true };
  return intersection(values.set, [within]).length === 0;
}

function boolCannotMatch(
  constant: Constant & { readonly kind: "bool" },
  op: string,
  sign: "plain" | "negated",
  { min, max }: FieldBounds,
): boolean {
  if (typeof min !== "boolean" || min !== max || (op !== "==" && op !== "!=")) return false;
  return ((min === constant.value) === (op === "==")) !== (sign === "plain");
}

/** Texts with the pattern's literal beginning all lie outside of [min, max]. */
function prefixIsOutside(
  first: { readonly kind: string; readonly text?: string } | undefined,
  { min, max }: FieldBounds,
): boolean {
  if (
    first?.kind !== "literal" ||
    first.text === undefined ||
    typeof min !== "string" ||
    typeof max !== "string"
  )
    return false;
  if (compareScalars(first.text, max) > 0) return true;
  return compareText(first.text, min) < 0 && !min.startsWith(first.text);
}
