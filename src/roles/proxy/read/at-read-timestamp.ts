import { isRedkiteError, withContext } from "../../../errors/redkite-error.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { Timestamp } from "../../../model/timestamp.ts";
import type { ProxyCall } from "../handler.ts";
import { freshTimestamp, readTimePolicy, readTimestamp, type Freshness } from "./read-timestamp.ts";

/**
 * Runs a read at the timestamp that its request asks for. When rows that this timestamp could have seen are gone already (an idle
 * channel may have closed nothing since), and the request would be content with a later one, it reads again at a fresh one.
 * Errors get `context`, as in Milvus: `failed to query: collection not loaded[...]`.
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
    try {
      return await read(readAt);
    } catch (error) {
      if (policy.kind !== "closed" || !isRedkiteError(error, "staleRead")) throw error;
      return await read(await freshTimestamp(call));
    }
  } catch (error) {
    throw isRedkiteError(error) && FROM_SHARDS.has(error.kind) ? withContext(error, context) : error;
  }
}

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
