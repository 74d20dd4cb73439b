import { keysFrom } from "../../../format/column-select.ts";
import { routeKeys } from "../../../format/key-hash.ts";
import { keyCount, type Keys } from "../../../model/columns.ts";
import type { DataType } from "../../../model/data-type.ts";
import type { ProxyCall } from "../handler.ts";
import { keyAt } from "../../../format/column-select.ts";
import { keysOfIds } from "./place-rows.ts";

/**
 * New ids for rows that replace those with the given keys, each on the same vchannel as the key that it replaces: so that one
 * record ends the old row and begins the new one, and no reader sees neither or both.
 */
export async function idsBesideKeys(
  call: ProxyCall,
  replaced: Keys,
  shards: number,
  type: DataType,
): Promise<Keys> {
  const routes = routeKeys(replaced, shards);
  const chosen = new Array<bigint | string>(keyCount(replaced));
  const waiting: number[][] = Array.from({ length: shards }, () => []);
  for (let row = 0; row < routes.length; row++) waiting[routes[row] ?? 0]?.push(row);
  for (let left = routes.length; left > 0;) {
    // Every vchannel gets its share of the ids; the worst shard decides how many are needed.
    const count = Math.max(16, shards * Math.max(...waiting.map(({ length }) => length)));
    const ids = keysOfIds(await call.deps.rootCoord.allocId(call.ctx, { count }), count, type);
    const places = routeKeys(ids, shards);
    for (let i = 0; i < count; i++) {
      const row = waiting[places[i] ?? 0]?.pop();
      if (row === undefined) continue;
      chosen[row] = keyAt(ids, i);
      left--;
    }
  }
  return keysFrom(replaced.kind, chosen);
}
