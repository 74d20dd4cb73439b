import { assert } from "./assert.ts";

export interface LruOptions<K, V> {
  readonly entriesMax: number;
  /** With `bytesOf`: total size of all values; a single larger value is not kept at all. */
  readonly bytesMax?: number;
  /** Must give the same answer for a value as long as it is cached. */
  readonly bytesOf?: (value: V, key: K) => number;
  /** Called for entries that had to go for lack of room, not for `delete`, `clear` or a replaced value. */
  readonly onEvict?: (key: K, value: V) => void;
}

/** A map that forgets its least recently used entries, bounded by count and, where asked for, by bytes. */
export class Lru<K, V> {
  readonly #options: LruOptions<K, V>;
  /** A Map iterates in insertion order: the first key is the least recently used one. */
  readonly #entries = new Map<K, { readonly value: V; readonly bytes: number }>();
  #newest: { readonly value: V; readonly bytes: number } | undefined;
  #bytes = 0;

  constructor(options: LruOptions<K, V>) {
    assert(options.entriesMax > 0, `an LRU needs room for at least 1 entry, not ${options.entriesMax}`);
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Marks the entry as used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // Most often the one that was used last is used again.
    if (entry !== this.#newest) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      this.#newest = entry;
    }
    return entry.value;
  }

  /** Marks the entry as used; makes and keeps it when it is not there. */
  getOrMake(key: K, make: () => V): V {
    const known = this.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.set(key, made);
    return made;
  }

  /** Without marking it as used. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** False when the value alone exceeds `bytesMax`; an older value of the key is gone then, too. */
  set(key: K, value: V): boolean {
    const { bytesOf, bytesMax = Infinity, onEvict } = this.#options;
    const bytes = bytesOf?.(value, key) ?? 0;
    this.delete(key);
    if (bytes > bytesMax) return false;
    this.#newest = { value, bytes };
    this.#entries.set(key, this.#newest);
    this.#bytes += bytes;
    while (this.#entries.size > this.#options.entriesMax || this.#bytes > bytesMax) {
      const oldest = this.#entries.entries().next();
      if (oldest.done) break;
      const [evictedKey, evicted] = oldest.value;
      this.delete(evictedKey);
      onEvict?.(evictedKey, evicted.value);
    }
    return true;
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    if (entry === this.#newest) this.#newest = undefined;
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
    this.#bytes = 0;
  }

  /** Least recently used first; deleting while iterating is allowed. */
  *entries(): IterableIterator<[K, V]> {
    for (const [key, entry] of this.#entries) yield [key, entry.value];
  }
}
