import type { DatabaseInfo } from "../../api/root-coord.ts";
import {
  aliasAlreadyExist,
  aliasCollectionNameConflict,
  aliasNotFound,
  collectionNotFound,
} from "../../errors/meta-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import type { DdlRuns } from "./ddl-runs.ts";
import type { RootTables } from "./root-tables.ts";

/** Other names of collections. */
export class AliasDdl {
  readonly #tables: RootTables;
  readonly #runs: DdlRuns;

  constructor(tables: RootTables, runs: DdlRuns) {
    this.#tables = tables;
    this.#runs = runs;
  }

  async create(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#target(database, request.collection);
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
      await this.#runs.saveAndInvalidate(
        ctx,
        [{ ...info, aliases: [...info.aliases, request.alias] }],
        [request.alias],
      );
    });
  }

  async alter(
    ctx: CallContext,
    request: { readonly alias: string; readonly collection: string },
  ): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const taken = this.#tables.findCollection(database, request.alias);
      if (taken?.name === request.alias)
        throw aliasCollectionNameConflict({ db: database.name, alias: request.alias });
      // Milvus names no database here.
      if (this.#tables.findCollection(database, request.collection) === undefined)
        throw collectionNotFound({ collection: request.collection });
      const info = this.#target(database, request.collection);
      if (taken === undefined) throw aliasNotFound({ db: database.name, alias: request.alias });
      if (taken.id === info.id) return;
      await this.#runs.saveAndInvalidate(
        ctx,
        [
          { ...taken, aliases: taken.aliases.filter((alias) => alias !== request.alias) },
          { ...info, aliases: [...info.aliases, request.alias] },
        ],
        [request.alias],
      );
    });
  }

  async drop(ctx: CallContext, request: { readonly alias: string }): Promise<void> {
    await this.#runs.serial(ctx.database, async () => {
      const database = this.#tables.database(ctx.database);
      const info = this.#tables.findCollection(database, request.alias);
      if (info === undefined || info.name === request.alias) return;
      await this.#runs.saveAndInvalidate(
        ctx,
        [{ ...info, aliases: info.aliases.filter((alias) => alias !== request.alias) }],
        [request.alias],
      );
    });
  }

  #target(database: DatabaseInfo, name: string): CollectionInfo {
    const info = this.#tables.collection(database, name);
    if (info.name !== name)
      throw collectionNotFound(
        { db: database.name, collection: name },
        "an alias cannot be the target of an alias",
      );
    return info;
  }
}
