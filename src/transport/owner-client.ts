import type { DataCoord } from "../api/data-coord.ts";
import type { DataNode } from "../api/data-node.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { NodeId, VChannel } from "../model/ids.ts";
import type { Clock } from "../ports/clock.ts";

export interface OwnerClientDeps {
  readonly dataCoord: DataCoord;
  readonly connect: (nodeId: NodeId, address: string) => DataNode;
  readonly clock: Clock;
  readonly pauseMs: number;
  readonly triesMax: number;
}

/**
 * Finds the owner of a vchannel and calls it; asks DataCoord again when the owner has changed. Only for calls that are
 * safe to repeat: writes are, by their session and sequence.
 */
export class OwnerClient {
  readonly #deps: OwnerClientDeps;
  readonly #owners = new Map<VChannel, DataNode>();

  constructor(deps: OwnerClientDeps) {
    this.#deps = deps;
  }

  async call<T>(ctx: CallContext, vchannel: VChannel, use: (owner: DataNode) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await use(this.#owners.get(vchannel) ?? (await this.#locate(ctx, vchannel)));
      } catch (error) {
        if (!isMoved(error) || tries >= this.#deps.triesMax || ctx.signal.aborted) throw error;
        this.#owners.delete(vchannel);
        await this.#deps.clock.sleep(this.#deps.pauseMs * tries, ctx.signal);
      }
    }
  }

  forget(vchannel: VChannel): void {
    this.#owners.delete(vchannel);
  }

  async #locate(ctx: CallContext, vchannel: VChannel): Promise<DataNode> {
    const { owner, address } = await this.#deps.dataCoord.locateChannel(ctx, { vchannel });
    const node = this.#deps.connect(owner, address);
    this.#owners.set(vchannel, node);
    return node;
  }
}

/** The owner is another one by now, or cannot be reached. */
function isMoved(error: unknown): boolean {
  return (
    isRedkiteError(error, "channelMisrouted") ||
    isRedkiteError(error, "channelNotAvailable") ||
    isRedkiteError(error, "fenced") ||
    isRedkiteError(error, "serviceUnavailable") ||
    isRedkiteError(error, "nodeOffline")
  );
}
