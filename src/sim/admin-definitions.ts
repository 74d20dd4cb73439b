import type { Prng } from "../base/prng.ts";
import type { CallContext } from "../model/call-context.ts";
import { UTC } from "../model/timestamptz.ts";
import { encode } from "../wire/codec.ts";
import { toWireField } from "../wire/schema-wire.ts";
import { STATUS, type AdminCalls } from "./admin-calls.ts";
import type { AdminSegments } from "./admin-segments.ts";
import { extraField } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";

/** Changes aliases, partitions, fields and properties of collections. */
export class AdminDefinitions {
  readonly #run: RunState;
  readonly #random: Prng;
  readonly #calls: AdminCalls;
  readonly #segments: AdminSegments;

  constructor(run: RunState, random: Prng, calls: AdminCalls, segments: AdminSegments) {
    this.#run = run;
    this.#random = random;
    this.#calls = calls;
    this.#segments = segments;
  }

  async createAlias(handle: Handle): Promise<void> {
    if (handle.aliases.size >= 2) return;
    const alias = this.#calls.name("a");
    await this.#aliasChange([handle], alias, (proxy, ctx) =>
      proxy.call(ctx, "CreateAlias", ["milvus.CreateAliasRequest", STATUS], {
        alias,
        collectionName: handle.name,
      }),
    );
  }

  async alterAlias(handle: Handle): Promise<void> {
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

  async dropAlias(handle: Handle): Promise<void> {
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
    const infos = await this.#calls.certain(
      async (proxy, ctx) => {
        await change(proxy, ctx);
        return this.#calls.describeAll(proxy, ctx, handles);
      },
      (proxy, ctx) => this.#calls.describeAll(proxy, ctx, handles),
    );
    this.#run.names.set(alias, undefined);
    for (const [i, info] of infos.entries()) {
      if (!info.aliases.includes(alias)) continue;
      handles[i]?.aliases.add(alias);
      this.#run.names.set(alias, info.id);
    }
  }

  async createPartition(handle: Handle): Promise<void> {
    if (handle.partitions.size >= PARTITIONS_MAX) return;
    const partition = this.#calls.name("p");
    handle.version += 1;
    await this.#changePartitions(handle, (proxy, ctx) =>
      proxy.call(ctx, "CreatePartition", ["milvus.CreatePartitionRequest", STATUS], {
        collectionName: handle.name,
        partitionName: partition,
      }),
    );
  }

  async dropPartition(handle: Handle): Promise<void> {
    const partition = [...handle.partitions].find((name) => name !== "_default");
    if (partition === undefined) return;
    handle.partitions.delete(partition);
    const names = { collectionName: handle.name, partitionName: partition };
    if (handle.loaded && (handle.loadedPartitions?.has(partition) ?? true)) {
      const released = { collectionName: handle.name, partitionNames: [partition] };
      await this.#segments.changeLoad(handle, (proxy, ctx) =>
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
    await this.#calls.change(handle, change);
    handle.partitions.clear();
    for (const part of handle.info.partitions) if (part.state === "Created") handle.partitions.add(part.name);
    if (handle.loadedPartitions !== undefined) {
      const left = [...handle.loadedPartitions].filter((name) => handle.partitions.has(name));
      handle.loadedPartitions = new Set(left);
      if (left.length === 0) handle.loaded = false;
    }
  }

  async addField(handle: Handle): Promise<void> {
    if (handle.extras >= 3) return;
    const field = extraField(
      this.#calls.name("extra"),
      this.#random.chance(0.5) ? BigInt(this.#random.int(50)) : undefined,
    );
    handle.extras += 1;
    await this.#calls.change(handle, (proxy, ctx) =>
      proxy.call(ctx, "AddCollectionField", ["milvus.AddCollectionFieldRequest", STATUS], {
        collectionName: handle.name,
        schema: encode("schema.FieldSchema", toWireField(field, UTC)),
      }),
    );
  }

  async alter(handle: Handle): Promise<void> {
    // So long that nothing expires.
    const properties = [{ key: "collection.ttl.seconds", value: String(1_000_000 + this.#random.int(9)) }];
    await this.#calls.change(handle, (proxy, ctx) =>
      proxy.call(ctx, "AlterCollection", ["milvus.AlterCollectionRequest", STATUS], {
        collectionName: handle.name,
        properties,
      }),
    );
  }
}

const PARTITIONS_MAX = 4;
