import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { isValid, type Column } from "../../model/columns.ts";
import { DataType, dataTypeName } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";
import { largerIsBetter, type MetricType } from "../../model/read.ts";
import type { CancelFlag, SearchHits, SearchSpec } from "../../ports/engine.ts";
import { CANCEL_CHECK_ROWS, checkCancel } from "./cancel.ts";
import { isHit, scorers, type RowScorer } from "./distance.ts";
import { scalarTokens } from "./scalar-values.ts";

/** Hits that one query may ask for at most, groups times their size included. */
export const HITS_PER_QUERY_MAX = 1 << 20;

export interface SearchInput {
  readonly field: FieldSchema;
  readonly column: Column;
  /** Rows that a hit may be, ascending: visible and matching the filter. */
  readonly candidates: Int32Array;
  readonly groups: { readonly field: FieldSchema; readonly column: Column } | undefined;
}

/** Compares every candidate with every query. */
export function bruteForceSearch(
  input: SearchInput,
  spec: SearchSpec,
  cancel: CancelFlag | undefined,
): SearchHits {
  checkSpec(spec);
  const { field, column } = input;
  const queries = { count: spec.nq, bytes: spec.queries, offsets: spec.queryOffsets };
  const scorerOf = scorers(field, column, spec, queries);
  const given = spec.groupBy?.groups;
  const groupOf = given
    ? (row: number) => given[row] ?? 0
    : input.groups === undefined
      ? undefined
      : groupTokens(input.groups);
  const candidates = input.candidates.filter((row) => isValid(column.validity, row));
  const starts = new Int32Array(spec.nq + 1);
  const all: Hit[] = [];
  scorerOf.forEach((score, q) => {
    all.push(...pick(ranked(candidates, score, field.type, spec, cancel), spec, groupOf));
    starts[q + 1] = all.length;
  });
  return {
    starts,
    rows: Int32Array.from(all, (hit) => hit.row),
    scores: Float32Array.from(all, (hit) => hit.score),
    stats: {
      distances: candidates.length * spec.nq,
      path: candidates.length === 0 ? "empty" : "flat",
      visibleRows: input.candidates.length,
    },
  };
}

interface Hit {
  readonly row: number;
  readonly score: number;
}

function checkSpec(spec: SearchSpec): void {
  const { nq, k, groupBy } = spec;
  if (!Number.isInteger(nq) || nq < 1) throw parameterInvalid("nq", { expected: "at least 1", actual: nq });
  const size = groupBy?.groupSize ?? 1;
  if (!Number.isInteger(size) || size < 1) {
    throw parameterInvalid("group_size", { expected: "at least 1", actual: size });
  }
  if (!Number.isInteger(k) || k < 1 || k * size > HITS_PER_QUERY_MAX) {
    throw parameterInvalid("topk", { expected: `1 to ${Math.floor(HITS_PER_QUERY_MAX / size)}`, actual: k });
  }
}

/** All candidates inside the range, best first; equal scores by ascending row. */
function ranked(
  candidates: Int32Array,
  score: RowScorer,
  type: DataType,
  spec: SearchSpec,
  cancel: CancelFlag | undefined,
): Hit[] {
  const hits: Hit[] = [];
  candidates.forEach((row, i) => {
    if (i % CANCEL_CHECK_ROWS === 0) checkCancel(cancel, "search");
    const value = score(row);
    if (isHit(type, spec, value) && isInRange(spec.metric, value, spec.range))
      hits.push({ row, score: value });
  });
  const sign = largerIsBetter(spec.metric) ? -1 : 1;
  // Two equal infinities have no difference, so compare before subtracting.
  return hits.sort((a, b) => (a.score === b.score ? a.row - b.row : sign * (a.score < b.score ? -1 : 1)));
}

/** Bounds are single precision, as scores are: a bound that a client took from a score means exactly that score. */
function isInRange(metric: MetricType, score: number, range: SearchSpec["range"]): boolean {
  if (range === undefined) return true;
  const radius = Math.fround(range.radius);
  const filter = range.rangeFilter === undefined ? undefined : Math.fround(range.rangeFilter);
  return largerIsBetter(metric)
    ? score > radius && (filter === undefined || score <= filter)
    : score < radius && (filter === undefined || score >= filter);
}

/** The k best, or up to groupSize hits of each of the k groups whose best hits are the best. */
function pick(
  hits: readonly Hit[],
  spec: SearchSpec,
  groupOf: ((row: number) => unknown) | undefined,
): Hit[] {
  if (groupOf === undefined) return hits.slice(0, spec.k);
  const size = spec.groupBy?.groupSize ?? 1;
  const counts = new Map<unknown, number>();
  return hits.filter(({ row }) => {
    const group = groupOf(row);
    const count = counts.get(group);
    if (count === undefined && counts.size === spec.k) return false;
    if (count === size) return false;
    counts.set(group, (count ?? 0) + 1);
    return true;
  });
}

/** Equal for rows of one group; null is a group like any other. */
function groupTokens(groups: NonNullable<SearchInput["groups"]>): (row: number) => unknown {
  const { field, column } = groups;
  switch (field.type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Timestamptz:
    case DataType.VarChar:
      return scalarTokens(column);
    default:
      throw parameterInvalid(
        `group_by_field ${field.name} of type ${dataTypeName(field.type)}: only integers, Bool and VarChar group`,
      );
  }
}
