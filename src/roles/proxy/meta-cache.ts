import type { CacheInvalidation } from "../../api/proxy.ts";
import type { ShardLeader } from "../../api/query-coord.ts";
import { Lru } from "../../base/lru.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { CollectionId } from "../../model/ids.ts";
import type { CollectionInfo, IndexInfo } from "../../model/schema.ts";
import { SharedFills } from "./shared-fills.ts";
import type { ProxyDeps } from "./proxy-deps.ts";

/** What a proxy remembers of collections: definition, indexes, where their shards are served. */
export interface MetaCache {
  /** By name or alias in `ctx.database`. Errors: collectionNotFound, databaseNotFound. */
  collection(ctx: CallContext, name: string): Promise<CollectionInfo>;
  collectionById(ctx: CallContext, id: CollectionId): Promise<CollectionInfo>;
  indexes(ctx: CallContext, id: CollectionId): Promise<readonly IndexInfo[]>;
  /** Errors: collectionNotLoaded, collectionNotFullyLoaded. */
  shardLeaders(ctx: CallContext, id: CollectionId): Promise<readonly ShardLeader[]>;
  /** Passive invalidation: an answer showed that what is cached of the collection is old. */
  forget(id: CollectionId): void;
  /** The same for the shard leaders alone: one of them no longer serves its channel. */
  forgetShardLeaders(id: CollectionId): void;
  /** Active invalidation by a coordinator (api/proxy.ts). */
  invalidate(invalidation: CacheInvalidation): void;
}

export type CacheName = "Collection" | "Index" | "ShardLeaders";

interface Entry {
  readonly info: CollectionInfo;
  indexes: readonly IndexInfo[] | undefined;
  leaders: readonly ShardLeader[] | undefined;
}

/**
 * Misses of the same thing share one fetch. An invalidation detaches the fetches that run: what they bring answers those who
 * already wait for it (they came before the change was done), but is not kept, and nobody who comes later joins them. So an
 * entry is never older than the last invalidation, without comparing timestamps of different clocks.
 */
export class CoordinatorMetaCache implements MetaCache {
  readonly #deps: Pick<ProxyDeps, "rootCoord" | "indexCoord" | "queryCoord">;
  readonly #entries: Lru<CollectionId, Entry>;
  /** Names and aliases of the entries, by `database/name`. */
  readonly #ids = new Map<string, CollectionId>();
  readonly #fills = new SharedFills();
  readonly #onLookup: (cache: CacheName, outcome: "hit" | "miss") => void;

  constructor(
    deps: Pick<ProxyDeps, "rootCoord" | "indexCoord" | "queryCoord"> & {
      readonly limits: { readonly cachedCollectionsMax: number };
    },
    onLookup: (cache: CacheName, outcome: "hit" | "miss") => void = () => undefined,
  ) {
    this.#deps = deps;
    this.#onLookup = onLookup;
    this.#entries = new Lru({
      entriesMax: deps.limits.cachedCollectionsMax,
      onEvict: (_, entry) => this.#dropNames(entry.info),
    });
  }

  /** Collections that are cached. */
  get size(): number {
    return this.#entries.size;
  }

  async collection(ctx: CallContext, name: string): Promise<CollectionInfo> {
    const key = nameKey(ctx.database, name);
    const id = this.#ids.get(key);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    this.#onLookup("Collection", entry === undefined ? "miss" : "hit");
    if (entry !== undefined) return entry.info;
    return this.#fills.run(`name ${key}`, ctx, async (shared, isCurrent) => {
      const info = await this.#deps.rootCoord.describeCollection(shared, { by: "name", name });
      if (isCurrent()) this.#keep(info);
      return info;
    });
  }

  async collectionById(ctx: CallContext, id: CollectionId): Promise<CollectionInfo> {
    const entry = this.#entries.get(id);
    this.#onLookup("Collection", entry === undefined ? "miss" : "hit");
    if (entry !== undefined) return entry.info;
    return this.#fills.run(`id ${id}`, ctx, async (shared, isCurrent) => {
      const info = await this.#deps.rootCoord.describeCollection(shared, { by: "id", id });
      if (isCurrent()) this.#keep(info);
      return info;
    });
  }

  async indexes(ctx: CallContext, id: CollectionId): Promise<readonly IndexInfo[]> {
    const known = this.#entries.get(id)?.indexes;
    this.#onLookup("Index", known === undefined ? "miss" : "hit");
    if (known !== undefined) return known;
    return this.#fills.run(`indexes ${id}`, ctx, async (shared, isCurrent) => {
      const indexes = await this.#deps.indexCoord.listIndexes(shared, { collectionId: id });
      const entry = this.#entries.peek(id);
      if (isCurrent() && entry !== undefined) entry.indexes = indexes;
      return indexes;
    });
  }

  async shardLeaders(ctx: CallContext, id: CollectionId): Promise<readonly ShardLeader[]> {
    const known = this.#entries.get(id)?.leaders;
    this.#onLookup("ShardLeaders", known === undefined ? "miss" : "hit");
    if (known !== undefined) return known;
    return this.#fills.run(`leaders ${id}`, ctx, async (shared, isCurrent) => {
      const leaders = await this.#deps.queryCoord.getShardLeaders(shared, { collectionId: id });
      const entry = this.#entries.peek(id);
      if (isCurrent() && entry !== undefined) entry.leaders = leaders;
      return leaders;
    });
  }

  forget(id: CollectionId): void {
    this.#fills.detachAll();
    this.#drop(id);
  }

  forgetShardLeaders(id: CollectionId): void {
    this.#fills.detach(`leaders ${id}`);
    const entry = this.#entries.peek(id);
    if (entry !== undefined) entry.leaders = undefined;
  }

  invalidate({ database, collectionId, names }: CacheInvalidation): void {
    // A fetch by name does not know yet which collection it will bring, so that all are detached; they are few and short.
    this.#fills.detachAll();
    if (collectionId === undefined) {
      for (const [id, { info }] of this.#entries.entries())
        if (info.databaseName === database) this.#drop(id);
    } else {
      this.#drop(collectionId);
    }
    for (const name of names) {
      const id = this.#ids.get(nameKey(database, name));
      if (id !== undefined) this.#drop(id);
    }
  }

  /** Forgets everything: invalidations may have been missed. */
  clear(): void {
    this.#fills.detachAll();
    this.#entries.clear();
    this.#ids.clear();
  }

  #keep(info: CollectionInfo): void {
    // One answer names the collection and all its aliases at the same moment.
    this.#drop(info.id);
    for (const name of [info.name, ...info.aliases]) {
      const key = nameKey(info.databaseName, name);
      const other = this.#ids.get(key);
      if (other !== undefined) this.#drop(other);
      this.#ids.set(key, info.id);
    }
    this.#entries.set(info.id, { info, indexes: undefined, leaders: undefined });
  }

  #drop(id: CollectionId): void {
    const entry = this.#entries.peek(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#dropNames(entry.info);
  }

  #dropNames(info: CollectionInfo): void {
    for (const name of [info.name, ...info.aliases]) {
      const key = nameKey(info.databaseName, name);
      if (this.#ids.get(key) === info.id) this.#ids.delete(key);
    }
  }
}

/** Names hold no slash (name rules), so that a key has one meaning. */
function nameKey(database: string, name: string): string {
  return `${database}/${name}`;
}
