import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import { observedService } from "../../api/observed-service.ts";
import {
  rootCoordTable,
  type ChannelEpoch,
  type CreateCollectionRequest,
  type DatabaseInfo,
  type DdlIntent,
  type DescribeCollectionRequest,
  type RootCoord,
} from "../../api/root-coord.ts";
import { Mutex } from "../../base/mutex.ts";
import { Catalog } from "../../core/catalog/catalog.ts";
import { IdAllocator } from "../../core/catalog/id-allocator.ts";
import { collectionCodec, collectionSchemaCodec } from "../../core/catalog/schema-codec.ts";
import { seeThrough } from "../../core/tasks/see-through.ts";
import { TimestampOracle } from "../../core/tso/timestamp-oracle.ts";
import {
  aliasAlreadyExist,
  aliasCollectionNameConflict,
  aliasNotFound,
  collectionNotFound,
  collectionNumLimitExceeded,
  databaseNumLimitExceeded,
  fieldNotFound,
} from "../../errors/meta-errors.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { fenced } from "../../errors/service-errors.ts";
import { inTrace, type CallContext } from "../../model/call-context.ts";
import {
  collectionId,
  databaseId,
  epoch as toEpoch,
  fieldId,
  FIRST_USER_FIELD,
  partitionId,
  pchannel,
  vchannel,
  type Epoch,
  type NodeId,
  type VChannel,
} from "../../model/ids.ts";
import {
  parseConsistencyLevel,
  type CollectionInfo,
  type CollectionSchema,
  type FieldSchema,
  type KeyValues,
  type PartitionInfo,
} from "../../model/schema.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import { span } from "../../obs/tracing.ts";
import { DDL_METHODS, RootCoordMetrics } from "./root-coord-metrics.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { described, RowDdl } from "./row-ddl.ts";
import { RootTables } from "./root-tables.ts";

const DEFAULT_DATABASE = "default";
const DEFAULT_PARTITION = "_default";

/**
 * Databases, collections, partitions, aliases, schemas; timestamps, ids, channel epochs. Owns the metadata under `root/`. DDL is
 * serial per database. A change is durable before it is visible here; a crash in the middle of one that concerns rows is carried on at
 * the next start, from its intent.
 */
export class RootCoordRole implements RootCoord {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #oracle: TimestampOracle;
  readonly #ids: IdAllocator;
  readonly #ddl: RowDdl;
  readonly #metrics: RootCoordMetrics;
  readonly #locks = new Map<string, Mutex>();
  #state: ComponentStateCode = "Initializing";
  #nextPchannel = 0;

