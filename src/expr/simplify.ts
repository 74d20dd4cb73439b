import { DataType } from "../model/data-type.ts";
import {
  columnKey,
  columnsOf,
  comparedType,
  FALSE,
  isLeaf,
  isNeverUnknown,
  TRUE,
  type ColumnRef,
  type ComparePredicate,
  type Constant,
  type InPredicate,
  type JunctionPredicate,
  type LeafPredicate,
  type Predicate,
} from "./ast.ts";
import { compareConstants, compareText, constantKey, isInteger } from "./constants.ts";
import {
  columnValues,
  integerBounds,
  joinNeighbours,
  predicatesOf,
  type ColumnValues,
} from "./leaf-value-set.ts";
import { pushNotDown } from "./negation.ts";
import { printPredicate } from "./print.ts";
import { complement, isEverything, union } from "./value-set.ts";

/**
 * An equivalent filter that is cheaper to run and easier to plan. It is true for exactly the same rows, with all nulls; false
 * and unknown may trade places, because a filter only asks what is true.
 *
 * NOT goes down to the leaves first. After that every other node is looked at for its truth alone, so that unknown may be
 * folded like false (`a in []` is false, `not (a in [])` is `a is not null`).
 */
export function simplify(predicate: Predicate): Predicate {
  return simplifyNode(pushNotDown(predicate));
}

function simplifyNode(predicate: Predicate): Predicate {
  switch (predicate.kind) {
    case "constant":
      return predicate;
    case "and":
    case "or":
      return simplifyJunction(predicate);
    case "not":
      return isLeaf(predicate.child) ? simplifyLeaf(predicate.child, true) : predicate;
    default:
      return simplifyLeaf(predicate, false);
  }
}

/** What is true exactly where the leaf, or with `negated` its negation, is. */
function simplifyLeaf(leaf: LeafPredicate, negated: boolean): Predicate {
  const unchanged: Predicate = negated ? { kind: "not", child: leaf } : leaf;
  switch (leaf.kind) {
    case "is-null":
      if (leaf.column.nullable) return unchanged;
      return negated ? TRUE : FALSE;
    case "compare":
      return simplifyCompare(leaf, negated);
    case "range":
      if (compareConstants("==", leaf.lower, leaf.upper) === true) {
        return simplifyCompare(
          { kind: "compare", column: leaf.column, op: "==", value: leaf.lower },
          negated,
        );
      }
      return throughValues(leaf.column, unchanged);
    case "in":
      return simplifyIn(leaf, negated);
    case "like": {
      const literal = leaf.parts.every((part) => part.kind === "literal");
      if (literal) {
        const value = leaf.parts.map((part) => (part.kind === "literal" ? part.text : "")).join("");
        const op = negated ? "!=" : "==";
        return { kind: "compare", column: leaf.column, op, value: { kind: "string", value } };
      }
      if (leaf.parts.every((part) => part.kind === "any-run"))
        return negated ? FALSE : (whereKnown(leaf.column) ?? unchanged);
      return unchanged;
    }
    case "contains":
      if (leaf.values.length > 0) return unchanged;
      return (leaf.mode === "all") === negated ? FALSE : (whereKnown(leaf.column) ?? unchanged);
    case "array-length":
      if (leaf.value >= 0n || negated) return unchanged;
      if (leaf.op === "==" || leaf.op === "<" || leaf.op === "<=") return FALSE;
      return whereKnown(leaf.column) ?? unchanged;
    case "regex":
    case "arithmetic":
    case "shifted-time":
    case "compare-fields":
    case "exists":
    case "json-group":
      return unchanged;
  }
}

function simplifyCompare(leaf: ComparePredicate, negated: boolean): Predicate {
  const unchanged: Predicate = negated ? { kind: "not", child: leaf } : leaf;
  const { column, value } = leaf;
  if (comparedType(column) === DataType.Bool && value.kind === "bool") return simplifyBool(leaf, negated);
  if (value.kind === "array" && leaf.op !== "==" && leaf.op !== "!=") return negated ? unchanged : FALSE;
  if (negated && leaf.op === "==") return simplifyCompare({ ...leaf, op: "!=" }, false);
  return throughValues(column, unchanged);
}

