import type { LoadState as Loaded } from "../../../api/query-coord.ts";
import {
  collectionNotFullyLoaded,
  collectionNotLoaded,
  indexNotFound,
  partitionNotLoaded,
  resourceGroupNotFound,
} from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import { isVector } from "../../../model/data-type.ts";
import { collectionId, type PartitionId } from "../../../model/ids.ts";
import { partitionKeyField, type CollectionInfo } from "../../../model/schema.ts";
import { LoadState, SegmentLevel, SegmentState } from "../../../wire/enums.gen.ts";
import { DEFAULT_RESOURCE_GROUP } from "../builtin/resource-groups.ts";
import { checkCollectionName } from "../check/names.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { fieldsToLoad } from "./load-fields.ts";
import { namedCollection, namedPartition } from "./lookup.ts";

export const loadHandlers = {
  async LoadCollection(call, request) {
    const info = await namedCollection(call, request.collectionName);
    await load(call, info, request, []);
    return {};
  },

  async ReleaseCollection(call, request) {
    const info = await namedCollection(call, request.collectionName);
    await call.deps.queryCoord.release(call.ctx, { collectionId: info.id, partitionIds: [] });
    call.metaCache.forgetShardLeaders(info.id);
    return {};
  },

  async LoadPartitions(call, request) {
    const info = await namedCollection(call, request.collectionName);
    refusePartitionKey(info, "load partitions");
    const ids = request.partitionNames.map((name) => namedPartition(call, info, name).id);
    await load(call, info, request, ids, () => {
      if (ids.length > 0) return;
      throw parameterInvalid("failed to load partition, due to no partition specified");
    });
    return {};
  },

  async ReleasePartitions(call, request) {
    const info = await namedCollection(call, request.collectionName);
    refusePartitionKey(info, "release partitions");
    const partitionIds = request.partitionNames.map((name) => namedPartition(call, info, name).id);
    // No partition named must not become the whole collection.
    if (partitionIds.length === 0) {
      throw parameterInvalid("failed to release partition, due to no partition specified");
    }
    await call.deps.queryCoord.release(call.ctx, { collectionId: info.id, partitionIds });
    call.metaCache.forgetShardLeaders(info.id);
    return {};
  },

  async GetLoadingProgress(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const { progress } = await loadProgress(call, info, request.partitionNames);
    // A refresh takes part in the load itself, so that it is never behind it.
    return { progress: BigInt(Math.floor(progress)), refreshProgress: BigInt(Math.floor(progress)) };
  },

  /** For something that does not exist or is not loaded the answer is that, not an error. */
  async GetLoadState(call, request) {
    checkCollectionName(request.collectionName, call.deps.limits);
    let info: CollectionInfo;
    try {
      info = await call.metaCache.collection(call.ctx, request.collectionName);
    } catch (error) {
      if (!isRedkiteError(error, "collectionNotFound") && !isRedkiteError(error, "databaseNotFound"))
        throw error;
      return { state: LoadState.LoadStateNotExist };
    }
    try {
      const { progress } = await loadProgress(call, info, request.partitionNames);
      return { state: progress >= 100 ? LoadState.LoadStateLoaded : LoadState.LoadStateLoading };
    } catch (error) {
      if (!isRedkiteError(error, "collectionNotLoaded") && !isRedkiteError(error, "partitionNotLoaded"))
        throw error;
      return { state: LoadState.LoadStateNotLoad };
    }
  },

  async GetQuerySegmentInfo(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const segments = await call.deps.queryCoord.getSegmentInfo(call.ctx, { collectionId: info.id });
    return {
      infos: segments.map((segment) => ({
        segmentID: segment.segmentId,
        collectionID: segment.collectionId,
        partitionID: segment.partitionId,
        memSize: BigInt(segment.memoryBytes),
        numRows: BigInt(segment.rows),
        indexName: segment.indexName,
        indexID: segment.indexId,
        nodeID: segment.nodeId,
        nodeIds: [segment.nodeId],
        state: SegmentState[segment.state],
        level: SegmentLevel.L1,
        isSorted: segment.state === "Sealed",
      })),
    };
  },

  async GetReplicas(call, request) {
    const info =
      request.collectionName === ""
        ? await call.metaCache.collectionById(call.ctx, collectionId(request.collectionID))
        : await namedCollection(call, request.collectionName);
    const replicas = await call.deps.queryCoord.getReplicas(call.ctx, { collectionId: info.id });
    return {
      replicas: replicas.map((replica) => ({
        replicaID: replica.id,
        collectionID: replica.collectionId,
        partitionIds: replica.partitionIds,
        nodeIds: replica.nodeIds,
        resourceGroupName: DEFAULT_RESOURCE_GROUP,
        shardReplicas: replica.shards.map((shard) => ({
          leaderID: shard.leader,
          leaderAddr: shard.leaderAddress,
          dmChannelName: shard.vchannel,
          nodeIds: request.withShardNodes ? [shard.leader] : [],
        })),
      })),
    };
  },
} satisfies ServedHandlers;

interface LoadWish {
  readonly replicaNumber: number;
  readonly resourceGroups: readonly string[];
  readonly refresh: boolean;
  readonly loadFields: readonly string[];
  readonly skipLoadDynamicField: boolean;
}

async function load(
  call: ProxyCall,
  info: CollectionInfo,
  wish: LoadWish,
  partitionIds: readonly PartitionId[],
  checkPartitions: () => void = () => undefined,
): Promise<void> {
  const stranger = wish.resourceGroups.find((group) => group !== DEFAULT_RESOURCE_GROUP);
  if (stranger !== undefined) throw resourceGroupNotFound(stranger);
  const fields = fieldsToLoad(info.schema, wish);
  const indexes = await call.deps.indexCoord.listIndexes(call.ctx, { collectionId: info.id });
  if (indexes.length === 0) throw indexNotFound({ collection: info.name });
  const bare = fields.filter(
    (field) => isVector(field.type) && !indexes.some((index) => index.fieldId === field.id),
  );
  if (bare.length > 0) {
    const names = bare.map((field) => field.name).join(" ");
    throw parameterInvalid(`there is no vector index on field: [${names}], please create index firstly`);
  }
  checkPartitions();
  const everything = fields.length === info.schema.fields.length;
  await call.deps.queryCoord.load(call.ctx, {
    collectionId: info.id,
    partitionIds,
    replicas: Math.max(1, wish.replicaNumber),
    fieldIds: everything ? [] : fields.map((field) => field.id),
    refresh: wish.refresh,
  });
  call.metaCache.forgetShardLeaders(info.id);
}

/** Errors: collectionNotLoaded, partitionNotLoaded, collectionNotFullyLoaded when loading does not get on. */
async function loadProgress(
  call: ProxyCall,
  info: CollectionInfo,
  partitionNames: readonly string[],
): Promise<Loaded> {
  const partitions = partitionNames.map((name) => namedPartition(call, info, name));
  const state = await call.deps.queryCoord.getLoadState(call.ctx, {
    collectionId: info.id,
    partitionIds: partitions.map(({ id }) => id),
  });
  // Those who wait for it would wait forever.
  if (state.failReason !== "") throw collectionNotFullyLoaded(info.name, state.failReason);
  if (state.state !== "NotLoad") return state;
  if (partitions.length > 0) throw partitionNotLoaded(partitions.map(({ name }) => name).join(", "));
  throw collectionNotLoaded(info.name);
}

function refusePartitionKey(info: CollectionInfo, what: string): void {
  if (partitionKeyField(info.schema) !== undefined) {
    throw parameterInvalid(`disable ${what} if partition key mode is used`);
  }
}
