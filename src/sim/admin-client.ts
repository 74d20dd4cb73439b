import type { Prng } from "../base/prng.ts";
import { UTC } from "../model/timestamptz.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { encode } from "../wire/codec.ts";
import { toWireField } from "../wire/schema-wire.ts";
import { AdminCalls, STATUS } from "./admin-calls.ts";
import { AdminDefinitions } from "./admin-definitions.ts";
import { AdminIndexes, SCALAR_FIELDS } from "./admin-indexes.ts";
import { AdminSegments } from "./admin-segments.ts";
import { VECTOR_INDEXES } from "./index-types.ts";
import { simFields } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
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
  readonly #calls: AdminCalls;
  readonly #indexes: AdminIndexes;
  readonly #segments: AdminSegments;
  readonly #definitions: AdminDefinitions;

  constructor(run: RunState) {
    this.#run = run;
    this.#random = run.world.random("admin");
    this.#migrations = run.world.random("migrations");
    this.#calls = new AdminCalls(run, this.#random);
    this.#indexes = new AdminIndexes(run, this.#random, this.#calls);
    this.#segments = new AdminSegments(run, this.#random, this.#calls, this.#indexes);
    this.#definitions = new AdminDefinitions(run, this.#random, this.#calls, this.#segments);
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
        return this.#definitions.createAlias(handle);
      case "alter alias":
        return this.#definitions.alterAlias(handle);
      case "drop alias":
        return this.#definitions.dropAlias(handle);
      case "create partition":
        return this.#definitions.createPartition(handle);
      case "drop partition":
        return this.#definitions.dropPartition(handle);
      case "truncate":
        return this.#calls.change(handle, (proxy, ctx) =>
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
        return this.#definitions.addField(handle);
      case "alter collection":
        return this.#definitions.alter(handle);
      case "load":
        return this.#segments.load(handle);
      case "release":
        return this.#segments.release(handle);
      case "flush":
        return this.#segments.flush(handle);
      case "compact":
        return this.#segments.compact(handle);
      case "create index":
        return this.#indexes.createIndex(handle);
      case "swap index":
        return this.#swapIndex(handle);
      case "drop index":
        return this.#indexes.dropIndex(handle);
      case "describe":
        return this.#describe(handle);
    }
  }

  async #create(): Promise<void> {
    if (this.#run.handles.length >= COLLECTIONS_MAX) return;
    const name = this.#calls.name("c");
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
    const info = await this.#calls.certain(
      async (proxy, ctx) => {
        await proxy.call(ctx, "CreateCollection", ["milvus.CreateCollectionRequest", STATUS], request);
        return this.#calls.find(proxy, ctx, name);
      },
      (proxy, ctx) => this.#calls.find(proxy, ctx, name),
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
    const gone = await this.#calls.certain(
      async (proxy, ctx) => {
        const { name } = handle;
        await proxy.call(ctx, "DropCollection", ["milvus.DropCollectionRequest", STATUS], {
          collectionName: name,
        });
        return undefined;
      },
      (proxy, ctx) => this.#calls.find(proxy, ctx, handle.name),
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
    const to = this.#calls.name("r");
    this.#run.names.changing(from);
    const info = await this.#calls.certain(
      async (proxy, ctx) => {
        const names = { oldName: from, newName: to };
        await proxy.call(ctx, "RenameCollection", ["milvus.RenameCollectionRequest", STATUS], names);
        return this.#calls.describe(proxy, ctx, handle);
      },
      (proxy, ctx) => this.#calls.describe(proxy, ctx, handle),
    );
    handle.name = info.name;
    this.#run.names.set(from, info.name === from ? info.id : undefined);
    this.#run.names.set(to, info.name === to ? info.id : undefined);
  }

  /** One of another type in its place: of scalars while they are loaded, of vectors between two loads. */
  async #swapIndex(handle: Handle): Promise<void> {
    const fieldName = this.#random.pick([...SCALAR_FIELDS, "vector", "vector"] as const);
    const isReloaded = fieldName === "vector" && handle.loaded;
    if (isReloaded) await this.#segments.releaseAll(handle);
    const before = await this.#indexes.indexType(handle, fieldName);
    await this.#indexes.dropIndexOn(handle, fieldName);
    // It is still there where the drop came to nothing.
    if (!(await this.#indexes.indexed(handle, fieldName)))
      await this.#indexes.createIndexOn(handle, fieldName, before);
    if (isReloaded) await this.#segments.load(handle);
  }

  async #describe(handle: Handle): Promise<void> {
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const described = await this.#calls.call((proxy, ctx) =>
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
    const { partitionNames } = await this.#calls.call((proxy, ctx) =>
      proxy.call(ctx, "ShowPartitions", ["milvus.ShowPartitionsRequest", "milvus.ShowPartitionsResponse"], {
        collectionName: name,
      }),
    );
    if (new Set(partitionNames).symmetricDifference(handle.partitions).size > 0)
      this.#run.violation(
        `${name} has the partitions ${partitionNames.join()} instead of ${[...handle.partitions].join()}`,
      );
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

const COLLECTIONS_MAX = 3;
/** Of a collection: with more of them its answers would mostly be judged by the least exact. */
const VECTOR_INDEXES_MAX = 2;
