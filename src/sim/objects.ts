import { concatBytes } from "../base/bytes.ts";
import type { Prng } from "../base/prng.ts";
import { ioFailed } from "../errors/service-errors.ts";
import { objectExists, objectNotFound } from "../errors/storage-errors.ts";
import type { Engine, NativeBuffer } from "../ports/engine.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { checkObjectKey, checkObjectRange } from "../adapters/objects/object-key.ts";
import type { Life } from "./life.ts";
import type { SimNet } from "./net.ts";

/** The objects themselves, as a remote service keeps them. */
export class SharedObjects {
  readonly objects = new Map<string, Uint8Array>();
}

/** A client of shared objects: no rename; requests and answers get lost, and a listing may be a little old. */
export class SharedObjectStore implements ObjectStore {
  readonly #shared: SharedObjects;
  readonly #net: SimNet;
  readonly #life: Life;
  readonly #machine: string;
  readonly #engine: Engine;
  readonly #random: Prng;

  constructor(shared: SharedObjects, net: SimNet, life: Life, machine: string, engine: Engine) {
    this.#shared = shared;
    this.#net = net;
    this.#life = life;
    this.#machine = machine;
    this.#engine = engine;
    this.#random = life.world.random(`objects ${life.name}`);
  }

  async put(key: string, chunks: readonly Uint8Array[]): Promise<void> {
    checkObjectKey(key);
    const bytes = concatBytes(chunks);
    await this.#ask("put", key, () => {
      if (this.#shared.objects.has(key)) throw objectExists(key);
      this.#shared.objects.set(key, bytes);
    });
  }

  async get(key: string, range?: { readonly offset: number; readonly bytes: number }): Promise<Uint8Array> {
    checkObjectKey(key);
    return this.#ask("get", key, () => {
      const bytes = this.#find(key);
      if (range === undefined) return bytes.slice();
      checkObjectRange(key, range, bytes.length);
      return bytes.slice(range.offset, range.offset + range.bytes);
    });
  }

  async open(key: string): Promise<NativeBuffer> {
    checkObjectKey(key);
    return this.#ask("get", key, () => {
      const bytes = this.#find(key);
      const buffer = this.#engine.allocate(bytes.length);
      buffer.bytes.set(bytes);
      return buffer;
    });
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    checkObjectKey(key);
    return this.#ask("stat", key, () => {
      const bytes = this.#shared.objects.get(key);
      return bytes && { bytes: bytes.length };
    });
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const { after = "", limit } = options;
    const before = [...this.#shared.objects.keys()];
    return this.#ask("list", prefix, () => {
      const keys = this.#random.chance(0.5) ? before : [...this.#shared.objects.keys()];
      return keys
        .filter((key) => key.startsWith(prefix) && key > after)
        .sort()
        .slice(0, limit);
    });
  }

  async remove(key: string): Promise<void> {
    checkObjectKey(key);
    await this.#ask("remove", key, () => void this.#shared.objects.delete(key));
  }

  #find(key: string): Uint8Array {
    const bytes = this.#shared.objects.get(key);
    if (bytes === undefined) throw objectNotFound(key);
    return bytes;
  }

  /** The request takes effect without its sender once it is on its way. */
  async #ask<T>(operation: string, key: string, act: () => T): Promise<T> {
    const there = this.#net.trip(this.#machine, OBJECTS);
    if (there === undefined) return this.#lost(operation, key);
    const result = await this.#life.hear(this.#life.world.pause(there, `objects ${operation}`).then(act));
    const back = this.#net.trip(OBJECTS, this.#machine);
    if (back === undefined) return this.#lost(operation, key);
    await this.#life.after(back, "objects answer", () => undefined);
    return result;
  }

  async #lost(operation: string, key: string): Promise<never> {
    await this.#life.after(this.#net.noticeMs(), "objects lost", () => undefined);
    throw ioFailed({ path: key, operation }, new Error("the object store does not answer"));
  }
}

/** The object store as a machine of the network. */
export const OBJECTS = "objects";
