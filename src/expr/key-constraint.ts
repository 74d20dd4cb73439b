import type { ColumnRef, Constant, Predicate } from "./ast.ts";
import { constantKey } from "./constants.ts";

/** Point lookups: every row that matches the filter has one of these primary keys. */
export interface KeyConstraint {
  /** Sorted, without duplicates; ints or strings, as the key. */
  readonly values: readonly Constant[];
  /** Whether having one of the keys is also enough: the filter says nothing else. */
  readonly isWholeFilter: boolean;
}

/** From a simplified predicate: `pk == x` or `pk in [...]`, alone or among the operands of the outermost AND. */
export function keyConstraint(predicate: Predicate): KeyConstraint | undefined {
  const isKey = (column: ColumnRef) => column.isPrimaryKey;
  const whole = pointValues(predicate, isKey);
  if (whole !== undefined) return { values: whole, isWholeFilter: true };
  if (predicate.kind !== "and") return undefined;
  for (const child of predicate.children) {
    const values = pointValues(child, isKey);
    if (values !== undefined) return { values, isWholeFilter: false };
  }
  return undefined;
}

/**
 * Values of the partition key outside which nothing matches: by == and IN, alone, AND-ed with anything, or OR-ed when every
 * alternative has such values. Undefined when the filter leaves the partition key free.
 */
export function partitionKeyValues(predicate: Predicate): readonly Constant[] | undefined {
  const own = pointValues(predicate, (column) => column.isPartitionKey);
  if (own !== undefined) return own;
  if (predicate.kind === "and") {
    let fewest: readonly Constant[] | undefined;
    for (const child of predicate.children) {
      const values = partitionKeyValues(child);
      if (values !== undefined && (fewest === undefined || values.length < fewest.length)) fewest = values;
    }
    return fewest;
  }
  if (predicate.kind === "or") {
    const union = new Map<string, Constant>();
    for (const child of predicate.children) {
      const values = partitionKeyValues(child);
      if (values === undefined) return undefined;
      for (const value of values) union.set(constantKey(value), value);
    }
    return [...union.values()];
  }
  return undefined;
}

function pointValues(
  predicate: Predicate,
  wanted: (column: ColumnRef) => boolean,
): readonly Constant[] | undefined {
  if (predicate.kind !== "compare" && predicate.kind !== "in") return undefined;
  if (!wanted(predicate.column) || predicate.column.path.length > 0) return undefined;
  if (predicate.kind === "in") return predicate.values;
  return predicate.op === "==" ? [predicate.value] : undefined;
}
