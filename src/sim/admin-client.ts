import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { UTC } from "../model/timestamptz.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { encode } from "../wire/codec.ts";
import { CompactionState } from "../wire/enums.gen.ts";
import { toWireField } from "../wire/schema-wire.ts";
import { SCALAR_INDEXES, VECTOR_INDEXES, type SimIndexType } from "./index-types.ts";
import { indexTypeOf } from "./index-watch.ts";
import { extraField, simFields } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";
import { VECTORS } from "./vectors.ts";

/**
 * The one client that changes definitions: creates, drops, renames, loads, flushes. After a failed change it asks until it knows whether
 * the change happened; until then nothing that depends on it is judged.
 */
export class AdminClient {
  readonly #run: RunState;
  readonly #random: Prng;
  /** Of its own, so that what follows a step does not change which steps come. */
  readonly #migrations: Prng;
  #names = 0;

  constructor(run: RunState) {
    this.#run = run;
    this.#random = run.world.random("admin");
    this.#migrations = run.world.random("migrations");
  }

  async step(): Promise<void> {
    const kind = this.#run.handles.length === 0 ? "create collection" : this.#random.weighted(OPERATIONS);
    const handle = this.#run.handles.length === 0 ? undefined : this.#random.pick(this.#run.handles);
    await this.attempt(kind, handle);
    if (handle === undefined) return;
    // One change of a definition seldom comes alone: a migration makes several, and what still is on its way between two of them is old.
    while (this.#migrations.chance(MIGRATING) && this.#run.handles.includes(handle))
      if (!(await this.attempt(this.#migrations.weighted(DEFINITIONS), handle))) return;
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
        return this.#change(handle, (proxy, ctx) =>
          proxy.call(
            ctx,
            "TruncateCollection",
            ["milvus.TruncateCollectionRequest", "milvus.TruncateCollectionResponse"],
            {
              collectionName: handle.name,
            },
          ),
        );
      case "add field":
        return this.#addField(handle);
      case "alter collection":
        return this.#alter(handle);
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
      case "swap index":
        return this.#swapIndex(handle);
      case "drop index":
        return this.#dropIndex(handle);
      case "describe":
        return this.#describe(handle);
    }
  }

  async #create(): Promise<void> {
    if (this.#run.handles.length >= COLLECTIONS_MAX) return;
    const name = `c${this.#names++}`;
    const keyType = this.#random.chance(0.7) ? "int64" : "varchar";
    const vectorKind = this.#random.weighted([
      [3, "float"],
      [1, "binary"],
      [0.5, "minhash"],
      [1, "sparse"],
    ] as const);
    const vectorIndexes = VECTOR_INDEXES.filter(({ on }) => on.includes(vectorKind));
    const schema = { name, fields: simFields(keyType, vectorKind).map((field) => toWireField(field, UTC)) };
    const request = {
      collectionName: name,
      schema: encode("schema.CollectionSchema", schema),
      shardsNum: this.#random.between(1, 2),
      consistencyLevel: this.#random.int(4),
    };
    const info = await this.#certain(
      async (proxy, ctx) => {
        await proxy.call(ctx, "CreateCollection", ["milvus.CreateCollectionRequest", STATUS], request);
        return this.#find(proxy, ctx, name);
      },
      (proxy, ctx) => this.#find(proxy, ctx, name),
    );
    if (info === undefined) return;
    this.#run.names.set(name, info.id);
    const handle: Handle = {
      info,
      name,
      aliases: new Set(),
      keyType,
      keySpace: this.#random.pick([20, 60, 150]),
      metric: this.#random.pick(VECTORS[vectorKind].metrics),
      vectorKind,
      vectorIndexes: this.#random.shuffle([...vectorIndexes]).slice(0, VECTOR_INDEXES_MAX),
      partitions: new Set(["_default"]),
      loadedPartitions: undefined,
      loaded: false,
      version: 0,
      extras: 0,
      lastWrite: TIMESTAMP_ZERO,
    };
    this.#run.handles.push(handle);
    if (await this.attempt("create index", handle)) await this.attempt("load", handle);
  }

  async #drop(handle: Handle): Promise<void> {
    if (this.#run.handles.length === 1 && this.#random.chance(0.7)) return;
    for (const alias of handle.aliases)
      if (!(await this.attempt("drop alias", handle))) return this.#run.world.note(`keeps ${alias}`);
    this.#run.handles.splice(this.#run.handles.indexOf(handle), 1);
    this.#run.names.changing(handle.name);
    const gone = await this.#certain(
      async (proxy, ctx) => {
        const { name } = handle;
        await proxy.call(ctx, "DropCollection", ["milvus.DropCollectionRequest", STATUS], {
          collectionName: name,
        });
        return undefined;
      },
      (proxy, ctx) => this.#find(proxy, ctx, handle.name),
    );
    if (gone === undefined) this.#run.names.set(handle.name, undefined);
    else {
      this.#run.names.set(handle.name, handle.info.id);
      handle.version += 1;
      this.#run.handles.push(handle);
    }
  }

  async #rename(handle: Handle): Promise<void> {
    const from = handle.name;
    const to = `r${this.#names++}`;
    this.#run.names.changing(from);
    const info = await this.#certain(
      async (proxy, ctx) => {
        const names = { oldName: from, newName: to };
        await proxy.call(ctx, "RenameCollection", ["milvus.RenameCollectionRequest", STATUS], names);
        return proxy.coordinators.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id });
      },
      (proxy, ctx) => proxy.coordinators.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id }),
    );
    handle.name = info.name;
    this.#run.names.set(from, info.name === from ? info.id : undefined);
    this.#run.names.set(to, info.name === to ? info.id : undefined);
  }

  async #createAlias(handle: Handle): Promise<void> {
    if (handle.aliases.size >= 2) return;
    const alias = `a${this.#names++}`;
    await this.#aliasChange([handle], alias, (proxy, ctx) =>
      proxy.call(ctx, "CreateAlias", ["milvus.CreateAliasRequest", STATUS], {
        alias,
        collectionName: handle.name,
      }),
    );
  }

  async #alterAlias(handle: Handle): Promise<void> {
    const other = this.#run.handles.find((one) => one !== handle && one.aliases.size > 0);
    const alias = other && this.#random.pick([...other.aliases]);
    if (other === undefined || alias === undefined) return;
    // A write that asks for the alias behind the change goes, rightly, to the other collection, where nobody expects it.
    this.#run.names.changing(alias);
    other.aliases.delete(alias);
    while (this.#run.names.isWrittenBy(alias)) await this.#run.world.pause(10, "writes by an alias");
    await this.#aliasChange([other, handle], alias, (proxy, ctx) =>
      proxy.call(ctx, "AlterAlias", ["milvus.AlterAliasRequest", STATUS], {
        alias,
        collectionName: handle.name,
      }),
    );
  }

  async #dropAlias(handle: Handle): Promise<void> {
    const [alias] = handle.aliases;
    if (alias === undefined) return;
    await this.#aliasChange([handle], alias, (proxy, ctx) =>
      proxy.call(ctx, "DropAlias", ["milvus.DropAliasRequest", STATUS], { alias }),
    );
  }

  async #aliasChange(
    handles: readonly Handle[],
    alias: string,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    this.#run.names.changing(alias);
    for (const handle of handles) handle.aliases.delete(alias);
    const infos = await this.#certain(
      async (proxy, ctx) => {
        await change(proxy, ctx);
        return this.#describeAll(proxy, ctx, handles);
      },
      (proxy, ctx) => this.#describeAll(proxy, ctx, handles),
    );
    this.#run.names.set(alias, undefined);
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
    await this.#changePartitions(handle, (proxy, ctx) =>
      proxy.call(ctx, "CreatePartition", ["milvus.CreatePartitionRequest", STATUS], {
        collectionName: handle.name,
        partitionName: partition,
      }),
    );
  }

  async #dropPartition(handle: Handle): Promise<void> {
    const partition = [...handle.partitions].find((name) => name !== "_default");
    if (partition === undefined) return;
    handle.partitions.delete(partition);
    const names = { collectionName: handle.name, partitionName: partition };
    if (handle.loaded && (handle.loadedPartitions?.has(partition) ?? true)) {
      const released = { collectionName: handle.name, partitionNames: [partition] };
      await this.#changeLoad(handle, (proxy, ctx) =>
        proxy.call(ctx, "ReleasePartitions", ["milvus.ReleasePartitionsRequest", STATUS], released),
      );
    }
    await this.#changePartitions(handle, (proxy, ctx) =>
      proxy.call(ctx, "DropPartition", ["milvus.DropPartitionRequest", STATUS], names),
    );
  }

  async #changePartitions(
    handle: Handle,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
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
    await this.#change(handle, (proxy, ctx) =>
      proxy.call(ctx, "AddCollectionField", ["milvus.AddCollectionFieldRequest", STATUS], {
        collectionName: handle.name,
        schema: encode("schema.FieldSchema", toWireField(field, UTC)),
      }),
    );
  }

  async #alter(handle: Handle): Promise<void> {
    // So long that nothing expires.
    const properties = [{ key: "collection.ttl.seconds", value: String(1_000_000 + this.#random.int(9)) }];
    await this.#change(handle, (proxy, ctx) =>
      proxy.call(ctx, "AlterCollection", ["milvus.AlterCollectionRequest", STATUS], {
        collectionName: handle.name,
        properties,
      }),
    );
  }

  async #load(handle: Handle): Promise<void> {
    await this.#ensureVectorIndex(handle);
    const named =
      !handle.loaded && this.#random.chance(0.25)
        ? [...handle.partitions].filter(() => this.#random.chance(0.6))
        : [];
    const collectionName = handle.name;
    await this.#changeLoad(handle, async (proxy, ctx) => {
      if (named.length === 0)
        return proxy.call(ctx, "LoadCollection", ["milvus.LoadCollectionRequest", STATUS], {
          collectionName,
        });
      const request = { collectionName, partitionNames: named };
      return proxy.call(ctx, "LoadPartitions", ["milvus.LoadPartitionsRequest", STATUS], request);
    });
  }

  async #release(handle: Handle): Promise<void> {
    if (handle.loaded && this.#random.chance(0.5)) await this.#releaseAll(handle);
  }

  async #releaseAll(handle: Handle): Promise<void> {
    const collectionName = handle.name;
    await this.#changeLoad(handle, (proxy, ctx) =>
      proxy.call(ctx, "ReleaseCollection", ["milvus.ReleaseCollectionRequest", STATUS], { collectionName }),
    );
  }

  /** Changes what is loaded; waits until that is known, and there. */
  async #changeLoad(
    handle: Handle,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    handle.version += 1;
    handle.loaded = false;
    await this.#certain(change, async () => undefined);
    for (let tries = 0; tries < 400; tries++) {
      const state = await this.#call((proxy, ctx) =>
        proxy.coordinators.queryCoord.getLoadState(ctx, { collectionId: handle.info.id, partitionIds: [] }),
      ).catch((error: unknown) => {
        this.#run.world.note(`load state: ${String(error)}`);
        return undefined;
      });
      // Whatever a load meets here passes: no segment's file is gone or damaged before the end of a run.
      if (state !== undefined && state.failReason !== "")
        this.#run.violation(`the load of ${handle.name} was given up: ${state.failReason}`);
      if (state?.state === "NotLoad") {
        handle.loadedPartitions = undefined;
        return;
      }
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

  async #flush(handle: Handle): Promise<void> {
    const { name } = handle;
    const flushed = await this.#call((proxy, ctx) =>
      proxy.call(ctx, "Flush", ["milvus.FlushRequest", "milvus.FlushResponse"], { collectionNames: [name] }),
    );
    const request = {
      collectionName: name,
      segmentIDs: [...(flushed.collSegIDs.get(name)?.data ?? [])],
      flushTs: flushed.collFlushTs.get(name) ?? 0n,
    };
    for (let tries = 0; tries < 200; tries++) {
      const state = await this.#call((proxy, ctx) =>
        proxy.call(
          ctx,
          "GetFlushState",
          ["milvus.GetFlushStateRequest", "milvus.GetFlushStateResponse"],
          request,
        ),
      );
      if (state.flushed) return;
      await this.#run.world.pause(20, "flush poll");
    }
    this.#run.world.note("flush takes long");
  }

  async #compact(handle: Handle): Promise<void> {
    const request = { collectionID: handle.info.id, collectionName: handle.name };
    const { compactionID } = await this.#call((proxy, ctx) =>
      proxy.call(
        ctx,
        "ManualCompaction",
        ["milvus.ManualCompactionRequest", "milvus.ManualCompactionResponse"],
        request,
      ),
    );
    for (let tries = 0; tries < 200; tries++) {
      const { state } = await this.#call((proxy, ctx) =>
        proxy.call(
          ctx,
          "GetCompactionState",
          ["milvus.GetCompactionStateRequest", "milvus.GetCompactionStateResponse"],
          { compactionID },
        ),
      );
      if (state !== CompactionState.Executing) return;
      await this.#run.world.pause(20, "compaction poll");
    }
  }

  async #ensureVectorIndex(handle: Handle): Promise<void> {
    if (!(await this.#indexed(handle, "vector"))) await this.#createIndexOn(handle, "vector");
  }

  async #createIndex(handle: Handle): Promise<void> {
    if (!(await this.#indexed(handle, "vector"))) return this.#createIndexOn(handle, "vector");
    const fieldName = this.#random.pick(SCALAR_FIELDS);
    if (!(await this.#indexed(handle, fieldName))) await this.#createIndexOn(handle, fieldName);
  }

  /** One of another type in its place: of scalars while they are loaded, of vectors between two loads. */
  async #swapIndex(handle: Handle): Promise<void> {
    const fieldName = this.#random.pick([...SCALAR_FIELDS, "vector", "vector"] as const);
    const isReloaded = fieldName === "vector" && handle.loaded;
    if (isReloaded) await this.#releaseAll(handle);
    const before = await this.#indexType(handle, fieldName);
    await this.#dropIndexOn(handle, fieldName);
    // It is still there where the drop came to nothing.
    if (!(await this.#indexed(handle, fieldName))) await this.#createIndexOn(handle, fieldName, before);
    if (isReloaded) await this.#load(handle);
  }

  /** Of any type that the field may have, but for one. */
  async #createIndexOn(
    handle: Handle,
    fieldName: keyof typeof SCALAR_INDEXES | "vector",
    but?: string,
  ): Promise<void> {
    const types: readonly SimIndexType[] =
      fieldName === "vector" ? handle.vectorIndexes : SCALAR_INDEXES[fieldName];
    const type = this.#random.pick(types.length > 1 ? types.filter(({ name }) => name !== but) : types);
    const metric = fieldName === "vector" ? { metric_type: handle.metric } : {};
    const chosen = { index_type: type.name, ...metric, ...type.params };
    const created = this.#call((proxy, ctx) =>
      proxy.call(ctx, "CreateIndex", ["milvus.CreateIndexRequest", STATUS], {
        collectionName: handle.name,
        fieldName,
        indexName: `i_${fieldName}`,
        extraParams: Object.entries(chosen).map(([key, value]) => ({ key, value })),
      }),
    );
    await created.catch(async (error: unknown) => {
      // It may come yet, and where nobody sees it another one is made.
      await this.#run.world.pause(UNCERTAIN_MS, "outcome unknown");
      throw error;
    });
  }

  /** Of a loaded collection only indexes of scalars can go. */
  async #dropIndex(handle: Handle): Promise<void> {
    const fieldName = this.#random.pick([...SCALAR_FIELDS, "vector"] as const);
    if (fieldName !== "vector" || !handle.loaded) await this.#dropIndexOn(handle, fieldName);
  }

  async #dropIndexOn(handle: Handle, fieldName: string): Promise<void> {
    await this.#change(handle, (proxy, ctx) =>
      proxy.call(ctx, "DropIndex", ["milvus.DropIndexRequest", STATUS], {
        collectionName: handle.name,
        fieldName,
        indexName: `i_${fieldName}`,
      }),
    );
  }

  async #indexed(handle: Handle, fieldName: string): Promise<boolean> {
    return (await this.#indexType(handle, fieldName)) !== undefined;
  }

  async #indexType(handle: Handle, fieldName: string): Promise<string | undefined> {
    const indexes = await this.#call((proxy, ctx) =>
      proxy.coordinators.indexCoord.listIndexes(ctx, { collectionId: handle.info.id }),
    );
    const index = indexes.find(({ name }) => name === `i_${fieldName}`);
    return index && indexTypeOf(index);
  }

  async #describe(handle: Handle): Promise<void> {
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const described = await this.#call((proxy, ctx) =>
      proxy.call(
        ctx,
        "DescribeCollection",
        ["milvus.DescribeCollectionRequest", "milvus.DescribeCollectionResponse"],
        { collectionName: name },
      ),
    );
    if (described.collectionID !== handle.info.id)
      this.#run.violation(`${name} describes ${described.collectionID} instead of ${handle.info.id}`);
    const fields = described.schema?.fields.map((field) => field.name).join();
    if (fields !== handle.info.schema.fields.map((field) => field.name).join())
      this.#run.violation(`${name} has the fields ${fields}`);
    const { partitionNames } = await this.#call((proxy, ctx) =>
      proxy.call(ctx, "ShowPartitions", ["milvus.ShowPartitionsRequest", "milvus.ShowPartitionsResponse"], {
        collectionName: name,
      }),
    );
    if (new Set(partitionNames).symmetricDifference(handle.partitions).size > 0)
      this.#run.violation(
        `${name} has the partitions ${partitionNames.join()} instead of ${[...handle.partitions].join()}`,
      );
  }

  /** A change of the collection itself, with its new definition afterwards. */
  async #change(
    handle: Handle,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    handle.version += 1;
    const describe = (proxy: ServedProxy, ctx: CallContext): Promise<CollectionInfo> =>
      proxy.coordinators.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id });
    handle.info = await this.#certain(async (proxy, ctx) => {
      await change(proxy, ctx);
      return describe(proxy, ctx);
    }, describe);
    handle.version += 1;
  }

  async #describeAll(
    proxy: ServedProxy,
    ctx: CallContext,
    handles: readonly Handle[],
  ): Promise<readonly CollectionInfo[]> {
    return Promise.all(
      handles.map(async (handle) =>
        proxy.coordinators.rootCoord.describeCollection(ctx, { by: "id", id: handle.info.id }),
      ),
    );
  }

  async #find(proxy: ServedProxy, ctx: CallContext, name: string): Promise<CollectionInfo | undefined> {
    try {
      return await proxy.coordinators.rootCoord.describeCollection(ctx, { by: "name", name });
    } catch (error) {
      if (isRedkiteError(error, "collectionNotFound")) return undefined;
      throw error;
    }
  }

  /** Makes a change; when it fails, waits until nothing of it can still happen and asks what is. */
  async #certain<T>(
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<T>,
    ask: (proxy: ServedProxy, ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#call(change);
    } catch (error) {
      this.#run.world.note(`outcome unknown: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (;;) {
      await this.#run.world.pause(UNCERTAIN_MS, "outcome unknown");
      try {
        return await this.#call(async (proxy, ctx) => {
          await this.#nothingOpen(proxy, ctx);
          return ask(proxy, ctx);
        });
      } catch (error) {
        this.#run.world.note(`still unknown: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** Throws while a change of some collection is under way. */
  async #nothingOpen(proxy: ServedProxy, ctx: CallContext): Promise<void> {
    for (const { vchannels } of (await proxy.coordinators.rootCoord.listCollections(ctx, {})).map(
      (info) => info,
    )) {
      for (const vchannel of vchannels) {
        if ((await proxy.coordinators.rootCoord.openIntents(ctx, { vchannel })).length > 0)
          throw new Error(`a change of ${vchannel} is open`);
      }
    }
  }

  #call<T>(use: (proxy: ServedProxy, ctx: CallContext) => Promise<T>): Promise<T> {
    return this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => use(proxy, ctx));
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
  [1.5, "create index"],
  [2, "swap index"],
  [0.4, "drop index"],
  [1, "describe"],
] as const;

/** Those that clients see in what they write and read. */
const DEFINITIONS = [
  [3, "create partition"],
  [2, "drop partition"],
  [2, "add field"],
  [1, "create alias"],
  [1, "alter alias"],
  [1, "drop alias"],
] as const;
/** Chance that a change follows at once. */
const MIGRATING = 0.4;

export type AdminOperation = (typeof OPERATIONS)[number][1];
export const ADMIN_OPERATIONS: readonly AdminOperation[] = OPERATIONS.map(([, kind]) => kind);

const STATUS = "common.Status";
const COLLECTIONS_MAX = 3;
/** Of a collection: with more of them its answers would mostly be judged by the least exact. */
const VECTOR_INDEXES_MAX = 2;
const SCALAR_FIELDS = ["age", "tag"] as const;
const PARTITIONS_MAX = 4;
const DEADLINE_MS = 4_000;
const UNCERTAIN_MS = 300;
