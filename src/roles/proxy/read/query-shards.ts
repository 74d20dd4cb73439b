import { compareKeys } from "../../../core/search/gather-fields.ts";
import {
  columnOfKeys,
  concatColumns,
  gatherColumn,
  keysOf,
  sliceColumn,
} from "../../../format/column-select.ts";
import { gatherKeys } from "../../../format/column-select.ts";
import { routeKeys } from "../../../format/key-hash.ts";
import { keyCount, type Column, type Keys } from "../../../model/columns.ts";
import type { ShardQueryRequest, ShardQueryResult } from "../../../model/read.ts";
import type { ProxyCall } from "../handler.ts";
import { scopeOn, type ReadTarget } from "./read-scope.ts";
import { onShards } from "./shard-calls.ts";

/** What is wanted of the rows of a target. */
export type RowsWanted = Pick<ShardQueryRequest, "outputFieldIds"> & {
  /** Rows of these keys only; without duplicates. */
  readonly keys?: Keys;
  /** Smallest keys first; -1 for all. */
  readonly limit: number;
  readonly offset: number;
};

/** Rows by ascending key. */
export interface QueriedRows {
  readonly keys: Keys;
  readonly fields: readonly Column[];
}

/** Rows of all shards, merged. Keys are sent only to the shards that they belong to. */
export async function queryRows(
  call: ProxyCall,
  target: ReadTarget,
  wanted: RowsWanted,
): Promise<QueriedRows> {
  const { info } = target;
  const perShard = wanted.keys && splitByShard(wanted.keys, info.vchannels.length);
  const vchannels = info.vchannels.filter((_, shard) => perShard === undefined || perShard.has(shard));
  const shardLimit = wanted.limit < 0 ? -1 : wanted.limit + wanted.offset;
  const asked = vchannels.length > 0 ? vchannels : info.vchannels.slice(0, 1);
  const results = await onShards(
    call,
    info,
    async (node, vchannel) =>
      node.query(call.ctx, {
        ...scopeOn(target, vchannel),
        keys: wanted.keys && (perShard?.get(info.vchannels.indexOf(vchannel)) ?? wanted.keys),
        limit: shardLimit,
        countOnly: false,
        outputFieldIds: wanted.outputFieldIds,
      }),
    asked,
  );
  return mergeRows(results, wanted);
}

/** Exact at the target's timestamp. */
export async function countRows(call: ProxyCall, target: ReadTarget): Promise<bigint> {
  const results = await onShards(call, target.info, async (node, vchannel) =>
    node.query(call.ctx, {
      ...scopeOn(target, vchannel),
      keys: undefined,
      limit: -1,
      countOnly: true,
      outputFieldIds: [],
    }),
  );
  return results.reduce((sum, { count }) => sum + count, 0n);
}

/** Keys by the number of the vchannel that they belong to. */
export function splitByShard(keys: Keys, shards: number): ReadonlyMap<number, Keys> {
  const routes = routeKeys(keys, shards);
  const positions = new Map<number, number[]>();
  for (let i = 0; i < routes.length; i++) {
    const shard = routes[i] ?? 0;
    const known = positions.get(shard);
    if (known === undefined) positions.set(shard, [i]);
    else known.push(i);
  }
  return new Map([...positions].map(([shard, rows]) => [shard, gatherKeys(keys, rows)]));
}

function mergeRows(
  results: readonly ShardQueryResult[],
  { limit, offset }: Pick<RowsWanted, "limit" | "offset">,
): QueriedRows {
  const total = results.reduce((sum, { keys }) => sum + keyCount(keys), 0);
  const start = Math.min(offset, total);
  const end = limit < 0 ? total : Math.min(total, offset + limit);
  const [only] = results;
  if (results.length === 1 && only !== undefined) {
    return {
      keys: keysOf(sliceColumn(columnOfKeys(only.keys), start, end)),
      fields: only.fields.map((column) => sliceColumn(column, start, end)),
    };
  }
  const order = mergeOrder(results.map(({ keys }) => keys)).subarray(start, end);
  const pick = (columns: readonly Column[]): Column => gatherColumn(concatColumns(columns), order);
  return {
    keys: keysOf(pick(results.map(({ keys }) => columnOfKeys(keys)))),
    fields: (only?.fields ?? []).map((_, i) => pick(results.flatMap(({ fields }) => fields[i] ?? []))),
  };
}

/** Positions in the concatenation of sorted lists, by ascending key. */
function mergeOrder(lists: readonly Keys[]): Int32Array {
  const counts = lists.map(keyCount);
  const bases: number[] = [];
  let total = 0;
  for (const count of counts) {
    bases.push(total);
    total += count;
  }
  const next = lists.map(() => 0);
  const order = new Int32Array(total);
  for (let i = 0; i < total; i++) {
    let best = -1;
    for (const [s, keys] of lists.entries()) {
      if ((next[s] ?? 0) >= (counts[s] ?? 0)) continue;
      const bestKeys = lists[best];
      if (bestKeys === undefined || compareKeys(keys, next[s] ?? 0, bestKeys, next[best] ?? 0) < 0) best = s;
    }
    order[i] = (bases[best] ?? 0) + (next[best] ?? 0);
    next[best] = (next[best] ?? 0) + 1;
  }
  return order;
}
