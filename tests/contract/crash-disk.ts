import type { Prng } from "../../src/base/prng.ts";
import { checkPath, parentOf } from "../../src/adapters/disk-path.ts";
import { diskFull } from "../../src/errors/service-errors.ts";
import { diskFailed, fileNotFound } from "../../src/errors/storage-errors.ts";
import type { Disk, DiskFile } from "../../src/ports/disk.ts";
import type { NativeBuffer } from "../../src/ports/engine.ts";

/**
 * A disk in memory that remembers what is not synced, by 512-byte sectors, sizes and directory entries, and gives the images
 * that a power cut may leave: any subset of it. A failed sync forgets that sectors are dirty, as Linux does.
 */
export class CrashDisk implements Disk {
  readonly #root: Directory;
  /** Bytes that files may take together. */
  capacity = Infinity;
  /** Called before each operation; what it throws, the operation throws. */
  fault: (operation: DiskOperation, path: string) => void = () => undefined;
  /** The operation after which nothing answers any more; counts down. */
  operationsLeft = Infinity;
  operations = 0;

  constructor(root: Directory = new Directory()) {
    this.#root = root;
  }

  get crashed(): boolean {
    return this.operationsLeft <= 0;
  }

  /** What a power cut now may leave. */
  powerCut(rng: Prng): CrashDisk {
    this.operationsLeft = 0;
    return new CrashDisk(this.#root.survivor(rng, new Map()));
  }

  /** What the kernel still has after the process was killed. */
  kill(): CrashDisk {
    this.operationsLeft = 0;
    return new CrashDisk(this.#root);
  }

  /** The stored bytes themselves, for damaging them. */
  bytesOf(path: string): Uint8Array {
    const file = this.#file(path);
    return file.bytes.subarray(0, file.size);
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    checkPath(path);
    await this.#step("open", path);
    if (mode === "create") this.#directory(path).entries.set(nameOf(path), new File());
    const file = this.#file(path);
    return new CrashDiskFile(this, path, file, (operation) => this.#step(operation, path));
  }

  async map(path: string): Promise<NativeBuffer> {
    const bytes = await this.readFile(path);
    return { byteLength: bytes.length, bytes, close: () => undefined };
  }

  async readFile(path: string): Promise<Uint8Array> {
    checkPath(path);
    await this.#step("read", path);
    return this.bytesOf(path).slice();
  }

  async writeFile(
    path: string,
    chunks: readonly Uint8Array[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const file = await this.open(path, "create");
    await file.write(0, chunks);
    if (!options.sync) return;
    await file.sync();
    await this.syncDirectory(parentOf(path));
  }

  async rename(from: string, to: string): Promise<void> {
    checkPath(from);
    checkPath(to);
    await this.#step("rename", from);
    const file = this.#file(from);
    this.#directory(from).entries.delete(nameOf(from));
    this.#directory(to).entries.set(nameOf(to), file);
  }

  async remove(path: string): Promise<void> {
    checkPath(path);
    await this.#step("remove", path);
    const directory = this.#directory(path);
    const entry = directory.entries.get(nameOf(path));
    if (entry === undefined) throw fileNotFound(path);
    if (entry instanceof Directory && entry.entries.size > 0) throw diskFailed({ path, operation: "remove" });
    directory.entries.delete(nameOf(path));
  }

  async makeDirectory(path: string): Promise<void> {
    checkPath(path);
    await this.#step("makeDirectory", path);
    let at = this.#root;
    for (const name of path.split("/")) {
      let next = at.entries.get(name);
      if (next === undefined) at.entries.set(name, (next = new Directory()));
      if (!(next instanceof Directory)) throw diskFailed({ path, operation: "make directory" });
      at = next;
    }
  }

  async list(path: string): Promise<readonly string[]> {
    if (path !== "") checkPath(path);
    await this.#step("list", path);
    const directory = this.#find(path);
    if (!(directory instanceof Directory)) return [];
    return [...directory.entries]
      .map(([name, entry]) => (entry instanceof Directory ? `${name}/` : name))
      .sort();
  }

  async stat(path: string): Promise<{ readonly bytes: number } | undefined> {
    checkPath(path);
    await this.#step("stat", path);
    const entry = this.#find(path);
    return entry instanceof File ? { bytes: entry.size } : undefined;
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#step("syncDirectory", path);
    const directory = this.#find(path);
    if (!(directory instanceof Directory)) throw fileNotFound(path);
    directory.synced = new Map(directory.entries);
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.capacity - this.usedBytes());
  }

  usedBytes(): number {
    return this.#root.usedBytes();
  }

  async #step(operation: DiskOperation, path: string): Promise<void> {
    this.operations++;
    if (this.crashed) await new Promise<never>(() => undefined);
    this.operationsLeft--;
    this.fault(operation, path);
  }

  #find(path: string): Directory | File | undefined {
    let at: Directory | File | undefined = this.#root;
    for (const name of path === "" ? [] : path.split("/")) {
      at = at instanceof Directory ? at.entries.get(name) : undefined;
    }
    return at;
  }

  #directory(path: string): Directory {
    const directory = this.#find(parentOf(path));
    if (directory instanceof Directory) return directory;
    throw fileNotFound(path);
  }

