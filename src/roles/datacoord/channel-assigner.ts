import type { ChannelLocation } from "../../api/data-coord.ts";
import { Mutex } from "../../base/mutex.ts";
import { serviceUnavailable } from "../../errors/service-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { VChannel } from "../../model/ids.ts";
import type { Session } from "../../core/session/sessions.ts";
import type { DataCoordDeps } from "./data-coord-deps.ts";
import type { DataTables } from "./data-tables.ts";

/** Gives each vchannel that is asked for an owner among the live data nodes, the one with the fewest channels. */
export class ChannelAssigner {
  readonly #deps: DataCoordDeps;
  readonly #tables: DataTables;
  readonly #mutexes = new Map<VChannel, Mutex>();
  /** Owners that have said so since this coordinator began: others are asked to open the channel again. */
  readonly #confirmed = new Map<VChannel, bigint>();

  constructor(deps: DataCoordDeps, tables: DataTables) {
    this.#deps = deps;
    this.#tables = tables;
  }

  async locate(ctx: CallContext, vchannel: VChannel): Promise<ChannelLocation> {
    const mutex = this.#mutexes.get(vchannel) ?? new Mutex();
    this.#mutexes.set(vchannel, mutex);
    try {
      return await mutex.run(async () => this.#locate(ctx, vchannel), ctx.signal);
    } finally {
      if (!mutex.locked) this.#mutexes.delete(vchannel);
    }
  }

  forget(vchannel: VChannel): void {
    this.#confirmed.delete(vchannel);
  }

  async #locate(ctx: CallContext, vchannel: VChannel): Promise<ChannelLocation> {
    const meta = this.#tables.channel(vchannel);
    const live = this.#deps.sessions.live("datanode");
    const current = live.find((session) => session.nodeId === meta.owner);
    const session = current ?? this.#leastLoaded(live);
    if (session === undefined) throw serviceUnavailable("no data node is alive to own " + vchannel);
    // Idempotent while the node owns it; a node that lost it (or restarted) takes it over under a new epoch.
    const { epoch } = await this.#deps
      .connectDataNode(session.nodeId, session.address)
      .openChannel(ctx, { vchannel });
    if (meta.owner !== session.nodeId || meta.epoch !== epoch) {
      await this.#tables.change(vchannel, () => ({
        channels: [{ ...this.#tables.channel(vchannel), owner: session.nodeId, epoch }],
      }));
    }
    this.#confirmed.set(vchannel, session.nodeId);
    return { vchannel, owner: session.nodeId, address: session.address, epoch };
  }

  #leastLoaded(live: readonly Session[]): Session | undefined {
    const load = new Map<bigint, number>();
    for (const owner of this.#confirmed.values()) load.set(owner, (load.get(owner) ?? 0) + 1);
    return live.toSorted(
      (a, b) => (load.get(a.nodeId) ?? 0) - (load.get(b.nodeId) ?? 0) || (a.nodeId < b.nodeId ? -1 : 1),
    )[0];
  }
}
