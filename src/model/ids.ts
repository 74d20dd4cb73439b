/** Identifiers. 64-bit integers are `bigint` at the edge and `BigInt64Array` in bulk, never `number`. */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type DatabaseId = Brand<bigint, "DatabaseId">;
export type CollectionId = Brand<bigint, "CollectionId">;
export type PartitionId = Brand<bigint, "PartitionId">;
export type SegmentId = Brand<bigint, "SegmentId">;
export type FieldId = Brand<number, "FieldId">;
export type IndexId = Brand<bigint, "IndexId">;
export type BuildId = Brand<bigint, "BuildId">;
export type PlanId = Brand<bigint, "PlanId">;
/** A running process (or simulated node), unique per session: a restarted node gets a new one. */
export type NodeId = Brand<bigint, "NodeId">;
/** Increases by one with each take-over of a vchannel. */
export type Epoch = Brand<bigint, "Epoch">;
/** For example `by-dev-rootcoord-dml_3_449v0`. */
export type VChannel = Brand<string, "VChannel">;
export type PChannel = Brand<string, "PChannel">;

export const databaseId = (v: bigint): DatabaseId => v as DatabaseId;
export const collectionId = (v: bigint): CollectionId => v as CollectionId;
export const partitionId = (v: bigint): PartitionId => v as PartitionId;
export const segmentId = (v: bigint): SegmentId => v as SegmentId;
export const fieldId = (v: number): FieldId => v as FieldId;
export const indexId = (v: bigint): IndexId => v as IndexId;
export const buildId = (v: bigint): BuildId => v as BuildId;
export const planId = (v: bigint): PlanId => v as PlanId;
export const nodeId = (v: bigint): NodeId => v as NodeId;
export const epoch = (v: bigint): Epoch => v as Epoch;
export const vchannel = (v: string): VChannel => v as VChannel;
export const pchannel = (v: string): PChannel => v as PChannel;

/** Ids of the system fields; user fields start at 100, as in Milvus. */
export const ROW_ID_FIELD = fieldId(0);
export const TIMESTAMP_FIELD = fieldId(1);
export const FIRST_USER_FIELD = 100;
