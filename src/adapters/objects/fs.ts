import { SharedRuns } from "../../base/shared-runs.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { objectExists, objectNotFound } from "../../errors/storage-errors.ts";
import type { Disk } from "../../ports/disk.ts";
import type { NativeBuffer } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { parentOf } from "../disk-path.ts";
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
  /** Folders whose own entry is durable. */
  readonly #folders = new Set<string>();
  /** Syncs of folders under way: objects that are put at the same time share them. */
  readonly #syncs = new Map<string, { readonly runs: SharedRuns<void>; users: number }>();
  #temporaryFiles = 0;

  private constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
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
    await this.#removeEmptyFolders(parentOf(this.#path(key)));
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
      await this.#moveIntoPlace(temporary, path);
    } catch (error) {
      // When this fails as well, the next start removes the file.
      await this.#disk.remove(temporary).catch(() => undefined);
      throw error;
    }
    await this.#syncFolder(parentOf(path));
  }

  /** What was renamed into the folder before the call is durable when it returns. */
  async #syncFolder(folder: string): Promise<void> {
    const sync = this.#syncs.get(folder) ?? {
      runs: new SharedRuns(() => this.#disk.syncDirectory(folder)),
      users: 0,
    };
    this.#syncs.set(folder, sync);
    sync.users++;
    try {
      await sync.runs.run();
    } finally {
      sync.users--;
      if (sync.users === 0) this.#syncs.delete(folder);
    }
  }

  async #moveIntoPlace(temporary: string, path: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      await this.#makeFolder(parentOf(path));
      try {
        return await this.#disk.rename(temporary, path);
      } catch (error) {
        // The removal of the folder's last object may have taken the folder away in between.
        if (!isRedkiteError(error, "fileNotFound") || attempt === MOVE_ATTEMPTS_MAX) throw error;
        this.#folders.delete(parentOf(path));
      }
    }
  }

  /** Makes a folder durable, with its parents up to the store's own. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#folder || this.#folders.has(folder)) return;
    await this.#makeFolder(parentOf(folder));
    await this.#disk.makeDirectory(folder);
    await this.#syncFolder(parentOf(folder));
    if (this.#folders.size >= FOLDERS_KNOWN_MAX) this.#folders.clear();
    this.#folders.add(folder);
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at !== this.#folder; at = parentOf(at)) {
      this.#folders.delete(at);
      try {
        await this.#disk.remove(at);
      } catch (error) {
        // It is not empty, mostly. An empty folder that stays does no harm.
        if (isRedkiteError(error)) return;
        throw error;
      }
    }
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
const MOVE_ATTEMPTS_MAX = 3;
const FOLDERS_KNOWN_MAX = 65_536;
