import { parameterInvalid, parameterTooLarge } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { columnOfKeys, keysOf } from "../../../format/column-select.ts";
import type { Column, Keys } from "../../../model/columns.ts";
import type { PartitionId } from "../../../model/ids.ts";
import { partitionKeyField, primaryKeyField, type CollectionInfo } from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import type { InsertRequest, MutationResult } from "../../../wire/messages.gen.ts";
import { checkCollectionName } from "../check/names.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { parseGoBool } from "../read/go-values.ts";
import { partitionNamed } from "../read/partitions.ts";
import { decodeRows } from "./decode-rows.ts";
import { matchFields, type KeySource } from "./match-fields.ts";
import { checkRowCount } from "./check-row-count.ts";
import { keysOfIds, partitionsOfKeys } from "./place-rows.ts";
import { collectionOfRows, type RowRequest } from "./row-request.ts";
import { mutationResult, writeRows } from "./write-rows.ts";

/** Rows in; acknowledged when every vchannel has its part durably. An existing key gets a new version. */
export const insertHandler: Handler<InsertRequest, Init<MutationResult>> = async (call, request) => {
  const { limits } = call.deps;
  checkCollectionName(request.collectionName, limits);
  checkRequestSize(call);
  if (request.namespace !== undefined) throw notServed("namespaces");
  const info = await collectionOfRows(call, request);
  checkRowCount(request);
  call.note({ collection: info.name, rows: request.numRows });
  const keySource = keySourceOfInsert(info, request);
  let ids: Keys | undefined;
  const result = await writeRows(call, info, async (current) => {
    const matched = matchFields(request.fieldsData, current.schema, keySource);
    const columns = decodeRows(matched, current, request.numRows);
    const keyField = primaryKeyField(current.schema);
    if (keySource === "server") {
      // Rows that are sent again keep their ids.
      ids ??= keysOfIds(
        await call.deps.rootCoord.allocId(call.ctx, { count: request.numRows }),
        request.numRows,
        keyField.type,
      );
      columns.set(keyField.id, columnOfKeys(ids));
    }
    return {
      info: current,
      rows: request.numRows,
      columns,
      keys: keysOfColumn(columns, keyField.id),
      partitions: partitionsOfRows(call, current, request, columns),
    };
  });
  return mutationResult(result, keySource === "server" ? "adds-rows" : "harmless");
};

export function checkRequestSize(call: ProxyCall): void {
  const { insertBytesMax } = call.deps.limits;
  if (insertBytesMax >= 0 && call.requestBytes > insertBytesMax)
    throw parameterTooLarge("insert request size exceeds maxInsertSize");
}

/** A collection with auto ids may allow its clients to bring their own. */
function keySourceOfInsert({ schema, properties }: CollectionInfo, request: RowRequest): KeySource {
  const key = primaryKeyField(schema);
  if (!key.autoId) return "request";
  const allowed = parseGoBool(properties["allow_insert_auto_id"] ?? "") === true;
  return allowed && request.fieldsData.some(({ fieldName }) => fieldName === key.name) ? "request" : "server";
}

export function keysOfColumn(columns: ReadonlyMap<number, Column>, keyFieldId: number): Keys {
  const column = columns.get(keyFieldId);
  if (column === undefined) throw new TypeError("no primary key column");
  if (column.validity !== undefined) throw parameterInvalid("primary field not support null");
  return keysOf(column);
}

/** By partition key, by name, or the default partition. */
export function partitionsOfRows(
  call: ProxyCall,
  info: CollectionInfo,
  request: RowRequest,
  columns: ReadonlyMap<number, Column>,
): PartitionId | readonly PartitionId[] {
  const { limits } = call.deps;
  if (partitionKeyField(info.schema) === undefined) {
    const name = request.partitionName === "" ? limits.defaultPartitionName : request.partitionName;
    return partitionNamed(info, name, limits);
  }
  refusePartitionName(request.partitionName);
  return partitionsOfKeys(info, columns);
}

export function refusePartitionName(name: string): void {
  if (name === "") return;
  throw parameterInvalid("not support manually specifying the partition names if partition key mode is used");
}
