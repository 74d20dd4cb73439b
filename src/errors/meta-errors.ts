import { redkiteError, type RedkiteError } from "./redkite-error.ts";

/** A name, or the id where only that is known. */
type NameOrId = string | bigint | number;

// Databases

export function databaseNotFound(database: NameOrId, context?: string): RedkiteError {
  return redkiteError("databaseNotFound", { fields: { database }, context });
}

export function databaseNumLimitExceeded(limit: number): RedkiteError {
  return redkiteError("databaseNumLimitExceeded", { fields: { limit } });
}

export function databaseInvalidName(database: string, context?: string): RedkiteError {
  return redkiteError("databaseInvalidName", { fields: { database }, context });
}

// Collections

/** `collection not found[database=default][collection=foo]`; without `db` only the collection is named. */
export function collectionNotFound(
  where: { readonly db?: NameOrId; readonly collection: NameOrId },
  context?: string,
): RedkiteError {
  const { db, collection } = where;
  return redkiteError("collectionNotFound", {
    fields: db === undefined ? { collection } : { database: db, collection },
    context,
  });
}

export function collectionNotLoaded(collection: NameOrId, context?: string): RedkiteError {
  return redkiteError("collectionNotLoaded", { fields: { collection }, context });
}

export function collectionNotFullyLoaded(collection: NameOrId, context?: string): RedkiteError {
  return redkiteError("collectionNotFullyLoaded", { fields: { collection }, context });
}

export function collectionLoaded(collection: string, context?: string): RedkiteError {
  return redkiteError("collectionLoaded", { fields: { collection }, context });
}

export function collectionNumLimitExceeded(where: {
  readonly db: string;
  readonly limit: number;
  readonly context?: string;
}): RedkiteError {
  return redkiteError("collectionNumLimitExceeded", {
    fields: { dbName: where.db, limit: where.limit },
    context: where.context,
  });
}

export function generalCapacityExceeded(sizes: {
  readonly newSize: number | bigint;
  readonly capacity: number | bigint;
  readonly context?: string;
}): RedkiteError {
  return redkiteError("generalCapacityExceeded", {
    fields: { newGeneralSize: sizes.newSize, generalCapacity: sizes.capacity },
    context: sizes.context,
  });
}

export function collectionIllegalSchema(collection: string, context?: string): RedkiteError {
  return redkiteError("collectionIllegalSchema", { fields: { collection }, context });
}

export function collectionOnRecovering(collection: NameOrId, context?: string): RedkiteError {
  return redkiteError("collectionOnRecovering", { fields: { collection }, context });
}

/** The caller's schema version is not the owner's: refresh the schema and try again. */
export function collectionSchemaMismatch(collection: NameOrId, context?: string): RedkiteError {
  return redkiteError("collectionSchemaMismatch", { fields: { collection }, context });
}

// Partitions

export function partitionNotFound(partition: NameOrId, context?: string): RedkiteError {
  return redkiteError("partitionNotFound", { fields: { partition }, context });
}

export function partitionNotLoaded(partition: NameOrId | readonly bigint[], context?: string): RedkiteError {
  return redkiteError("partitionNotLoaded", { fields: { partition }, context });
}

export function partitionNotFullyLoaded(partition: NameOrId, context?: string): RedkiteError {
  return redkiteError("partitionNotFullyLoaded", { fields: { partition }, context });
}

// Aliases

export function aliasNotFound(
  where: { readonly db: NameOrId; readonly alias: string },
  context?: string,
): RedkiteError {
  return redkiteError("aliasNotFound", { fields: { database: where.db, alias: where.alias }, context });
}

export function aliasCollectionNameConflict(
  where: { readonly db: NameOrId; readonly alias: string },
  context?: string,
): RedkiteError {
  return redkiteError("aliasCollectionNameConflict", {
    fields: { database: where.db, alias: where.alias },
    context,
  });
}

