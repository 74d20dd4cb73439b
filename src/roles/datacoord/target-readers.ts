import { registeredSessions } from "../../core/session/sessions.ts";
import type { NodeId, VChannel } from "../../model/ids.ts";
import type { MetaStore } from "../../ports/meta-store.ts";

/** Whether every reader of a channel has reached a version of its target. */
export type AreReadersAt = (vchannel: VChannel, version: bigint) => boolean;

/**
 * Which targets query nodes read, as they report it, again and again. A new leader begins without a report: whoever is registered and has not
 * reported to it may read any target that ever was.
 */
export class TargetReaders {
  readonly #meta: MetaStore;
  /** The oldest target version in use, by reader and channel. */
  readonly #readers = new Map<NodeId, ReadonlyMap<VChannel, bigint>>();

  constructor(meta: MetaStore) {
    this.#meta = meta;
  }

  note(reader: NodeId, targets: readonly { readonly vchannel: VChannel; readonly version: bigint }[]): void {
    this.#readers.set(reader, new Map(targets.map(({ vchannel, version }) => [vchannel, version])));
  }

  /**
   * Who reads what. The answer holds for versions that were there before the call: who registers later is given newer ones. The store
   * is asked for the readers, since a watch of the sessions may be behind.
   */
  async look(): Promise<AreReadersAt> {
    const registered = new Set(
      (await registeredSessions(this.#meta, "querynode")).map((session) => session.nodeId),
    );
    for (const reader of this.#readers.keys()) if (!registered.has(reader)) this.#readers.delete(reader);
    for (const reader of registered) if (!this.#readers.has(reader)) return () => false;
    return (vchannel, version) => {
      for (const targets of this.#readers.values()) {
        const read = targets.get(vchannel);
        if (read !== undefined && read < version) return false;
      }
      return true;
    };
  }
}
