import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { type CollectionSchema, type ConsistencyLevel, type KeyValues } from "../../../model/schema.ts";
import { fromPairs } from "../../../wire/key-values.ts";
import type { CreateCollectionRequest } from "../../../wire/messages.gen.ts";
import { decodeCollectionSchema } from "../../../wire/schema-wire.ts";
import { checkConsistencyLevel, checkNewProperties, CONSISTENCY_KEY } from "../check/properties.ts";
import { isTimeZone, timeZoneOf, UTC } from "../../../model/timestamptz.ts";
import { withStoredDefault } from "../check/text-default.ts";
import { checkFields, checkPartitionKey, checkSchema } from "../check/schema.ts";
import type { ProxyCall } from "../handler.ts";
import { DYNAMIC_FIELD } from "./dynamic-field.ts";

export async function createCollection(call: ProxyCall, request: CreateCollectionRequest): Promise<void> {
  const { limits, rootCoord } = call.deps;
  const properties = fromPairs(request.properties);
  const schema = storedSchema(decodeCollectionSchema(request.schema), properties);
  call.note({ fields: schema.fields.length, shards: request.shardsNum });
  if (request.shardsNum > limits.shardsMax) {
    throw parameterInvalid(`maximum shards's number should be limited to ${limits.shardsMax}`);
  }
  if (request.shardsNum < 0) {
    throw parameterInvalid(
      `shards number ${request.shardsNum} is out of range, should be in range [1, ${limits.shardsMax}]`,
    );
  }
  checkSchema(schema, limits);
  const partitionKeyPartitions = checkPartitionKey(schema, request.numPartitions, limits);
  checkNewProperties(properties, schema);
  checkFields(schema, limits);
  if (request.collectionName !== schema.name) {
    throw parameterInvalid(`collection name = ${request.collectionName}, schema.Name=${schema.name}`, {
      expected: "collection name matches schema name",
      actual: "don't match",
    });
  }
  await rootCoord.createCollection(call.ctx, {
    schema: withDynamicField(schema),
    // A client that says nothing gets one shard, as in Milvus.
    shards: request.shardsNum === 0 ? 1 : request.shardsNum,
    consistencyLevel: consistencyLevel(properties, request.consistencyLevel),
    properties,
    partitionKeyPartitions,
  });
}

/** The property wins over the field of the request. */
function consistencyLevel(properties: KeyValues, requested: number): ConsistencyLevel {
  return checkConsistencyLevel(properties[CONSISTENCY_KEY] ?? String(requested));
}

/** A zone that does not exist is refused with the other properties. */
function storedSchema(schema: CollectionSchema, properties: KeyValues): CollectionSchema {
  const zone = timeZoneOf(properties);
  const timeZone = isTimeZone(zone) ? zone : UTC;
  return { ...schema, fields: schema.fields.map((field) => withStoredDefault(field, timeZone)) };
}

function withDynamicField(schema: CollectionSchema): CollectionSchema {
  return schema.enableDynamicField ? { ...schema, fields: [...schema.fields, DYNAMIC_FIELD] } : schema;
}
