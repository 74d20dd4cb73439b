import { assert } from "../../../base/assert.ts";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import type { Disk, DiskFile } from "../../../ports/disk.ts";
import { parentOf } from "../../disk-path.ts";

/** The names in the log's folder and the steps that make changes to them durable. Byte table: docs/internals/wal.md. */
export class WalFolder {
  readonly disk: Disk;
  readonly path: string;
  readonly #spares = new Set<SpareName>();

  private constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  /** Makes the folder where it is missing and removes what was being made at a crash. */
  static async open(disk: Disk, path: string): Promise<{ folder: WalFolder; numbers: number[] }> {
    const folder = new WalFolder(disk, path);
    await disk.makeDirectory(path);
    await disk.syncDirectory(parentOf(path));
    const numbers: number[] = [];
    for (const name of await disk.list(path)) {
      const number = fileNumberOf(name);
      if (number !== undefined) numbers.push(number);
      else if (isSpare(name)) folder.#spares.add(name);
      else if (name.endsWith(".new")) await disk.remove(`${path}/${name}`);
    }
    return { folder, numbers: numbers.sort((a, b) => a - b) };
  }

  fileName(number: number): string {
    return `${this.path}/${String(number).padStart(NUMBER_DIGITS, "0")}.wal`;
  }

  hasSpare(name: SpareName): boolean {
    return this.#spares.has(name);
  }

  /** A zeroed, durable file under a spare name. */
  async makeSpare(name: SpareName, bytes: number): Promise<void> {
    const target = `${this.path}/${name}`;
    const making = `${target}.new`;
    try {
      const file = await this.disk.open(making, "create");
      try {
        await file.allocate(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.disk.rename(making, target);
      await this.disk.syncDirectory(this.path);
    } catch (error) {
      // Half a file on a full disk takes room from what could be written. If this fails too, the next start does it.
      await this.disk.remove(making).catch(() => undefined);
      throw error;
    }
    this.#spares.add(name);
  }

  /** Turns a spare into log file `number`, at least `bytes` large, open for writing. */
  async activate(name: SpareName, number: number, bytes: number): Promise<DiskFile> {
    assert(this.#spares.delete(name), `the spare file ${name} does not exist`);
    await this.disk.rename(`${this.path}/${name}`, this.fileName(number));
    await this.disk.syncDirectory(this.path);
    const file = await this.disk.open(this.fileName(number), "write");
    try {
      if ((await file.size()) < bytes) {
        await file.allocate(bytes);
        await file.sync();
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Succeeds when the file is gone already. */
  async removeFile(number: number): Promise<void> {
    try {
      await this.disk.remove(this.fileName(number));
    } catch (error) {
      if (!isRedkiteError(error, "fileNotFound")) throw error;
    }
  }

  async sync(): Promise<void> {
    await this.disk.syncDirectory(this.path);
  }
}

export type SpareName = "next" | "reserve";

export const FILE_NUMBER_MAX = 2 ** 31 - 1;

const NUMBER_DIGITS = 10;

function isSpare(name: string): name is SpareName {
  return name === "next" || name === "reserve";
}

function fileNumberOf(name: string): number | undefined {
  const digits = /^(\d{10})\.wal$/.exec(name)?.[1];
  const number = Number(digits);
  return digits !== undefined && number >= 1 && number <= FILE_NUMBER_MAX ? number : undefined;
}
