import type { Disk, DiskFile } from "../../ports/disk.ts";
import type { NativeBuffer } from "../../ports/engine.ts";

/**
 * A disk that reads from another one and drops every change, so that code which repairs what it opens can be run on a folder without touching
 * it. Changes are not seen afterwards either.
 */
export class ReadOnlyDisk implements Disk {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    if (mode === "create") return NOTHING;
    return new ReadOnlyFile(await this.#disk.open(path, "read"));
  }

  async map(path: string): Promise<NativeBuffer> {
    return this.#disk.map(path);
  }

  async readFile(path: string): Promise<Uint8Array> {
    return this.#disk.readFile(path);
  }

  async list(path: string): Promise<readonly string[]> {
    return this.#disk.list(path);
  }

  async stat(path: string): Promise<{ readonly bytes: number } | undefined> {
    return this.#disk.stat(path);
  }

  async freeBytes(): Promise<number> {
    return this.#disk.freeBytes();
  }

  async writeFile(): Promise<void> {}
  async rename(): Promise<void> {}
  async remove(): Promise<void> {}
  async makeDirectory(): Promise<void> {}
  async syncDirectory(): Promise<void> {}
}

class ReadOnlyFile implements DiskFile {
  readonly #file: DiskFile;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return this.#file.read(offset, into);
  }

  async size(): Promise<number> {
    return this.#file.size();
  }

  async close(): Promise<void> {
    return this.#file.close();
  }

  async write(): Promise<void> {}
  async sync(): Promise<void> {}
  async allocate(): Promise<void> {}
  async truncate(): Promise<void> {}
}

/** A file that was "created" here. */
const NOTHING: DiskFile = {
  read: async () => 0,
  size: async () => 0,
  write: async () => undefined,
  sync: async () => undefined,
  allocate: async () => undefined,
  truncate: async () => undefined,
  close: async () => undefined,
};
