import { utf8Encode } from "../../../base/bytes.ts";
import { DataType } from "../../../model/data-type.ts";
import { fieldId } from "../../../model/ids.ts";
import type { FieldSchema } from "../../../model/schema.ts";
import { META_FIELD } from "../check/schema.ts";

/** Holds the keys that a row has beside its declared fields; rows from before it was added have none. RootCoord gives it an id. */
export const DYNAMIC_FIELD: FieldSchema = {
  id: fieldId(0),
  name: META_FIELD,
  description: "dynamic schema",
  type: DataType.JSON,
  elementType: DataType.None,
  isPrimaryKey: false,
  autoId: false,
  isPartitionKey: false,
  isClusteringKey: false,
  isDynamic: true,
  isFunctionOutput: false,
  nullable: true,
  defaultValue: { kind: "bytes", value: utf8Encode("{}") },
  dim: 0,
  maxLength: 0,
  maxCapacity: 0,
  typeParams: {},
  children: [],
};
