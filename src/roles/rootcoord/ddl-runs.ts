import { Mutex } from "../../base/mutex.ts";
import type { IdAllocator } from "../../core/catalog/id-allocator.ts";
import { seeThrough } from "../../core/tasks/see-through.ts";
import type { TimestampOracle } from "../../core/tso/timestamp-oracle.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { CollectionInfo, PartitionInfo } from "../../model/schema.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import type { RootTables } from "./root-tables.ts";
import { RowDdl } from "./row-ddl.ts";

/** Changes of the metadata: one at a time in a database, behind what was left unfinished there, and told to the proxies. */
export class DdlRuns {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #oracle: TimestampOracle;
  readonly #ids: IdAllocator;
  readonly #rows: RowDdl;
  readonly #locks = new Map<string, Mutex>();

  constructor(deps: RootCoordDeps, tables: RootTables, oracle: TimestampOracle, ids: IdAllocator) {
    this.#deps = deps;
    this.#tables = tables;
    this.#oracle = oracle;
    this.#ids = ids;
    this.#rows = new RowDdl(deps, tables, oracle, async (ctx, info, at) =>
      this.invalidate(ctx, info.databaseName, info, [info.name, ...info.aliases], at),
    );
  }

  async timestamp(): Promise<Timestamp> {
    return this.#oracle.alloc(1);
  }

  /** The first of `count` ids. */
  async ids(count: number): Promise<bigint> {
    return this.#ids.alloc(count);
  }

  /** Runs alone in its scope: a database, `""` for their list, or a channel. */
  async serial<T>(scope: string, run: () => Promise<T>, ctx = this.#deps.context()): Promise<T> {
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

  /** A change of one collection that needs no timestamp on its channels; `change` gives undefined when there is nothing to do. */
  async change(
    ctx: CallContext,
    name: string,
    change: (info: CollectionInfo) => CollectionInfo | undefined | Promise<CollectionInfo | undefined>,
  ): Promise<void> {
    await this.serial(ctx.database, async () => {
      const info = this.#tables.collection(this.#tables.database(ctx.database), name);
      const after = await change(info);
      if (after !== undefined) await this.saveAndInvalidate(ctx, [after], []);
    });
  }

  async saveAndInvalidate(
    ctx: CallContext,
    infos: readonly CollectionInfo[],
    names: readonly string[],
  ): Promise<void> {
    const at = await this.#oracle.alloc(1);
    await this.#tables.saveCollections(infos.map((info) => ({ ...info, updatedAt: at })));
    for (const info of infos)
      await this.invalidate(ctx, info.databaseName, info, [info.name, ...info.aliases, ...names], at);
  }

  async rowChange(
    ctx: CallContext,
    kind: "alterSchema" | "truncate" | "dropPartition",
    after: CollectionInfo,
    part?: PartitionInfo,
  ): Promise<Timestamp> {
    const intentId = await this.#ids.alloc(1);
    try {
      return await this.#rows.run(ctx, { intentId, kind, partitionId: part?.id, after });
    } catch (error) {
      this.resumeChanges(after.databaseName);
      throw error;
    }
  }

  async invalidate(
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

  /** Finishes, in the background, the changes of a database that somebody began and could not finish. */
  resumeChanges(database: string): void {
    this.#deps.tasks.spawn(
      `resume changes of ${database}`,
      async (signal) => this.serial(database, async () => undefined, this.#deps.context(signal)),
      { restarts: Number.MAX_SAFE_INTEGER },
    );
  }

  /** Behind an unfinished change comes no other one. */
  async #finishChanges(ctx: CallContext, database: string): Promise<void> {
    for (const intent of this.#tables.intents()) {
      const info = this.#tables.collectionById(intent.collectionId);
      if (info?.databaseName === database) await this.#rows.resume(ctx, intent);
    }
  }
}
