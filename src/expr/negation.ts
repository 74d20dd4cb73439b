import { assertNever } from "../base/assert.ts";
import {
  comparedType,
  FALSE,
  negateComparison,
  TRUE,
  type ColumnRef,
  type LeafPredicate,
  type Predicate,
} from "./ast.ts";
import { isFloating } from "./constants.ts";
import { DataType } from "../model/data-type.ts";

/**
 * The same three-valued meaning with NOT only around leaves that cannot express their negation: De Morgan's laws hold with unknown
 * as well, and `not a < 5` is `a >= 5` wherever the order is total.
 */
export function pushNotDown(predicate: Predicate): Predicate {
  return push(predicate, false);
}

function push(predicate: Predicate, negated: boolean): Predicate {
  switch (predicate.kind) {
    case "constant":
      return predicate.value !== negated ? TRUE : FALSE;
    case "not":
      return push(predicate.child, !negated);
    case "and":
    case "or": {
      const kind = (predicate.kind === "and") === negated ? "or" : "and";
      return { kind, children: predicate.children.map((child) => push(child, negated)) };
    }
    case "compare":
    case "range":
    case "in":
    case "like":
    case "regex":
    case "is-null":
    case "arithmetic":
    case "shifted-time":
    case "array-length":
    case "compare-fields":
    case "contains":
    case "exists":
    case "json-group":
      return negated ? negateLeaf(predicate) : predicate;
    default:
      return assertNever(predicate, "predicate");
  }
}

function negateLeaf(leaf: LeafPredicate): Predicate {
  if (!hasExactOpposite(leaf)) return { kind: "not", child: leaf };
  switch (leaf.kind) {
    case "compare":
    case "arithmetic":
    case "shifted-time":
    case "array-length":
    case "compare-fields":
      return { ...leaf, op: negateComparison(leaf.op) };
    default:
      return { kind: "not", child: leaf };
  }
}

/** == and != always are each other's opposites; `<` and `>=` only without NaN, which floating-point columns may hold. */
function hasExactOpposite(leaf: LeafPredicate): boolean {
  switch (leaf.kind) {
    case "array-length":
    case "shifted-time":
      return true;
    case "compare":
      // An array is neither less than a constant nor at least it.
      return (
        isEquality(leaf.op) ||
        (leaf.value.kind !== "array" && hasTotalOrder(leaf.column) && !isNaNConstant(leaf))
      );
    case "arithmetic":
      return isEquality(leaf.op) || (leaf.operand.kind === "int" && leaf.column.type !== DataType.JSON);
    case "compare-fields":
      return isEquality(leaf.op) || (hasTotalOrder(leaf.left) && hasTotalOrder(leaf.right));
    default:
      return false;
  }
}

function isNaNConstant(leaf: LeafPredicate & { readonly kind: "compare" }): boolean {
  return leaf.value.kind === "float" && Number.isNaN(leaf.value.value);
}

function isEquality(op: string): boolean {
  return op === "==" || op === "!=";
}

function hasTotalOrder(column: ColumnRef): boolean {
  return !isFloating(comparedType(column));
}
