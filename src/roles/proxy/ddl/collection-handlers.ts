import { collectionNotLoaded } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import { toStatus } from "../../../errors/status.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import { ShowType } from "../../../wire/enums.gen.ts";
import type { ShowCollectionsResponse } from "../../../wire/messages.gen.ts";
import { toWireStatus } from "../../../wire/status-wire.ts";
import { parameterMissingSentence } from "../check/field.ts";
import { checkCollectionName } from "../check/names.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { createCollection } from "./create-collection.ts";
import { describeCollection } from "./describe-collection.ts";
import { namedCollection, utcTimestamp } from "./lookup.ts";

/** Collections that one BatchDescribeCollection may ask for. */
const BATCH_MAX = 1024;

export const collectionHandlers = {
  async CreateCollection(call, request) {
    await createCollection(call, request);
    return {};
  },

  /** Milvus drops without a look at the name, so that nothing with an odd one stays behind. */
  async DropCollection(call, request) {
    try {
      await call.deps.rootCoord.dropCollection(call.ctx, { name: request.collectionName });
    } catch (error) {
      if (!isRedkiteError(error, "databaseNotFound")) throw error;
    }
    return {};
  },

  async HasCollection(call, request) {
    try {
      await namedCollection(call, request.collectionName);
      return { value: true };
    } catch (error) {
      if (!isRedkiteError(error, "collectionNotFound")) throw error;
      return { value: false };
    }
  },

  DescribeCollection: describeCollection,

  async BatchDescribeCollection(call, request) {
    const names = request.collectionName;
    if (names.length === 0) throw parameterMissingSentence("collection names cannot be empty");
    if (names.length > BATCH_MAX) {
      throw parameterInvalid(`${names.length} collections in one request, at most ${BATCH_MAX} are allowed`);
    }
    const describe = async (collectionName: string) => {
      try {
        return { ...(await describeCollection(call, { collectionName, collectionID: 0n })), status: {} };
      } catch (error) {
        return { status: toWireStatus(toStatus(error)), collectionName };
      }
    };
    return { responses: await Promise.all(names.map(describe)) };
  },

  async ShowCollections(call, request) {
    const infos = await call.deps.rootCoord.listCollections(call.ctx, {});
    const created = infos.filter((info) => info.state === "Created");
    if (request.type !== ShowType.InMemory) return listing(created);
    return listLoaded(call, created, request.collectionNames);
  },

  async RenameCollection(call, request) {
    const { oldName: from, newName: to } = request;
    checkCollectionName(to, call.deps.limits);
    if (from === "") throw parameterInvalid("old collection name should not be empty");
    const toDatabase = request.newDBName === "" ? call.ctx.database : request.newDBName;
    if (from === to && toDatabase === call.ctx.database) {
      throw parameterInvalid("collection name or database name should be different");
    }
    await call.deps.rootCoord.renameCollection(call.ctx, { from, to, toDatabase });
    return {};
  },

  async TruncateCollection(call, request) {
    const info = await namedCollection(call, request.collectionName);
    await call.deps.rootCoord.truncateCollection(call.ctx, { name: info.name });
    return {};
  },

  async GetCollectionStatistics(call, request) {
    const { id } = await namedCollection(call, request.collectionName);
    const partitions = await call.deps.dataCoord.getStatistics(call.ctx, { collectionId: id });
    const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0);
    return { stats: [{ key: "row_count", value: String(rows) }] };
  },
} satisfies ServedHandlers;

/** The loaded ones of `names`, all of them when it is empty; a named one that is not loaded is an error. */
async function listLoaded(
  call: ProxyCall,
  created: readonly CollectionInfo[],
  names: readonly string[],
): Promise<Init<ShowCollectionsResponse>> {
  const loaded = new Map(
    (await call.deps.queryCoord.listLoaded(call.ctx, {})).map((one) => [one.collectionId, one.progress]),
  );
  const wanted =
    names.length === 0
      ? created.filter((info) => loaded.has(info.id))
      : await Promise.all(names.map((name) => namedCollection(call, name)));
  const missing = wanted.find((info) => !loaded.has(info.id));
  if (missing !== undefined) throw collectionNotLoaded(missing.name);
  const percentages = wanted.map((info) => loaded.get(info.id) ?? 0);
  return {
    ...listing(wanted),
    ...(names.length > 0 && { collectionNames: names }),
    inMemoryPercentages: percentages.map((percentage) => BigInt(Math.floor(percentage))),
    queryServiceAvailable: percentages.map((percentage) => percentage >= 100),
  };
}

function listing(infos: readonly CollectionInfo[]): Init<ShowCollectionsResponse> {
  return {
    collectionNames: infos.map((info) => info.name),
    collectionIds: infos.map((info) => info.id),
    createdTimestamps: infos.map((info) => info.createdAt),
    createdUtcTimestamps: infos.map((info) => utcTimestamp(info.createdAt)),
    shardsNum: infos.map((info) => info.vchannels.length),
  };
}
