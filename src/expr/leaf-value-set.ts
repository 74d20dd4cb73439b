import { DataType } from "../model/data-type.ts";
import {
  columnKey,
  comparedType,
  type ColumnRef,
  type ComparisonOp,
  type Constant,
  type Predicate,
} from "./ast.ts";
import { isFloating, isInteger } from "./constants.ts";
import { INT64_MAX, INT64_MIN } from "./number-literal.ts";
import {
  complement,
  intersection,
  isEverything,
  isPoint,
  point,
  pointSet,
  union,
  type Interval,
  type Scalar,
  type ValueSet,
} from "./value-set.ts";

/** What a predicate says of one column: it is true exactly for values in the set, and for NaN when `nan`. Never for null. */
export interface ColumnValues {
  readonly column: ColumnRef;
  /** Equal for sets that may be intersected and joined: same column and, for JSON, same kind of values. */
  readonly key: string;
  readonly domain: Domain;
  readonly set: ValueSet;
  readonly nan: boolean;
}

/** `json-number` has no NaN and no range of its own; `float` has NaN. */
export type Domain = "int" | "float" | "text" | "json-number" | "json-text";

/** Larger lists are left as they are: as intervals they would take much memory. */
const LIST_MAX = 20_000;

/** Undefined for predicates that are not about values of one ordered column. */
export function columnValues(predicate: Predicate): ColumnValues | undefined {
  const negated = predicate.kind === "not";
  const leaf = negated ? predicate.child : predicate;
  if (leaf.kind !== "compare" && leaf.kind !== "range" && leaf.kind !== "in") return undefined;
  if (leaf.kind === "in" && leaf.values.length > LIST_MAX) return undefined;
  const constants =
    leaf.kind === "compare" ? [leaf.value] : leaf.kind === "range" ? [leaf.lower, leaf.upper] : leaf.values;
  const domain = domainOf(leaf.column, constants);
  if (domain === undefined) return undefined;
  const positive = leafSet(leaf);
  const set = negated ? complement(positive) : positive;
  const nan = domain === "float" && (leaf.kind === "compare" && leaf.op === "!=" ? !negated : negated);
  return {
    column: leaf.column,
    key: `${domain}:${columnKey(leaf.column)}`,
    domain,
    set: clip(leaf.column, domain, set),
    nan,
  };
}

/**
 * Predicates whose AND is true exactly for the values; undefined when there is no short form. `everything` stands for
 * every value that is known.
 */
export function predicatesOf(
  values: ColumnValues,
  everything: Predicate | undefined,
): readonly Predicate[] | undefined {
  const { column, domain } = values;
  if (values.nan) {
    const inverse = predicatesOf({ ...values, set: complement(values.set), nan: false }, undefined);
    const [only] = inverse ?? [];
    if (isEverything(values.set)) return everything === undefined ? undefined : [everything];
    if (inverse?.length !== 1 || only === undefined || only.kind === "or") return undefined;
    if (only.kind === "compare" && only.op === "==") return [{ ...only, op: "!=" }];
    return [only.kind === "not" ? only.child : { kind: "not", child: only }];
  }
  // All floating-point numbers but not NaN: no condition says that more shortly.
  if (isEverything(values.set))
    return everything === undefined || domain === "float" ? undefined : [everything];
  // Apart from single values left out, is it one interval?
  const holes: Scalar[] = [];
  const [first] = values.set;
  const last = values.set.at(-1);
  if (first === undefined || last === undefined) return undefined;
  for (let i = 1; i < values.set.length; i++) {
    const hole = holeBetween(domain, values.set[i - 1], values.set[i]);
    if (hole === undefined) return alternatives(values);
    holes.push(hole);
  }
  if (holes.length > 0 && values.set.every(isPoint)) return alternatives(values);
  const hull: Interval = { ...first, upper: last.upper, upperInclusive: last.upperInclusive };
  const result: Predicate[] = [];
  if (hull.lower !== undefined || hull.upper !== undefined)
    result.push(intervalPredicate(column, domain, hull));
  if (holes.length === 1)
    result.push({ kind: "compare", column, op: "!=", value: constantOf(domain, holes[0] ?? 0) });
  else if (holes.length > 1) {
    result.push({
      kind: "not",
      child: { kind: "in", column, values: holes.map((hole) => constantOf(domain, hole)) },
    });
  }
  return result;
}

/**
 * Joins intervals of integers with nothing between them. Neighbouring points stay points: `id in [1, 2]` is a lookup of two
 * keys, a range is not.
 */
export function joinNeighbours({ domain, set }: ColumnValues): ValueSet {
  if (domain !== "int") return set;
  const join = (a: Interval, b: Interval): Interval | undefined => {
    const adjacent = typeof a.upper === "bigint" && b.lower === a.upper + 1n && !(isPoint(a) && isPoint(b));
    return adjacent ? { ...a, upper: b.upper, upperInclusive: b.upperInclusive } : undefined;
  };
  const forwards: Interval[] = [];
  for (const next of set) {
    const last = forwards.at(-1);
    const joined = last && join(last, next);
    if (joined === undefined) forwards.push(next);
    else forwards[forwards.length - 1] = joined;
  }
  // A point before a point before a range only joins from behind.
  const backwards: Interval[] = [];
  for (const previous of forwards.reverse()) {
    const first = backwards.at(-1);
    const joined = first && join(previous, first);
    if (joined === undefined) backwards.push(previous);
    else backwards[backwards.length - 1] = joined;
  }
  return backwards.reverse();
}

