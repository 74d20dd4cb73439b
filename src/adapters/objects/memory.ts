import { concatBytes } from "../../base/bytes.ts";
import { objectExists, objectNotFound } from "../../errors/storage-errors.ts";
import type { NativeBuffer } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { checkObjectKey, checkObjectRange, type ObjectRange } from "./object-key.ts";

/** Objects that end with the process: for tests. */
export class MemoryObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();

  async put(key: string, chunks: readonly Uint8Array[]): Promise<void> {
    checkObjectKey(key);
    if (this.#objects.has(key)) throw objectExists(key);
    this.#objects.set(key, concatBytes(chunks));
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    const bytes = this.#find(key);
    if (range === undefined) return bytes.slice();
    checkObjectRange(key, range, bytes.length);
    return bytes.slice(range.offset, range.offset + range.bytes);
  }

  async open(key: string): Promise<NativeBuffer> {
    const bytes = this.#find(key);
    return { byteLength: bytes.length, bytes, close: () => undefined };
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    checkObjectKey(key);
    const bytes = this.#objects.get(key);
    return bytes && { bytes: bytes.length };
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const { after = "", limit } = options;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    return keys.sort().slice(0, limit);
  }

  async remove(key: string): Promise<void> {
    checkObjectKey(key);
    this.#objects.delete(key);
  }

  #find(key: string): Uint8Array {
    checkObjectKey(key);
    const bytes = this.#objects.get(key);
    if (bytes === undefined) throw objectNotFound(key);
    return bytes;
  }
}
