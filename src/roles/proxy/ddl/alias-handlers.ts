import { isRedkiteError } from "../../../errors/redkite-error.ts";
import { checkAlias, checkCollectionName } from "../check/names.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";

export const aliasHandlers = {
  async CreateAlias(call, request) {
    const target = await aliasTarget(call, request);
    await call.deps.rootCoord.createAlias(call.ctx, target);
    return {};
  },

  async AlterAlias(call, request) {
    const target = await aliasTarget(call, request);
    await call.deps.rootCoord.alterAlias(call.ctx, target);
    return {};
  },

  async DropAlias(call, request) {
    await call.deps.rootCoord.dropAlias(call.ctx, { alias: request.alias });
    return {};
  },

  async DescribeAlias(call, request) {
    checkAlias(request.alias, call.deps.limits);
    const found = await call.deps.rootCoord.describeAlias(call.ctx, { alias: request.alias });
    return { dbName: call.ctx.database, alias: found.alias, collection: found.collection };
  },

  async ListAliases(call, request) {
    const named = request.collectionName;
    if (named !== "") checkCollectionName(named, call.deps.limits);
    const aliases = await call.deps.rootCoord.listAliases(call.ctx, { collection: named });
    return { dbName: call.ctx.database, collectionName: named, aliases };
  },
} satisfies ServedHandlers;

/** An alias of an alias is one of the collection behind it. */
async function aliasTarget(
  call: ProxyCall,
  request: { readonly alias: string; readonly collectionName: string },
): Promise<{ readonly alias: string; readonly collection: string }> {
  const { alias, collectionName } = request;
  checkAlias(alias, call.deps.limits);
  checkCollectionName(collectionName, call.deps.limits);
  try {
    const { name } = await call.metaCache.collection(call.ctx, collectionName);
    return { alias, collection: name };
  } catch (error) {
    // RootCoord looks at the alias first and says what is wrong with it.
    if (!isRedkiteError(error, "collectionNotFound")) throw error;
    return { alias, collection: collectionName };
  }
}
