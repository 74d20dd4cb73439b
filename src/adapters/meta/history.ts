import { assert } from "../../base/assert.ts";
import { metaCompacted } from "../../errors/storage-errors.ts";
import type { MetaEvents } from "../../ports/meta-store.ts";
import type { MetaChange } from "./key-space.ts";

/**
 * The newest revisions, for watchers. Bounded in revisions and in bytes of values; watchers hold no queue of their own but read
 * from here at their pace, and one that is slower than the bound gets metaCompacted.
 */
export class History {
  readonly #bounds: HistoryBounds;
  #kept: { readonly revision: bigint; readonly changes: readonly MetaChange[]; readonly bytes: number }[] =
    [];
  /** How many at the front of `#kept` are dropped already: shifting an array each time would be linear. */
  #dropped = 0;
  #bytes = 0;
  #compacted: bigint;
  #newest: bigint;
  readonly #waiters = new Set<() => void>();

  constructor(revision: bigint, bounds: HistoryBounds) {
    this.#compacted = revision;
    this.#newest = revision;
    this.#bounds = bounds;
  }

  add(revision: bigint, changes: readonly MetaChange[]): void {
    assert(revision === this.#newest + 1n, `revision ${revision} follows ${this.#newest}`);
    const bytes = changes.reduce((sum, change) => sum + sizeOf(change), 0);
    this.#kept.push({ revision, changes, bytes });
    this.#bytes += bytes;
    this.#newest = revision;
    while (
      this.#kept.length - this.#dropped > this.#bounds.revisionsMax ||
      (this.#bytes > this.#bounds.bytesMax && this.#kept.length - this.#dropped > 1)
    ) {
      this.#dropOldest();
    }
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  /** See MetaStore.watch. */
  async *watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<MetaEvents> {
    let seen = fromRevision;
    while (!signal.aborted) {
      // Everything up to `#newest` may pass without an event for this prefix: then `seen` moves on silently.
      while (seen < this.#newest) {
        const { revision, changes } = this.#after(seen);
        seen = revision;
        const events = changes.filter((change) => keyOf(change).startsWith(prefix));
        if (events.length > 0) yield { revision, events };
        if (signal.aborted) return;
      }
      await this.#change(signal);
    }
  }

  #after(revision: bigint): { readonly revision: bigint; readonly changes: readonly MetaChange[] } {
    if (revision < this.#compacted) throw metaCompacted({ revision, oldest: this.#compacted });
    const found = this.#kept[this.#dropped + Number(revision - this.#compacted)];
    assert(found?.revision === revision + 1n, `history holds no revision ${revision + 1n}`);
    return found;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #dropOldest(): void {
    const oldest = this.#kept[this.#dropped];
    assert(oldest !== undefined, "history is not empty");
    this.#dropped++;
    this.#bytes -= oldest.bytes;
    this.#compacted = oldest.revision;
    if (this.#dropped > this.#kept.length / 2) {
      this.#kept = this.#kept.slice(this.#dropped);
      this.#dropped = 0;
    }
  }
}

export interface HistoryBounds {
  readonly revisionsMax: number;
  readonly bytesMax: number;
}

export const HISTORY_BOUNDS: HistoryBounds = { revisionsMax: 10_000, bytesMax: 16 << 20 };

function keyOf(change: MetaChange): string {
  return change.type === "put" ? change.entry.key : change.key;
}

function sizeOf(change: MetaChange): number {
  return keyOf(change).length + (change.type === "put" ? change.entry.value.length : 0);
}
