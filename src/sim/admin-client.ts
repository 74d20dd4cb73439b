import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { timestamp, TIMESTAMP_ZERO } from "../model/timestamp.ts";
import type { SimProxyDeps } from "./proxy.ts";
import { extraField, FIELD, simFields } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";

/**
 * The one client that changes definitions: creates, drops, renames, loads, flushes. After a failed change it asks until it knows whether
 * the change happened; until then nothing that depends on it is judged.
 */
export class AdminClient {
  readonly #run: RunState;
  readonly #random: Prng;
  #names = 0;

  constructor(run: RunState) {
    this.#run = run;
    this.#random = run.world.random("admin");
  }

  async step(): Promise<void> {
    const kind = this.#run.handles.length === 0 ? "create collection" : this.#random.weighted(OPERATIONS);
    const handle = this.#run.handles.length === 0 ? undefined : this.#random.pick(this.#run.handles);
    await this.attempt(kind, handle);
  }

  /** Everything that background work may still do is asked for, and waited for. */
  async settle(): Promise<void> {
    for (const handle of [...this.#run.handles]) {
      for (const kind of ["flush", "compact", "load"] as const) await this.attempt(kind, handle);
    }
  }

  async attempt(kind: AdminOperation, handle: Handle | undefined): Promise<boolean> {
    try {
      if (kind === "create collection") await this.#create();
      else if (handle !== undefined) await this.#perform(kind, handle);
      this.#run.ended(kind);
      return true;
    } catch (error) {
      this.#run.ended(kind, error);
      return false;
    }
  }

  async #perform(kind: Exclude<AdminOperation, "create collection">, handle: Handle): Promise<void> {
    switch (kind) {
      case "drop collection":
        return this.#drop(handle);
      case "rename collection":
        return this.#rename(handle);
      case "create alias":
        return this.#createAlias(handle);
      case "alter alias":
        return this.#alterAlias(handle);
      case "drop alias":
        return this.#dropAlias(handle);
      case "create partition":
        return this.#createPartition(handle);
      case "drop partition":
        return this.#dropPartition(handle);
      case "truncate":
        return this.#change(handle, (deps, ctx) =>
          deps.rootCoord.truncateCollection(ctx, { name: handle.name }),
        );
      case "add field":
        return this.#addField(handle);
      case "alter collection":
        return this.#call((deps, ctx) =>
          deps.rootCoord.alterCollection(ctx, {
            name: handle.name,
            set: { note: String(this.#random.int(9)) },
            remove: [],
          }),
        );
      case "load":
        return this.#load(handle);
      case "release":
        return this.#release(handle);
      case "flush":
        return this.#flush(handle);
      case "compact":
        return this.#compact(handle);
      case "create index":
        return this.#createIndex(handle);
      case "drop index":
        return this.#change(handle, (deps, ctx) =>
          deps.indexCoord.dropIndex(ctx, { collectionId: handle.info.id, fieldId: undefined, indexName: "" }),
        );
      case "describe":
        return this.#describe(handle);
    }
  }

  async #create(): Promise<void> {
    if (this.#run.handles.length >= COLLECTIONS_MAX) return;
    const name = `c${this.#names++}`;
    const keyType = this.#random.chance(0.7) ? "int64" : "varchar";
    const request = {
      schema: {
        name,
        description: "",
        fields: simFields(keyType),
        functions: [],
        enableDynamicField: false,
        version: 0,
      },
      shards: this.#random.between(1, 2),
      consistencyLevel: "Strong",
      properties: {},
      partitionKeyPartitions: 0,
    } as const;
    const info = await this.#certain(
      (deps, ctx) => deps.rootCoord.createCollection(ctx, request),
      (deps, ctx) => this.#find(deps, ctx, name),
    );
    if (info === undefined) return;
    this.#run.names.set(name, info.id);
    const handle: Handle = {
      info,
      name,
      aliases: new Set(),
      keyType,
      keySpace: this.#random.pick([20, 60, 150]),
      metric: this.#random.pick(["L2", "IP"] as const),
      partitions: new Set(["_default"]),
      loadedPartitions: undefined,
      loaded: false,
      version: 0,
      approximate: false,
      extras: 0,
      lastWrite: TIMESTAMP_ZERO,
    };
    this.#run.handles.push(handle);
    await this.attempt("load", handle);
  }

  async #drop(handle: Handle): Promise<void> {
    if (this.#run.handles.length === 1 && this.#random.chance(0.7)) return;
    for (const alias of handle.aliases)
      if (!(await this.attempt("drop alias", handle))) return this.#run.world.note(`keeps ${alias}`);
    this.#run.handles.splice(this.#run.handles.indexOf(handle), 1);
    this.#run.names.delete(handle.name);
    const gone = await this.#certain(
      async (deps, ctx) => {
        await deps.rootCoord.dropCollection(ctx, { name: handle.name });
        return undefined;
      },
      (deps, ctx) => this.#find(deps, ctx, handle.name),
    );
    if (gone === undefined) this.#run.names.set(handle.name, "nothing");
    else {
      this.#run.names.set(handle.name, handle.info.id);
      handle.version += 1;
      this.#run.handles.push(handle);
    }
  }

  async #rename(handle: Handle): Promise<void> {
    const from = handle.name;
    const to = `r${this.#names++}`;
    this.#run.names.delete(from);
    const info = await this.#certain(
      async (deps, ctx) => {
        await deps.rootCoord.renameCollection(ctx, { from, to, toDatabase: "" });
        return deps.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id });
      },
      (deps, ctx) => deps.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id }),
    );
    handle.name = info.name;
    this.#run.names.set(from, info.name === from ? info.id : "nothing");
    this.#run.names.set(to, info.name === to ? info.id : "nothing");
  }

  async #createAlias(handle: Handle): Promise<void> {
    if (handle.aliases.size >= 2) return;
    const alias = `a${this.#names++}`;
    await this.#aliasChange([handle], alias, (deps, ctx) =>
      deps.rootCoord.createAlias(ctx, { alias, collection: handle.name }),
    );
  }

  async #alterAlias(handle: Handle): Promise<void> {
    const other = this.#run.handles.find((one) => one !== handle && one.aliases.size > 0);
    const alias = other && this.#random.pick([...other.aliases]);
    if (other === undefined || alias === undefined) return;
    await this.#aliasChange([other, handle], alias, (deps, ctx) =>
      deps.rootCoord.alterAlias(ctx, { alias, collection: handle.name }),
    );
  }

  async #dropAlias(handle: Handle): Promise<void> {
    const [alias] = handle.aliases;
    if (alias === undefined) return;
    await this.#aliasChange([handle], alias, (deps, ctx) => deps.rootCoord.dropAlias(ctx, { alias }));
  }

  async #aliasChange(
    handles: readonly Handle[],
    alias: string,
    change: (deps: SimProxyDeps, ctx: CallContext) => Promise<void>,
  ): Promise<void> {
    this.#run.names.delete(alias);
    for (const handle of handles) handle.aliases.delete(alias);
    const infos = await this.#certain(
      async (deps, ctx) => {
        await change(deps, ctx);
        return this.#describeAll(deps, ctx, handles);
      },
      (deps, ctx) => this.#describeAll(deps, ctx, handles),
    );
    this.#run.names.set(alias, "nothing");
    for (const [i, info] of infos.entries()) {
      if (!info.aliases.includes(alias)) continue;
      handles[i]?.aliases.add(alias);
      this.#run.names.set(alias, info.id);
    }
  }

  async #createPartition(handle: Handle): Promise<void> {
    if (handle.partitions.size >= PARTITIONS_MAX) return;
    const partition = `p${this.#names++}`;
    handle.version += 1;
    await this.#changePartitions(handle, (deps, ctx) =>
      deps.rootCoord.createPartition(ctx, { collection: handle.name, partition }),
    );
  }

  async #dropPartition(handle: Handle): Promise<void> {
    const partition = [...handle.partitions].find((name) => name !== "_default");
    if (partition === undefined) return;
    handle.partitions.delete(partition);
    await this.#changePartitions(handle, (deps, ctx) =>
      deps.rootCoord.dropPartition(ctx, { collection: handle.name, partition }),
    );
  }

  async #changePartitions(
    handle: Handle,
    change: (deps: SimProxyDeps, ctx: CallContext) => Promise<void>,
  ): Promise<void> {
    await this.#change(handle, change);
    handle.partitions.clear();
    for (const part of handle.info.partitions) if (part.state === "Created") handle.partitions.add(part.name);
    if (handle.loadedPartitions !== undefined) {
      const left = [...handle.loadedPartitions].filter((name) => handle.partitions.has(name));
      handle.loadedPartitions = new Set(left);
      if (left.length === 0) handle.loaded = false;
    }
  }

  async #addField(handle: Handle): Promise<void> {
    if (handle.extras >= 3) return;
    const field = extraField(
      `extra${this.#names++}`,
      this.#random.chance(0.5) ? BigInt(this.#random.int(50)) : undefined,
    );
    handle.extras += 1;
    await this.#change(handle, (deps, ctx) =>
      deps.rootCoord.addCollectionField(ctx, { name: handle.name, field }),
    );
  }

  async #load(handle: Handle): Promise<void> {
    const named =
      !handle.loaded && this.#random.chance(0.25)
        ? [...handle.partitions].filter(() => this.#random.chance(0.6))
        : [];
    handle.version += 1;
    const partitionIds = handle.info.partitions
      .filter((part) => part.state === "Created" && named.includes(part.name))
      .map((part) => part.id);
    handle.loaded = false;
    const request = { collectionId: handle.info.id, partitionIds, replicas: 1, fieldIds: [], refresh: false };
    await this.#certain(
      (deps, ctx) => deps.queryCoord.load(ctx, request),
      (deps, ctx) => deps.queryCoord.load(ctx, request),
    );
    for (let tries = 0; tries < 400; tries++) {
      const state = await this.#call((deps, ctx) =>
        deps.queryCoord.getLoadState(ctx, { collectionId: handle.info.id, partitionIds }),
      ).catch((error: unknown) => {
        this.#run.world.note(`load state: ${String(error)}`);
        return undefined;
      });
      if (state?.state === "Loaded") {
        handle.loadedPartitions = state.wholeCollection
          ? undefined
          : new Set(
              handle.info.partitions
                .filter((part) => state.loadedPartitions.includes(part.id))
                .map((part) => part.name),
            );
        handle.loaded = true;
        handle.version += 1;
        return;
      }
      await this.#run.world.pause(20, "load poll");
    }
  }

  async #release(handle: Handle): Promise<void> {
    if (!handle.loaded || this.#random.chance(0.5)) return;
    handle.version += 1;
    handle.loaded = false;
    await this.#certain(
      (deps, ctx) => deps.queryCoord.release(ctx, { collectionId: handle.info.id, partitionIds: [] }),
      (deps, ctx) => deps.queryCoord.release(ctx, { collectionId: handle.info.id, partitionIds: [] }),
    );
    handle.loadedPartitions = undefined;
  }

  async #flush(handle: Handle): Promise<void> {
    const collectionId = handle.info.id;
    const [result] = await this.#call((deps, ctx) =>
      deps.dataCoord.flush(ctx, { collectionIds: [collectionId] }),
    );
    if (result === undefined) return;
    const request = { collectionId, segmentIds: result.sealing, flushedAt: timestamp(result.flushedAt) };
    for (let tries = 0; tries < 200; tries++) {
      const state = await this.#call((deps, ctx) => deps.dataCoord.getFlushState(ctx, request));
      if (state.flushed) return;
      await this.#run.world.pause(20, "flush poll");
    }
    this.#run.world.note("flush takes long");
  }

  async #compact(handle: Handle): Promise<void> {
    const { compactionId } = await this.#call((deps, ctx) =>
      deps.dataCoord.manualCompaction(ctx, { collectionId: handle.info.id, major: false }),
    );
    for (let tries = 0; tries < 200; tries++) {
      const { state } = await this.#call((deps, ctx) =>
        deps.dataCoord.getCompactionState(ctx, { compactionId }),
      );
      if (state !== "Executing") return;
      await this.#run.world.pause(20, "compaction poll");
    }
  }

  async #createIndex(handle: Handle): Promise<void> {
    const kind = this.#random.pick(["FLAT", "HNSW", "STL_SORT", "BITMAP"] as const);
    const onVector = kind === "FLAT" || kind === "HNSW";
    const fieldId = onVector ? FIELD.vector : kind === "STL_SORT" ? FIELD.age : FIELD.tag;
    const field = handle.info.schema.fields.find((one) => one.id === fieldId);
    if (field === undefined) return;
    if (kind === "HNSW") handle.approximate = true;
    const params = { index_type: kind, metric_type: handle.metric, M: "8", efConstruction: "40" };
    try {
      await this.#call((deps, ctx) =>
        deps.indexCoord.createIndex(ctx, {
          collectionId: handle.info.id,
          field,
          indexName: `i${fieldId}`,
          userParams: params,
          params,
          isAuto: false,
        }),
      );
    } catch (error) {
      // Another index is there already.
      if (!isRedkiteError(error, "parameterInvalid")) throw error;
    }
  }

  async #describe(handle: Handle): Promise<void> {
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const info = await this.#call((deps, ctx) =>
      deps.rootCoord.describeCollection(ctx, { by: "name", name }),
    );
    if (info.id !== handle.info.id)
      this.#run.violation(`${name} describes ${info.id} instead of ${handle.info.id}`);
    const names = new Set(
      info.partitions.filter((part) => part.state === "Created").map((part) => part.name),
    );
    if (names.symmetricDifference(handle.partitions).size > 0)
      this.#run.violation(
        `${name} has the partitions ${[...names].join()} instead of ${[...handle.partitions].join()}`,
      );
  }

  /** A change of the collection itself, with its new definition afterwards. */
  async #change(
    handle: Handle,
    change: (deps: SimProxyDeps, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    handle.version += 1;
    const describe = (deps: SimProxyDeps, ctx: CallContext): Promise<CollectionInfo> =>
      deps.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id });
    handle.info = await this.#certain(async (deps, ctx) => {
      await change(deps, ctx);
      return describe(deps, ctx);
    }, describe);
    handle.version += 1;
  }

  async #describeAll(
    deps: SimProxyDeps,
    ctx: CallContext,
    handles: readonly Handle[],
  ): Promise<readonly CollectionInfo[]> {
    return Promise.all(
      handles.map(async (handle) => deps.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id })),
    );
  }

  async #find(deps: SimProxyDeps, ctx: CallContext, name: string): Promise<CollectionInfo | undefined> {
    try {
      return await deps.rootCoord.describeCollection(ctx, { by: "name", name });
    } catch (error) {
      if (isRedkiteError(error, "collectionNotFound")) return undefined;
      throw error;
    }
  }

  /** Makes a change; when it fails, waits until nothing of it can still happen and asks what is. */
  async #certain<T>(
    change: (deps: SimProxyDeps, ctx: CallContext) => Promise<T>,
    ask: (deps: SimProxyDeps, ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#call(change);
    } catch (error) {
      this.#run.world.note(`outcome unknown: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (;;) {
      await this.#run.world.pause(UNCERTAIN_MS, "outcome unknown");
      try {
        return await this.#call(async (deps, ctx) => {
          await this.#nothingOpen(deps, ctx);
          return ask(deps, ctx);
        });
      } catch (error) {
        this.#run.world.note(`still unknown: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** Throws while a change of some collection is under way. */
  async #nothingOpen(deps: SimProxyDeps, ctx: CallContext): Promise<void> {
    for (const { vchannels } of (await deps.rootCoord.listCollections(ctx, {})).map((info) => info)) {
      for (const vchannel of vchannels) {
        if ((await deps.rootCoord.openIntents(ctx, { vchannel })).length > 0)
          throw new Error(`a change of ${vchannel} is open`);
      }
    }
  }

  #call<T>(use: (deps: SimProxyDeps, ctx: CallContext) => Promise<T>): Promise<T> {
    return this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => use(proxy.deps, ctx));
  }
}

const OPERATIONS = [
  [2, "create collection"],
  [0.6, "drop collection"],
  [1, "rename collection"],
  [1, "create alias"],
  [1, "alter alias"],
  [0.7, "drop alias"],
  [1.5, "create partition"],
  [1, "drop partition"],
  [0.6, "truncate"],
  [0.8, "add field"],
  [0.5, "alter collection"],
  [2, "load"],
  [0.7, "release"],
  [5, "flush"],
  [3, "compact"],
  [1, "create index"],
  [0.4, "drop index"],
  [1, "describe"],
] as const;

export type AdminOperation = (typeof OPERATIONS)[number][1];
export const ADMIN_OPERATIONS: readonly AdminOperation[] = OPERATIONS.map(([, kind]) => kind);

const COLLECTIONS_MAX = 3;
const PARTITIONS_MAX = 4;
const DEADLINE_MS = 4_000;
const UNCERTAIN_MS = 300;
