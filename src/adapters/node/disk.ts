import fs from "node:fs";
import { readdir, readFile, rename, rm, rmdir, stat, statfs, mkdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parentOf, checkPath } from "../disk-path.ts";
import { fileNotFound } from "../../errors/storage-errors.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";
import type { NativeBuffer } from "../../ports/engine.ts";
import { errorCode, toDiskError } from "./disk-errors.ts";
import { NodeDiskFile } from "./disk-file.ts";

/** `node:fs` below one root folder, which must exist. */
export class NodeDisk implements Disk {
  readonly #root: string;
  readonly #buffers: BufferFactory;

  constructor(root: string, buffers: BufferFactory = HEAP_BUFFERS) {
    this.#root = resolve(root);
    this.#buffers = buffers;
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const full = this.#full(path);
    return this.#guard(full, "open", async () => {
      // A file that is replaced is unlinked, not truncated: somebody may have it mapped.
      if (mode === "create") await rm(full, { force: true });
      return new NodeDiskFile(await openDescriptor(full, FLAGS[mode]), full);
    });
  }

  async map(path: string): Promise<NativeBuffer> {
    const full = this.#full(path);
    return this.#guard(full, "map", async () => this.#buffers.mapFile(full));
  }

  async readFile(path: string): Promise<Uint8Array> {
    const full = this.#full(path);
    return this.#guard(full, "read", () => readFile(full));
  }

  async writeFile(
    path: string,
    chunks: readonly Uint8Array[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const file = await this.open(path, "create");
    try {
      await file.write(0, chunks);
      if (options.sync) await file.sync();
    } finally {
      await file.close();
    }
    if (options.sync) await this.syncDirectory(parentOf(path));
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#full(from);
    const target = this.#full(to);
    await this.#guard(source, "rename", () => rename(source, target));
  }

  async remove(path: string): Promise<void> {
    const full = this.#full(path);
    await this.#guard(full, "remove", async () => {
      try {
        await unlink(full);
      } catch (error) {
        // Linux answers EISDIR, POSIX and macOS EPERM.
        if (errorCode(error) !== "EISDIR" && errorCode(error) !== "EPERM") throw error;
        await rmdir(full);
      }
    });
  }

  async makeDirectory(path: string): Promise<void> {
    const full = this.#full(path);
    await this.#guard(full, "make directory", () => mkdir(full, { recursive: true }));
  }

  async list(path: string): Promise<readonly string[]> {
    const full = path === "" ? this.#root : this.#full(path);
    try {
      const entries = await readdir(full, { withFileTypes: true });
      return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return [];
      throw toDiskError(error, full, "list");
    }
  }

  async stat(path: string): Promise<{ readonly bytes: number } | undefined> {
    const full = this.#full(path);
    try {
      const stats = await stat(full);
      return stats.isFile() ? { bytes: stats.size } : undefined;
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
      throw toDiskError(error, full, "stat");
    }
  }

  async syncDirectory(path: string): Promise<void> {
    const full = path === "" ? this.#root : this.#full(path);
    await this.#guard(full, "sync directory", async () => {
      const directory = new NodeDiskFile(await openDescriptor(full, fs.constants.O_RDONLY), full);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }

  async freeBytes(): Promise<number> {
    return this.#guard(this.#root, "stat", async () => {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    });
  }

  #full(path: string): string {
    checkPath(path);
    return join(this.#root, path);
  }

  async #guard<T>(path: string, operation: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw errorCode(error) === undefined ? error : toDiskError(error, path, operation);
    }
  }
}

/** Where mapped and large buffers come from: the engine's memory, or the JavaScript heap without an engine. */
export interface BufferFactory {
  /** Zeroed. */
  allocate(bytes: number): NativeBuffer;
  /** The whole file, read-only. Throws the errors of `node:fs`, or fileNotFound. */
  mapFile(path: string): NativeBuffer;
}

/** Reads instead of mapping. */
export const HEAP_BUFFERS: BufferFactory = {
  allocate: (bytes) => heapBuffer(new Uint8Array(bytes)),
  mapFile(path) {
    try {
      return heapBuffer(fs.readFileSync(path));
    } catch (error) {
      throw errorCode(error) === "ENOENT" ? fileNotFound(path, error) : error;
    }
  },
};

function heapBuffer(bytes: Uint8Array): NativeBuffer {
  return { byteLength: bytes.byteLength, bytes, close: () => undefined };
}

const FLAGS = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
} as const;

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolvePromise, reject) => {
    fs.open(path, flags, 0o644, (error, fd) => (error === null ? resolvePromise(fd) : reject(error)));
  });
}
