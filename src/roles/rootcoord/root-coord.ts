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
import { Catalog } from "../../core/catalog/catalog.ts";
import { IdAllocator } from "../../core/catalog/id-allocator.ts";
import { collectionCodec } from "../../core/catalog/schema-codec.ts";
import { TimestampOracle } from "../../core/tso/timestamp-oracle.ts";
import { aliasNotFound, collectionNotFound } from "../../errors/meta-errors.ts";
import { fenced } from "../../errors/service-errors.ts";
import { inTrace, type CallContext } from "../../model/call-context.ts";
import { databaseId, epoch as toEpoch, type Epoch, type NodeId, type VChannel } from "../../model/ids.ts";
import { type CollectionInfo, type FieldSchema, type KeyValues } from "../../model/schema.ts";
import { type Timestamp } from "../../model/timestamp.ts";
import { span } from "../../obs/tracing.ts";
import { AliasDdl } from "./alias-ddl.ts";
import { CollectionDdl } from "./collection-ddl.ts";
import { DatabaseDdl } from "./database-ddl.ts";
import { DdlRuns } from "./ddl-runs.ts";
import { PartitionDdl } from "./partition-ddl.ts";
import { DDL_METHODS, RootCoordMetrics } from "./root-coord-metrics.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { described } from "./row-ddl.ts";
import { DEFAULT_DATABASE, RootTables } from "./root-tables.ts";

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
  readonly #runs: DdlRuns;
  readonly #databases: DatabaseDdl;
  readonly #collections: CollectionDdl;
  readonly #partitions: PartitionDdl;
  readonly #aliases: AliasDdl;
  readonly #metrics: RootCoordMetrics;
  #state: ComponentStateCode = "Initializing";

  constructor(deps: RootCoordDeps, tables: RootTables, oracle: TimestampOracle) {
    this.#deps = deps;
    this.#tables = tables;
    this.#oracle = oracle;
    this.#ids = new IdAllocator(deps.meta, deps.leadership);
    this.#runs = new DdlRuns(deps, tables, oracle, this.#ids);
    this.#databases = new DatabaseDdl(deps, tables, this.#runs);
    this.#collections = new CollectionDdl(deps, tables, this.#runs);
    this.#partitions = new PartitionDdl(deps, tables, this.#runs);
    this.#aliases = new AliasDdl(tables, this.#runs);
    this.#metrics = new RootCoordMetrics(deps.metrics, tables);
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
    for (const { name } of this.#tables.databases()) this.#runs.resumeChanges(name);
    this.#collections.resume();
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
    return this.#databases.create(_ctx, request);
  }

  async dropDatabase(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    return this.#databases.drop(ctx, request);
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
    return this.#databases.alter(ctx, request);
  }

  // Collections

  async createCollection(ctx: CallContext, request: CreateCollectionRequest): Promise<CollectionInfo> {
    return this.#collections.create(ctx, request);
  }

  async dropCollection(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    return this.#collections.drop(ctx, request);
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
    return this.#collections.rename(ctx, request);
  }

  async alterCollection(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void> {
    return this.#collections.alter(ctx, request);
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
    return this.#collections.alterField(ctx, request);
  }

  async addCollectionField(
    ctx: CallContext,
    request: { readonly name: string; readonly field: FieldSchema },
  ): Promise<void> {
    return this.#collections.addField(ctx, request);
  }

  async dropDynamicField(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    return this.#collections.dropDynamicField(ctx, request);
  }

  async truncateCollection(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    return this.#collections.truncate(ctx, request);
  }

  // Partitions

  async createPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    return this.#partitions.create(ctx, request);
  }

  async dropPartition(
    ctx: CallContext,
    request: { readonly collection: string; readonly partition: string },
  ): Promise<void> {
    return this.#partitions.drop(ctx, request);
  }

  // Aliases

  async createAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    return this.#aliases.create(ctx, request);
  }

  async alterAlias(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    return this.#aliases.alter(ctx, request);
  }

  async dropAlias(ctx: CallContext, request: { readonly alias: string }): Promise<void> {
    return this.#aliases.drop(ctx, request);
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
    return this.#runs.serial(`channel ${request.vchannel}`, async () =>
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
}
