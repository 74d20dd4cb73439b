import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../node/disk-errors.ts";

/**
 * A file of nothing that keeps room on the disk: given up when something must be written to a full one, made again when
 * there is plenty of room.
 */
export class ReserveFile {
  readonly #path: string;
  readonly #bytes: number;
  #there: boolean;
  #nextAttemptMs = 0;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
    this.#there = existsSync(path);
  }

  get there(): boolean {
    return this.#there;
  }

  /** Does nothing while it is there, or while there is not enough room. Tried at most once a second. */
  make(): void {
    if (this.#there || Date.now() < this.#nextAttemptMs) return;
    this.#nextAttemptMs = Date.now() + 1_000;
    const making = `${this.#path}.new`;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      // Taking the last room would fill the disk by ourselves.
      if (bavail * bsize < ROOM_FACTOR * this.#bytes) return;
      writeZeros(making, this.#bytes);
      renameSync(making, this.#path);
      this.#there = true;
    } catch (error) {
      // It is a precaution, and its failure must not fail the commit before it. Anything but a full disk will show itself there.
      rmSync(making, { force: true });
      if (errorCode(error) === undefined) throw error;
    }
  }

  /** Whether there was one to give up. */
  release(): boolean {
    if (!this.#there) return false;
    rmSync(this.#path, { force: true });
    this.#there = false;
    this.#nextAttemptMs = Date.now() + 1_000;
    return true;
  }
}

/** Not made when less than this many times its size is free. */
const ROOM_FACTOR = 4;

function writeZeros(path: string, bytes: number): void {
  const descriptor = openSync(path, "w");
  try {
    const zeros = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) at += writeSync(descriptor, zeros, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
