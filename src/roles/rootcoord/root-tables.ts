import type { DatabaseInfo } from "../../api/root-coord.ts";
import { type Catalog, put, remove, type RecordKind } from "../../core/catalog/catalog.ts";
import { CHANNEL_EPOCHS, type ChannelEpochRecord } from "../../core/catalog/channel-epoch.ts";
import { collectionCodec } from "../../core/catalog/schema-codec.ts";
import { collectionNotFound, databaseNotFound, generalCapacityExceeded } from "../../errors/meta-errors.ts";
import { defineMessage, field, optional } from "../../format/message.ts";
import type { CollectionId, DatabaseId } from "../../model/ids.ts";
import { livePartitions, type CollectionInfo } from "../../model/schema.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { MetaOp } from "../../ports/meta-store.ts";

export const DEFAULT_DATABASE = "default";
export const DEFAULT_PARTITION = "_default";

/** A change of a collection that concerns rows, from its first step to its last. */
export interface IntentRecord {
  readonly id: bigint;
  readonly collectionId: CollectionId;
  readonly kind: string;
  /** 0 until it was taken. */
  readonly timestamp: Timestamp;
  readonly partitionId: bigint;
  /** The collection as it will be; its `updatedAt` and the like are set when the timestamp is known. */
  readonly after: Uint8Array | undefined;
}

export const DATABASES: RecordKind<DatabaseInfo> = {
  prefix: "root/database/",
  codec: defineMessage<DatabaseInfo>("DatabaseInfo", {
    id: field(1, "uint64"),
    name: field(2, "string"),
    properties: field(3, "map"),
    createdAt: field(4, "uint64"),
  }),
};
export const COLLECTIONS: RecordKind<CollectionInfo> = { prefix: "root/collection/", codec: collectionCodec };
export const INTENTS: RecordKind<IntentRecord> = {
  prefix: "root/intent/",
  codec: defineMessage<IntentRecord>("DdlIntent", {
    id: field(1, "uint64"),
    collectionId: field(2, "uint64"),
    kind: field(3, "string"),
    timestamp: field(4, "uint64"),
    partitionId: field(5, "uint64"),
    after: optional(6, "bytes"),
  }),
};

/**
 * RootCoord's metadata in memory, written through: a change is in the store before it is here. Names and aliases of a
 * database share one name space.
 */
