import { ByteFormatError } from "../../base/bytes.ts";
import { defineMessage, field, nested, optional, repeated, type MessageCodec } from "../../format/message.ts";
import type {
  CollectionInfo,
  CollectionSchema,
  FieldSchema,
  FunctionSchema,
  IndexInfo,
  PartitionInfo,
  ScalarValue,
} from "../../model/schema.ts";

/** Schemas and collections as metadata stores them (docs/internals/messages.md). */

interface StoredScalar {
  readonly kind: string;
  readonly int: bigint | undefined;
  readonly float: number | undefined;
  readonly text: string | undefined;
  readonly bytes: Uint8Array | undefined;
}
const storedScalar = defineMessage<StoredScalar>("ScalarValue", {
  kind: field(1, "string"),
  int: optional(2, "int64"),
  float: optional(3, "double"),
  text: optional(4, "string"),
  bytes: optional(5, "bytes"),
});

const scalarCodec: MessageCodec<ScalarValue> = {
  name: storedScalar.name,
  encode: (value) =>
    storedScalar.encode({
      ...value, // fields that this release does not know
      kind: value.kind,
      int: value.kind === "int" ? value.value : value.kind === "bool" ? BigInt(value.value) : undefined,
      float: value.kind === "float" ? value.value : undefined,
      text: value.kind === "string" ? value.value : undefined,
      bytes: value.kind === "bytes" ? value.value : undefined,
    }),
  decode(bytes) {
    const { kind, int, float, text, bytes: raw, ...unknown } = storedScalar.decode(bytes);
    switch (kind) {
      case "bool":
        return { ...unknown, kind, value: int === 1n };
      case "int":
        return { ...unknown, kind, value: int ?? 0n };
      case "float":
        return { ...unknown, kind, value: float ?? 0 };
      case "string":
        return { ...unknown, kind, value: text ?? "" };
      case "bytes":
        return { ...unknown, kind, value: raw ?? new Uint8Array(0) };
      default:
        throw new ByteFormatError(`a value of kind "${kind}" is not known`, 0);
    }
  },
};

/** Refers to itself: struct fields have fields. */
const fieldSchema: MessageCodec<FieldSchema> = {
  name: "FieldSchema",
  encode: (value) => fieldMessage.encode(value),
  decode: (bytes) => fieldMessage.decode(bytes),
};

const fieldMessage: MessageCodec<FieldSchema> = defineMessage<FieldSchema>("FieldSchema", {
  id: field(1, "uint32"),
  name: field(2, "string"),
  description: field(3, "string"),
  type: field(4, "uint32"),
  elementType: field(5, "uint32"),
  isPrimaryKey: field(6, "bool"),
  autoId: field(7, "bool"),
  isPartitionKey: field(8, "bool"),
  isClusteringKey: field(9, "bool"),
  isDynamic: field(10, "bool"),
  isFunctionOutput: field(11, "bool"),
  nullable: field(12, "bool"),
  defaultValue: optional(13, nested(scalarCodec)),
  dim: field(14, "uint32"),
  maxLength: field(15, "uint32"),
  maxCapacity: field(16, "uint32"),
  typeParams: field(17, "map"),
  children: repeated(18, nested(fieldSchema)),
});

const functionSchema = defineMessage<FunctionSchema>("FunctionSchema", {
  id: field(1, "uint64"),
  name: field(2, "string"),
  description: field(3, "string"),
  type: field(4, "uint32"),
  inputFieldIds: repeated(5, "uint32"),
  inputFieldNames: repeated(6, "string"),
  outputFieldIds: repeated(7, "uint32"),
  outputFieldNames: repeated(8, "string"),
  params: field(9, "map"),
});

export const collectionSchemaCodec = defineMessage<CollectionSchema>("CollectionSchema", {
  name: field(1, "string"),
  description: field(2, "string"),
  fields: repeated(3, nested(fieldSchema)),
  functions: repeated(4, nested(functionSchema)),
  enableDynamicField: field(5, "bool"),
  version: field(6, "uint32"),
  lastFieldId: optional(7, "uint32"),
});

const partitionCodec = defineMessage<PartitionInfo>("PartitionInfo", {
  id: field(1, "uint64"),
  name: field(2, "string"),
  state: field(3, "string"),
  createdAt: field(4, "uint64"),
  droppedAt: optional(5, "uint64"),
});

export const collectionCodec = defineMessage<CollectionInfo>("CollectionInfo", {
  id: field(1, "uint64"),
  databaseId: field(2, "uint64"),
  databaseName: field(3, "string"),
  name: field(4, "string"),
  aliases: repeated(5, "string"),
  schema: field(6, nested(collectionSchemaCodec)),
  vchannels: repeated(7, "string"),
  pchannels: repeated(8, "string"),
  partitions: repeated(9, nested(partitionCodec)),
  partitionKeyPartitions: field(10, "uint32"),
  consistencyLevel: field(11, "string"),
  properties: field(12, "map"),
  state: field(13, "string"),
  createdAt: field(14, "uint64"),
  updatedAt: field(15, "uint64"),
  truncatedAt: field(16, "uint64"),
  hashVersion: field(17, "uint32"),
});

export const indexCodec = defineMessage<IndexInfo>("IndexInfo", {
  id: field(1, "uint64"),
  collectionId: field(2, "uint64"),
  fieldId: field(3, "uint32"),
  name: field(4, "string"),
  userParams: field(5, "map"),
  params: field(6, "map"),
  isAuto: field(7, "bool"),
  createdAt: field(8, "uint64"),
  droppedAt: optional(9, "uint64"),
});
