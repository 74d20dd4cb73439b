import { isRedkiteError, withContext } from "../../../errors/redkite-error.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { Timestamp } from "../../../model/timestamp.ts";
import type { ProxyCall } from "../handler.ts";
import { freshTimestamp, readTimePolicy, readTimestamp, type Freshness } from "./read-timestamp.ts";

/**
 * Runs a read at the timestamp that its request asks for. When rows that this timestamp could have seen are gone already (an idle
 * channel may have closed nothing since; a truncation may overtake a fresh one), and the request would be content with a later one,
 * it reads again at a fresh one. Errors get `context`, as in Milvus: `failed to query: collection not loaded[...]`.
 */
export async function atReadTimestamp<T>(
  call: ProxyCall,
  info: CollectionInfo,
  freshness: Freshness,
  context: string,
  read: (readAt: Timestamp) => Promise<T>,
): Promise<T> {
  const { clock, limits } = call.deps;
  const policy = readTimePolicy(freshness, info, {
    ms: clock.nowMs(),
    gracefulTimeMs: limits.gracefulTimeMs,
  });
  try {
    const readAt = await readTimestamp(call, info, policy);
    return policy.kind === "exact" ? await read(readAt) : await untilFreshEnough(call, readAt, read);
  } catch (error) {
    throw isRedkiteError(error) && FROM_SHARDS.has(error.kind) ? withContext(error, context) : error;
  }
}

/** Reads at the timestamp, or at later ones while a change takes away what they could have seen. */
export async function untilFreshEnough<T>(
  call: ProxyCall,
  first: Timestamp,
  read: (readAt: Timestamp) => Promise<T>,
): Promise<T> {
  let readAt = first;
  for (let tries = 1; ; tries++) {
    try {
      return await read(readAt);
    } catch (error) {
      if (!isRedkiteError(error, "staleRead") || tries >= FRESH_TRIES_MAX) throw error;
      readAt = await freshTimestamp(call);
    }
  }
}

/** Each one more means that another change overtook a timestamp taken after the one before. */
const FRESH_TRIES_MAX = 5;

/** Failures of loading and serving, which Milvus reports with what the proxy was about to do. */
const FROM_SHARDS: ReadonlySet<string> = new Set([
  "collectionNotLoaded",
  "collectionNotFullyLoaded",
  "partitionNotLoaded",
  "partitionNotFullyLoaded",
  "channelNotFound",
  "channelNotAvailable",
  "channelMisrouted",
  "serviceUnavailable",
  "nodeNotAvailable",
  "segcore",
]);