/** Smallest and largest value of an integer column's type. */
export function integerBounds(type: DataType): readonly [bigint, bigint] {
  switch (type) {
    case DataType.Int8:
      return [-0x80n, 0x7fn];
    case DataType.Int16:
      return [-0x8000n, 0x7fffn];
    case DataType.Int32:
      return [-0x8000_0000n, 0x7fff_ffffn];
    default:
      return [INT64_MIN, INT64_MAX];
  }
}

/** Points as one list, intervals one by one, joined by OR. */
function alternatives({ column, domain, set }: ColumnValues): readonly Predicate[] {
  const points = set.filter(isPoint).map((interval) => interval.lower);
  const children: Predicate[] = [];
  if (points.length > 0) children.push(pointsPredicate(column, domain, points));
  for (const interval of set)
    if (!isPoint(interval)) children.push(intervalPredicate(column, domain, interval));
  const [only] = children;
  return children.length === 1 && only !== undefined ? [only] : [{ kind: "or", children }];
}

function pointsPredicate(column: ColumnRef, domain: Domain, points: readonly Scalar[]): Predicate {
  const [only] = points;
  if (points.length === 1 && only !== undefined)
    return { kind: "compare", column, op: "==", value: constantOf(domain, only) };
  return { kind: "in", column, values: points.map((value) => constantOf(domain, value)) };
}

function intervalPredicate(column: ColumnRef, domain: Domain, interval: Interval): Predicate {
  const { lower, upper, lowerInclusive, upperInclusive } = interval;
  if (isPoint(interval)) return pointsPredicate(column, domain, [interval.lower]);
  if (lower === undefined || upper === undefined) {
    const op: ComparisonOp =
      lower === undefined ? (upperInclusive ? "<=" : "<") : lowerInclusive ? ">=" : ">";
    return { kind: "compare", column, op, value: constantOf(domain, lower ?? upper ?? 0) };
  }
  return {
    kind: "range",
    column,
    lower: constantOf(domain, lower),
    lowerInclusive,
    upper: constantOf(domain, upper),
    upperInclusive,
  };
}

function holeBetween(
  domain: Domain,
  before: Interval | undefined,
  after: Interval | undefined,
): Scalar | undefined {
  const left = before?.upper;
  const right = after?.lower;
  if (left === undefined || right === undefined) return undefined;
  if (domain === "int") return typeof left === "bigint" && right === left + 2n ? left + 1n : undefined;
  return !before?.upperInclusive && !after?.lowerInclusive && left === right ? left : undefined;
}

function domainOf(column: ColumnRef, constants: readonly Constant[]): Domain | undefined {
  const type = comparedType(column);
  if (constants.some((constant) => constant.kind === "float" && Number.isNaN(constant.value)))
    return undefined;
  const numbers = constants.every(({ kind }) => kind === "int" || kind === "float");
  const texts = constants.every(({ kind }) => kind === "string");
  if (isInteger(type)) return constants.every(({ kind }) => kind === "int") ? "int" : undefined;
  if (isFloating(type)) return numbers ? "float" : undefined;
  if (type === DataType.VarChar || type === DataType.String) return texts ? "text" : undefined;
  if (type === DataType.JSON && constants.length > 0)
    return numbers ? "json-number" : texts ? "json-text" : undefined;
  return undefined;
}

function leafSet(leaf: Extract<Predicate, { readonly kind: "compare" | "range" | "in" }>): ValueSet {
  if (leaf.kind === "in") return pointSet(leaf.values.map(scalarOf));
  if (leaf.kind === "range") {
    const { lowerInclusive, upperInclusive } = leaf;
    return union([
      { lower: scalarOf(leaf.lower), lowerInclusive, upper: scalarOf(leaf.upper), upperInclusive },
    ]);
  }
  const value = scalarOf(leaf.value);
  switch (leaf.op) {
    case "==":
      return pointSet([value]);
    case "!=":
      return complement(pointSet([value]));
    case "<":
    case "<=":
      return [{ lower: undefined, lowerInclusive: false, upper: value, upperInclusive: leaf.op === "<=" }];
    case ">":
    case ">=":
      return [{ lower: value, lowerInclusive: leaf.op === ">=", upper: undefined, upperInclusive: false }];
  }
}

/** For integers inclusive bounds within the type, so that `a > 5 and a < 7` is `a == 6`. */
function clip(column: ColumnRef, domain: Domain, set: ValueSet): ValueSet {
  if (domain !== "int") return set;
  const [min, max] = integerBounds(comparedType(column));
  const inclusive = set.map((interval): Interval => {
    const lower =
      interval.lower === undefined ? undefined : BigInt(interval.lower) + (interval.lowerInclusive ? 0n : 1n);
    const upper =
      interval.upper === undefined ? undefined : BigInt(interval.upper) - (interval.upperInclusive ? 0n : 1n);
    // A point stays one, at the ends of the type too.
    if (lower !== undefined && lower === upper) return point(lower);
    return {
      lower: lower === undefined || lower <= min ? undefined : lower,
      lowerInclusive: lower !== undefined && lower > min,
      upper: upper === undefined || upper >= max ? undefined : upper,
      upperInclusive: upper !== undefined && upper < max,
    };
  });
  const within: Interval = { lower: min, lowerInclusive: true, upper: max, upperInclusive: true };
  return union(inclusive.filter((interval) => intersection([interval], [within]).length > 0));
}

function scalarOf(constant: Constant): Scalar {
  return constant.kind === "int" || constant.kind === "float" || constant.kind === "string"
    ? constant.value
    : 0;
}

function constantOf(domain: Domain, value: Scalar): Constant {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "bigint") return { kind: "int", value };
  return domain === "int" ? { kind: "int", value: BigInt(value) } : { kind: "float", value };
}
