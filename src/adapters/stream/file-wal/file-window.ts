import type { DiskFile } from "../../../ports/disk.ts";

/** A buffer that moves over a file. */
export class FileWindow {
  readonly #file: DiskFile;
  readonly #buffer: Uint8Array;
  #start = 0;
  #length = 0;

  /** @param bytesMax the most that will be asked for, if that is little */
  constructor(file: DiskFile, bytesMax = WINDOW_BYTES) {
    this.#file = file;
    this.#buffer = new Uint8Array(Math.min(bytesMax, WINDOW_BYTES));
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  /** At most `capacity` bytes, fewer only at the end of the file; valid until the next call. */
  async view(offset: number, count: number): Promise<Uint8Array> {
    const within = offset >= this.#start && offset + count <= this.#start + this.#length;
    if (!within) {
      this.#length = await this.#file.read(offset, this.#buffer);
      this.#start = offset;
    }
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + count, this.#length));
  }

  /** Any number of bytes, fewer only at the end of the file. */
  async copy(offset: number, count: number): Promise<Uint8Array> {
    if (count <= this.capacity) return (await this.view(offset, count)).slice();
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, await this.#file.read(offset, bytes));
  }

  /** Whether [from, to) holds nothing but zeros. */
  async isZero(from: number, to: number): Promise<boolean> {
    return (await this.lastNonZero(from, to)) === undefined;
  }

  /** Offset of the last byte in [from, to) that is not zero. */
  async lastNonZero(from: number, to: number): Promise<number | undefined> {
    let last: number | undefined;
    for (let at = from; at < to;) {
      const bytes = await this.view(at, Math.min(this.capacity, to - at));
      if (bytes.length === 0) break;
      // Mostly zeros, of space that was claimed in advance: a comparison of memory is what takes them at the disk's speed.
      if (Buffer.compare(bytes, zeros.subarray(0, bytes.length)) !== 0)
        last = at + bytes.findLastIndex((byte) => byte !== 0);
      at += bytes.length;
    }
    return last;
  }
}

const WINDOW_BYTES = 1 << 20;
const zeros = new Uint8Array(WINDOW_BYTES);