  constructor(deps: RootCoordDeps, tables: RootTables, oracle: TimestampOracle) {
    this.#deps = deps;
    this.#tables = tables;
    this.#oracle = oracle;
    this.#ids = new IdAllocator(deps.meta, deps.leadership);
    this.#ddl = new RowDdl(deps, tables, oracle, async (ctx, info, at) =>
      this.#invalidate(ctx, info.databaseName, info, [info.name, ...info.aliases], at),
    );
    this.#metrics = new RootCoordMetrics(deps.metrics, tables);
    this.#nextPchannel = tables.countCollections();
  }

  /** Loads the tables; the caller leads already. */
  static async open(deps: RootCoordDeps): Promise<RootCoordRole> {
    const tables = await RootTables.load(new Catalog(deps.meta, deps.leadership));
    const oracle = await TimestampOracle.open(deps.meta, deps.clock, deps.leadership);
    const role = new RootCoordRole(deps, tables, oracle);
    if (!tables.hasDatabase(DEFAULT_DATABASE)) {
      await tables.saveDatabase({
        id: databaseId(1n),
        name: DEFAULT_DATABASE,
        properties: {},
        createdAt: await oracle.alloc(1),
      });
    }
    // An earlier leader may have ended between a change and the invalidations that belong to it.
    const at = await oracle.alloc(1);
    for (const { name } of tables.databases()) {
      await deps.invalidateProxies(deps.context(), {
        database: name,
        collectionId: undefined,
        names: [],
        at,
      });
    }
    return role;
  }

  /** Serves; what an earlier leader left unfinished is carried on in the background. */
  start(): void {
    this.#state = "Healthy";
    for (const { name } of this.#tables.databases()) this.#resumeChanges(name);
    for (const info of this.#tables.allCollections()) {
      if (info.state === "Dropping") this.#finishDrop(info);
      else if (info.state === "Creating") this.#abandonCreate(info);
    }
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
  }

  /** The contract as others call it: changes are counted, measured and traced under the names of their RPCs. */
  observed(): RootCoord {
    return observedService(rootCoordTable, this, async ({ method, ctx, run }) => {
      const rpc = DDL_METHODS.get(method);
      if (rpc === undefined) return run(ctx);
      return this.#metrics.ddl(rpc, this.#deps.clock, async () =>
        span(`RootCoord-${rpc}`, ctx.trace, async (trace) => run(inTrace(ctx, trace))),
      );
    });
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "rootcoord", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return {
      name: "rootcoord",
      nodeId: this.#deps.nodeId,
      infos: { collections: this.#tables.countCollections(), databases: this.#tables.databases().length },
    };
  }

  // Databases

  async createDatabase(
    _ctx: CallContext,
    request: { readonly name: string; readonly properties: KeyValues },
  ): Promise<void> {
    await this.#serial("", async () => {
      if (this.#tables.hasDatabase(request.name))
        throw parameterInvalid(`database already exist: ${request.name}`);
      const { databasesMax } = this.#deps.limits;
      if (this.#tables.databases().length >= databasesMax) throw databaseNumLimitExceeded(databasesMax);
      const id = databaseId(await this.#ids.alloc(1));
      await this.#tables.saveDatabase({
        id,
        name: request.name,
        properties: request.properties,
        createdAt: await this.#oracle.alloc(1),
      });
    });
  }

  async dropDatabase(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#serial(request.name, async () => {
      if (request.name === DEFAULT_DATABASE) throw parameterInvalid("can not drop default database");
      const database = this.#tables.database(request.name);
      if (this.#tables.collections(database.id).length > 0) {
        throw parameterInvalid(
          `database:${request.name} not empty, must drop all collections before drop database`,
        );
      }
      await this.#tables.dropDatabase(database);
      await this.#invalidate(ctx, database.name, undefined, [], await this.#oracle.alloc(1));
    });
  }

  async listDatabases(): Promise<readonly DatabaseInfo[]> {
    return this.#tables.databases();
  }

  async describeDatabase(_ctx: CallContext, request: { readonly name: string }): Promise<DatabaseInfo> {
    return this.#tables.database(request.name);
  }

  async alterDatabase(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void> {
    await this.#serial(request.name, async () => {
      const database = this.#tables.database(request.name);
      await this.#tables.saveDatabase({ ...database, properties: altered(database.properties, request) });
      await this.#invalidate(ctx, database.name, undefined, [], await this.#oracle.alloc(1));
    });
  }

  // Collections

  async createCollection(ctx: CallContext, request: CreateCollectionRequest): Promise<CollectionInfo> {
    return this.#serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const known = this.#tables.findCollection(database, request.schema.name);
      if (known !== undefined && known.name !== request.schema.name) {
        throw parameterInvalid(
          `collection name [${request.schema.name}] conflicts with an existing alias, please choose a unique name`,
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
      await this.#invalidate(ctx, database.name, info, [info.name], info.createdAt);
      return info;
    });
  }

  async dropCollection(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#serial(ctx.database, async () => {
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
      const at = await this.#oracle.alloc(1);
      const dropping: CollectionInfo = { ...info, state: "Dropping", updatedAt: at };
      await this.#tables.saveCollections([dropping]);
      await this.#deps.faults.point("drop-collection.after-record");
      await this.#invalidate(ctx, database.name, info, [info.name, ...info.aliases], at);
      await this.#deps.queryCoord.release(ctx, { collectionId: info.id, partitionIds: [] });
      this.#finishDrop(dropping);
    });
  }

  async describeCollection(ctx: CallContext, request: DescribeCollectionRequest): Promise<CollectionInfo> {
    this.#deps.leadership.assertHeld();
    if (request.by === "id") {
      const info = this.#tables.collectionById(request.id);
      if (info === undefined || info.state === "Dropped")
        throw collectionNotFound({ collection: request.id });
      return this.#tables.described(info);
    }
    return this.#tables.described(this.#tables.collection(this.#tables.database(ctx.database), request.name));
  }

  async listCollections(ctx: CallContext): Promise<readonly CollectionInfo[]> {
    this.#deps.leadership.assertHeld();
    return this.#tables
      .collections(this.#tables.database(ctx.database).id)
      .map((info) => this.#tables.described(info));
  }

  async renameCollection(
    ctx: CallContext,
    request: { readonly from: string; readonly to: string; readonly toDatabase: string },
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
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
      const at = await this.#oracle.alloc(1);
      const renamed: CollectionInfo = {
        ...info,
        name: request.to,
        databaseId: target.id,
        databaseName: target.name,
        schema: { ...info.schema, name: request.to },
        updatedAt: at,
      };
      await this.#tables.saveCollections([renamed]);
      await this.#invalidate(ctx, database.name, info, [info.name, request.to, ...info.aliases], at);
      if (target.id !== database.id) await this.#invalidate(ctx, target.name, renamed, [request.to], at);
    });
  }

  async alterCollection(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void> {
    await this.#change(ctx, request.name, (info) => alteredCollection(info, request));
  }

  async alterCollectionField(
    ctx: CallContext,
    request: {
      readonly name: string;
      readonly field: string;
      readonly set: KeyValues;
      readonly remove: readonly string[];
    },
  ): Promise<void> {
    await this.#change(ctx, request.name, (info) => {
      if (!info.schema.fields.some((field) => field.name === request.field))
        throw fieldNotFound(request.field);
      const fields = info.schema.fields.map((field) =>
        field.name === request.field ? alteredField(field, request) : field,
      );
      return { ...info, schema: { ...info.schema, fields } };
    });
  }

  async addCollectionField(
    ctx: CallContext,
    request: { readonly name: string; readonly field: FieldSchema },
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.name);
      if (info.schema.fields.some((field) => field.name === request.field.name)) {
        throw parameterInvalid(`field already exists, name: ${request.field.name}`);
      }
      const id = fieldId(
        info.schema.fields.reduce((max, field) => Math.max(max, field.id), FIRST_USER_FIELD - 1) + 1,
      );
      const dynamic = info.schema.fields.filter((field) => field.isDynamic);
      const declared = info.schema.fields.filter((field) => !field.isDynamic);
      const schema: CollectionSchema = {
        ...info.schema,
        fields: [...declared, { ...request.field, id }, ...dynamic],
        enableDynamicField: info.schema.enableDynamicField || request.field.isDynamic,
        version: info.schema.version + 1,
      };
      await this.#rowChange(ctx, "alterSchema", { ...info, schema });
    });
  }

  async truncateCollection(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.name);
      await this.#rowChange(ctx, "truncate", info);
    });
  }

  // Partitions

  async createPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    await this.#change(ctx, request.collection, async (info) => {
      const live = livePartitions(info);
      if (live.some((part) => part.name === request.partition)) return undefined;
      const { partitionsMax } = this.#deps.limits;
      if (live.length >= partitionsMax) {
        throw parameterInvalid(
          `partition number (${live.length}) exceeds max configuration (${partitionsMax}), collection: ${info.name}`,
        );
      }
      const created: PartitionInfo = {
        id: partitionId(await this.#ids.alloc(1)),
        name: request.partition,
        state: "Created",
        createdAt: await this.#oracle.alloc(1),
        droppedAt: undefined,
      };
      return { ...info, partitions: [...info.partitions, created] };
    });
  }

  async dropPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), request.collection);
      if (request.partition === DEFAULT_PARTITION)
        throw parameterInvalid("default partition cannot be deleted");
      const dropped = livePartitions(info).find((part) => part.name === request.partition);
      if (dropped === undefined) return;
      const partitions = info.partitions.map((part) =>
        part.id === dropped.id ? { ...part, state: "Dropped" as const } : part,
      );
      await this.#rowChange(ctx, "dropPartition", { ...info, partitions }, dropped);
    });
  }

  // Aliases

  async createAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#aliasTarget(database, request.collection);
      const taken = this.#tables.findCollection(database, request.alias);
      if (taken !== undefined) {
        if (taken.name === request.alias)
          throw aliasCollectionNameConflict({ db: database.name, alias: request.alias });
        if (taken.id === info.id) return;
        throw aliasAlreadyExist(
          { db: database.name, alias: request.alias },
          `${request.alias} is alias to another collection: ${taken.name}`,
        );
      }
      await this.#saveAndInvalidate(
        ctx,
        [{ ...info, aliases: [...info.aliases, request.alias] }],
        [request.alias],
      );
    });
  }

  async alterAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#aliasTarget(database, request.collection);
      const taken = this.#tables.findCollection(database, request.alias);
      if (taken?.name === request.alias)
        throw aliasCollectionNameConflict({ db: database.name, alias: request.alias });
      if (taken === undefined) throw aliasNotFound({ db: database.name, alias: request.alias });
      if (taken.id === info.id) return;
      await this.#saveAndInvalidate(
        ctx,
        [
          { ...taken, aliases: taken.aliases.filter((alias) => alias !== request.alias) },
          { ...info, aliases: [...info.aliases, request.alias] },
        ],
        [request.alias],
      );
    });
  }

  async dropAlias(ctx: CallContext, request: { readonly alias: string }): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#tables.findCollection(database, request.alias);
      if (info === undefined || info.name === request.alias) return;
      await this.#saveAndInvalidate(
        ctx,
        [{ ...info, aliases: info.aliases.filter((alias) => alias !== request.alias) }],
        [request.alias],
      );
    });
  }

  async describeAlias(
    ctx: CallContext,
    request: { readonly alias: string },
  ): Promise<{ readonly alias: string; readonly collection: string }> {
    this.#deps.leadership.assertHeld();
    const database = this.#tables.database(ctx.database);
    const info = this.#tables.findCollection(database, request.alias);
    if (info === undefined || info.name === request.alias)
      throw aliasNotFound({ db: database.name, alias: request.alias });
    return { alias: request.alias, collection: info.name };
  }

  async listAliases(ctx: CallContext, request: { readonly collection: string }): Promise<readonly string[]> {
    const database = this.#tables.database(ctx.database);
    if (request.collection === "")
      return this.#tables.collections(database.id).flatMap((info) => info.aliases);
    return this.#tables.collection(database, request.collection).aliases;
  }

  // Time, ids, channels

  async allocTimestamp(
    _ctx: CallContext,
    request: { readonly count: number; readonly owner: ChannelEpoch | undefined },
  ): Promise<Timestamp> {
    const { owner } = request;
    if (owner !== undefined) this.#checkEpoch(owner);
    const first = await this.#oracle.alloc(request.count);
    // A take-over during the wait: the timestamp must not reach the deposed owner.
    if (owner !== undefined) this.#checkEpoch(owner);
    this.#metrics.timestamps(first, request.count);
    return first;
  }

  async allocId(_ctx: CallContext, request: { readonly count: number }): Promise<bigint> {
    const first = await this.#ids.alloc(request.count);
    this.#metrics.ids(request.count);
    return first;
  }

  async raiseEpoch(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly owner: NodeId },
  ): Promise<Epoch> {
    return this.#serial(`channel ${request.vchannel}`, async () =>
      toEpoch(await this.#tables.raiseEpoch(request.vchannel, request.owner)),
    );
  }

  async openIntents(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel },
  ): Promise<readonly DdlIntent[]> {
    this.#deps.leadership.assertHeld();
    return this.#tables.intents().flatMap((intent) => {
      if (intent.after === undefined) return [];
      const after = collectionCodec.decode(intent.after);
      return after.vchannels.includes(request.vchannel) ? [described(intent, after)] : [];
    });
  }

  #checkEpoch(owner: ChannelEpoch): void {
    const current = this.#tables.epoch(owner.vchannel);
    if (owner.epoch < current) throw fenced({ of: `channel ${owner.vchannel}`, held: owner.epoch, current });
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
    const first = await this.#ids.alloc(1 + named.length);
    const createdAt = await this.#oracle.alloc(1);
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

  #aliasTarget(database: DatabaseInfo, name: string): CollectionInfo {
    const info = this.#tables.collection(database, name);
    if (info.name !== name)
      throw collectionNotFound(
        { db: database.name, collection: name },
        "an alias cannot be the target of an alias",
      );
    return info;
  }

  /** A change of one collection that needs no timestamp on its channels; `change` gives undefined when there is nothing to do. */
  async #change(
    ctx: CallContext,
    name: string,
    change: (info: CollectionInfo) => CollectionInfo | undefined | Promise<CollectionInfo | undefined>,
  ): Promise<void> {
    await this.#serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), name);
      const after = await change(info);
      if (after !== undefined) await this.#saveAndInvalidate(ctx, [after], []);
    });
  }

  async #saveAndInvalidate(
    ctx: CallContext,
    infos: readonly CollectionInfo[],
    names: readonly string[],
  ): Promise<void> {
    const at = await this.#oracle.alloc(1);
    await this.#tables.saveCollections(infos.map((info) => ({ ...info, updatedAt: at })));
    for (const info of infos)
      await this.#invalidate(ctx, info.databaseName, info, [info.name, ...info.aliases, ...names], at);
  }

  async #rowChange(
    ctx: CallContext,
    kind: "alterSchema" | "truncate" | "dropPartition",
    after: CollectionInfo,
    part?: PartitionInfo,
  ): Promise<Timestamp> {
    const intentId = await this.#ids.alloc(1);
    try {
      return await this.#ddl.run(ctx, { intentId, kind, partitionId: part?.id, after });
    } catch (error) {
      this.#resumeChanges(after.databaseName);
      throw error;
    }
  }

  /** Finishes, in the background, the changes of a database that somebody began and could not finish. */
  #resumeChanges(database: string): void {
    this.#deps.tasks.spawn(
      `resume changes of ${database}`,
      async (signal) => this.#serial(database, async () => undefined, this.#deps.context(signal)),
      { restarts: Number.MAX_SAFE_INTEGER },
    );
  }

  /** Behind an unfinished change comes no other one. */
  async #finishChanges(ctx: CallContext, database: string): Promise<void> {
    for (const intent of this.#tables.intents()) {
      const info = this.#tables.collectionById(intent.collectionId);
      if (info?.databaseName === database) await this.#ddl.resume(ctx, intent);
    }
  }

  async #invalidate(
    ctx: CallContext,
    database: string,
    info: CollectionInfo | undefined,
    names: readonly string[],
    at: Timestamp,
  ): Promise<void> {
    const { tasks, faults, context, invalidateProxies } = this.#deps;
    // The change is made: a proxy that did not hear of it would never know, whether the caller waits or not.
    await seeThrough(tasks, `invalidate ${names.join()}`, ctx, async (signal) => {
      await faults.point("ddl.before-invalidate");
      await invalidateProxies(context(signal), { database, collectionId: info?.id, names, at });
    });
  }

  /** Files, channels, indexes and the record itself; repeated until done. */
  #finishDrop(info: CollectionInfo): void {
    this.#deps.tasks.spawn(`drop collection ${info.id}`, async (signal) => {
      const ctx = this.#deps.context(signal);
      await this.#deps.queryCoord.release(ctx, { collectionId: info.id, partitionIds: [] });
      await this.#deps.indexCoord.dropCollection(ctx, { collectionId: info.id });
      await this.#deps.dataCoord.dropChannels(ctx, { collectionId: info.id, vchannels: info.vchannels });
      for (const channel of info.vchannels) await this.#deps.stream.dropTopic(channel);
      await this.#deps.faults.point("drop-collection.before-forget");
      await this.#tables.forgetCollection(info);
    });
  }

  /** A create that did not come to its end: nobody was told of it. */
  #abandonCreate(info: CollectionInfo): void {
    this.#deps.tasks.spawn(`abandon collection ${info.id}`, async (signal) => {
      await this.#tables.saveCollections([{ ...info, state: "Dropping" }]);
      const ctx = this.#deps.context(signal);
      await this.#deps.dataCoord.dropChannels(ctx, { collectionId: info.id, vchannels: info.vchannels });
      for (const channel of info.vchannels) await this.#deps.stream.dropTopic(channel);
      await this.#tables.forgetCollection(info);
    });
  }

  async #serial<T>(scope: string, run: () => Promise<T>, ctx = this.#deps.context()): Promise<T> {
    let mutex = this.#locks.get(scope);
    if (mutex === undefined) this.#locks.set(scope, (mutex = new Mutex()));
    try {
      return await mutex.run(async () => {
        await this.#finishChanges(ctx, scope);
        return run();
      }, ctx.signal);
    } finally {
      if (!mutex.locked) this.#locks.delete(scope);
    }
  }
}

