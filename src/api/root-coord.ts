import type { CallContext } from "../model/call-context.ts";
import type { CollectionId, DatabaseId, Epoch, NodeId, VChannel } from "../model/ids.ts";
import type {
  CollectionInfo,
  CollectionSchema,
  ConsistencyLevel,
  FieldSchema,
  KeyValues,
} from "../model/schema.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { ServiceTable } from "./service-table.ts";

/**
 * Databases, collections, partitions, aliases, schemas; timestamps, ids, channel epochs. DDL is serial per database.
 * When a DDL call returns it is durable and every live proxy has dropped what it had cached of the collection. The database of
 * a request is `ctx.database`. Errors carry Milvus's codes.
 */
export interface RootCoord extends Component {
  createDatabase(
    ctx: CallContext,
    request: { readonly name: string; readonly properties: KeyValues },
  ): Promise<void>;
  /** Fails when it still has collections. */
  dropDatabase(ctx: CallContext, request: { readonly name: string }): Promise<void>;
  listDatabases(ctx: CallContext, request: Record<string, never>): Promise<readonly DatabaseInfo[]>;
  describeDatabase(ctx: CallContext, request: { readonly name: string }): Promise<DatabaseInfo>;
  alterDatabase(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void>;

  /** The proxy has validated the schema; field ids are assigned here. Repeating with an equal definition succeeds. */
  createCollection(ctx: CallContext, request: CreateCollectionRequest): Promise<CollectionInfo>;
  /** Succeeds when there is none. */
  dropCollection(ctx: CallContext, request: { readonly name: string }): Promise<void>;
  /** By name or alias, or by id. */
  describeCollection(ctx: CallContext, request: DescribeCollectionRequest): Promise<CollectionInfo>;
  listCollections(ctx: CallContext, request: Record<string, never>): Promise<readonly CollectionInfo[]>;
  renameCollection(
    ctx: CallContext,
    request: { readonly from: string; readonly to: string; readonly toDatabase: string },
  ): Promise<void>;
  alterCollection(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void>;
  alterCollectionField(
    ctx: CallContext,
    request: {
      readonly name: string;
      readonly field: string;
      readonly set: KeyValues;
      readonly remove: readonly string[];
    },
  ): Promise<void>;
  /** Concerns rows: takes effect at one timestamp on all vchannels. */
  addCollectionField(
    ctx: CallContext,
    request: { readonly name: string; readonly field: FieldSchema },
  ): Promise<void>;
  /** Takes the dynamic field away, with what rows have in it; succeeds when there is none. Concerns rows, too. */
  dropDynamicField(ctx: CallContext, request: { readonly name: string }): Promise<void>;
  truncateCollection(ctx: CallContext, request: { readonly name: string }): Promise<void>;

  createPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void>;
  dropPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void>;

  createAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void>;
  alterAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void>;
  dropAlias(ctx: CallContext, request: { readonly alias: string }): Promise<void>;
  describeAlias(
    ctx: CallContext,
    request: { readonly alias: string },
  ): Promise<{ readonly alias: string; readonly collection: string }>;
  /** Of one collection, or of the database when empty. */
  listAliases(ctx: CallContext, request: { readonly collection: string }): Promise<readonly string[]>;

  /**
   * `count` consecutive timestamps, the first returned. Never cached by callers: one allocation may serve only requests that
   * arrived before it began. With `owner`, refused (fenced) when the channel has a newer epoch.
   */
  allocTimestamp(
    ctx: CallContext,
    request: { readonly count: number; readonly owner: ChannelEpoch | undefined },
  ): Promise<Timestamp>;
  /** `count` consecutive ids, the first returned. */
  allocId(ctx: CallContext, request: { readonly count: number }): Promise<bigint>;
  /** A take-over: from its return on, timestamps for older epochs of the channel are refused. */
  raiseEpoch(
    ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly owner: NodeId },
  ): Promise<Epoch>;
  /** DDL that an owner must know before it serves: changes whose rows may not be in its log yet. */
  openIntents(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<readonly DdlIntent[]>;
}

export interface ChannelEpoch {
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
}

export interface DatabaseInfo {
  readonly id: DatabaseId;
  readonly name: string;
  readonly properties: KeyValues;
  readonly createdAt: Timestamp;
}

export interface CreateCollectionRequest {
  readonly schema: CollectionSchema;
  readonly shards: number;
  readonly consistencyLevel: ConsistencyLevel;
  readonly properties: KeyValues;
  /** Partitions that the partition key is spread over; 0 without one. */
  readonly partitionKeyPartitions: number;
}

export type DescribeCollectionRequest =
  { readonly by: "name"; readonly name: string } | { readonly by: "id"; readonly id: CollectionId };

/** A change of a collection that concerns rows. `timestamp` is undefined until it was taken. */
export interface DdlIntent {
  readonly id: bigint;
  readonly collectionId: CollectionId;
  readonly kind: DdlKind;
  readonly timestamp: Timestamp | undefined;
  readonly schemaVersion: number;
  readonly partitionId: bigint;
}

export type DdlKind = "createPartition" | "dropPartition" | "truncate" | "alterSchema" | "dropCollection";

const yes = { idempotent: true } as const;
const no = { idempotent: false } as const;

export const rootCoordTable: ServiceTable<RootCoord> = {
  name: "RootCoord",
  methods: {
    ...componentMethods,
    createDatabase: no,
    dropDatabase: no,
    listDatabases: yes,
    describeDatabase: yes,
    alterDatabase: yes,
    createCollection: yes,
    dropCollection: yes,
    describeCollection: yes,
    listCollections: yes,
    renameCollection: no,
    alterCollection: yes,
    alterCollectionField: yes,
    addCollectionField: no,
    dropDynamicField: yes,
    truncateCollection: no,
    createPartition: yes,
    dropPartition: yes,
    createAlias: no,
    alterAlias: yes,
    dropAlias: yes,
    describeAlias: yes,
    listAliases: yes,
    allocTimestamp: yes,
    allocId: yes,
    raiseEpoch: no,
    openIntents: yes,
  },
};
