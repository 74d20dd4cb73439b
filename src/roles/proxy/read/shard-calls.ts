import type { QueryNode } from "../../../api/query-node.ts";
import type { ShardLeader } from "../../../api/query-coord.ts";
import { backoffDelayMs } from "../../../base/backoff.ts";
import { serviceUnavailable } from "../../../errors/service-errors.ts";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import type { VChannel } from "../../../model/ids.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { ProxyCall } from "../handler.ts";

/** Rounds over all replicas of a shard; between two the leaders are asked for anew. */
const ROUNDS_MAX = 6;
const PAUSE = { baseMs: 10, maxMs: 500 } as const;

/**
 * Calls one replica of each shard, all shards at once; the answers in the order of `vchannels`. A failure that another replica or
 * a newer list of leaders can mend is tried again; every other one fails the whole.
 */
export async function onShards<T>(
  call: ProxyCall,
  info: CollectionInfo,
  use: (node: QueryNode, vchannel: VChannel) => Promise<T>,
  vchannels: readonly VChannel[] = info.vchannels,
): Promise<T[]> {
  return Promise.all(vchannels.map(async (vchannel) => onShard(call, info, vchannel, use)));
}

async function onShard<T>(
  call: ProxyCall,
  info: CollectionInfo,
  vchannel: VChannel,
  use: (node: QueryNode, vchannel: VChannel) => Promise<T>,
): Promise<T> {
  const { ctx, deps, metaCache } = call;
  for (let round = 0; ; round++) {
    try {
      const leaders = await metaCache.shardLeaders(ctx, info.id);
      return await onReplica(call, leaders, vchannel, use);
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (!mayPass(error) || round + 1 >= ROUNDS_MAX) throw error;
      metaCache.forgetShardLeaders(info.id);
    }
    await deps.clock.sleep(
      backoffDelayMs(PAUSE, round, () => deps.rng.float()),
      ctx.signal,
    );
  }
}

/** Begins with a replica by chance, so that load spreads, and goes on to the others. */
async function onReplica<T>(
  { ctx, deps }: ProxyCall,
  leaders: readonly ShardLeader[],
  vchannel: VChannel,
  use: (node: QueryNode, vchannel: VChannel) => Promise<T>,
): Promise<T> {
  const nodes = leaders.find((leader) => leader.vchannel === vchannel)?.nodes ?? [];
  const first = nodes.length > 1 ? deps.rng.int(nodes.length) : 0;
  let failure: unknown;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[(first + i) % nodes.length];
    if (node === undefined) continue;
    try {
      return await use(deps.queryNode(node.nodeId, node.address), vchannel);
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (!mayPass(error)) throw error;
      failure = error;
    }
  }
  if (failure instanceof Error) throw failure;
  throw serviceUnavailable(`no query node serves ${vchannel}`);
}

/** Failures of a place rather than of the request. */
function mayPass(error: unknown): boolean {
  if (!isRedkiteError(error)) return false;
  switch (error.kind) {
    case "channelNotFound":
    case "channelNotAvailable":
    case "nodeNotAvailable":
    case "nodeNotFound":
    case "nodeOffline":
    case "nodeNotMatch":
      return true;
    default:
      return error.retriable;
  }
}
