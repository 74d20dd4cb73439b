import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { columnOfKeys, gatherKeys, keyAt } from "../../../format/column-select.ts";
import { keyCount, type Keys } from "../../../model/columns.ts";
import { partitionKeyField, primaryKeyField, type CollectionInfo } from "../../../model/schema.ts";
import type { DeletePart } from "../../../model/write-batch.ts";
import type { Init } from "../../../wire/codec.ts";
import type { MutationResult, UpsertRequest } from "../../../wire/messages.gen.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { checkCollectionName } from "../check/names.ts";
import { arrayOps } from "./array-ops.ts";
import { checkRowCount } from "./check-row-count.ts";
import { decodeRows } from "./decode-rows.ts";
import { checkRequestSize, keysOfColumn, partitionsOfRows, refusePartitionName } from "./insert.ts";
import { matchFields } from "./match-fields.ts";
import { mergeStoredRows } from "./partial-upsert.ts";
import { collectionOfRows } from "./row-request.ts";
import { idsBesideKeys } from "./upsert-ids.ts";
import { mutationResult, writeRows, type PreparedRows } from "./write-rows.ts";

/** Replaces rows by key, or adds them. A partial one changes only the fields that it brings. */
export const upsertHandler: Handler<UpsertRequest, Init<MutationResult>> = async (call, request) => {
  checkCollectionName(request.collectionName, call.deps.limits);
  checkRequestSize(call);
  if (request.namespace !== undefined) throw notServed("namespaces");
  const info = await collectionOfRows(call, request);
  if (partitionKeyField(info.schema) !== undefined) refusePartitionName(request.partitionName);
  call.note({ collection: info.name, rows: request.numRows });
  const state: UpsertState = { ids: undefined, updated: undefined };
  const result = await writeRows(call, info, async (current) => prepare(call, current, request, state));
  const answer = mutationResult(result, primaryKeyField(info.schema).autoId ? "adds-rows" : "harmless");
  const replaced = state.updated === undefined ? answer.insertCnt : BigInt(state.updated);
  return { ...answer, upsertCnt: answer.insertCnt, deleteCnt: replaced };
};

/** What outlives an attempt. */
interface UpsertState {
  /** New keys of the rows, where the server makes them. */
  ids: Keys | undefined;
  /** Rows of a partial upsert that existed. */
  updated: number | undefined;
}

async function prepare(
  call: ProxyCall,
  info: CollectionInfo,
  request: UpsertRequest,
  state: UpsertState,
): Promise<PreparedRows> {
  const { schema } = info;
  const keyField = primaryKeyField(schema);
  if (!request.fieldsData.some(({ fieldName }) => fieldName === keyField.name))
    throw parameterInvalid(`must assign pk when upsert, primary field: ${keyField.name}`);
  checkRowCount(request);
  const rows = request.numRows;
  const ops = arrayOps(request, schema);
  // An operation means a partial upsert, also where the client does not say so.
  const partial = request.partialUpdate || ops.size > 0;
  const merged = partial ? await mergeStoredRows(call, info, request, ops) : undefined;
  const columns =
    merged?.columns ?? decodeRows(matchFields(request.fieldsData, schema, "request"), info, rows);
  if (merged !== undefined) state.updated = merged.updated;
  const given = keysOfColumn(columns, keyField.id);
  checkDistinct(given);
  const condition = merged && ({ readAt: merged.readAt, onConflict: "refuse" } as const);
  const partitions = partitionsOfRows(call, info, request, columns);
  if (!keyField.autoId) {
    // The new version of a row ends all earlier ones, in whatever partition they are.
    return { info, rows, columns, keys: given, partitions, ...(condition && { condition }) };
  }
  const ids = (state.ids ??= await idsBesideKeys(call, given, info.vchannels.length, keyField.type));
  const deletesOf = (placed: readonly number[]): readonly DeletePart[] => [
    { partitionId: undefined, keys: gatherKeys(given, placed) },
  ];
  return {
    info,
    rows,
    columns: new Map([...columns, [keyField.id, columnOfKeys(ids)]]),
    keys: ids,
    partitions,
    deletesOf,
    ...(condition && { condition }),
  };
}

function checkDistinct(keys: Keys): void {
  const count = keyCount(keys);
  const distinct = new Set(Array.from({ length: count }, (_, i) => keyAt(keys, i)));
  if (distinct.size < count)
    throw parameterInvalid("duplicate primary keys are not allowed in the same batch");
}
