import type { IndexDescription } from "../../../api/index-coord.ts";
import { collectionLoaded, indexDuplicate, indexNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { firstKey } from "../../../expr/json-pointer.ts";
import { isVector } from "../../../model/data-type.ts";
import {
  dynamicField,
  fieldById,
  fieldByName,
  type CollectionInfo,
  type FieldSchema,
  type IndexInfo,
  type KeyValues,
} from "../../../model/schema.ts";
import { timestamp } from "../../../model/timestamp.ts";
import type { Init } from "../../../wire/codec.ts";
import { IndexState } from "../../../wire/enums.gen.ts";
import { fromPairs, toPairs } from "../../../wire/key-values.ts";
import type { IndexDescription as WireIndexDescription } from "../../../wire/messages.gen.ts";
import { resolveIndex } from "../check/index-params.ts";
import { JSON_PATH } from "../check/json-index.ts";
import { checkIndexName } from "../check/names.ts";
import { checkWarmupPolicy, MMAP_KEY, parseBool, WARMUP_KEY } from "../check/properties.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { isLoaded, namedCollection } from "./lookup.ts";

/** What AlterIndex may change: how an index is held, never what it is. */
const alterableKeys: ReadonlySet<string> = new Set([MMAP_KEY, WARMUP_KEY, "indexoffsetcache.enabled"]);

export const indexHandlers = {
  async CreateIndex(call, request) {
    const info = await call.metaCache.collection(call.ctx, request.collectionName);
    const indexName = request.indexName.trim();
    checkIndexName(indexName, call.deps.limits);
    // What no field is called is a key of the dynamic field.
    const field = fieldByName(info.schema, request.fieldName) ?? dynamicField(info.schema);
    if (field === undefined) {
      throw parameterInvalid(`cannot create index on non-exist field: ${request.fieldName}`);
    }
    const index = resolveIndex(field, info.schema, request.extraParams, call.deps.limits, request.fieldName);
    call.note({ field: field.name, indexType: index.params["index_type"] });
    const { indexCoord } = call.deps;
    await indexCoord.createIndex(call.ctx, {
      ...index,
      collectionId: info.id,
      field,
      indexName: indexName === "" ? await defaultName(call, info, field, index.params) : indexName,
    });
    call.metaCache.forget(info.id);
    return {};
  },

  async AlterIndex(call, request) {
    const set = fromPairs(request.extraParams);
    const remove = request.deleteKeys;
    if (remove.length > 0 && request.extraParams.length > 0) {
      throw parameterInvalid("cannot provide both DeleteKeys and ExtraParams");
    }
    const fixed = [...Object.keys(set), ...remove].find((key) => !alterableKeys.has(key));
    if (fixed !== undefined) throw parameterInvalid(`${fixed} is not a configable index property`);
    const mmap = set[MMAP_KEY];
    if (mmap !== undefined && parseBool(mmap) === undefined)
      throw parameterInvalid(`invalid ${MMAP_KEY} value: ${mmap}, expected: true, false`);
    const warmup = set[WARMUP_KEY];
    if (warmup !== undefined) checkWarmupPolicy(warmup);
    const info = await call.metaCache.collection(call.ctx, request.collectionName);
    const { indexName } = request;
    if (indexName === "") throw parameterInvalid("index name is empty");
    if (await isLoaded(call, info.id)) {
      throw collectionLoaded(
        info.name,
        "can't alter index on loaded collection, please release the collection first",
      );
    }
    await call.deps.indexCoord.alterIndex(call.ctx, { collectionId: info.id, indexName, set, remove });
    call.metaCache.forget(info.id);
    return {};
  },

  async DescribeIndex(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const found = await describeNamed(call, info, request);
    return { indexDescriptions: found.map((one) => toWire(info, one)) };
  },

  async GetIndexStatistics(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const found = await describeNamed(call, info, { indexName: request.indexName, timestamp: 0n });
    return { indexDescriptions: found.map((one) => toWire(info, one)) };
  },

  async GetIndexState(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const found = await describeNamed(call, info, { indexName: request.indexName, timestamp: 0n });
    const [first, ...others] = found;
    if (first === undefined || others.length > 0) throw indexDuplicate(request.indexName);
    return { state: IndexState[first.state], failReason: first.failReason };
  },

  async GetIndexBuildProgress(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const found = await describeNamed(call, info, { indexName: request.indexName, timestamp: 0n });
    const [first, ...others] = found;
    if (first === undefined || others.length > 0) throw indexDuplicate(request.indexName);
    return { indexedRows: first.indexedRows, totalRows: first.totalRows };
  },

  async DropIndex(call, request) {
    const info = await call.metaCache.collection(call.ctx, request.collectionName);
    const { indexCoord } = call.deps;
    const all = await indexCoord.listIndexes(call.ctx, { collectionId: info.id });
    const field = info.schema.fields.find(({ name }) => name === request.fieldName);
    // Old clients name the field and give the index's default name, which may be another one here.
    const named = all.filter((index) => request.indexName === "" || index.name === request.indexName);
    const matching = named.filter(
      (index) => request.indexName !== "" || !field || index.fieldId === field.id,
    );
    if (matching.length === 0) return {};
    const touchesVectors = matching.some((index) =>
      info.schema.fields.some(({ id, type }) => id === index.fieldId && isVector(type)),
    );
    if (touchesVectors && (await isLoaded(call, info.id))) {
      throw parameterInvalid(`vector index cannot be dropped on loaded collection: ${info.id}`);
    }
    if (matching.length > 1) throw indexDuplicate(request.indexName);
    for (const index of matching) {
      await indexCoord.dropIndex(call.ctx, {
        collectionId: info.id,
        fieldId: index.fieldId,
        indexName: index.name,
      });
    }
    call.metaCache.forget(info.id);
    return {};
  },
} satisfies ServedHandlers;

/** The name of the index that the field, or the path in it, has already, so that a repetition is recognised; else the field's with the path. */
async function defaultName(
  call: ProxyCall,
  info: CollectionInfo,
  field: FieldSchema,
  params: KeyValues,
): Promise<string> {
  const all = await call.deps.indexCoord.listIndexes(call.ctx, { collectionId: info.id });
  const path = params[JSON_PATH];
  const known = all.find((index) => index.fieldId === field.id && index.params[JSON_PATH] === path);
  return known?.name ?? `${field.name}${path ?? ""}`;
}

async function describeNamed(
  call: ProxyCall,
  info: CollectionInfo,
  request: { readonly indexName: string; readonly timestamp: bigint },
): Promise<readonly IndexDescription[]> {
  const { indexName } = request;
  const found = await call.deps.indexCoord.describeIndex(call.ctx, {
    collectionId: info.id,
    indexName,
    at: timestamp(request.timestamp),
  });
  if (found.length === 0) {
    throw indexNotFound(indexName === "" ? { collection: info.name } : { indexName });
  }
  return found;
}

function toWire(info: CollectionInfo, described: IndexDescription): Init<WireIndexDescription> {
  const { info: index } = described;
  return {
    indexName: index.name,
    indexID: index.id,
    fieldName: shownFieldName(info, index),
    params: toPairs(index.userParams),
    indexedRows: described.indexedRows,
    totalRows: described.totalRows,
    pendingIndexRows: described.pendingRows,
    state: IndexState[described.state],
    indexStateFailReason: described.failReason,
  };
}

/** Clients know a key of the dynamic field by its own name. */
function shownFieldName(info: CollectionInfo, { fieldId, params }: IndexInfo): string {
  const field = fieldById(info.schema, fieldId);
  return field?.isDynamic === true ? firstKey(params[JSON_PATH] ?? "") || field.name : (field?.name ?? "");
}
