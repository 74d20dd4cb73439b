import { Mutex } from "../../base/mutex.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import type { VChannel } from "../../model/ids.ts";
import type { ChannelTarget } from "../../model/segment-meta.ts";
import type { TaskHandle, Tasks } from "../../ports/executor.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import { followLog, type CollectionSource } from "./follow-log.ts";
import type { ShardOpener } from "./open-shard.ts";
import type { ShardState } from "./shard-state.ts";

/** A shard that is open in this process, and fed by its log. */
export interface OpenShard {
  readonly vchannel: VChannel;
  /** Replaced when the shard had to be opened afresh (readers only). */
  readonly state: ShardState;
  /** Fetches the newest target and goes over to it. */
  advance(signal: AbortSignal): Promise<void>;
  /** Lets go; the last one closes the shard. */
  release(): Promise<void>;
}

export interface ShardRegistryDeps {
  readonly opener: ShardOpener;
  readonly stream: MessageStream;
  readonly collections: CollectionSource;
  readonly tasks: Tasks;
  readonly fetchTarget: (vchannel: VChannel, signal: AbortSignal) => Promise<ChannelTarget>;
}

/**
 * The shards open in one process: the data node and the query node of a process that both serve a vchannel share one state, and with
 * it the growing segments and the mappings of sealed ones (D10).
 */
export class ShardRegistry {
  readonly #deps: ShardRegistryDeps;
  readonly #shards = new Map<VChannel, SharedShard>();
  readonly #opening = new Map<VChannel, Mutex>();

  constructor(deps: ShardRegistryDeps) {
    this.#deps = deps;
  }

  /** Opens the shard, or joins those who have it open. */
  async acquire(vchannel: VChannel, signal: AbortSignal): Promise<OpenShard> {
    const mutex = this.#opening.get(vchannel) ?? new Mutex();
    this.#opening.set(vchannel, mutex);
    return mutex.run(async () => {
      let shared = this.#shards.get(vchannel);
      if (shared === undefined) {
        shared = await SharedShard.open(this.#deps, vchannel, signal);
        this.#shards.set(vchannel, shared);
      }
      shared.holders += 1;
      const shard = shared;
      let held = true;
      return {
        vchannel,
        get state() {
          return shard.state;
        },
        advance: async (advanceSignal) => shard.advance(advanceSignal),
        release: async () => {
          if (!held) return;
          held = false;
          await mutex.run(async () => {
            shard.holders -= 1;
            if (shard.holders > 0) return;
            this.#shards.delete(vchannel);
            this.#opening.delete(vchannel);
            await shard.close();
          });
        },
      };
    }, signal);
  }

  /** States of the shards open now, for metrics and listings. */
  states(): readonly ShardState[] {
    return [...this.#shards.values()].map((shared) => shared.state);
  }
}

class SharedShard {
  holders = 0;
  state: ShardState;
  readonly #deps: ShardRegistryDeps;
  readonly #advancing = new Mutex();
  #follower: TaskHandle;
  #closed = false;

  constructor(deps: ShardRegistryDeps, state: ShardState) {
    this.#deps = deps;
    this.state = state;
    this.#follower = this.#follow(state);
  }

  static async open(deps: ShardRegistryDeps, vchannel: VChannel, signal: AbortSignal): Promise<SharedShard> {
    return new SharedShard(deps, await openFromTarget(deps, vchannel, signal));
  }

  /** One at a time: a later caller finds a target at least as new as its call. */
  async advance(signal: AbortSignal): Promise<void> {
    await this.#advancing.run(async () => {
      const target = await this.#deps.fetchTarget(this.state.vchannel, signal);
      if (await this.#deps.opener.advance(this.state, target)) return;
      await this.#openAfresh(signal);
    }, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#follower.stop();
    this.state.stop();
  }

  #follow(state: ShardState): TaskHandle {
    return this.#deps.tasks.spawn(
      `follow ${state.vchannel}`,
      async (signal) => followLog(state, this.#deps, signal),
      {
        restarts: Number.MAX_SAFE_INTEGER,
        failed: (error) => {
          if (isRedkiteError(error, "positionGone")) this.#startOver();
          else state.fail(error);
        },
      },
    );
  }

  /** The log behind the target is gone: a newer one begins later. */
  #startOver(): void {
    this.#deps.tasks.spawn(
      `open ${this.state.vchannel} afresh`,
      async (signal) => this.#advancing.run(async () => this.#openAfresh(signal), signal),
      { restarts: Number.MAX_SAFE_INTEGER, failed: (error) => this.state.fail(error) },
    );
  }

  async #openAfresh(signal: AbortSignal): Promise<void> {
    const fresh = await openFromTarget(this.#deps, this.state.vchannel, signal);
    if (this.#closed) {
      fresh.stop();
      return;
    }
    const old = this.state;
    await this.#follower.stop();
    this.state = fresh;
    this.#follower = this.#follow(fresh);
    old.stop();
  }
}

async function openFromTarget(
  deps: ShardRegistryDeps,
  vchannel: VChannel,
  signal: AbortSignal,
): Promise<ShardState> {
  const target = await deps.fetchTarget(vchannel, signal);
  return deps.opener.open(target, await deps.collections.describe(target.collectionId, signal));
}
