import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { gatherKeys } from "../../../format/column-select.ts";
import { keyCount, type Column } from "../../../model/columns.ts";
import {
  partitionKeyField,
  primaryKeyField,
  type CollectionInfo,
  type FieldSchema,
} from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import { fromPairs } from "../../../wire/key-values.ts";
import type { QueryRequest, QueryResults } from "../../../wire/messages.gen.ts";
import type { TimeFormat } from "../../../wire/text-columns.ts";
import { countResults } from "../../../wire/search-results.ts";
import { checkCollectionName } from "../check/names.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { columnsBytes } from "./columns-bytes.ts";
import { fieldsOfKeys } from "./fields-of-keys.ts";
import { encodeOutput, outputFields, withPrimaryKey } from "./output-fields.ts";
import { readPartitions } from "./partitions.ts";
import { orderedRows, rowComparison } from "./order-by.ts";
import { parseQueryParams, type QueryParams } from "./query-params.ts";
import { countRows, queryRows } from "./query-shards.ts";
import { parseTimeParams } from "./time-params.ts";
import { requestFilter, type ReadTarget } from "./read-scope.ts";
import { atReadTimestamp } from "./at-read-timestamp.ts";
import { freshnessOf } from "./read-timestamp.ts";

/** Rows by filter, smallest keys first, or `count(*)`, at one timestamp. */
export const queryHandler: Handler<QueryRequest, Init<QueryResults>> = async (call, request) => {
  const { limits } = call.deps;
  checkCollectionName(request.collectionName, limits);
  if (request.namespace !== undefined) throw notServed("namespaces");
  const info = await call.metaCache.collection(call.ctx, request.collectionName);
  checkPartitionKeyUse(info, limits.mustUsePartitionKey, "query");
  const pairs = fromPairs(request.queryParams);
  const params = parseQueryParams(pairs, info.schema, info.id, limits);
  const times = parseTimeParams(pairs, info);
  const filter = requestFilter(
    call,
    request.expr,
    request.exprTemplateValues,
    info,
    times.zone,
    "failed to create query plan",
  );
  const output = outputFields(request.outputFields, info.schema);
  if (request.expr.trim() === "" && params.limit < 0 && !output.countRows) {
    throw parameterInvalid("empty expression should be used with limit");
  }
  if (output.countRows) {
    if (params.limit >= 0) throw parameterInvalid("count entities with pagination is not allowed");
    if (output.names.length > 1) {
      throw notServed("count(*) together with other output fields");
    }
  }
  const partitionIds = readPartitions(info, request.partitionNames, filter.compiled);
  call.note({ collection: info.name, filter: request.expr, limit: params.limit });
  const freshness = freshnessOf(request, params.iterator);
  return atReadTimestamp(call, info, freshness, "failed to query", async (readAt) => {
    const target: ReadTarget = {
      info,
      readAt,
      partitionIds,
      filter: filter.source,
      ignoreGrowing: params.ignoreGrowing,
    };
    const answer = output.countRows
      ? countResults(await countRows(call, target))
      : await rowsAnswer(call, target, { ...params, times }, request.outputFields);
    return {
      ...answer,
      collectionName: request.collectionName,
      sessionTs: readAt,
      primaryFieldName: primaryKeyField(info.schema).name,
    };
  });
};

async function rowsAnswer(
  call: ProxyCall,
  target: ReadTarget,
  page: Pick<QueryParams, "limit" | "offset" | "orderBy"> & { readonly times: TimeFormat },
  requested: readonly string[],
): Promise<Pick<Init<QueryResults>, "fieldsData" | "outputFields">> {
  const { schema } = target.info;
  const asked = outputFields(requested, schema);
  const output = withPrimaryKey(asked, schema);
  const fields =
    page.orderBy.length > 0
      ? await orderedFields(call, target, page, output.fields)
      : await pageFields(call, target, page, output.fields);
  return { fieldsData: encodeOutput(output, fields, page.times), outputFields: asked.names };
}

async function pageFields(
  call: ProxyCall,
  target: ReadTarget,
  { limit, offset }: Pick<QueryParams, "limit" | "offset">,
  fields: readonly FieldSchema[],
): Promise<readonly Column[]> {
  const outputFieldIds = fields.map(({ id }) => id);
  const rows = await queryRows(call, target, { limit, offset, outputFieldIds });
  return bounded(call, rows.fields);
}

/** Orders all rows that match by their keys and the fields of the order alone; only the page's are read in full. Equal rows by key. */
async function orderedFields(
  call: ProxyCall,
  target: ReadTarget,
  { limit, offset, orderBy }: Pick<QueryParams, "limit" | "offset" | "orderBy">,
  fields: readonly FieldSchema[],
): Promise<readonly Column[]> {
  const all = await queryRows(call, target, {
    limit: -1,
    offset: 0,
    outputFieldIds: orderBy.map(({ field }) => field.id),
  });
  const compare = rowComparison(orderBy, bounded(call, all.fields));
  const rows = orderedRows(0, keyCount(all.keys), compare).slice(offset, offset + limit);
  return bounded(call, await fieldsOfKeys(call, target, fields, gatherKeys(all.keys, rows)));
}

function bounded(call: ProxyCall, columns: readonly Column[]): readonly Column[] {
  const { resultBytesMax } = call.deps.limits;
  if (columnsBytes(columns) <= resultBytesMax) return columns;
  throw parameterInvalid(`query results exceed the maxOutputSize Limit ${resultBytesMax}`);
}

/** A configuration may demand that every read goes by partition key. */
export function checkPartitionKeyUse(info: CollectionInfo, must: boolean, verb: "search" | "query"): void {
  if (!must || partitionKeyField(info.schema) !== undefined) return;
  throw parameterInvalid(
    `must use partition key in the ${verb} request because the mustUsePartitionKey config is true`,
  );
}