export class RootTables {
  readonly #catalog: Catalog;
  readonly #databases = new Map<string, DatabaseInfo>();
  readonly #collections = new Map<CollectionId, CollectionInfo>();
  /** Names and aliases, by `databaseId/name`. */
  readonly #names = new Map<string, CollectionId>();
  readonly #intents = new Map<bigint, IntentRecord>();
  readonly #epochs = new Map<string, ChannelEpochRecord>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  static async load(catalog: Catalog): Promise<RootTables> {
    const tables = new RootTables(catalog);
    for (const database of await catalog.load(DATABASES)) tables.#databases.set(database.name, database);
    for (const collection of await catalog.load(COLLECTIONS)) tables.#index(collection);
    for (const intent of await catalog.load(INTENTS)) tables.#intents.set(intent.id, intent);
    for (const epoch of await catalog.load(CHANNEL_EPOCHS)) tables.#epochs.set(epoch.vchannel, epoch);
    return tables;
  }

  databases(): readonly DatabaseInfo[] {
    return [...this.#databases.values()];
  }

  database(name: string): DatabaseInfo {
    const database = this.#databases.get(name);
    if (database === undefined) throw databaseNotFound(name);
    return database;
  }

  hasDatabase(name: string): boolean {
    return this.#databases.has(name);
  }

  async saveDatabase(database: DatabaseInfo): Promise<void> {
    await this.#catalog.write([put(DATABASES, String(database.id), database)]);
    this.#databases.set(database.name, database);
  }

  async dropDatabase(database: DatabaseInfo): Promise<void> {
    await this.#catalog.write([remove(DATABASES, String(database.id))]);
    this.#databases.delete(database.name);
  }

  /** Collections of a database that exist for users. */
  collections(databaseId: DatabaseId): readonly CollectionInfo[] {
    return [...this.#collections.values()].filter(
      (info) => info.databaseId === databaseId && info.state === "Created",
    );
  }

  countCollections(): number {
    return this.#collections.size;
  }

  /** Sum over all collections of shards times partitions. */
  countShardPartitions(): number {
    let count = 0;
    for (const info of this.#collections.values())
      count += info.vchannels.length * livePartitions(info).length;
    return count;
  }

  /** Errors: generalCapacityExceeded, when so many more would be too many. */
  checkCapacity(added: number, capacity: number): void {
    const newSize = this.countShardPartitions() + added;
    if (newSize > capacity) {
      throw generalCapacityExceeded({
        newSize,
        capacity,
        context:
          "failed checking constraint: sum_collections(parition*shard) exceeding the max general capacity; drop what is not needed, or raise rootCoord.maxGeneralCapacity",
      });
    }
  }

  /** In whatever state. */
  allCollections(): Iterable<CollectionInfo> {
    return this.#collections.values();
  }

  /** As readers and proxies are to see it: with a change that has its timestamp, and so will happen, applied. */
  described(info: CollectionInfo): CollectionInfo {
    const open = this.intentOf(info.id);
    if (open?.after === undefined || open.timestamp === TIMESTAMP_ZERO) return info;
    return changed(open, collectionCodec.decode(open.after));
  }

  /** The change of the collection that is under way. */
  intentOf(id: CollectionId): IntentRecord | undefined {
    for (const intent of this.#intents.values()) if (intent.collectionId === id) return intent;
    return undefined;
  }

  collectionById(id: CollectionId): CollectionInfo | undefined {
    return this.#collections.get(id);
  }

  /** By name or alias. */
  findCollection(database: DatabaseInfo, name: string): CollectionInfo | undefined {
    const id = this.#names.get(`${database.id}/${name}`);
    return id === undefined ? undefined : this.#collections.get(id);
  }

  collection(database: DatabaseInfo, name: string): CollectionInfo {
    const info = this.findCollection(database, name);
    if (info === undefined || info.state !== "Created")
      throw collectionNotFound({ db: database.name, collection: name });
    return info;
  }

  /** One transaction for all of them and what `also` names. */
  async saveCollections(infos: readonly CollectionInfo[], also: readonly MetaOp[] = []): Promise<void> {
    await this.#catalog.write([...infos.map((info) => put(COLLECTIONS, String(info.id), info)), ...also]);
    for (const info of infos) this.#index(info);
  }

  async forgetCollection(info: CollectionInfo): Promise<void> {
    await this.#catalog.write([
      remove(COLLECTIONS, String(info.id)),
      ...info.vchannels.map((vchannel) => remove(CHANNEL_EPOCHS, vchannel)),
    ]);
    this.#unindex(info.id);
    for (const vchannel of info.vchannels) this.#epochs.delete(vchannel);
  }

  intents(): readonly IntentRecord[] {
    return [...this.#intents.values()];
  }

  async saveIntent(intent: IntentRecord): Promise<void> {
    await this.#catalog.write([put(INTENTS, String(intent.id), intent)]);
    this.#intents.set(intent.id, intent);
  }

  /** The change takes effect: the collection as it is now, and the intent is done. */
  async finishIntent(intent: IntentRecord, after: CollectionInfo): Promise<void> {
    await this.saveCollections([after], [remove(INTENTS, String(intent.id))]);
    this.#intents.delete(intent.id);
  }

  async withdrawIntent(intent: IntentRecord): Promise<void> {
    await this.#catalog.write([remove(INTENTS, String(intent.id))]);
    this.#intents.delete(intent.id);
  }

  epoch(vchannel: string): bigint {
    return this.#epochs.get(vchannel)?.epoch ?? 0n;
  }

  async raiseEpoch(vchannel: string, owner: bigint): Promise<bigint> {
    const record: ChannelEpochRecord = { vchannel, epoch: this.epoch(vchannel) + 1n, owner };
    await this.#catalog.write([put(CHANNEL_EPOCHS, vchannel, record)]);
    this.#epochs.set(vchannel, record);
    return record.epoch;
  }

  #index(info: CollectionInfo): void {
    this.#unindex(info.id);
    this.#collections.set(info.id, info);
    if (info.state !== "Created" && info.state !== "Creating") return;
    for (const name of [info.name, ...info.aliases]) this.#names.set(`${info.databaseId}/${name}`, info.id);
  }

  #unindex(id: CollectionId): void {
    const known = this.#collections.get(id);
    if (known === undefined) return;
    for (const name of [known.name, ...known.aliases]) {
      const key = `${known.databaseId}/${name}`;
      if (this.#names.get(key) === id) this.#names.delete(key);
    }
    this.#collections.delete(id);
  }
}

/** The collection after a change, with the change's timestamp in it. */
export function changed(intent: IntentRecord, after: CollectionInfo): CollectionInfo {
  const at = intent.timestamp;
  const info = { ...after, updatedAt: at };
  if (intent.kind === "truncate") return { ...info, truncatedAt: at };
  if (intent.kind === "dropPartition") {
    return {
      ...info,
      partitions: after.partitions.map((part) =>
        part.id === intent.partitionId ? { ...part, droppedAt: at } : part,
      ),
    };
  }
  return info;
}
