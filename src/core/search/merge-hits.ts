import { Heap } from "../../base/heap.ts";
import type { Keys } from "../../model/columns.ts";
import { largerIsBetter, type MetricType } from "../../model/read.ts";
import { compareKeys } from "./gather-fields.ts";

/** Hits of several queries from one segment or shard, best first within each query. */
export interface HitList {
  /** Hits of query q are [starts[q], starts[q + 1]). */
  readonly starts: Int32Array;
  readonly scores: Float32Array;
  readonly keys: Keys;
  /** Of each hit, when grouped: equal values are one group. */
  readonly groups: readonly string[] | undefined;
}

export interface MergeSpec {
  readonly metric: MetricType;
  readonly nq: number;
  /** Hits kept per query; groups when grouped. */
  readonly k: number;
  readonly groupSize: number;
}

/** The best hits of all lists: hit i is hit position[i] of list source[i]. */
export interface MergedHits {
  readonly starts: Int32Array;
  readonly source: Int32Array;
  readonly position: Int32Array;
}

interface Cursor {
  readonly source: number;
  readonly list: HitList;
  at: number;
  readonly end: number;
}

/**
 * Merges sorted lists by a heap of one cursor per list: O(k log lists) per query. Equal scores are ordered by key, so that
 * the answer does not depend on how rows lie in segments. A key is returned once.
 */
export function mergeHits(lists: readonly HitList[], spec: MergeSpec): MergedHits {
  const sign = largerIsBetter(spec.metric) ? -1 : 1;
  const compare = (a: Cursor, b: Cursor): number => {
    const byScore = sign * ((a.list.scores[a.at] ?? 0) - (b.list.scores[b.at] ?? 0));
    return byScore !== 0 ? byScore : compareKeys(a.list.keys, a.at, b.list.keys, b.at);
  };
  const starts = new Int32Array(spec.nq + 1);
  const source: number[] = [];
  const position: number[] = [];
  for (let q = 0; q < spec.nq; q++) {
    const heap = new Heap<Cursor>({ capacity: Math.max(1, lists.length), compare });
    for (const [s, list] of lists.entries()) {
      const cursor = { source: s, list, at: list.starts[q] ?? 0, end: list.starts[q + 1] ?? 0 };
      if (cursor.at < cursor.end) heap.push(cursor);
    }
    const quota = new GroupQuota(spec);
    for (let cursor = heap.pop(); cursor !== undefined && !quota.full; cursor = heap.pop()) {
      if (quota.admits(cursor.list.groups?.[cursor.at])) {
        source.push(cursor.source);
        position.push(cursor.at);
      }
      cursor.at += 1;
      if (cursor.at < cursor.end) heap.push(cursor);
    }
    starts[q + 1] = source.length;
  }
  return { starts, source: Int32Array.from(source), position: Int32Array.from(position) };
}

/** Counts hits towards k, or groups and their members. */
class GroupQuota {
  readonly #spec: MergeSpec;
  readonly #members = new Map<string, number>();
  #hits = 0;
  #fullGroups = 0;

  constructor(spec: MergeSpec) {
    this.#spec = spec;
  }

  get full(): boolean {
    const { k } = this.#spec;
    return this.#hits >= k * this.#spec.groupSize || this.#fullGroups >= k;
  }

  admits(group: string | undefined): boolean {
    if (group === undefined) {
      this.#hits += 1;
      return true;
    }
    const members = this.#members.get(group) ?? 0;
    if (members >= this.#spec.groupSize || (members === 0 && this.#members.size >= this.#spec.k))
      return false;
    this.#members.set(group, members + 1);
    if (members + 1 === this.#spec.groupSize) this.#fullGroups += 1;
    this.#hits += 1;
    return true;
  }
}