/** One form for conditions on booleans, with which values of the column they are true: `== true` or `== false`. */
function simplifyBool(leaf: ComparePredicate, negated: boolean): Predicate {
  if (leaf.value.kind !== "bool") return leaf;
  const order = Number(leaf.value.value);
  const truth = (value: number) => {
    const [a, b] = [
      { kind: "int", value: BigInt(value) } as const,
      { kind: "int", value: BigInt(order) } as const,
    ];
    return (compareConstants(leaf.op, a, b) === true) !== negated;
  };
  const [onFalse, onTrue] = [truth(0), truth(1)];
  if (!onFalse && !onTrue) return FALSE;
  if (onFalse !== onTrue)
    return { kind: "compare", column: leaf.column, op: "==", value: { kind: "bool", value: onTrue } };
  return whereKnown(leaf.column) ?? (negated ? { kind: "not", child: leaf } : leaf);
}

function simplifyIn(leaf: InPredicate, negated: boolean): Predicate {
  const values = sortedValues(leaf);
  const { column } = leaf;
  const [first] = values;
  if (first === undefined)
    return negated ? (whereKnown(column) ?? { kind: "not", child: { ...leaf, values } }) : FALSE;
  if (values.length === 1) {
    return simplifyCompare({ kind: "compare", column, op: negated ? "!=" : "==", value: first }, false);
  }
  if (comparedType(column) === DataType.Bool) {
    const unchanged: Predicate = negated ? { kind: "not", child: { ...leaf, values } } : { ...leaf, values };
    return negated ? FALSE : (whereKnown(column) ?? unchanged);
  }
  const result: InPredicate = { ...leaf, values };
  return negated ? { kind: "not", child: result } : result;
}

/**
 * Without duplicates and without integers that the column's type cannot hold: booleans, numbers ascending, texts by bytes, then
 * arrays as they came. A list may have a million elements.
 */
function sortedValues({ column, values }: InPredicate): InPredicate["values"] {
  const type = comparedType(column);
  const [min, max] = integerBounds(type);
  const bools = new Set<boolean>();
  const ints: bigint[] = [];
  const floats: number[] = [];
  const texts: string[] = [];
  const arrays = new Map<string, Constant>();
  for (const value of values) {
    if (value.kind === "int") {
      if (!isInteger(type) || (value.value >= min && value.value <= max)) ints.push(value.value);
    } else if (value.kind === "float") floats.push(value.value);
    else if (value.kind === "string") texts.push(value.value);
    else if (value.kind === "array") arrays.set(constantKey(value), value);
    else bools.add(value.value);
  }
  const distinct = <T>(sorted: Iterable<T>): T[] =>
    [...sorted].filter((value, i, all) => i === 0 || value !== all[i - 1]);
  const sortedInts = distinct(BigInt64Array.from(ints).sort());
  // In JSON 1 and 1.0 are the same number.
  const known = floats.length > 0 ? new Set(sortedInts.map(Number)) : new Set<number>();
  const sortedFloats = distinct(Float64Array.from(floats).sort()).filter((value) => !known.has(value));
  return [
    ...[...bools].map((value) => ({ kind: "bool", value }) as const),
    ...sortedInts.map((value) => ({ kind: "int", value }) as const),
    ...sortedFloats.map((value) => ({ kind: "float", value }) as const),
    ...distinct(texts.sort(compareText)).map((value) => ({ kind: "string", value }) as const),
    ...arrays.values(),
  ];
}

/** Folds a condition that no value, or every value, of the column's type meets. */
function throughValues(column: ColumnRef, predicate: Predicate): Predicate {
  const values = columnValues(predicate);
  if (values === undefined) return predicate;
  if (values.set.length === 0 && !values.nan) return FALSE;
  if (isEverything(values.set) && (values.nan || values.domain !== "float"))
    return whereKnown(column) ?? predicate;
  return predicate;
}

/** `column is not null`; undefined where that is not what "has a value" means: paths and elements may be missing. */
function whereKnown(column: ColumnRef): Predicate | undefined {
  if (column.path.length > 0 || column.type === DataType.JSON) return undefined;
  return column.nullable ? { kind: "not", child: { kind: "is-null", column } } : TRUE;
}

function simplifyJunction(junction: JunctionPredicate): Predicate {
  const { kind } = junction;
  const decisive = kind === "or";
  const children: Predicate[] = [];
  const seen = new Set<string>();
  const add = (child: Predicate): boolean => {
    if (child.kind === kind) return child.children.every(add);
    if (child.kind === "constant") return child.value !== decisive;
    const key = identity(child);
    if (key === undefined || !seen.has(key)) children.push(child);
    if (key !== undefined) seen.add(key);
    return true;
  };
  for (const child of junction.children) if (!add(simplifyNode(child))) return decisive ? TRUE : FALSE;
  const merged = mergeNullTests(kind, mergeValues(kind, children));
  if (merged.some((child) => child.kind === "constant" && child.value === decisive))
    return decisive ? TRUE : FALSE;
  const left = merged.filter((child) => child.kind !== "constant");
  const [only] = left;
  if (only === undefined) return decisive ? FALSE : TRUE;
  return left.length === 1 ? only : { kind, children: left };
}

