import type { NativeBuffer } from "./engine.ts";

/**
 * A local file system below one root folder; paths are relative, `/`-separated, and never leave it. What is not synced may
 * be lost, in part or in whole, at a crash: file contents by DiskFile.sync, names by syncDirectory. Errors: diskFull (retriable),
 * diskFailed, fileNotFound; never retried in here.
 */
export interface Disk {
  /**
   * `read` and `write` (which reads too) need the file to exist. `create` gives an empty, writable file; one of that name is
   * unlinked first, so that a mapping of it stays whole.
   */
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  /** Whole file, mapped read-only where the platform can. The file is never changed or truncated while mapped. */
  map(path: string): Promise<NativeBuffer>;
  readFile(path: string): Promise<Uint8Array>;
  /** Creates or replaces the contents; durable only after the file's and the directory's sync, done when `sync` says so. */
  writeFile(path: string, chunks: readonly Uint8Array[], options: { readonly sync: boolean }): Promise<void>;
  /** Replaces `to`. Atomic; durable when both directories are synced. */
  rename(from: string, to: string): Promise<void>;
  /** A file or an empty directory; fileNotFound when absent. */
  remove(path: string): Promise<void>;
  /** With its parents; succeeds when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Names of entries, sorted; directories end in `/`. Empty when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** Undefined when there is no such file. */
  stat(path: string): Promise<{ readonly bytes: number } | undefined>;
  /** The empty path is the root, here and in `list`. */
  syncDirectory(path: string): Promise<void>;
  freeBytes(): Promise<number>;
}

export interface DiskFile {
  /** Fills `into` from `offset`; returns the bytes read, fewer only at the end of the file. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Writes all chunks back to back at `offset`. */
  write(offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  /** Data and size durable on return (fdatasync). */
  sync(): Promise<void>;
  /** Reserves space up to `bytes` in all and sets that size, filled with zeros behind what is there; never shrinks. */
  allocate(bytes: number): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}