function altered(
  properties: KeyValues,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): KeyValues {
  const gone = new Set(change.remove);
  return Object.fromEntries(
    Object.entries({ ...properties, ...change.set }).filter(([key]) => !gone.has(key)),
  );
}

/** Every collection has a timezone: its own, else its database's as of now, as clients of Milvus see it. */
function withTimezone(properties: KeyValues, ofDatabase: KeyValues): KeyValues {
  if (properties["timezone"] !== undefined) return properties;
  return { ...properties, timezone: ofDatabase["timezone"] ?? "UTC" };
}

/** Some properties are facts of the collection itself, which the properties do not repeat. */
function alteredCollection(
  info: CollectionInfo,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): CollectionInfo {
  const { consistency_level: level, "collection.description": description, ...set } = change.set;
  return {
    ...info,
    properties: altered(info.properties, { set, remove: change.remove }),
    consistencyLevel: parseConsistencyLevel(level ?? "") ?? info.consistencyLevel,
    schema: { ...info.schema, description: description ?? info.schema.description },
  };
}

function alteredField(
  field: FieldSchema,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): FieldSchema {
  const typeParams = altered(field.typeParams, change);
  const number = (name: string, otherwise: number): number =>
    change.set[name] === undefined ? otherwise : Number(change.set[name]);
  return {
    ...field,
    typeParams,
    description: change.set["field.description"] ?? field.description,
    maxLength: number("max_length", field.maxLength),
    maxCapacity: number("max_capacity", field.maxCapacity),
  };
}

export function livePartitions(info: CollectionInfo): readonly PartitionInfo[] {
  return info.partitions.filter((part) => part.state === "Created");
}

/** Whether a repeated create asks for what is there. */
function sameDefinition(known: CollectionInfo, request: CreateCollectionRequest): boolean {
  const schema = {
    ...request.schema,
    fields: request.schema.fields.map((field, i) => ({ ...field, id: fieldId(FIRST_USER_FIELD + i) })),
    version: known.schema.version,
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
