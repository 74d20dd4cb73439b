import { isRedkiteError } from "../../../errors/redkite-error.ts";
import type { DiskFile } from "../../../ports/disk.ts";
import type { WalFolder } from "./wal-folder.ts";

/** Open log files for readers: shared, at most `HANDLES_MAX` and one for each read under way. */
export class WalHandles {
  readonly #folder: WalFolder;
  /** In order of last use. */
  readonly #handles = new Map<number, SharedHandle>();

  constructor(folder: WalFolder) {
    this.#folder = folder;
  }

  fileName(number: number): string {
    return this.#folder.fileName(number);
  }

  /** Bytes read, or undefined when the file is gone. */
  async read(number: number, offset: number, into: Uint8Array): Promise<number | undefined> {
    const shared = this.#acquire(number);
    try {
      return await (await shared.opening).read(offset, into);
    } catch (error) {
      if (isRedkiteError(error, "fileNotFound")) return undefined;
      throw error;
    } finally {
      shared.users--;
      await this.#closeSurplus();
    }
  }

  /** Files below `number` were removed. */
  async forgetBefore(number: number): Promise<void> {
    for (const [file, shared] of this.#handles) if (file < number) shared.stale = true;
    await this.#closeSurplus();
  }

  /** No read may be under way. */
  async close(): Promise<void> {
    for (const shared of this.#handles.values()) shared.stale = true;
    await this.#closeSurplus();
  }

  #acquire(number: number): SharedHandle {
    const known = this.#handles.get(number);
    const opened = known ?? {
      opening: this.#folder.disk.open(this.fileName(number), "read"),
      users: 0,
      stale: false,
    };
    opened.users++;
    if (known === undefined) {
      // A failed opening must not be found by the next reader.
      opened.opening.catch(() => this.#handles.delete(number));
    }
    this.#handles.delete(number);
    this.#handles.set(number, opened);
    return opened;
  }

  async #closeSurplus(): Promise<void> {
    const surplus = this.#handles.size - HANDLES_MAX;
    const closing: SharedHandle[] = [];
    for (const [file, shared] of this.#handles) {
      if (shared.users > 0 || !(shared.stale || closing.length < surplus)) continue;
      this.#handles.delete(file);
      closing.push(shared);
    }
    for (const shared of closing) await (await shared.opening).close();
  }
}

interface SharedHandle {
  readonly opening: Promise<DiskFile>;
  users: number;
  stale: boolean;
}

const HANDLES_MAX = 16;
