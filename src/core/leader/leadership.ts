import { isRedkiteError } from "../../errors/redkite-error.ts";
import { fenced } from "../../errors/service-errors.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { Compare, MetaStore } from "../../ports/meta-store.ts";
import { KeptLease } from "../lease/kept-lease.ts";

export interface LeadershipDeps {
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly key: string;
  readonly nodeId: NodeId;
  readonly address: string;
  readonly leaseMs: number;
}

/**
 * Being the active one of several coordinators: a key under a lease. While it holds, every metadata transaction compares the key's
 * creation revision, so that a deposed leader that wakes up changes nothing; whoever serves from memory checks `assertHeld`.
 */
export class Leadership {
  readonly #deps: LeadershipDeps;
  readonly #lease: KeptLease;
  readonly #createRevision: bigint;
  readonly #onLost: (error: unknown) => void;
  #lost: Error | undefined;

  constructor(
    deps: LeadershipDeps,
    lease: KeptLease,
    createRevision: bigint,
    onLost: (error: unknown) => void,
  ) {
    this.#deps = deps;
    this.#lease = lease;
    this.#createRevision = createRevision;
    this.#onLost = onLost;
  }

  /** Waits until nobody else leads, then leads. `lost` is called once when the lease could not be kept. */
  static async win(
    deps: LeadershipDeps,
    signal: AbortSignal,
    lost: (error: unknown) => void,
  ): Promise<Leadership> {
    for (;;) {
      signal.throwIfAborted();
      const lease = await KeptLease.grant(deps);
      const value = new TextEncoder().encode(
        JSON.stringify({ nodeId: String(deps.nodeId), address: deps.address }),
      );
      const result = await deps.meta.txn({
        compare: [{ key: deps.key, target: "absent" }],
        ops: [{ op: "put", key: deps.key, value, lease: lease.id }],
      });
      if (result.succeeded) {
        const leadership = new Leadership(deps, lease, result.revision, lost);
        lease.keep(`keep ${deps.key}`, (error) => leadership.abandon(error));
        return leadership;
      }
      await lease.end();
      await waitUntilFree(deps, signal);
    }
  }

  /** Part of every transaction of this leader. */
  get compare(): Compare {
    return { key: this.#deps.key, target: "createRevision", equals: this.#createRevision };
  }

  /** Throws `fenced` unless the lease, less a margin for the clocks, still holds. Ask after a request has arrived. */
  assertHeld(): void {
    if (this.#lost !== undefined) throw this.#lost;
    if (!this.#lease.holds) throw this.#deposed();
  }

  /** What is in memory may no longer be what is stored: nothing is served from it any more, as when the lease is lost. */
  abandon(reason: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = this.#deposed();
    this.#onLost(reason);
  }

  /** Gives the lead up at once, so that a successor need not wait for the lease. */
  async resign(): Promise<void> {
    this.#lost ??= this.#deposed();
    await this.#lease.end();
  }

  #deposed(): Error {
    return fenced({ of: this.#deps.key, held: this.#createRevision });
  }
}

async function waitUntilFree(deps: LeadershipDeps, signal: AbortSignal): Promise<void> {
  const { revision, entries } = await deps.meta.range(deps.key);
  if (!entries.some((entry) => entry.key === deps.key)) return;
  try {
    for await (const { events } of deps.meta.watch(deps.key, revision, signal)) {
      if (events.some((event) => event.type === "delete" && event.key === deps.key)) return;
    }
  } catch (error) {
    // Too far behind to hear of it: the next attempt tells.
    if (!isRedkiteError(error, "metaCompacted")) throw error;
  }
}
