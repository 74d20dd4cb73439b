import { hybridSearchHandler, queryHandler, searchHandler } from "./read/handlers.ts";
import { deleteHandler } from "./write/delete.ts";
import { insertHandler } from "./write/insert.ts";
import { upsertHandler } from "./write/upsert.ts";
import { rbacHandlers } from "./builtin/rbac.ts";
import { resourceGroupHandlers } from "./builtin/resource-groups.ts";
import { aliasHandlers } from "./ddl/alias-handlers.ts";
import { alterHandlers } from "./ddl/alter-handlers.ts";
import { collectionHandlers } from "./ddl/collection-handlers.ts";
import { databaseHandlers } from "./ddl/database-handlers.ts";
import { flushHandlers } from "./ddl/flush-handlers.ts";
import { indexHandlers } from "./ddl/index-handlers.ts";
import { loadHandlers } from "./ddl/load-handlers.ts";
import { partitionHandlers } from "./ddl/partition-handlers.ts";
import type { ServedHandlers } from "./served-handlers.ts";
import { systemHandlers } from "./system/system-handlers.ts";

/** Everything that is served, by subject. */
export const ALL_HANDLERS: ServedHandlers = {
  ...systemHandlers,
  ...databaseHandlers,
  ...collectionHandlers,
  ...alterHandlers,
  ...partitionHandlers,
  ...aliasHandlers,
  ...indexHandlers,
  ...loadHandlers,
  ...flushHandlers,
  ...rbacHandlers,
  ...resourceGroupHandlers,
  Insert: insertHandler,
  Upsert: upsertHandler,
  Delete: deleteHandler,
  Search: searchHandler,
  HybridSearch: hybridSearchHandler,
  Query: queryHandler,
};
