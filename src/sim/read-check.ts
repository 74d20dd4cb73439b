import type { CollectionInfo } from "../model/schema.ts";
import type { MetricType } from "../model/read.ts";
import type { SimFilter } from "./filters.ts";
import type { Model, ModelRow } from "./model.ts";
import { extraOf, FIELD, type SeenHit, type SeenRow, type SimKey } from "./rows.ts";
import { byScore, isHit, roundingOf, VECTORS, type VectorKind } from "./vectors.ts";

export interface AskedQuery {
  readonly filter: SimFilter;
  readonly keys?: readonly SimKey[];
  readonly limit?: number;
  readonly countOnly?: boolean;
  readonly partition?: string | undefined;
  /** Names of the partitions that are loaded; undefined for all. */
  readonly loaded?: ReadonlySet<string> | undefined;
}

/** An answer, and the collection as the client knew it. */
export interface SimQueryAnswer {
  readonly info: CollectionInfo;
  readonly readAt: bigint;
  readonly count: bigint;
  readonly rows: readonly SeenRow[];
}

export interface SimSearchAnswer {
  readonly info: CollectionInfo;
  readonly readAt: bigint;
  readonly hits: readonly SeenHit[];
}

/** Compares answers with the model; returns what is wrong, or undefined. */
export function checkQuery(model: Model, asked: AskedQuery, answer: SimQueryAnswer): string | undefined {
  const all = matching(model, asked, answer.info, answer.readAt);
  const expected = asked.limit === undefined ? all : all.slice(0, asked.limit);
  if (asked.countOnly === true)
    return answer.count === BigInt(all.length) ? undefined : `count ${answer.count} instead of ${all.length}`;
  const seen = new Map(answer.rows.map((row) => [row.key, row]));
  if (seen.size !== answer.rows.length) return "a key was returned twice";
  for (const row of expected) {
    const found = seen.get(row.key);
    if (found === undefined) return `row ${describe(row)} is missing`;
    const difference = compare(row, found, answer.info);
    if (difference !== undefined) return difference;
    seen.delete(row.key);
  }
  for (const row of seen.values()) return `row ${row.key} (stamp ${row.stamp}) should not be there`;
  return undefined;
}

export interface AskedSearch extends AskedQuery {
  readonly vector: readonly number[];
  readonly metric: MetricType;
  readonly kind: VectorKind;
  readonly k: number;
  /** `some`: an index that may miss neighbours, but never rows that match when fewer than k do. */
  readonly finds: "nearest" | "some";
  /** How far the score of a hit may be from that of its row. */
  readonly scoreErrorMax: number;
}

export function checkSearch(model: Model, asked: AskedSearch, answer: SimSearchAnswer): string | undefined {
  const rows = matching(model, asked, answer.info, answer.readAt);
  const { kind, metric } = asked;
  const rounding = roundingOf(metric);
  const scoreErrorMax = asked.scoreErrorMax + rounding;
  const scored = new Map(
    rows.flatMap((row) => {
      const score = VECTORS[kind].score(metric, asked.vector, row.vector);
      return isHit(kind, score) ? [[row.key, { row, score }] as const] : [];
    }),
  );
  const order = byScore(metric);
  const best = [...scored.values()].map(({ score }) => score).sort(order);
  const wanted = Math.min(asked.k, scored.size);
  if (answer.hits.length !== wanted) return `${answer.hits.length} hits instead of ${wanted}`;
  const seen = new Set<SimKey>();
  for (const [i, hit] of answer.hits.entries()) {
    const known = scored.get(hit.key);
    if (known === undefined) return `hit ${hit.key} (stamp ${hit.stamp}) should not be found`;
    if (seen.has(hit.key)) return `hit ${hit.key} was returned twice`;
    seen.add(hit.key);
    if (known.row.stamp !== hit.stamp) return `hit ${describe(known.row)} has stamp ${hit.stamp}`;
    if (!(Math.abs(known.score - hit.score) <= scoreErrorMax))
      return `hit ${describe(known.row)} has score ${hit.score} instead of ${known.score}`;
    if (asked.finds === "nearest" && !(Math.abs(hit.score - (best[i] ?? NaN)) <= rounding))
      return `hit ${i} has score ${hit.score}, the best is ${best[i]}`;
    if (order(answer.hits[i - 1]?.score ?? hit.score, hit.score) > 0) return `hit ${i} is out of order`;
  }
  return undefined;
}

/** Rows that the read must see, by key. */
function matching(model: Model, asked: AskedQuery, info: CollectionInfo, readAt: bigint): ModelRow[] {
  const names = asked.partition === undefined ? asked.loaded : new Set([asked.partition]);
  const partitions =
    names && new Set(info.partitions.filter((part) => names.has(part.name)).map((part) => part.id));
  return info.vchannels
    .flatMap((topic) => model.channel(topic).visible(readAt))
    .filter(
      (row) =>
        (asked.keys === undefined || asked.keys.includes(row.key)) &&
        (partitions === undefined || partitions.has(row.partitionId)) &&
        asked.filter.matches(row) === true,
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function compare(row: ModelRow, seen: SeenRow, info: CollectionInfo): string | undefined {
  if (seen.stamp !== row.stamp) return `row ${describe(row)} has stamp ${seen.stamp}`;
  if (seen.age !== row.age || seen.tag !== row.tag)
    return `row ${describe(row)} has age ${seen.age} and tag ${seen.tag}`;
  if (seen.vector !== undefined && !row.vector.every((x, d) => x === seen.vector?.[d]))
    return `row ${describe(row)} has the vector ${seen.vector.join()}`;
  for (const field of info.schema.fields) {
    if (field.id <= FIELD.vector) continue;
    const value = extraOf(row, field);
    if (seen.extras[field.name] !== value)
      return `row ${describe(row)} has ${field.name} ${seen.extras[field.name]} instead of ${value}`;
  }
  return undefined;
}

function describe(row: ModelRow): string {
  const extras = Object.entries(row.extras).map(([name, value]) => ` ${name}=${value}`);
  return `${row.key} (stamp ${row.stamp}, written at ${row.begin}${extras.join("")})`;
}