/** Long lists are not compared as a whole: two equal ones of a client are rare, and merging finds them anyway. */
const IDENTITY_LIST_MAX = 64;

function identity(predicate: Predicate): string | undefined {
  const leaf = predicate.kind === "not" ? predicate.child : predicate;
  if ((leaf.kind === "in" || leaf.kind === "contains") && leaf.values.length > IDENTITY_LIST_MAX)
    return undefined;
  // Junctions below were simplified apart and seldom repeat; printing them at each level would cost the depth.
  return isLeaf(leaf) ? printPredicate(predicate) : undefined;
}

/** Conditions on the values of one column become their intersection (and) or union (or), where that is shorter. */
function mergeValues(kind: "and" | "or", children: readonly Predicate[]): readonly Predicate[] {
  const groups = new Map<string, { readonly values: ColumnValues; readonly members: Predicate[] }>();
  const others: (Predicate | string)[] = [];
  for (const child of children) {
    const values = columnValues(child);
    if (values === undefined) {
      others.push(child);
      continue;
    }
    const group = groups.get(values.key);
    if (group === undefined) {
      groups.set(values.key, { values, members: [child] });
      others.push(values.key);
    } else group.members.push(child);
  }
  return others.flatMap((entry) => {
    if (typeof entry !== "string") return [entry];
    const group = groups.get(entry);
    return group === undefined ? [] : mergeGroup(kind, group.values, group.members);
  });
}

function mergeGroup(
  kind: "and" | "or",
  first: ColumnValues,
  members: readonly Predicate[],
): readonly Predicate[] {
  if (members.length === 1) return members;
  const all = members.map(columnValues).filter((values) => values !== undefined);
  // An intersection of thousands, by De Morgan, costs one sort.
  const set =
    kind === "or"
      ? union(all.flatMap((values) => values.set))
      : complement(union(all.flatMap((values) => complement(values.set))));
  const nan = kind === "or" ? all.some((values) => values.nan) : all.every((values) => values.nan);
  if (set.length === 0 && !nan) return [FALSE];
  const joined = joinNeighbours({ ...first, set });
  const result = predicatesOf({ ...first, set: joined, nan }, whereKnown(first.column));
  if (result === undefined) return members;
  const short =
    result.reduce((count, p) => count + (p.kind === "or" ? p.children.length : 1), 0) <= members.length;
  if (!short) return members;
  if (kind === "and" || result.length === 1)
    return result.flatMap((p) => (p.kind === kind ? p.children : [p]));
  return [{ kind: "and", children: result }];
}

/** `a is null` against the other conditions on a: these are never true for null. */
function mergeNullTests(kind: "and" | "or", children: readonly Predicate[]): readonly Predicate[] {
  const nulls = new Set<string>();
  const notNulls = new Set<string>();
  const conditions = new Set<string>();
  for (const child of children) {
    const leaf = child.kind === "not" ? child.child : child;
    if (!isLeaf(leaf) || leaf.kind === "exists" || leaf.kind === "json-group") continue;
    if (leaf.kind === "is-null") (child.kind === "not" ? notNulls : nulls).add(columnKey(leaf.column));
    else for (const column of columnsOf(leaf)) conditions.add(String(column.fieldId));
  }
  if (nulls.size + notNulls.size === 0) return children;
  if (kind === "and") {
    if ([...nulls].some((key) => notNulls.has(key) || conditions.has(key))) return [FALSE];
    return children.filter(
      (child) =>
        !(
          child.kind === "not" &&
          child.child.kind === "is-null" &&
          conditions.has(columnKey(child.child.column))
        ),
    );
  }
  if ([...nulls].some((key) => notNulls.has(key))) return [TRUE];
  return children.filter((child) => {
    const leaf = child.kind === "not" ? child.child : child;
    if (!isLeaf(leaf) || isNeverUnknown(leaf)) return true;
    return !columnsOf(leaf).some((column) => notNulls.has(String(column.fieldId)));
  });
}
