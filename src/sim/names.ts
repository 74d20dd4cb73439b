import type { CollectionId } from "../model/ids.ts";

/** What the names of collections mean, and the writes under way by each. */
export class Names {
  readonly #meanings = new Map<string, Meaning>();
  readonly #writes = new Map<string, Set<object>>();

  /** Undefined while it is being changed. Each change makes another one, also one back to what was before. */
  meaning(name: string): Meaning | undefined {
    return this.#meanings.get(name);
  }

  changing(name: string): void {
    this.#meanings.delete(name);
  }

  set(name: string, collectionId: CollectionId | undefined): void {
    this.#meanings.set(name, { collectionId });
  }

  /** Returns how to say, once or more often, that nothing of the write can ask for the name any more. */
  beginWrite(name: string): () => void {
    const writes = this.#writes.get(name) ?? new Set();
    this.#writes.set(name, writes);
    const write = {};
    writes.add(write);
    return () => void writes.delete(write);
  }

  isWrittenBy(name: string): boolean {
    return (this.#writes.get(name)?.size ?? 0) > 0;
  }
}

export interface Meaning {
  /** Undefined for a name of nothing. */
  readonly collectionId: CollectionId | undefined;
}