  #file(path: string): File {
    const file = this.#find(path);
    if (file instanceof File) return file;
    throw fileNotFound(path);
  }
}

export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "allocate"
  | "truncate"
  | "rename"
  | "remove"
  | "makeDirectory"
  | "list"
  | "stat"
  | "syncDirectory";

class CrashDiskFile implements DiskFile {
  readonly #disk: CrashDisk;
  readonly #path: string;
  readonly #file: File;
  readonly #step: (operation: DiskOperation) => Promise<void>;

  constructor(disk: CrashDisk, path: string, file: File, step: (operation: DiskOperation) => Promise<void>) {
    this.#disk = disk;
    this.#path = path;
    this.#file = file;
    this.#step = step;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    await this.#step("read");
    const bytes = this.#file.bytes.subarray(Math.min(offset, this.#file.size), this.#file.size);
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    return count;
  }

  async write(offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    await this.#step("write");
    let at = offset;
    for (const chunk of chunks) {
      this.#reserve(at + chunk.length);
      this.#file.write(at, chunk);
      at += chunk.length;
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#step("sync");
    } catch (error) {
      this.#file.forgetDirty();
      throw error;
    }
    this.#file.sync();
  }

  async allocate(bytes: number): Promise<void> {
    await this.#step("allocate");
    if (bytes <= this.#file.size) return;
    this.#reserve(bytes);
    this.#file.resize(bytes);
  }

  async truncate(bytes: number): Promise<void> {
    await this.#step("truncate");
    this.#file.resize(bytes);
  }

  async size(): Promise<number> {
    await this.#step("stat");
    return this.#file.size;
  }

  async close(): Promise<void> {}

  #reserve(bytes: number): void {
    const growth = Math.max(0, bytes - this.#file.size);
    if (growth > 0 && this.#disk.usedBytes() + growth > this.#disk.capacity)
      throw diskFull({ path: this.#path });
  }
}

class Directory {
  entries = new Map<string, Directory | File>();
  synced = new Map<string, Directory | File>();

  usedBytes(): number {
    let sum = 0;
    for (const entry of this.entries.values()) sum += entry instanceof File ? entry.size : entry.usedBytes();
    return sum;
  }

  /** Every entry that differs from the synced state is there or not, by chance; a file under two names stays one file. */
  survivor(rng: Prng, done: Map<File, File>): Directory {
    const survivor = new Directory();
    for (const name of new Set([...this.synced.keys(), ...this.entries.keys()])) {
      const entry = rng.chance(0.5) ? this.entries.get(name) : this.synced.get(name);
      if (entry === undefined) continue;
      if (entry instanceof Directory) {
        survivor.entries.set(name, entry.survivor(rng, done));
        continue;
      }
      const kept = done.get(entry) ?? entry.survivor(rng);
      done.set(entry, kept);
      survivor.entries.set(name, kept);
    }
    survivor.synced = new Map(survivor.entries);
    return survivor;
  }
}

const SECTOR_BYTES = 512;

class File {
  bytes = new Uint8Array(0);
  size = 0;
  #durable = new Uint8Array(0);
  #durableSize = 0;
  readonly #dirty = new Set<number>();

  write(offset: number, chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (offset + chunk.length > this.size) this.resize(offset + chunk.length);
    this.bytes.set(chunk, offset);
    this.#touch(offset, offset + chunk.length);
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.fill(0, Math.min(size, this.size), Math.max(size, this.size));
    this.#touch(Math.min(size, this.size), Math.max(size, this.size));
    this.size = size;
  }

  sync(): void {
    if (this.#durable.length < this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length);
      larger.set(this.#durable);
      this.#durable = larger;
    }
    for (const sector of this.#dirty) this.#copySector(this.bytes, this.#durable, sector);
    this.#dirty.clear();
    this.#durableSize = this.size;
  }

  forgetDirty(): void {
    this.#dirty.clear();
  }

  survivor(rng: Prng): File {
    const survivor = new File();
    const size = rng.chance(0.5) ? this.size : this.#durableSize;
    survivor.bytes = new Uint8Array(Math.max(this.bytes.length, this.#durable.length));
    survivor.bytes.set(this.#durable.subarray(0, this.#durableSize));
    // Torn anywhere, all of it, or none of it.
    const share = rng.pick([0, 0.1, 0.5, 0.9, 1]);
    for (const sector of this.#dirty) {
      if (rng.chance(share)) this.#copySector(this.bytes, survivor.bytes, sector);
    }
    survivor.bytes.fill(0, size);
    survivor.size = size;
    survivor.#durable = survivor.bytes.slice();
    survivor.#durableSize = size;
    return survivor;
  }

  #touch(from: number, to: number): void {
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector++)
      this.#dirty.add(sector);
  }

  #copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
    const start = sector * SECTOR_BYTES;
    to.set(from.subarray(start, Math.min(start + SECTOR_BYTES, to.length)), start);
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
