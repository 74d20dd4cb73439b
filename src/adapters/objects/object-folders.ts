import { SharedRuns } from "../../base/shared-runs.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import type { Disk } from "../../ports/disk.ts";
import { parentOf } from "../disk-path.ts";

/**
 * The folders below one: durable before anything is put into them, removed when nothing is left in them. A folder in use is not
 * removed, and whoever wants one that is being removed waits and makes it anew: else a file could lie in a folder whose own name
 * no sync has covered.
 */
export class ObjectFolders {
  readonly #disk: Disk;
  readonly #root: string;
  /** Folders whose own entry is durable, with those of all parents. */
  readonly #durable = new Set<string>();
  /** How many put something into a folder, or below it. */
  readonly #users = new Map<string, number>();
  /** Removals under way: whether the folder is gone. */
  readonly #removals = new Map<string, Promise<boolean>>();
  /** Syncs under way: those that come together share one. */
  readonly #syncs = new Map<string, { readonly runs: SharedRuns<void>; users: number }>();

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  /** Runs `put` while the folder is there for sure, and its name durable. */
  async use<T>(folder: string, put: () => Promise<T>): Promise<T> {
    const folders = this.#withParents(folder);
    for (const each of folders) this.#users.set(each, (this.#users.get(each) ?? 0) + 1);
    try {
      await this.#make(folder);
      return await put();
    } finally {
      for (const each of folders) {
        const users = (this.#users.get(each) ?? 1) - 1;
        if (users === 0) this.#users.delete(each);
        else this.#users.set(each, users);
      }
    }
  }

  /** Changes of names in the folder that were made before the call are durable when it returns. */
  async sync(folder: string): Promise<void> {
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

  /** Removes the folder and its parents as far as they are empty and nobody uses them. */
  async removeEmpty(folder: string): Promise<void> {
    for (const each of this.#withParents(folder)) {
      if (this.#users.has(each) || this.#removals.has(each)) return;
      this.#durable.delete(each);
      const removal = this.#remove(each);
      this.#removals.set(each, removal);
      try {
        if (!(await removal)) return;
      } finally {
        this.#removals.delete(each);
      }
    }
  }

  async #make(folder: string): Promise<void> {
    if (folder === this.#root || this.#durable.has(folder)) return;
    await this.#make(parentOf(folder));
    await this.#removals.get(folder);
    await this.#disk.makeDirectory(folder);
    await this.sync(parentOf(folder));
    if (this.#durable.size >= FOLDERS_KNOWN_MAX) this.#durable.clear();
    this.#durable.add(folder);
  }

  /** It is not empty, mostly. An empty folder that stays does no harm. */
  async #remove(folder: string): Promise<boolean> {
    try {
      await this.#disk.remove(folder);
      return true;
    } catch (error) {
      if (isRedkiteError(error)) return false;
      throw error;
    }
  }

  /** The folder itself first. */
  #withParents(folder: string): readonly string[] {
    const folders: string[] = [];
    for (let at = folder; at !== this.#root; at = parentOf(at)) folders.push(at);
    return folders;
  }
}

const FOLDERS_KNOWN_MAX = 65_536;
