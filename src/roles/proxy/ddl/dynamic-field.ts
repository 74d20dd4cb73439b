import { utf8Encode } from "../../../base/bytes.ts";
import { DataType } from "../../../model/data-type.ts";
import { fieldId } from "../../../model/ids.ts";
import { type FieldSchema, plainField } from "../../../model/schema.ts";
import { META_FIELD } from "../check/schema.ts";

/** Holds the keys that a row has beside its declared fields; rows from before it was added have none. RootCoord gives it an id. */
export const DYNAMIC_FIELD: FieldSchema = plainField(fieldId(0), META_FIELD, DataType.JSON, {
  description: "dynamic schema",
  isDynamic: true,
  nullable: true,
  defaultValue: { kind: "bytes", value: utf8Encode("{}") },
});
