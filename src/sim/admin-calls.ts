import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";

/** How the client that changes definitions asks: until it knows what became of a change. */
export class AdminCalls {
  readonly #run: RunState;
  readonly #random: Prng;
  #names = 0;

  constructor(run: RunState, random: Prng) {
    this.#run = run;
    this.#random = random;
  }

  /** One that nothing has had before. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  /** A change of the collection itself, with its new definition afterwards. */
  async change(
    handle: Handle,
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<unknown>,
  ): Promise<void> {
    handle.version += 1;
    handle.info = await this.certain(
      async (proxy, ctx) => {
        await change(proxy, ctx);
        return this.describe(proxy, ctx, handle);
      },
      (proxy, ctx) => this.describe(proxy, ctx, handle),
    );
    handle.version += 1;
  }

  async describeAll(
    proxy: ServedProxy,
    ctx: CallContext,
    handles: readonly Handle[],
  ): Promise<readonly CollectionInfo[]> {
    return Promise.all(handles.map((handle) => this.describe(proxy, ctx, handle)));
  }

  describe(proxy: ServedProxy, ctx: CallContext, { info }: Handle): Promise<CollectionInfo> {
    return proxy.coordinators.rootCoord.describeCollection(ctx, { by: "id", id: info.id });
  }

  /** Undefined when no collection has the name. */
  async find(proxy: ServedProxy, ctx: CallContext, name: string): Promise<CollectionInfo | undefined> {
    try {
      return await proxy.coordinators.rootCoord.describeCollection(ctx, { by: "name", name });
    } catch (error) {
      if (isRedkiteError(error, "collectionNotFound")) return undefined;
      throw error;
    }
  }

  /** Makes a change; when it fails, waits until nothing of it can still happen and asks what is. */
  async certain<T>(
    change: (proxy: ServedProxy, ctx: CallContext) => Promise<T>,
    ask: (proxy: ServedProxy, ctx: CallContext) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.call(change);
    } catch (error) {
      this.#run.world.note(`outcome unknown: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (;;) {
      await this.#run.world.pause(UNCERTAIN_MS, "outcome unknown");
      try {
        return await this.call(async (proxy, ctx) => {
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
    for (const { vchannels } of await proxy.coordinators.rootCoord.listCollections(ctx, {})) {
      for (const vchannel of vchannels) {
        if ((await proxy.coordinators.rootCoord.openIntents(ctx, { vchannel })).length > 0)
          throw new Error(`a change of ${vchannel} is open`);
      }
    }
  }

  call<T>(use: (proxy: ServedProxy, ctx: CallContext) => Promise<T>): Promise<T> {
    return this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => use(proxy, ctx));
  }
}

/** The answer of most changes. */
export const STATUS = "common.Status";

const DEADLINE_MS = 4_000;
/** After it nothing of a call that failed happens any more, or is open and can be seen. */
export const UNCERTAIN_MS = 300;
