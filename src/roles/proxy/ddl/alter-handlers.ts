import { collectionLoaded } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { DataType } from "../../../model/data-type.ts";
import {
  dynamicField,
  type CollectionInfo,
  type FieldSchema,
  type KeyValues,
} from "../../../model/schema.ts";
import { decode } from "../../../wire/codec.ts";
import { fromPairs } from "../../../wire/key-values.ts";
import { fromWireField } from "../../../wire/schema-wire.ts";
import { checkDescription } from "../check/names.ts";
import {
  checkAlteredProperties,
  checkWarmupPolicy,
  hasCipherKey,
  isWarmupKey,
  MMAP_KEY,
  parseBool,
  WARMUP_KEY,
} from "../check/properties.ts";
import { timeZoneOf } from "../../../model/timestamptz.ts";
import { withStoredDefault } from "../check/text-default.ts";
import { checkAddedField } from "../check/schema.ts";
import type { ProxyCall } from "../handler.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { DYNAMIC_FIELD } from "./dynamic-field.ts";
import { isLoaded, namedCollection } from "./lookup.ts";

const DESCRIPTION_KEY = "collection.description";
const DYNAMIC_KEY = "dynamicfield.enabled";

export const alterHandlers = {
  async AlterCollection(call, request) {
    const set = fromPairs(request.properties);
    const remove = request.deleteKeys;
    if (request.collectionName === "") {
      throw parameterInvalid("alter collection failed, collection name does not exists");
    }
    if (request.properties.length > 0 && remove.length > 0) {
      throw parameterInvalid("cannot provide both DeleteKeys and ExtraParams");
    }
    if (request.properties.length === 0 && remove.length === 0) {
      throw parameterInvalid("no properties or delete keys provided");
    }
    const info = await call.metaCache.collection(call.ctx, request.collectionName);
    if (hasCipherKey([...Object.keys(set), ...remove])) {
      throw parameterInvalid("can not alter cipher related properties");
    }
    if (remove.includes(DYNAMIC_KEY)) {
      throw parameterInvalid(
        `cannot delete key ${DYNAMIC_KEY}, dynamic field schema could support set to true/false`,
      );
    }
    if (set[DYNAMIC_KEY] !== undefined) {
      await alterDynamicField(call, info, set);
      return {};
    }
    await refuseWhileLoaded(call, info, { set, remove });
    const description = set[DESCRIPTION_KEY];
    if (description !== undefined) checkDescription(description, call.deps.limits);
    checkAlteredProperties(set, info);
    await call.deps.rootCoord.alterCollection(call.ctx, { name: info.name, set, remove });
    return {};
  },

  async AlterCollectionField(call, request) {
    const info = await call.metaCache.collection(call.ctx, request.collectionName);
    const set = renamed(fromPairs(request.properties));
    const remove = request.deleteKeys.map(currentKey);
    const field = info.schema.fields.find(({ name }) => name === request.fieldName);
    for (const [key, value] of Object.entries(set)) {
      if (!alterableKeys.has(key)) {
        throw parameterInvalid(`${key} does not allow update in collection field param`);
      }
      await checkFieldProperty(call, info, { field, key, value });
    }
    for (const key of remove) {
      if (!droppableKeys.has(key)) {
        throw parameterInvalid(`${key} is not allowed to drop in collection field param`);
      }
      if ((key === MMAP_KEY || key === WARMUP_KEY) && (await isLoaded(call, info.id))) {
        throw collectionLoaded(info.name, "can not drop collection field properties if collection loaded");
      }
    }
    const { rootCoord } = call.deps;
    await rootCoord.alterCollectionField(call.ctx, {
      name: info.name,
      field: request.fieldName,
      set,
      remove,
    });
    return {};
  },

  async AddCollectionField(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const given = fromWireField(decode("schema.FieldSchema", request.schema));
    const field = withStoredDefault(given, timeZoneOf(info.properties));
    checkAddedField(info.schema, field, call.deps.limits);
    await call.deps.rootCoord.addCollectionField(call.ctx, { name: info.name, field });
    return {};
  },
} satisfies ServedHandlers;

/**
 * Enabling it adds the field that holds undeclared keys, disabling it takes that away, first of all the indexes on it: with one left over
 * from a failure before the field is gone, nothing is lost but the index. The property itself is not kept.
 */
