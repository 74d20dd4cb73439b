import { CONSISTENCY_LEVELS, type CollectionInfo, type ConsistencyLevel } from "../../../model/schema.ts";
import { composeTimestamp, physicalMs, timestamp, type Timestamp } from "../../../model/timestamp.ts";
import { channelTSafeStalled } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { ProxyCall } from "../handler.ts";
import { onShards } from "./shard-calls.ts";

/** What a request says about how new the rows must be. */
export interface Freshness {
  readonly guaranteeTimestamp: bigint;
  /** Wire number of the level. */
  readonly consistencyLevel: number;
  /** The collection's level counts instead of the request's. */
  readonly useDefaultConsistency: boolean;
  /** A later page of an iterator: it reads exactly at `guaranteeTimestamp`, when that is given. */
  readonly iterator: boolean;
}

export function freshnessOf(request: Omit<Freshness, "iterator">, iterator: boolean): Freshness {
  const { guaranteeTimestamp, consistencyLevel, useDefaultConsistency } = request;
  return { guaranteeTimestamp, consistencyLevel, useDefaultConsistency, iterator };
}

/** How the timestamp of a read is found. */
export type ReadTimePolicy =
  | { readonly kind: "exact"; readonly at: Timestamp }
  | { readonly kind: "fresh" }
  /** What the shards have already closed, and at least `atLeast`. */
  | { readonly kind: "closed"; readonly atLeast: Timestamp; readonly shards: "lowest" | "highest" };

const STRONG: ReadTimePolicy = { kind: "fresh" };
/** Values of `guarantee_timestamp` that are levels. */
const BOUNDED_GUARANTEE = 2n;

/**
 * The policy of a request, as Milvus reads it: its own level, or with none of its own the collection's; a Strong level with a
 * guarantee timestamp is how older clients name that timestamp (1: Eventually, 2: Bounded).
 */
export function readTimePolicy(
  request: Freshness,
  collection: Pick<CollectionInfo, "consistencyLevel">,
  now: { readonly ms: number; readonly gracefulTimeMs: number },
): ReadTimePolicy {
  const { guaranteeTimestamp: guarantee } = request;
  if (request.iterator && guarantee > 0n) return { kind: "exact", at: timestamp(guarantee) };
  const bounded: ReadTimePolicy = {
    kind: "closed",
    atLeast: composeTimestamp(BigInt(Math.max(0, Math.floor(now.ms - now.gracefulTimeMs))), 0n),
    shards: "highest",
  };
  const atLeastGuarantee: ReadTimePolicy = {
    kind: "closed",
    atLeast: timestamp(guarantee),
    shards: "lowest",
  };
  const level = request.useDefaultConsistency
    ? collection.consistencyLevel
    : levelOfWire(request.consistencyLevel);
  if (!request.useDefaultConsistency && level === "Strong" && guarantee > 0n)
    return guarantee === BOUNDED_GUARANTEE ? bounded : atLeastGuarantee;
  switch (level) {
    case "Strong":
      return STRONG;
    case "Bounded":
      return bounded;
    case "Eventually":
      return { kind: "closed", atLeast: timestamp(0n), shards: "lowest" };
    case "Session":
    case "Customized":
      return atLeastGuarantee;
  }
}

function levelOfWire(level: number): ConsistencyLevel {
  const name = CONSISTENCY_LEVELS[level];
  if (name === undefined) throw parameterInvalid(`consistency level ${level} does not exist`);
  return name;
}

/**
 * The one timestamp of a read, never below the last change of the collection. A later one than the oracle gives yet is waited for
 * until the deadline.
 */
export async function readTimestamp(
  call: ProxyCall,
  info: CollectionInfo,
  policy: ReadTimePolicy,
): Promise<Timestamp> {
  switch (policy.kind) {
    case "fresh":
      return freshTimestamp(call);
    case "exact":
      await reach(call, info, policy.at);
      return policy.at;
    case "closed": {
      const { ctx } = call;
      const closed = await onShards(call, info, async (node, vchannel) =>
        node.closedTimestamp(ctx, { vchannel }),
      );
      const known = closed.reduce((a, b) => ((policy.shards === "lowest" ? a < b : a > b) ? a : b));
      const floor = policy.atLeast > info.updatedAt ? policy.atLeast : info.updatedAt;
      if (known >= floor) return known;
      await reach(call, info, floor);
      return floor;
    }
  }
}

/** Taken after the request arrived; never shared with a later one. */
export async function freshTimestamp({ ctx, deps }: ProxyCall): Promise<Timestamp> {
  return deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
}

/** Returns when the oracle is past `at`: before, no owner could close it. */
async function reach(call: ProxyCall, info: CollectionInfo, at: Timestamp): Promise<void> {
  const { clock, limits } = call.deps;
  const aheadMs = Number(physicalMs(at)) - Math.floor(clock.nowMs());
  if (aheadMs < 0) return;
  if (aheadMs > limits.timestampLagMsMax) {
    const [ahead, most] = [aheadMs, limits.timestampLagMsMax].map((ms) => Math.ceil(ms / 1000));
    throw channelTSafeStalled(
      info.vchannels[0] ?? info.name,
      `lag(${ahead}s) max(${most}s): timestamp ${at} lies too far in the future to be waited for`,
    );
  }
  for (let now = await freshTimestamp(call); now < at; now = await freshTimestamp(call)) {
    const leftMs = Number(physicalMs(at) - physicalMs(now));
    await clock.sleep(Math.min(Math.max(1, leftMs), SLEEP_MS_MAX), call.ctx.signal);
  }
}

const SLEEP_MS_MAX = 1_000;
