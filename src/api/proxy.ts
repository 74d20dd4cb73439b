import type { CallContext } from "../model/call-context.ts";
import type { CollectionId } from "../model/ids.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { ServiceTable } from "./service-table.ts";

/** What coordinators call on a proxy; clients call it through the public service. */
export interface Proxy extends Component {
  /**
   * Forgets what is cached of a collection (by id and all its names) or of a whole database. A fill that began before `at` is not
   * kept. Answers when done: a DDL waits for it.
   */
  invalidateCache(ctx: CallContext, request: CacheInvalidation): Promise<void>;
}

export interface CacheInvalidation {
  readonly database: string;
  /** Undefined: every collection of the database. */
  readonly collectionId: CollectionId | undefined;
  /** Names and aliases concerned, old and new. */
  readonly names: readonly string[];
  readonly at: Timestamp;
}

export const proxyTable: ServiceTable<Proxy> = {
  name: "Proxy",
  methods: { ...componentMethods, invalidateCache: { idempotent: true } },
};