async function alterDynamicField(call: ProxyCall, info: CollectionInfo, set: KeyValues): Promise<void> {
  const text = set[DYNAMIC_KEY] ?? "";
  const wanted = parseBool(text.toLowerCase());
  if (wanted === undefined) throw parameterInvalid(`invalid dynamic schema property value: ${text}`);
  if (Object.keys(set).length > 1) {
    throw parameterInvalid("cannot alter dynamic schema with other properties at the same time");
  }
  if (wanted === info.schema.enableDynamicField) return;
  const dynamic = dynamicField(info.schema);
  if (!wanted && dynamic !== undefined) {
    await call.deps.indexCoord.dropIndex(call.ctx, {
      collectionId: info.id,
      fieldId: dynamic.id,
      indexName: "",
    });
    await call.deps.rootCoord.dropDynamicField(call.ctx, { name: info.name });
    return;
  }
  await call.deps.rootCoord.addCollectionField(call.ctx, { name: info.name, field: DYNAMIC_FIELD });
}

/** What decides how a collection is opened cannot change under a loaded one. */
async function refuseWhileLoaded(
  call: ProxyCall,
  info: CollectionInfo,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): Promise<void> {
  const set = Object.keys(change.set);
  const mmap = set.includes(MMAP_KEY);
  const removed = change.remove.find((key) => key === MMAP_KEY || isWarmupKey(key));
  if (!mmap && !set.some(isWarmupKey) && removed === undefined) return;
  if (!(await isLoaded(call, info.id))) return;
  const verb = removed === undefined ? "alter" : "delete";
  const what = removed ?? (mmap ? MMAP_KEY : WARMUP_KEY);
  const named = what === MMAP_KEY ? "mmap" : removed === undefined ? "warmup" : what;
  throw collectionLoaded(info.name, `can not ${verb} ${named} properties if collection loaded`);
}

/** Older clients write `mmap_enabled`. */
function currentKey(key: string): string {
  return key === "mmap_enabled" ? MMAP_KEY : key;
}

function renamed(properties: KeyValues): KeyValues {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [currentKey(key), value]));
}

const warmupKeys: readonly string[] = [
  WARMUP_KEY,
  "warmup.scalarField",
  "warmup.scalarIndex",
  "warmup.vectorField",
  "warmup.vectorIndex",
];
const droppableKeys: ReadonlySet<string> = new Set([MMAP_KEY, ...warmupKeys]);
const alterableKeys: ReadonlySet<string> = new Set([
  "max_length",
  "max_capacity",
  "field.description",
  ...droppableKeys,
]);

async function checkFieldProperty(
  call: ProxyCall,
  info: CollectionInfo,
  property: { readonly field: FieldSchema | undefined; readonly key: string; readonly value: string },
): Promise<void> {
  const { field, key, value } = property;
  switch (key) {
    case MMAP_KEY:
      if (await isLoaded(call, info.id)) {
        throw collectionLoaded(info.name, "can not alter collection field properties if collection loaded");
      }
      return;
    case WARMUP_KEY:
      if (await isLoaded(call, info.id)) {
        throw collectionLoaded(info.name, "can not alter warmup if collection loaded");
      }
      checkWarmupPolicy(value);
      return;
    case "max_length":
      checkMaxLength(field, value, call.deps.limits);
      return;
    case "max_capacity":
      checkMaxCapacity(field, value, call.deps.limits);
      return;
  }
}

function checkMaxLength(field: FieldSchema | undefined, value: string, limits: ProxyLimits): void {
  const holdsText =
    field?.type === DataType.VarChar ||
    (field?.type === DataType.Array && field.elementType === DataType.VarChar);
  if (field === undefined || !holdsText) {
    throw parameterInvalid(`${field?.name ?? ""} can not modify the maxlength for non-string types`);
  }
  if (!/^[+-]?\d+$/.test(value)) {
    throw parameterInvalid("max_length should be an integer, but got string");
  }
  if (Number(value) > limits.varCharBytesMax) {
    throw parameterInvalid(`${value} exceeds the maximum allowed value ${limits.varCharBytesMax}`);
  }
  if (Number(value) <= 0) {
    throw parameterInvalid(
      `the maximum length specified for the field(${field.name}) should be in (0, ${limits.varCharBytesMax}], but got ${value} instead`,
    );
  }
}

function checkMaxCapacity(field: FieldSchema | undefined, value: string, limits: ProxyLimits): void {
  if (field?.type !== DataType.Array) {
    throw parameterInvalid(`${field?.name ?? ""} can not modify the maxcapacity for non-array types`);
  }
  if (!/^[+-]?\d+$/.test(value)) {
    throw parameterInvalid(`the value for max_capacity of field ${field.name} must be an integer`);
  }
  if (Number(value) <= 0 || Number(value) > limits.arrayCapacityMax) {
    throw parameterInvalid(
      `the maximum capacity specified for a Array should be in (0, ${limits.arrayCapacityMax}]`,
    );
  }
}
