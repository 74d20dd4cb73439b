import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { fromPairs, toPairs } from "../../../wire/key-values.ts";
import { checkDatabaseName } from "../check/names.ts";
import { checkTimezone, hasCipherKey } from "../check/properties.ts";
import type { ServedHandlers } from "../served-handlers.ts";

export const databaseHandlers = {
  async CreateDatabase(call, request) {
    checkDatabaseName(request.dbName, call.deps.limits);
    const properties = fromPairs(request.properties);
    checkTimezone(properties);
    refuseEncryption(Object.keys(properties));
    await call.deps.rootCoord.createDatabase(call.ctx, { name: request.dbName, properties });
    return {};
  },

  async DropDatabase(call, request) {
    checkDatabaseName(request.dbName, call.deps.limits);
    await call.deps.rootCoord.dropDatabase(call.ctx, { name: request.dbName });
    return {};
  },

  async ListDatabases(call) {
    const databases = await call.deps.rootCoord.listDatabases(call.ctx, {});
    return {
      dbNames: databases.map(({ name }) => name),
      createdTimestamp: databases.map(({ createdAt }) => createdAt),
      dbIds: databases.map(({ id }) => id),
    };
  },

  async DescribeDatabase(call, request) {
    const database = await call.deps.rootCoord.describeDatabase(call.ctx, { name: request.dbName });
    return {
      dbName: database.name,
      dbID: database.id,
      createdTimestamp: database.createdAt,
      properties: toPairs(database.properties),
    };
  },

  async AlterDatabase(call, request) {
    if (request.dbName === "") {
      throw parameterInvalid("alter database failed, database name does not exists");
    }
    const set = fromPairs(request.properties);
    const remove = request.deleteKeys;
    if (request.properties.length === 0 && remove.length === 0) {
      throw parameterInvalid(
        "alter database with empty properties and delete keys, expected to set either properties or delete keys",
      );
    }
    if (request.properties.length > 0 && remove.length > 0) {
      throw parameterInvalid("alter database cannot modify properties and delete keys at the same time");
    }
    if (hasCipherKey([...Object.keys(set), ...remove])) {
      throw parameterInvalid("can not alter cipher related properties");
    }
    checkTimezone(set);
    await call.deps.rootCoord.alterDatabase(call.ctx, { name: request.dbName, set, remove });
    return {};
  },
} satisfies ServedHandlers;

/** Somebody who asks for encryption must not get a plain database instead. */
function refuseEncryption(keys: readonly string[]): void {
  if (hasCipherKey(keys)) throw notServed("encryption of a database (cipher.enabled)");
}
