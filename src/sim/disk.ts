import { checkPath, parentOf } from "../adapters/disk-path.ts";
import { concatBytes } from "../base/bytes.ts";
import type { Prng } from "../base/prng.ts";
import { diskFull } from "../errors/service-errors.ts";
import { diskFailed, fileNotFound } from "../errors/storage-errors.ts";
import type { Disk, DiskFile } from "../ports/disk.ts";
import type { Engine, NativeBuffer } from "../ports/engine.ts";
import type { Life } from "./life.ts";

/** How a disk behaves now; faults change it. Chances are per call. */
export interface DiskConditions {
  readErrors: number;
  writeErrors: number;
  syncErrors: number;
  renameErrors: number;
  /** Factor on every duration. */
  slowness: number;
  /** Bytes of files that fit. */
  bytesMax: number;
}

/**
 * The platters: what survives the processes that write to them. Every file has what was written and what is synced; every directory its
 * entries and those that are synced. A power cut keeps, of what was not synced, any subset of 512-byte sectors, file sizes and
 * directory changes.
 */
export class SimDiskState {
  readonly conditions: DiskConditions = {
    readErrors: 0,
    writeErrors: 0,
    syncErrors: 0,
    renameErrors: 0,
    slowness: 1,
    bytesMax: Infinity,
  };
  readonly files = new Map<string, SimFile>();
  readonly directories = new Set<string>([""]);
  /** Names in each directory; those of directories end in `/`. */
  readonly #children = new Map<string, Set<string>>();
  #usedBytes = 0;
  #sequence = 0;
  /** Changes of names that no sync of their directory has covered yet, by directory, oldest first. */
  readonly #pending = new Map<string, NameChange[]>();
  /** Names as they are on the platters. */
  readonly #durable = new Map<string, SimFile | "directory">();

  usedBytes(): number {
    return this.#usedBytes;
  }

  /** A file grew or shrank. */
  noteGrowth(bytes: number): void {
    this.#usedBytes += bytes;
  }

  names(directory: string): readonly string[] {
    return [...(this.#children.get(directory) ?? [])].sort();
  }

  link(path: string, file: SimFile): void {
    this.#setFile(path, file);
    this.#note({ path, to: file });
  }

  unlink(path: string): void {
    this.#usedBytes -= this.files.get(path)?.bytes.length ?? 0;
    this.#deleteFile(path);
    this.#note({ path, to: undefined });
  }

  rename(from: string, to: string, file: SimFile): void {
    this.#usedBytes -= this.files.get(to)?.bytes.length ?? 0;
    this.#deleteFile(from);
    this.#setFile(to, file);
    // One change of the new name, which takes the old one with it when it survives; the old name may still be there until its own sync.
    this.#note({ path: to, to: file, from });
  }

  makeDirectory(path: string): void {
    this.#addDirectory(path);
    this.#note({ path, to: "directory" });
  }

  removeDirectory(path: string): void {
    this.directories.delete(path);
    this.#children.get(parentOf(path))?.delete(`${baseOf(path)}/`);
    this.#note({ path, to: undefined });
  }

  syncDirectory(path: string): void {
    const changes = this.#pending.get(path) ?? [];
    this.#pending.delete(path);
    for (const change of changes) this.#makeDurable(change);
  }

  /** The power fails: nobody has the disk open any more. */
  crash(random: Prng): void {
    const mood = random.pick(["none", "all", "some", "some", "some"] as const);
    const survives = (): boolean => mood === "all" || (mood === "some" && random.chance(0.5));
    // A change of a name survives only with those of the same name before it.
    const lost = new Set<string>();
    for (const change of [...this.#pending.values()].flat().sort((a, b) => a.sequence - b.sequence)) {
      if (lost.has(change.path) || !survives()) lost.add(change.path);
      else this.#makeDurable(change);
    }
    this.#pending.clear();
    this.files.clear();
    this.directories.clear();
    this.directories.add("");
    this.#children.clear();
    this.#usedBytes = 0;
    for (const [path, entry] of [...this.#durable].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!this.#hasParents(path)) this.#durable.delete(path);
      else if (entry === "directory") this.#addDirectory(path);
      else {
        entry.crash(survives);
        this.#setFile(path, entry);
        this.#usedBytes += entry.bytes.length;
      }
    }
  }

  #setFile(path: string, file: SimFile): void {
    this.files.set(path, file);
    this.#addName(parentOf(path), baseOf(path));
  }

  #deleteFile(path: string): void {
    this.files.delete(path);
    this.#children.get(parentOf(path))?.delete(baseOf(path));
  }

  #addDirectory(path: string): void {
    this.directories.add(path);
    this.#addName(parentOf(path), `${baseOf(path)}/`);
  }

  #addName(directory: string, name: string): void {
    const names = this.#children.get(directory);
    if (names === undefined) this.#children.set(directory, new Set([name]));
    else names.add(name);
  }

