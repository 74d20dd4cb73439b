import type { CreateCollectionRequest, DatabaseInfo } from "../../api/root-coord.ts";
import { collectionSchemaCodec } from "../../core/catalog/schema-codec.ts";
import { aliasCollectionNameConflict, collectionNumLimitExceeded } from "../../errors/meta-errors.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import { collectionId, fieldId, FIRST_USER_FIELD, partitionId, pchannel, vchannel } from "../../model/ids.ts";
import type { CollectionInfo, CollectionSchema, FieldSchema, KeyValues } from "../../model/schema.ts";
import { TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import { alteredCollection, alteredField, withTimezone } from "./alter-collection.ts";
import type { DdlRuns } from "./ddl-runs.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { DEFAULT_PARTITION, type RootTables } from "./root-tables.ts";

/** Create, drop, rename and truncate of collections, and changes of their schemas. */
export class CollectionDdl {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #runs: DdlRuns;
  #nextPchannel: number;

  constructor(deps: RootCoordDeps, tables: RootTables, runs: DdlRuns) {
    this.#deps = deps;
    this.#tables = tables;
    this.#runs = runs;
    this.#nextPchannel = tables.countCollections();
  }

  async create(ctx: CallContext, request: CreateCollectionRequest): Promise<CollectionInfo> {
    return this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const known = this.#tables.findCollection(database, request.schema.name);
      if (known !== undefined && known.name !== request.schema.name) {
        throw aliasCollectionNameConflict(
          { db: database.name, alias: request.schema.name },
          "please choose a unique name",
        );
      }
      if (known !== undefined && known.state === "Created") {
        if (sameDefinition(known, request)) return known;
        throw parameterInvalid(
          "create duplicate collection with different parameters, collection: " + request.schema.name,
        );
      }
      this.#checkRoom(database);
      const info = await this.#newCollection(database, request);
      await this.#tables.saveCollections([{ ...info, state: "Creating" }]);
      await this.#deps.faults.point("create-collection.after-record");
      try {
        for (const channel of info.vchannels) await this.#deps.stream.createTopic(channel);
        await this.#deps.dataCoord.addChannels(ctx, { collectionId: info.id, vchannels: info.vchannels });
      } catch (error) {
        this.#abandonCreate(info);
        throw error;
      }
      await this.#tables.saveCollections([info]);
      await this.#runs.invalidate(ctx, database.name, info, [info.name], info.createdAt);
      return info;
    });
  }

  async drop(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#tables.findCollection(database, request.name);
      if (info === undefined || info.state !== "Created") return;
      if (info.name !== request.name) {
        throw parameterInvalid(`cannot drop the collection via alias = ${request.name}`);
      }
      if (info.aliases.length > 0) {
        throw parameterInvalid(
          `unable to drop the collection [${info.name}] because it has associated aliases [${info.aliases.join(", ")}], please remove all aliases before dropping the collection`,
        );
      }
      const at = await this.#runs.timestamp();
      const dropping: CollectionInfo = { ...info, state: "Dropping", updatedAt: at };
      await this.#tables.saveCollections([dropping]);
      await this.#deps.faults.point("drop-collection.after-record");
      await this.#runs.invalidate(ctx, database.name, info, [info.name, ...info.aliases], at);
      await this.#deps.queryCoord.release(ctx, { collectionId: info.id, partitionIds: [] });
      this.#finishDrop(dropping);
    });
  }

  async rename(
    ctx: CallContext,
    request: { readonly from: string; readonly to: string; readonly toDatabase: string },
  ): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const target = this.#tables.database(request.toDatabase === "" ? ctx.database : request.toDatabase);
      const info = this.#tables.collection(database, request.from);
      if (info.name !== request.from)
        throw parameterInvalid(`unsupported use an alias to rename collection, alias:${request.from}`);
      const taken = this.#tables.findCollection(target, request.to);
      if (taken !== undefined) {
        if (taken.name !== request.to)
          throw aliasCollectionNameConflict({ db: target.name, alias: request.to });
        throw parameterInvalid(
          `duplicated new collection name ${target.name}:${request.to} with other collection name or alias`,
        );
      }
      if (target.id !== database.id && info.aliases.length > 0) {
        throw parameterInvalid(
          `fail to rename db name, must drop all aliases of this collection before rename`,
        );
      }
      const at = await this.#runs.timestamp();
      const renamed: CollectionInfo = {
        ...info,
        name: request.to,
        databaseId: target.id,
        databaseName: target.name,
        schema: { ...info.schema, name: request.to },
        updatedAt: at,
      };
      await this.#tables.saveCollections([renamed]);
      await this.#runs.invalidate(ctx, database.name, info, [info.name, request.to, ...info.aliases], at);
      if (target.id !== database.id) await this.#runs.invalidate(ctx, target.name, renamed, [request.to], at);
    });
  }

  async alter(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void> {
    await this.#runs.change(ctx, request.name, (info) => alteredCollection(info, request));
  }

  async alterField(
    ctx: CallContext,
    request: {
      readonly name: string;
      readonly field: string;
      readonly set: KeyValues;
      readonly remove: readonly string[];
    },
  ): Promise<void> {
    await this.#runs.change(ctx, request.name, (info) => {
      if (!info.schema.fields.some((field) => field.name === request.field))
        throw parameterInvalid(`field ${request.field} does not exist in collection`);
      const fields = info.schema.fields.map((field) =>
        field.name === request.field ? alteredField(field, request) : field,
      );
      return { ...info, schema: { ...info.schema, fields } };
    });
  }

  async addField(
    ctx: CallContext,
    request: { readonly name: string; readonly field: FieldSchema },
  ): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.name);
      if (info.schema.fields.some((field) => field.name === request.field.name)) {
        throw parameterInvalid(`field already exists, name: ${request.field.name}`);
      }
      const id = fieldId(lastFieldId(info.schema) + 1);
      const dynamic = info.schema.fields.filter((field) => field.isDynamic);
      const declared = info.schema.fields.filter((field) => !field.isDynamic);
      const schema: CollectionSchema = {
        ...info.schema,
        fields: [...declared, { ...request.field, id }, ...dynamic],
        enableDynamicField: info.schema.enableDynamicField || request.field.isDynamic,
        version: info.schema.version + 1,
      };
      await this.#runs.rowChange(ctx, "alterSchema", { ...info, schema });
    });
  }

  async dropDynamicField(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.name);
      if (!info.schema.enableDynamicField) return;
      const schema: CollectionSchema = {
        ...info.schema,
        fields: info.schema.fields.filter((field) => !field.isDynamic),
        enableDynamicField: false,
        version: info.schema.version + 1,
        lastFieldId: lastFieldId(info.schema),
      };
      await this.#runs.rowChange(ctx, "alterSchema", { ...info, schema });
    });
  }

  async truncate(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.name);
      await this.#runs.rowChange(ctx, "truncate", info);
    });
  }

  /** Of an earlier leader: drops are carried on in the background, creates that nobody was told of are taken back. */
  resume(): void {
    for (const info of this.#tables.allCollections()) {
      if (info.state === "Dropping") this.#finishDrop(info);
      else if (info.state === "Creating") this.#abandonCreate(info);
    }
  }

  #checkRoom(database: DatabaseInfo): void {
    const { collectionsMax, collectionsPerDatabaseMax } = this.#deps.limits;
    if (this.#tables.countCollections() >= collectionsMax) {
      throw collectionNumLimitExceeded({
        db: database.name,
        limit: collectionsMax,
        context: "failed to create collection",
      });
    }
    if (this.#tables.collections(database.id).length >= collectionsPerDatabaseMax) {
      throw collectionNumLimitExceeded({
        db: database.name,
        limit: collectionsPerDatabaseMax,
        context: "failed to create collection",
      });
    }
  }

  async #newCollection(database: DatabaseInfo, request: CreateCollectionRequest): Promise<CollectionInfo> {
    const named =
      request.partitionKeyPartitions > 0
        ? Array.from({ length: request.partitionKeyPartitions }, (_, i) => `${DEFAULT_PARTITION}_${i}`)
        : [DEFAULT_PARTITION];
    this.#tables.checkCapacity(request.shards * named.length, this.#deps.limits.capacityMax);
    const first = await this.#runs.ids(1 + named.length);
    const createdAt = await this.#runs.timestamp();
    const id = collectionId(first);
    const pchannels = Array.from({ length: request.shards }, (_, i) =>
      pchannel(
        `${this.#deps.channelPrefix}-rootcoord-dml_${(this.#nextPchannel + i) % this.#deps.pchannels}`,
      ),
    );
    this.#nextPchannel += request.shards;
    return {
      id,
      databaseId: database.id,
      databaseName: database.name,
      name: request.schema.name,
      aliases: [],
      schema: {
        ...request.schema,
        fields: request.schema.fields.map((field, i) => ({ ...field, id: fieldId(FIRST_USER_FIELD + i) })),
        version: 0,
      },
      vchannels: pchannels.map((channel, i) => vchannel(`${channel}_${id}v${i}`)),
      pchannels,
      partitions: named.map((name, i) => ({
        id: partitionId(first + 1n + BigInt(i)),
        name,
        state: "Created",
        createdAt,
        droppedAt: undefined,
      })),
      partitionKeyPartitions: request.partitionKeyPartitions,
      consistencyLevel: request.consistencyLevel,
      properties: withTimezone(request.properties, database.properties),
      state: "Created",
      createdAt,
      updatedAt: createdAt,
      truncatedAt: TIMESTAMP_ZERO,
      hashVersion: 1,
    };
  }

  /** Files, channels, indexes and the record itself; repeated until done. */
  #finishDrop(info: CollectionInfo): void {
    this.#repeat(`drop collection ${info.id}`, async (signal) => {
      const ctx = this.#deps.context(signal);
      await this.#deps.queryCoord.release(ctx, { collectionId: info.id, partitionIds: [] });
      await this.#deps.indexCoord.dropCollection(ctx, { collectionId: info.id });
      await this.#deps.dataCoord.dropChannels(ctx, { collectionId: info.id, vchannels: info.vchannels });
      for (const channel of info.vchannels) await this.#deps.stream.dropTopic(channel);
      await this.#deps.faults.point("drop-collection.before-forget");
      await this.#tables.forgetCollection(info);
    });
  }

  #repeat(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    this.#deps.tasks.spawn(name, run, { restarts: Number.MAX_SAFE_INTEGER });
  }

  /** A create that did not come to its end: nobody was told of it. */
  #abandonCreate(info: CollectionInfo): void {
    this.#repeat(`abandon collection ${info.id}`, async (signal) => {
      await this.#tables.saveCollections([{ ...info, state: "Dropping" }]);
      const ctx = this.#deps.context(signal);
      await this.#deps.dataCoord.dropChannels(ctx, { collectionId: info.id, vchannels: info.vchannels });
      for (const channel of info.vchannels) await this.#deps.stream.dropTopic(channel);
      await this.#tables.forgetCollection(info);
    });
  }
}

/** Whether a repeated create asks for what is there. */
function sameDefinition(known: CollectionInfo, request: CreateCollectionRequest): boolean {
  const schema = {
    ...request.schema,
    fields: request.schema.fields.map((field, i) => ({ ...field, id: fieldId(FIRST_USER_FIELD + i) })),
    version: known.schema.version,
    lastFieldId: known.schema.lastFieldId,
  };
  const a = collectionSchemaCodec.encode(known.schema);
  const b = collectionSchemaCodec.encode(schema);
  return (
    known.vchannels.length === request.shards &&
    known.partitionKeyPartitions === request.partitionKeyPartitions &&
    known.consistencyLevel === request.consistencyLevel &&
    a.length === b.length &&
    a.every((byte, i) => byte === b[i])
  );
}

function lastFieldId(schema: CollectionSchema): number {
  return schema.fields.reduce(
    (max, field) => Math.max(max, field.id),
    schema.lastFieldId ?? FIRST_USER_FIELD - 1,
  );
}
