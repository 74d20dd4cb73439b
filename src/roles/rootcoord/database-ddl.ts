import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { databaseNumLimitExceeded } from "../../errors/meta-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import { databaseId } from "../../model/ids.ts";
import type { KeyValues } from "../../model/schema.ts";
import { altered } from "./alter-collection.ts";
import type { DdlRuns } from "./ddl-runs.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { DEFAULT_DATABASE, type RootTables } from "./root-tables.ts";

/** Create, drop and alter of databases. */
export class DatabaseDdl {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #runs: DdlRuns;

  constructor(deps: RootCoordDeps, tables: RootTables, runs: DdlRuns) {
    this.#deps = deps;
    this.#tables = tables;
    this.#runs = runs;
  }

  async create(
    _ctx: CallContext,
    request: { readonly name: string; readonly properties: KeyValues },
  ): Promise<void> {
    await this.#runs.serial("", async () => {
      if (this.#tables.hasDatabase(request.name))
        throw parameterInvalid(`database already exist: ${request.name}`);
      const { databasesMax } = this.#deps.limits;
      if (this.#tables.databases().length >= databasesMax) throw databaseNumLimitExceeded(databasesMax);
      const id = databaseId(await this.#runs.ids(1));
      await this.#tables.saveDatabase({
        id,
        name: request.name,
        properties: request.properties,
        createdAt: await this.#runs.timestamp(),
      });
    });
  }

  async drop(ctx: CallContext, request: { readonly name: string }): Promise<void> {
    await this.#runs.serial(request.name, async () => {
      if (request.name === DEFAULT_DATABASE) throw parameterInvalid("can not drop default database");
      const database = this.#tables.database(request.name);
      if (this.#tables.collections(database.id).length > 0) {
        throw parameterInvalid(
          `database:${request.name} not empty, must drop all collections before drop database`,
        );
      }
      await this.#tables.dropDatabase(database);
      await this.#runs.invalidate(ctx, database.name, undefined, [], await this.#runs.timestamp());
    });
  }

  async alter(
    ctx: CallContext,
    request: { readonly name: string; readonly set: KeyValues; readonly remove: readonly string[] },
  ): Promise<void> {
    await this.#runs.serial(request.name, async () => {
      const database = this.#tables.database(request.name);
      await this.#tables.saveDatabase({ ...database, properties: altered(database.properties, request) });
      await this.#runs.invalidate(ctx, database.name, undefined, [], await this.#runs.timestamp());
    });
  }
}
