import { compareText } from "./constants.ts";

/**
 * A set of numbers or texts as intervals: ascending, disjoint, none empty. What comparisons, ranges and lists on one
 * column have in common, so that AND and OR of them become intersection and union. NaN is in no interval.
 */
export type ValueSet = readonly Interval[];

/** undefined bounds are infinite. A point has both bounds equal and inclusive. */
export interface Interval {
  readonly lower: Scalar | undefined;
  readonly lowerInclusive: boolean;
  readonly upper: Scalar | undefined;
  readonly upperInclusive: boolean;
}

export type Scalar = bigint | number | string;

export const EVERYTHING: ValueSet = [
  { lower: undefined, lowerInclusive: false, upper: undefined, upperInclusive: false },
];

/** Exact between bigint and number. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

export function point(value: Scalar): Interval {
  return { lower: value, lowerInclusive: true, upper: value, upperInclusive: true };
}

export function isPoint(
  interval: Interval,
): interval is Interval & { readonly lower: Scalar; readonly upper: Scalar } {
  const { lower, upper } = interval;
  return lower !== undefined && upper !== undefined && compareScalars(lower, upper) === 0;
}

export function isEverything(set: ValueSet): boolean {
  const [only] = set;
  return set.length === 1 && only !== undefined && only.lower === undefined && only.upper === undefined;
}

/** Points in any order, duplicates allowed. */
export function pointSet(values: readonly Scalar[]): ValueSet {
  return union(values.map(point));
}

/** The intervals in any order, overlapping or not. Empty ones are dropped. */
export function union(intervals: readonly Interval[]): ValueSet {
  const sorted = intervals.filter((interval) => !isEmpty(interval)).sort(compareLowers);
  const result: Interval[] = [];
  for (const next of sorted) {
    const last = result.at(-1);
    if (last === undefined || !touches(last, next)) {
      result.push(next);
    } else if (compareUppers(last, next) < 0) {
      result[result.length - 1] = { ...last, upper: next.upper, upperInclusive: next.upperInclusive };
    }
  }
  return result;
}

export function intersection(a: ValueSet, b: ValueSet): ValueSet {
  const result: Interval[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const x = a[i];
    const y = b[j];
    if (x === undefined || y === undefined) return result;
    const lower = compareLowers(x, y) > 0 ? x : y;
    const upper = compareUppers(x, y) < 0 ? x : y;
    const both: Interval = {
      lower: lower.lower,
      lowerInclusive: lower.lowerInclusive,
      upper: upper.upper,
      upperInclusive: upper.upperInclusive,
    };
    if (!isEmpty(both)) result.push(both);
    if (upper === x) i++;
    else j++;
  }
}

export function complement(set: ValueSet): ValueSet {
  const result: Interval[] = [];
  let lower: Scalar | undefined;
  let lowerInclusive = false;
  let open = true;
  for (const interval of set) {
    if (interval.lower !== undefined) {
      const gap = { lower, lowerInclusive, upper: interval.lower, upperInclusive: !interval.lowerInclusive };
      if (!isEmpty(gap)) result.push(gap);
    }
    lower = interval.upper;
    lowerInclusive = !interval.upperInclusive;
    open = interval.upper !== undefined;
  }
  if (open) result.push({ lower, lowerInclusive, upper: undefined, upperInclusive: false });
  return result;
}

function isEmpty({ lower, lowerInclusive, upper, upperInclusive }: Interval): boolean {
  if (lower === undefined || upper === undefined) return false;
  const order = compareScalars(lower, upper);
  return order > 0 || (order === 0 && !(lowerInclusive && upperInclusive));
}

/** Of intervals in order of their lower bounds: whether they overlap or meet without a gap. */
function touches(first: Interval, second: Interval): boolean {
  if (first.upper === undefined || second.lower === undefined) return true;
  const order = compareScalars(first.upper, second.lower);
  return order > 0 || (order === 0 && (first.upperInclusive || second.lowerInclusive));
}

function compareLowers(a: Interval, b: Interval): number {
  if (a.lower === undefined || b.lower === undefined)
    return Number(b.lower === undefined) - Number(a.lower === undefined);
  return compareScalars(a.lower, b.lower) || Number(b.lowerInclusive) - Number(a.lowerInclusive);
}

function compareUppers(a: Interval, b: Interval): number {
  if (a.upper === undefined || b.upper === undefined)
    return Number(a.upper === undefined) - Number(b.upper === undefined);
  return compareScalars(a.upper, b.upper) || Number(a.upperInclusive) - Number(b.upperInclusive);
}
