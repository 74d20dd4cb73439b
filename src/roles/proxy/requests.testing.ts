import { DataType } from "../../model/data-type.ts";
import { encode, type Init } from "../../wire/codec.ts";
import type {
  CollectionSchema,
  CreateCollectionRequest,
  FieldSchema,
  KeyValuePair,
} from "../../wire/messages.gen.ts";

export type WireField = Init<FieldSchema>;

export const pair = (key: string, value: string): KeyValuePair => ({ key, value });

export const idField: WireField = { name: "id", dataType: DataType.Int64, isPrimaryKey: true };
export const vectorField: WireField = {
  name: "vec",
  dataType: DataType.FloatVector,
  typeParams: [pair("dim", "8")],
};

export function field(name: string, dataType: DataType, more: WireField = {}): WireField {
  return { name, dataType, ...more };
}

/** A request for a collection with these fields; `more` changes the schema, `request` what surrounds it. */
export function createRequest(
  name: string,
  fields: readonly WireField[] = [idField, vectorField],
  more: Init<CollectionSchema> = {},
  request: Init<CreateCollectionRequest> = {},
): Init<CreateCollectionRequest> {
  return {
    collectionName: name,
    schema: encode("schema.CollectionSchema", { name, fields, ...more }),
    shardsNum: 1,
    ...request,
  };
}
