import type { Clock } from "../../ports/clock.ts";
import type { MetaEntry } from "../../ports/meta-store.ts";
import { GroupedMetaStore, type MetaStorage } from "./grouped-meta-store.ts";
import { HISTORY_BOUNDS } from "./history.ts";
import type { MetaChange } from "./key-space.ts";

/** A metadata store that ends with the process: for tests and simulation. */
export function openMemoryMetaStore(
  clock: Clock,
  storage: MetaStorage = new MemoryMetaStorage(),
  bounds = HISTORY_BOUNDS,
): Promise<GroupedMetaStore> {
  return GroupedMetaStore.open(storage, clock, bounds);
}

/** Outlives the stores opened on it one after another, as a disk would. */
export class MemoryMetaStorage implements MetaStorage {
  readonly #entries = new Map<string, MetaEntry>();
  #revision = 0n;

  async load(): Promise<{ readonly revision: bigint; readonly entries: Iterable<MetaEntry> }> {
    return { revision: this.#revision, entries: this.#entries.values() };
  }

  async commit(revision: bigint, changes: readonly MetaChange[]): Promise<void> {
    for (const change of changes) {
      if (change.type === "put") this.#entries.set(change.entry.key, change.entry);
      else this.#entries.delete(change.key);
    }
    this.#revision = revision;
  }

  async close(): Promise<void> {}
}
