import type { NativeBuffer } from "./engine.ts";

/**
 * A local file system below one root folder; paths are relative, `/`-separated, and never leave it. What is not synced may
 * be lost, in part or in whole, at a crash: file contents by DiskFile.sync, names by syncDirectory. Errors: diskFull (retriable),
 * diskFailed, fileNotFound; never retried in here.
 */
export interface Disk {
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  /** Whole file, mapped read-only where the platform can. The file is never changed or truncated while mapped. */
  map(path: string): Promise<NativeBuffer>;
  readFile(path: string): Promise<Uint8Array>;
  /** Creates or replaces the contents; durable only after the file's and the directory's sync, done when `sync` says so. */
  writeFile(path: string, chunks: readonly Uint8Array[], options: { readonly sync: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Names of entries, sorted; directories end in `/`. Empty when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  stat(path: string): Promise<{ readonly bytes: number } | undefined>;
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
  /** Reserves space and sets the size, filled with zeros. */
  allocate(bytes: number): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}
