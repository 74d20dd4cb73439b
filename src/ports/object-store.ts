import type { NativeBuffer } from "./engine.ts";

/**
 * Whole objects under `/`-separated keys. No rename, no append, no partial object is ever seen. Objects are durable when
 * `put` returns. Listing may lag behind; a reader relies on names that metadata gives, never on a listing, except garbage collection.
 */
export interface ObjectStore {
  /** Fails with `objectExists` when the key is taken: two attempts never share a name. */
  put(key: string, chunks: readonly Uint8Array[]): Promise<void>;
  /** The whole object or a range of it; `objectNotFound` when absent. */
  get(key: string, range?: { readonly offset: number; readonly bytes: number }): Promise<Uint8Array>;
  /** The whole object in native memory: mapped where it is local, else fetched. The caller closes it. */
  open(key: string): Promise<NativeBuffer>;
  stat(key: string): Promise<{ readonly bytes: number } | undefined>;
  /** Keys below the prefix in order, `limit` at most, after `after`. */
  list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Succeeds when the object is absent. */
  remove(key: string): Promise<void>;
}
