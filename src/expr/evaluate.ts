import { assertNever } from "../base/assert.ts";
import type { FieldId } from "../model/ids.ts";
import { columnsOf, type LeafPredicate, type Predicate } from "./ast.ts";
import { leafTest, type Cell, type Truth } from "./leaf.ts";

/** Reads one field of a row; null where it has no value. */
export type RowAccessor = (field: FieldId) => Cell;

/**
 * What a predicate says of a row: true, false, or null for unknown. The reference for the engine's kernels, and what computes
 * the predicates that have none.
 */
export function evaluate(predicate: Predicate, row: RowAccessor): Truth {
  return evaluator(predicate)(row);
}

/** The same, with everything that does not depend on the row done once. */
export function evaluator(predicate: Predicate): (row: RowAccessor) => Truth {
  switch (predicate.kind) {
    case "constant":
      return () => predicate.value;
    case "not": {
      const child = evaluator(predicate.child);
      return (row) => not(child(row));
    }
    case "and":
      return junction(predicate.children, false);
    case "or":
      return junction(predicate.children, true);
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
      return leaf(predicate);
    default:
      return assertNever(predicate, "predicate");
  }
}

export function not(truth: Truth): Truth {
  return truth === null ? null : !truth;
}

/** `decisive` is what one child makes of the whole: false for AND, true for OR. Unknown otherwise when any child is. */
function junction(children: readonly Predicate[], decisive: boolean): (row: RowAccessor) => Truth {
  const evaluators = children.map(evaluator);
  return (row) => {
    let result: Truth = !decisive;
    for (const child of evaluators) {
      const truth = child(row);
      if (truth === decisive) return decisive;
      if (truth === null) result = null;
    }
    return result;
  };
}

function leaf(predicate: LeafPredicate): (row: RowAccessor) => Truth {
  const test = leafTest(predicate);
  const [first, second] = columnsOf(predicate);
  if (first === undefined) return () => null;
  const firstId = first.fieldId;
  if (second === undefined) return (row) => test(row(firstId), null);
  const secondId = second.fieldId;
  return (row) => test(row(firstId), row(secondId));
}
