import { RedkiteError, isRedkiteError } from "../../../errors/redkite-error.ts";
import { collectionId } from "../../../model/ids.ts";
import { type CollectionInfo, CONSISTENCY_LEVELS, livePartitions } from "../../../model/schema.ts";
import { timeZoneOf } from "../../../model/timestamptz.ts";
import type { Init } from "../../../wire/codec.ts";
import { toPairs } from "../../../wire/key-values.ts";
import type { DescribeCollectionResponse } from "../../../wire/messages.gen.ts";
import { toWireSchema } from "../../../wire/schema-wire.ts";
import type { ProxyCall } from "../handler.ts";
import { namedCollection, utcTimestamp } from "./lookup.ts";

/** By name or alias, or by id where no name is given. */
export async function describeCollection(
  call: ProxyCall,
  request: { readonly collectionName: string; readonly collectionID: bigint },
): Promise<Init<DescribeCollectionResponse>> {
  const { collectionName: name, collectionID: id } = request;
  try {
    if (name !== "" || id === 0n) return describe(await namedCollection(call, name), name);
    const info = await call.metaCache.collectionById(call.ctx, collectionId(id));
    return describe(info, info.name);
  } catch (error) {
    if (!isRedkiteError(error, "collectionNotFound")) throw error;
    // Clients look for this sentence.
    throw new RedkiteError(
      "collectionNotFound",
      `can't find collection[database=${call.ctx.database}][collection=${name === "" ? id : name}]`,
      { cause: error },
    );
  }
}

/** @param calledAs the name or alias that the client asked for */
function describe(info: CollectionInfo, calledAs: string): Init<DescribeCollectionResponse> {
  const shown = { ...info.schema, fields: info.schema.fields.filter((field) => !field.isDynamic) };
  return {
    collectionName: calledAs,
    dbName: info.databaseName,
    dbId: info.databaseId,
    collectionID: info.id,
    // Milvus leaves the schema's own auto id to the primary field.
    schema: { ...toWireSchema(shown, { timeZone: timeZoneOf(info.properties) }), autoID: false },
    shardsNum: info.vchannels.length,
    virtualChannelNames: info.vchannels,
    physicalChannelNames: info.pchannels,
    aliases: info.aliases,
    consistencyLevel: CONSISTENCY_LEVELS.indexOf(info.consistencyLevel),
    numPartitions: BigInt(livePartitions(info).length),
    properties: toPairs(info.properties),
    createdTimestamp: info.createdAt,
    createdUtcTimestamp: utcTimestamp(info.createdAt),
    updateTimestamp: info.updatedAt,
    updateTimestampStr: String(info.updatedAt),
  };
}