export function aliasAlreadyExist(
  where: { readonly db: NameOrId; readonly alias: string },
  context?: string,
): RedkiteError {
  return redkiteError("aliasAlreadyExist", { fields: { database: where.db, alias: where.alias }, context });
}

// Fields

export function fieldNotFound(field: NameOrId, context?: string): RedkiteError {
  return redkiteError("fieldNotFound", { fields: { field }, context });
}

export function fieldInvalidName(field: string, context?: string): RedkiteError {
  return redkiteError("fieldInvalidName", { fields: { field }, context });
}

// Indexes

/** By index name, or by collection where the collection has none at all. */
export function indexNotFound(
  where: { readonly indexName: string } | { readonly collection: string },
  context?: string,
): RedkiteError {
  return redkiteError("indexNotFound", { fields: { ...where }, context });
}

export function indexNotSupported(indexType: string, context?: string): RedkiteError {
  return redkiteError("indexNotSupported", { fields: { indexType }, context });
}

export function indexDuplicate(indexName: string, context?: string): RedkiteError {
  return redkiteError("indexDuplicate", { fields: { indexName }, context });
}

// Segments, channels, nodes, replicas, resource groups

export function segmentNotFound(segment: bigint | readonly bigint[], context?: string): RedkiteError {
  const fields = typeof segment === "bigint" ? { segment } : { segments: segment };
  return redkiteError("segmentNotFound", { fields, context });
}

export function segmentNotLoaded(segment: bigint, context?: string): RedkiteError {
  return redkiteError("segmentNotLoaded", { fields: { segment }, context });
}

export function segmentLoadFailed(segment: bigint, cause?: unknown): RedkiteError {
  const context = cause instanceof Error ? cause.message : undefined;
  return redkiteError("segmentLoadFailed", { fields: { segment }, context, cause });
}

export function segmentRequestResourceFailed(
  resourceType: "Memory" | "Disk",
  context?: string,
): RedkiteError {
  return redkiteError("segmentRequestResourceFailed", { fields: { resourceType }, context });
}

export function channelNotFound(channel: string, context?: string): RedkiteError {
  return redkiteError("channelNotFound", { fields: { channel }, context });
}

export function channelNotAvailable(channel: string, context?: string): RedkiteError {
  return redkiteError("channelNotAvailable", { fields: { channel }, context });
}

export function channelTSafeStalled(channel: string, context?: string): RedkiteError {
  return redkiteError("channelTSafeStalled", { fields: { channel }, context });
}

/** The receiver does not own the channel: the caller's map of owners is stale. */
export function channelMisrouted(channel: string, context?: string): RedkiteError {
  return redkiteError("channelMisrouted", { fields: { channel }, context });
}

export function nodeNotFound(node: bigint, context?: string): RedkiteError {
  return redkiteError("nodeNotFound", { fields: { node }, context });
}

export function nodeOffline(node: bigint, context?: string): RedkiteError {
  return redkiteError("nodeOffline", { fields: { node }, context });
}

export function nodeNotAvailable(node: bigint, context?: string): RedkiteError {
  return redkiteError("nodeNotAvailable", { fields: { node }, context });
}

/** A message for an earlier run of the node: a restarted node has a new id. */
export function nodeNotMatch(ids: { readonly expected: bigint; readonly actual: bigint }): RedkiteError {
  return redkiteError("nodeNotMatch", { fields: { expectedNodeID: ids.expected, actualNodeID: ids.actual } });
}

export function replicaNotFound(replica: bigint, context?: string): RedkiteError {
  return redkiteError("replicaNotFound", { fields: { replica }, context });
}

export function replicaNotAvailable(replica: bigint, context?: string): RedkiteError {
  return redkiteError("replicaNotAvailable", { fields: { replica }, context });
}

export function resourceGroupNotFound(group: string, context?: string): RedkiteError {
  return redkiteError("resourceGroupNotFound", { fields: { rg: group }, context });
}
