import type { Prng } from "../base/prng.ts";
import type { CallContext } from "../model/call-context.ts";
import { CompactionState } from "../wire/enums.gen.ts";
import { STATUS, type AdminCalls } from "./admin-calls.ts";
import type { AdminIndexes } from "./admin-indexes.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";

/** Loads, releases, flushes and compacts collections, and waits until it has happened. */
export class AdminSegments {
  readonly #run: RunState;
  readonly #random: Prng;
  readonly #calls: AdminCalls;
  readonly #indexes: AdminIndexes;

  constructor(run: RunState, random: Prng, calls: AdminCalls, indexes: AdminIndexes) {
    this.#run = run;
    this.#random = random;
    this.#calls = calls;
    this.#indexes = indexes;
  }

  async load(handle: Handle): Promise<void> {
    await this.#indexes.ensureVectorIndex(handle);
    const named =
      !handle.loaded && this.#random.chance(0.25)
        ? [...handle.partitions].filter(() => this.#random.chance(0.6))
        : [];
    const collectionName = handle.name;
    await this.changeLoad(handle, async (proxy, ctx) => {
      if (named.length === 0)
        return proxy.call(ctx, "LoadCollection", ["milvus.LoadCollectionRequest", STATUS], {
          collectionName,
        });
      const request = { collectionName, partitionNames: named };
      return proxy.call(ctx, "LoadPartitions", ["milvus.LoadPartitionsRequest", STATUS], request);
    });
  }

  async release(handle: Handle): Promise<void> {
    if (handle.loaded && this.#random.chance(0.5)) await this.releaseAll(handle);
  }

  async releaseAll(handle: Handle): Promise<void> {
    const collectionName = handle.name;
    await this.changeLoad(handle, (proxy, ctx) =>
      proxy.call(ctx, "ReleaseCollection", ["milvus.ReleaseCollectionRequest", STATUS], { collectionName }),
    );
  }

  /** Changes what is loaded; waits until that is known, and there. */
  async changeLoad(
    handle: Handle,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    handle.version += 1;
    handle.loaded = false;
    await this.#calls.certain(change, async () => undefined);
    for (let tries = 0; tries < 400; tries++) {
      const state = await this.#calls
        .call((proxy, ctx) =>
          proxy.coordinators.queryCoord.getLoadState(ctx, { collectionId: handle.info.id, partitionIds: [] }),
        )
        .catch((error: unknown) => {
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

  async flush(handle: Handle): Promise<void> {
    const { name } = handle;
    const flushed = await this.#calls.call((proxy, ctx) =>
      proxy.call(ctx, "Flush", ["milvus.FlushRequest", "milvus.FlushResponse"], { collectionNames: [name] }),
    );
    const request = {
      collectionName: name,
      segmentIDs: [...(flushed.collSegIDs.get(name)?.data ?? [])],
      flushTs: flushed.collFlushTs.get(name) ?? 0n,
    };
    for (let tries = 0; tries < 200; tries++) {
      const state = await this.#calls.call((proxy, ctx) =>
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

  async compact(handle: Handle): Promise<void> {
    const request = { collectionID: handle.info.id, collectionName: handle.name };
    const { compactionID } = await this.#calls.call((proxy, ctx) =>
      proxy.call(
        ctx,
        "ManualCompaction",
        ["milvus.ManualCompactionRequest", "milvus.ManualCompactionResponse"],
        request,
      ),
    );
    for (let tries = 0; tries < 200; tries++) {
      const { state } = await this.#calls.call((proxy, ctx) =>
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
}
