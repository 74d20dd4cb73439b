import { isRedkiteError } from "../../errors/redkite-error.ts";
import { objectExists, objectNotFound } from "../../errors/storage-errors.ts";
import type { Disk } from "../../ports/disk.ts";
import type { NativeBuffer } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { parentOf } from "../disk-path.ts";
import { ObjectFolders } from "./object-folders.ts";
import { checkObjectKey, checkObjectRange, type ObjectRange } from "./object-key.ts";

/**
 * Objects as files below one folder of a disk, which no other process writes (the data folder's lock sees to that).
 * An object is written under a temporary name, synced, and then renamed: a crash leaves it whole or leaves a temporary file, which the
 * next `open` removes. Objects are never changed, so mappings stay valid.
 */
export class FsObjectStore implements ObjectStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #putting = new Set<string>();
  readonly #folders: ObjectFolders;
  #temporaryFiles = 0;

  private constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#folders = new ObjectFolders(disk, folder);
  }

  /** Makes the folder where it is missing, and clears what a crash left. */
  static async open(disk: Disk, folder: string): Promise<FsObjectStore> {
    const store = new FsObjectStore(disk, folder);
    const temporary = `${folder}/${TEMPORARY}`;
    await disk.makeDirectory(temporary);
    await disk.syncDirectory(parentOf(folder));
    await disk.syncDirectory(folder);
    for (const name of await disk.list(temporary)) await disk.remove(`${temporary}/${name}`);
    return store;
  }

  async put(key: string, chunks: readonly Uint8Array[]): Promise<void> {
    checkObjectKey(key);
    if (this.#putting.has(key)) throw objectExists(key);
    this.#putting.add(key);
    try {
      if ((await this.#disk.stat(this.#path(key))) !== undefined) throw objectExists(key);
      await this.#putNew(this.#path(key), chunks);
    } finally {
      this.#putting.delete(key);
    }
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    checkObjectKey(key);
    if (range === undefined) return this.#found(key, () => this.#disk.readFile(this.#path(key)));
    const file = await this.#found(key, () => this.#disk.open(this.#path(key), "read"));
    try {
      const size = await file.size();
      checkObjectRange(key, range, size);
      const bytes = new Uint8Array(range.bytes);
      await file.read(range.offset, bytes);
      return bytes;
    } finally {
      await file.close();
    }
  }

  async open(key: string): Promise<NativeBuffer> {
    checkObjectKey(key);
    return this.#found(key, () => this.#disk.map(this.#path(key)));
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    checkObjectKey(key);
    return this.#disk.stat(this.#path(key));
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const { after = "", limit } = options;
    const keys: string[] = [];
    // A `..` in the prefix finds nothing: no key has one.
    if (!/^[\w\-=+@./]*$/.test(prefix) || /(^|\/)\./.test(prefix) || prefix.includes("//")) return keys;
    for await (const key of this.#walk(parentOf(prefix), prefix, after)) {
      if (keys.length >= limit) break;
      keys.push(key);
    }
    return keys;
  }

  async remove(key: string): Promise<void> {
    checkObjectKey(key);
    try {
      await this.#disk.remove(this.#path(key));
    } catch (error) {
      if (isRedkiteError(error, "fileNotFound")) return;
      throw error;
    }
    await this.#folders.removeEmpty(parentOf(this.#path(key)));
  }

  async #putNew(path: string, chunks: readonly Uint8Array[]): Promise<void> {
    const temporary = `${this.#folder}/${TEMPORARY}/${this.#temporaryFiles++}`;
    try {
      const file = await this.#disk.open(temporary, "create");
      try {
        await file.write(0, chunks);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#folders.use(parentOf(path), async () => this.#disk.rename(temporary, path));
    } catch (error) {
      // When this fails as well, the next start removes the file.
      await this.#disk.remove(temporary).catch(() => undefined);
      throw error;
    }
    await this.#folders.sync(parentOf(path));
  }

  /** Keys in order. A folder sorts by its name with the slash, as in the list, so this is the order of the keys. */
  async *#walk(folder: string, prefix: string, after: string): AsyncGenerator<string> {
    const base = folder === "" ? "" : `${folder}/`;
    const names = await this.#disk.list(folder === "" ? this.#folder : this.#path(folder));
    for (const name of names) {
      const path = base + name;
      if (name.startsWith(".") || !(path.startsWith(prefix) || prefix.startsWith(path))) continue;
      if (!name.endsWith("/")) {
        if (path > after) yield path;
      } else if (path > after || after.startsWith(path)) {
        yield* this.#walk(path.slice(0, -1), prefix, after);
      }
    }
  }

  #path(key: string): string {
    return `${this.#folder}/${key}`;
  }

  async #found<T>(key: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw isRedkiteError(error, "fileNotFound") ? objectNotFound(key, error) : error;
    }
  }
}

/** No key begins a name with a dot. */
const TEMPORARY = ".writing";
