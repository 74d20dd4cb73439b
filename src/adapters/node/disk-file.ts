import fs from "node:fs";
import { assert } from "../../base/assert.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { toDiskError } from "./disk-errors.ts";

/**
 * A file descriptor. Plain callbacks of `node:fs` rather than FileHandle: half the cost per call, and the log writes and
 * syncs for every commit. Offsets are explicit, so calls may overlap.
 */
export class NodeDiskFile implements DiskFile {
  readonly #fd: number;
  readonly #path: string;
  #closed = false;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await this.#call<number>("read", (callback) =>
        fs.read(this.#fd, into, done, into.length - done, offset + done, callback),
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    let at = offset;
    while (rest.length > 0) {
      const written = await this.#call<number>("write", (callback) =>
        fs.writev(this.#fd, rest, at, callback),
      );
      at += written;
      rest = skipBytes(rest, written);
    }
  }

  async sync(): Promise<void> {
    await this.#call<void>("sync", (callback) => fs.fdatasync(this.#fd, callback));
  }

  async allocate(bytes: number): Promise<void> {
    // Node has no fallocate. Written zeros are better for a log anyway: overwriting them later changes no metadata, so a
    // sync is one write to the device.
    const zeros = new Uint8Array(Math.min(bytes, ZEROS_BYTES));
    for (let at = await this.size(); at < bytes;) {
      const step = Math.min(zeros.length, bytes - at);
      await this.write(at, [zeros.subarray(0, step)]);
      at += step;
    }
  }

  async truncate(bytes: number): Promise<void> {
    await this.#call<void>("truncate", (callback) => fs.ftruncate(this.#fd, bytes, callback));
  }

  async size(): Promise<number> {
    const stats = await this.#call<fs.Stats>("stat", (callback) => fs.fstat(this.#fd, callback));
    return stats.size;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const closed = this.#call<void>("close", (callback) => fs.close(this.#fd, callback));
    this.#closed = true;
    await closed;
  }

  #call<T>(operation: string, start: (callback: NodeCallback<T>) => void): Promise<T> {
    // A closed descriptor's number may already belong to another file.
    assert(!this.#closed, `${operation} on ${this.#path}, which is closed`);
    return new Promise((resolve, reject) => {
      start((error, value) => {
        if (error === null || error === undefined) resolve(value as T);
        else reject(toDiskError(error, this.#path, operation));
      });
    });
  }
}

type NodeCallback<T> = (error: NodeJS.ErrnoException | null | undefined, value?: T) => void;

const ZEROS_BYTES = 1 << 20;

function skipBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let first = 0;
  for (let chunk = chunks[first]; chunk !== undefined && left >= chunk.length; chunk = chunks[++first]) {
    left -= chunk.length;
  }
  const rest = chunks.slice(first);
  if (left > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(left);
  return rest;
}
