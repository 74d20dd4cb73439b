import { DataType } from "./data-type.ts";
import type { CollectionId, DatabaseId, FieldId, IndexId, PartitionId, PChannel, VChannel } from "./ids.ts";
import type { Timestamp } from "./timestamp.ts";

/** A string map that keeps Milvus's key order on the wire (type params, index params, properties). */
export type KeyValues = Readonly<Record<string, string>>;

/** A default or template value of a scalar field. `bytes` holds JSON text or an encoded array. */
export type ScalarValue =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array };

/**
 * One node of the schema tree. Leaves have a data type of their own; struct arrays (not served yet) carry
 * `children`, so that they come without a change of format.
 */
export interface FieldSchema {
  readonly id: FieldId;
  readonly name: string;
  readonly description: string;
  readonly type: DataType;
  /** Element type of an Array. */
  readonly elementType: DataType;
  readonly isPrimaryKey: boolean;
  readonly autoId: boolean;
  readonly isPartitionKey: boolean;
  readonly isClusteringKey: boolean;
  /** True for the `$meta` field that holds undeclared keys. */
  readonly isDynamic: boolean;
  readonly isFunctionOutput: boolean;
  readonly nullable: boolean;
  readonly defaultValue: ScalarValue | undefined;
  /** Dimension of a dense vector, else 0. */
  readonly dim: number;
  /** Bytes a VarChar may hold at most, else 0. */
  readonly maxLength: number;
  /** Elements an Array may hold at most, else 0. */
  readonly maxCapacity: number;
  /** As the client gave them (`dim`, `max_length`, `mmap.enabled`, ...). */
  readonly typeParams: KeyValues;
  readonly children: readonly FieldSchema[];
}

export interface FunctionSchema {
  readonly id: bigint;
  readonly name: string;
  readonly description: string;
  readonly type: number;
  readonly inputFieldIds: readonly FieldId[];
  readonly inputFieldNames: readonly string[];
  readonly outputFieldIds: readonly FieldId[];
  readonly outputFieldNames: readonly string[];
  readonly params: KeyValues;
}

export interface CollectionSchema {
  readonly name: string;
  readonly description: string;
  /** In declaration order; the dynamic field, where there is one, is last. System fields are not listed. */
  readonly fields: readonly FieldSchema[];
  readonly functions: readonly FunctionSchema[];
  readonly enableDynamicField: boolean;
  /** Starts at 0 and grows with each field that comes or goes. */
  readonly version: number;
  /** Once a field is gone: the largest id that any had. None is given twice, as files and log still have the columns of the gone one. */
  readonly lastFieldId?: number | undefined;
}

export type ConsistencyLevel = "Strong" | "Session" | "Bounded" | "Eventually" | "Customized";

/** Wire numbers (common.proto ConsistencyLevel). */
export const CONSISTENCY_LEVELS: readonly ConsistencyLevel[] = [
  "Strong",
  "Session",
  "Bounded",
  "Eventually",
  "Customized",
];

/** A level as properties hold it, by name or wire number; undefined for anything else. */
export function parseConsistencyLevel(text: string): ConsistencyLevel | undefined {
  if (/^\d$/.test(text)) return CONSISTENCY_LEVELS[Number(text)];
  return CONSISTENCY_LEVELS.find((level) => level === text);
}

export type CollectionState = "Creating" | "Created" | "Dropping" | "Dropped";
export type PartitionState = "Creating" | "Created" | "Dropping" | "Dropped";

export interface PartitionInfo {
  readonly id: PartitionId;
  readonly name: string;
  readonly state: PartitionState;
  readonly createdAt: Timestamp;
  /** When state is Dropping or later: reads at or after it do not see the partition. */
  readonly droppedAt: Timestamp | undefined;
}

/** What RootCoord knows of a collection at one timestamp. */
export interface CollectionInfo {
  readonly id: CollectionId;
  readonly databaseId: DatabaseId;
  readonly databaseName: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly schema: CollectionSchema;
  readonly vchannels: readonly VChannel[];
  readonly pchannels: readonly PChannel[];
  readonly partitions: readonly PartitionInfo[];
  /** Partitions that a partition key is spread over, else 0. */
  readonly partitionKeyPartitions: number;
  readonly consistencyLevel: ConsistencyLevel;
  readonly properties: KeyValues;
  readonly state: CollectionState;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  /** Rows at or below it are gone (TruncateCollection); 0 when never truncated. */
  readonly truncatedAt: Timestamp;
  /** Version of the hash functions that route rows (format/routing). */
  readonly hashVersion: number;
}

export interface IndexInfo {
  readonly id: IndexId;
  readonly collectionId: CollectionId;
  readonly fieldId: FieldId;
  readonly name: string;
  /** As the client gave them, shown by DescribeIndex. */
  readonly userParams: KeyValues;
  /** What is really built: `index_type` resolved, defaults filled in. */
  readonly params: KeyValues;
  readonly isAuto: boolean;
  readonly createdAt: Timestamp;
  readonly droppedAt: Timestamp | undefined;
}

export function primaryKeyField(schema: CollectionSchema): FieldSchema {
  const field = schema.fields.find((f) => f.isPrimaryKey);
  if (field === undefined) throw new Error(`schema ${schema.name} has no primary key`);
  return field;
}

export function fieldByName(schema: CollectionSchema, name: string): FieldSchema | undefined {
  return schema.fields.find((f) => f.name === name);
}

export function fieldById(schema: CollectionSchema, id: FieldId): FieldSchema | undefined {
  return schema.fields.find((f) => f.id === id);
}

export function dynamicField(schema: CollectionSchema): FieldSchema | undefined {
  return schema.fields.find((f) => f.isDynamic);
}

export function partitionKeyField(schema: CollectionSchema): FieldSchema | undefined {
  return schema.fields.find((f) => f.isPartitionKey);
}

/** A field that is no more than its name and type; `more` says what else it is. */
export function plainField(
  id: FieldId,
  name: string,
  type: DataType,
  more: Partial<FieldSchema> = {},
): FieldSchema {
  return {
    id,
    name,
    description: "",
    type,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    isFunctionOutput: false,
    nullable: false,
    defaultValue: undefined,
    dim: 0,
    maxLength: 0,
    maxCapacity: 0,
    typeParams: {},
    children: [],
    ...more,
  };
}

/** Partitions that exist, in the order of their creation. */
export function livePartitions(info: CollectionInfo): readonly PartitionInfo[] {
  return info.partitions.filter(({ state }) => state === "Created");
}
