import { partitionNotLoaded } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { collectionId } from "../../../model/ids.ts";
import {
  type CollectionInfo,
  livePartitions,
  type PartitionInfo,
  partitionKeyField,
} from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import { ShowType } from "../../../wire/enums.gen.ts";
import type { ShowPartitionsResponse } from "../../../wire/messages.gen.ts";
import { checkPartitionName } from "../check/names.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { namedCollection, namedPartition, utcTimestamp } from "./lookup.ts";

export const partitionHandlers = {
  async CreatePartition(call, request) {
    const info = await namedCollection(call, request.collectionName);
    refusePartitionKey(info, "create partition");
    checkPartitionName(request.partitionName, call.deps.limits);
    const partition = request.partitionName.trim();
    await call.deps.rootCoord.createPartition(call.ctx, { collection: info.name, partition });
    return {};
  },

  async DropPartition(call, request) {
    const info = await namedCollection(call, request.collectionName);
    refusePartitionKey(info, "drop partition");
    checkPartitionName(request.partitionName, call.deps.limits);
    const name = request.partitionName.trim();
    const partition = livePartitions(info).find((candidate) => candidate.name === name);
    if (partition !== undefined) await refuseLoaded(call, info, partition);
    await call.deps.rootCoord.dropPartition(call.ctx, { collection: info.name, partition: name });
    return {};
  },

  async HasPartition(call, request) {
    const info = await namedCollection(call, request.collectionName);
    checkPartitionName(request.partitionName, call.deps.limits);
    const name = request.partitionName.trim();
    return { value: livePartitions(info).some((partition) => partition.name === name) };
  },

  async ShowPartitions(call, request) {
    const { collectionName: name, collectionID: id } = request;
    const info =
      name === "" && id !== 0n
        ? await call.metaCache.collectionById(call.ctx, collectionId(id))
        : await namedCollection(call, name);
    const partitions = livePartitions(info);
    if (request.type !== ShowType.InMemory) return listing(partitions);
    for (const wanted of request.partitionNames) checkPartitionName(wanted, call.deps.limits);
    return listLoaded(call, info, request.partitionNames);
  },

  async GetPartitionStatistics(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const { id } = namedPartition(call, info, request.partitionName);
    const all = await call.deps.dataCoord.getStatistics(call.ctx, { collectionId: info.id });
    const rows = all.find((one) => one.partitionId === id)?.rows ?? 0;
    return { stats: [{ key: "row_count", value: String(rows) }] };
  },
} satisfies ServedHandlers;

function refusePartitionKey(info: CollectionInfo, what: string): void {
  if (partitionKeyField(info.schema) !== undefined) {
    throw parameterInvalid(`disable ${what} if partition key mode is used`);
  }
}

async function refuseLoaded(call: ProxyCall, info: CollectionInfo, partition: PartitionInfo): Promise<void> {
  const request = { collectionId: info.id, partitionIds: [partition.id] };
  const { state } = await call.deps.queryCoord.getLoadState(call.ctx, request);
  if (state !== "NotLoad") {
    throw parameterInvalid("partition cannot be dropped, partition is loaded, please release it first");
  }
}

async function listLoaded(
  call: ProxyCall,
  info: CollectionInfo,
  names: readonly string[],
): Promise<Init<ShowPartitionsResponse>> {
  const partitions =
    names.length === 0 ? livePartitions(info) : names.map((name) => namedPartition(call, info, name));
  const states = await Promise.all(
    partitions.map((partition) =>
      call.deps.queryCoord.getLoadState(call.ctx, { collectionId: info.id, partitionIds: [partition.id] }),
    ),
  );
  const loaded = partitions.flatMap((partition, i) => {
    const state = states[i];
    if (state !== undefined && state.state !== "NotLoad") return [{ partition, progress: state.progress }];
    if (names.length > 0) throw partitionNotLoaded(partition.name);
    return [];
  });
  return {
    ...listing(loaded.map(({ partition }) => partition)),
    inMemoryPercentages: loaded.map(({ progress }) => BigInt(Math.floor(progress))),
  };
}

function listing(partitions: readonly PartitionInfo[]): Init<ShowPartitionsResponse> {
  return {
    partitionNames: partitions.map(({ name }) => name),
    partitionIDs: partitions.map(({ id }) => id),
    createdTimestamps: partitions.map(({ createdAt }) => createdAt),
    createdUtcTimestamps: partitions.map(({ createdAt }) => utcTimestamp(createdAt)),
  };
}
