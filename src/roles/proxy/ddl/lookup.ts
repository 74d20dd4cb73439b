import { partitionNotFound } from "../../../errors/meta-errors.ts";
import type { CollectionId } from "../../../model/ids.ts";
import { type CollectionInfo, livePartitions, type PartitionInfo } from "../../../model/schema.ts";
import { physicalMs, type Timestamp } from "../../../model/timestamp.ts";
import { checkCollectionName } from "../check/names.ts";
import type { ProxyCall } from "../handler.ts";

/** The collection of a name or alias in the call's database; a name that cannot exist is refused as such. */
export async function namedCollection(call: ProxyCall, name: string): Promise<CollectionInfo> {
  checkCollectionName(name, call.deps.limits);
  return call.metaCache.collection(call.ctx, name);
}

/** By name; an empty name means the default partition. */
export function namedPartition(call: ProxyCall, info: CollectionInfo, name: string): PartitionInfo {
  const wanted = name === "" ? call.deps.limits.defaultPartitionName : name;
  const partition = livePartitions(info).find((candidate) => candidate.name === wanted);
  if (partition === undefined) throw partitionNotFound(wanted);
  return partition;
}

export async function isLoaded(call: ProxyCall, collectionId: CollectionId): Promise<boolean> {
  const request = { collectionId, partitionIds: [] };
  const { state } = await call.deps.queryCoord.getLoadState(call.ctx, request);
  return state !== "NotLoad";
}

/** Milliseconds since the Unix epoch, as `created_utc_timestamp` is given. */
export function utcTimestamp(at: Timestamp): bigint {
  return physicalMs(at);
}