  #note(change: Omit<NameChange, "sequence">): void {
    const directory = parentOf(change.path);
    const changes = this.#pending.get(directory) ?? [];
    this.#pending.set(directory, changes);
    changes.push({ ...change, sequence: this.#sequence++ });
    // Nobody syncs a folder of temporary files; the kernel writes it some time.
    if (changes.length > PENDING_MAX)
      for (const old of changes.splice(0, PENDING_MAX / 2)) this.#makeDurable(old);
  }

  #makeDurable(change: NameChange): void {
    if (change.to === undefined) this.#durable.delete(change.path);
    else this.#durable.set(change.path, change.to);
    if (change.from === undefined || this.#durable.get(change.from) !== change.to) return;
    if (parentOf(change.from) === parentOf(change.path)) this.#durable.delete(change.from);
    else this.#note({ path: change.from, to: undefined });
  }

  #hasParents(path: string): boolean {
    const parent = parentOf(path);
    return parent === "" || (this.#durable.get(parent) === "directory" && this.#hasParents(parent));
  }
}

/** One file: its bytes as read, and as they lie on the platters. */
export class SimFile {
  bytes: Uint8Array = new Uint8Array(0);
  #synced: Uint8Array = new Uint8Array(0);
  /** Sectors written since the last sync. */
  readonly #dirty = new Set<number>();
  /** A sync failed: the kernel dropped these pages, and no later sync writes them. */
  readonly #dropped = new Set<number>();

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end > this.bytes.length) this.#resize(end);
    this.bytes.set(data, offset);
    for (let sector = Math.floor(offset / SECTOR); sector * SECTOR < end; sector++) {
      this.#dirty.add(sector);
      this.#dropped.delete(sector);
    }
  }

  truncate(bytes: number): void {
    this.#resize(bytes);
  }

  sync(): void {
    const synced =
      this.#synced.length === this.bytes.length ? this.#synced : resized(this.#synced, this.bytes.length);
    for (const sector of this.#dirty) copySector(this.bytes, synced, sector);
    this.#synced = synced;
    this.#dirty.clear();
  }

  /** Pages that could not be written are clean from now on, and lost. */
  failSync(random: Prng): void {
    for (const sector of this.#dirty) {
      if (random.chance(0.5)) this.#dropped.add(sector);
      else if ((sector + 1) * SECTOR <= this.#synced.length) copySector(this.bytes, this.#synced, sector);
    }
    this.#dirty.clear();
  }

  crash(survives: () => boolean): void {
    const size =
      this.#synced.length !== this.bytes.length && survives() ? this.bytes.length : this.#synced.length;
    const kept = resized(this.#synced, size);
    for (const sector of this.#dirty) if (survives()) copySector(this.bytes, kept, sector);
    this.bytes = kept;
    this.#synced = kept.slice();
    this.#dirty.clear();
    this.#dropped.clear();
  }

  /** Decay: changes what is stored, now and after a crash. */
  flipBit(bit: number): void {
    for (const bytes of [this.bytes, this.#synced]) {
      const at = bit >> 3;
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
  }

  #resize(bytes: number): void {
    this.bytes = resized(this.bytes, bytes);
  }
}

/** The disk as one process uses it; its calls take time, fail as the conditions say, and end with the process. */
export class SimDisk implements Disk {
  readonly #state: SimDiskState;
  readonly #life: Life;
  readonly #random: Prng;
  readonly #engine: Engine;

  constructor(state: SimDiskState, life: Life, engine: Engine) {
    this.#state = state;
    this.#life = life;
    this.#random = life.world.random(`disk ${life.name}`);
    this.#engine = engine;
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    checkPath(path);
    return this.call("open", path, 0, () => {
      if (mode !== "create") return this.#handle(path, this.#find(path));
      if (!this.#state.directories.has(parentOf(path))) throw fileNotFound(parentOf(path));
      if (this.#state.files.has(path)) this.#state.unlink(path);
      const file = new SimFile();
      this.#state.link(path, file);
      return this.#handle(path, file);
    });
  }

  async map(path: string): Promise<NativeBuffer> {
    checkPath(path);
    return this.call("map", path, this.#state.conditions.readErrors, () => {
      const { bytes } = this.#find(path);
      const buffer = this.#engine.allocate(bytes.length);
      buffer.bytes.set(bytes);
      return buffer;
    });
  }

  async readFile(path: string): Promise<Uint8Array> {
    checkPath(path);
    return this.call("read", path, this.#state.conditions.readErrors, () => this.#find(path).bytes.slice());
  }

  async writeFile(
    path: string,
    chunks: readonly Uint8Array[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const file = await this.open(path, "create");
    await file.write(0, chunks);
    if (options.sync) await file.sync();
    await file.close();
    if (options.sync) await this.syncDirectory(parentOf(path));
  }

  async rename(from: string, to: string): Promise<void> {
    checkPath(from);
    checkPath(to);
    await this.call("rename", from, this.#state.conditions.renameErrors, () => {
      const file = this.#find(from);
      if (!this.#state.directories.has(parentOf(to))) throw fileNotFound(parentOf(to));
      this.#state.rename(from, to, file);
    });
  }

  async remove(path: string): Promise<void> {
    checkPath(path);
    await this.call("remove", path, 0, () => {
      if (this.#state.files.has(path)) return this.#state.unlink(path);
      if (!this.#state.directories.has(path)) throw fileNotFound(path);
      if (this.#state.names(path).length > 0)
        throw diskFailed({ path, operation: "remove" }, new Error("not empty"));
      return this.#state.removeDirectory(path);
    });
  }

  async makeDirectory(path: string): Promise<void> {
    checkPath(path);
    await this.call("make directory", path, 0, () => {
      const names = path.split("/");
      for (let depth = 1; depth <= names.length; depth++) {
        const part = names.slice(0, depth).join("/");
        if (!this.#state.directories.has(part)) this.#state.makeDirectory(part);
      }
    });
  }

  async list(path: string): Promise<readonly string[]> {
    if (path !== "") checkPath(path);
    return this.call("list", path, 0, () => this.#state.names(path));
  }

  async stat(path: string): Promise<{ readonly bytes: number } | undefined> {
    checkPath(path);
    return this.call("stat", path, 0, () => {
      const file = this.#state.files.get(path);
      return file && { bytes: file.bytes.length };
    });
  }

  async syncDirectory(path: string): Promise<void> {
    if (path !== "") checkPath(path);
    await this.call("sync directory", path, this.#state.conditions.syncErrors, () => {
      if (!this.#state.directories.has(path)) throw fileNotFound(path);
      this.#state.syncDirectory(path);
    });
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.#state.conditions.bytesMax - this.#state.usedBytes());
  }

  /** One call to the kernel. */
  call<T>(operation: string, path: string, errors: number, act: () => T): Promise<T> {
    const { slowness } = this.#state.conditions;
    const durationMs = (DURATION_MS[operation] ?? 0.02) * slowness * (0.5 + this.#random.float());
    return this.#life.after(durationMs, `disk ${operation}`, () => {
      if (this.#random.chance(errors)) throw diskFailed({ path, operation }, new Error("input/output error"));
      return act();
    });
  }

  #handle(path: string, file: SimFile): DiskFile {
    const { conditions } = this.#state;
    const room = (bytes: number): void => {
      if (
        bytes > file.bytes.length &&
        this.#state.usedBytes() + bytes - file.bytes.length > conditions.bytesMax
      )
        throw diskFull({ path });
    };
    const changing = (act: () => void): void => {
      const before = file.bytes.length;
      act();
      if (this.#state.files.get(path) === file) this.#state.noteGrowth(file.bytes.length - before);
    };
    return {
      read: (offset, into) =>
        this.call("read", path, conditions.readErrors, () => {
          const part = file.bytes.subarray(offset, offset + into.length);
          into.set(part);
          return part.length;
        }),
      write: (offset, chunks) => {
        const data = concatBytes(chunks);
        return this.call("write", path, conditions.writeErrors, () => {
          room(offset + data.length);
          changing(() => file.write(offset, data));
        });
      },
      sync: () =>
        this.call("sync", path, 0, () => {
          if (this.#random.chance(conditions.syncErrors)) {
            file.failSync(this.#random);
            throw diskFailed({ path, operation: "sync" }, new Error("input/output error"));
          }
          file.sync();
        }),
      allocate: (bytes) =>
        this.call("write", path, conditions.writeErrors, () => {
          room(bytes);
          if (bytes > file.bytes.length)
            changing(() => file.write(file.bytes.length, new Uint8Array(bytes - file.bytes.length)));
        }),
      truncate: (bytes) =>
        this.call("truncate", path, conditions.writeErrors, () => changing(() => file.truncate(bytes))),
      size: () => this.call("stat", path, 0, () => file.bytes.length),
      close: () => this.call("close", path, 0, () => undefined),
    };
  }

  #find(path: string): SimFile {
    const file = this.#state.files.get(path);
    if (file === undefined) throw fileNotFound(path);
    return file;
  }
}

interface NameChange {
  readonly path: string;
  readonly to: SimFile | "directory" | undefined;
  readonly from?: string;
  readonly sequence: number;
}

const PENDING_MAX = 100;

const SECTOR = 512;

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const DURATION_MS: Readonly<Record<string, number>> = {
  write: 0.05,
  sync: 0.4,
  "sync directory": 0.3,
  rename: 0.05,
  read: 0.05,
};

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(bytes.subarray(0, Math.min(bytes.length, length)));
  return out;
}

function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const start = sector * SECTOR;
  const end = Math.min(start + SECTOR, from.length, to.length);
  if (end > start) to.set(from.subarray(start, end), start);
}
