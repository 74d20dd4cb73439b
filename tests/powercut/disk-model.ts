import type { Prng } from "../../src/base/prng.ts";
import { Pending } from "./pending.ts";
import type { FileCall } from "./read-record.ts";

/** What a power cut left of a folder. */
export interface ImageFolder {
  readonly entries: ReadonlyMap<string, ImageFolder | Uint8Array>;
}

/**
 * A file system in memory, driven by recorded calls, that promises as little as one may: what was not synced is kept or lost by
 * 512-byte sectors, sizes and directory entries, each on its own; a sync of a file says nothing about its name.
 */
export class DiskModel {
  readonly #root: string;
  readonly #inodes = new Map<number, FolderNode | FileNode>();
  readonly #syncs = new Map<string, number>();
  #calls = 0;

  /** @param root an empty folder whose own name is durable */
  constructor(root: { readonly path: string; readonly inode: number }) {
    this.#root = root.path;
    this.#inodes.set(root.inode, this.#top);
  }

  readonly #top = new FolderNode();

  apply(call: FileCall): void {
    const at = this.#calls++;
    switch (call.call) {
      case "create":
      case "mkdir": {
        const node = call.call === "create" ? new FileNode() : new FolderNode();
        this.#inodes.set(call.inode, node);
        this.#set(call.path, node, at);
        break;
      }
      case "write":
        this.#file(call.inode).write(call.offset, call.bytes, at);
        break;
      case "zeros":
        this.#file(call.inode).write(call.offset, new Uint8Array(call.length), at);
        break;
      case "truncate":
        this.#file(call.inode).truncate(call.size, at);
        break;
      case "syncing":
        this.#syncs.set(call.token, at);
        break;
      case "synced": {
        const began = this.#syncs.get(call.token);
        if (began === undefined) throw new Error(`the sync ${call.token} ended without a beginning`);
        this.#inodes.get(call.inode)?.sync(began);
        this.#syncs.delete(call.token);
        break;
      }
      case "rename": {
        const node = this.#find(call.from);
        if (node === undefined) throw new Error(`${call.from} is renamed but was never made`);
        this.#set(call.from, undefined, at);
        this.#set(call.to, node, at);
        break;
      }
      case "remove":
        this.#set(call.path, undefined, at);
        break;
      case "note":
        break;
      case "violation":
        throw new Error(`a call that the model of the disk does not know: ${call.text}`);
    }
  }

  /** As the kernel shows it now. */
  current(): ImageFolder {
    return this.#top.current();
  }

  /** What a power cut now may leave. */
  survivor(rng: Prng): ImageFolder {
    return this.#top.survivor(rng, rng.pick(SHARES));
  }

  #file(inode: number): FileNode {
    const node = this.#inodes.get(inode);
    if (!(node instanceof FileNode)) throw new Error(`inode ${inode} is written but was never made`);
    return node;
  }

  #find(path: string): FolderNode | FileNode | undefined {
    const names = path.slice(this.#root.length).split("/").filter(Boolean);
    let node: FolderNode | FileNode | undefined = this.#top;
    for (const name of names) node = node instanceof FolderNode ? node.get(name) : undefined;
    return node;
  }

  #set(path: string, node: FolderNode | FileNode | undefined, at: number): void {
    const slash = path.lastIndexOf("/");
    const folder = this.#find(path.slice(0, slash));
    if (!(folder instanceof FolderNode)) throw new Error(`${path} lies in no folder`);
    folder.set(path.slice(slash + 1), node, at);
  }
}

/** How much of what was not synced an image keeps: all, none, and between. */
const SHARES: readonly number[] = [0, 0.1, 0.5, 0.9, 1];

class FolderNode {
  readonly #entries = new Map<string, Pending<FolderNode | FileNode | undefined>>();

  get(name: string): FolderNode | FileNode | undefined {
    return this.#entries.get(name)?.latest;
  }

  set(name: string, node: FolderNode | FileNode | undefined, at: number): void {
    const entry = this.#entries.get(name) ?? new Pending<FolderNode | FileNode | undefined>(undefined);
    this.#entries.set(name, entry);
    entry.set(node, at);
  }

  sync(before: number): void {
    for (const [name, entry] of this.#entries) {
      entry.sync(before);
      if (entry.settled && entry.latest === undefined) this.#entries.delete(name);
    }
  }

  current(): ImageFolder {
    return this.#image(
      (entry) => entry.latest,
      (node) => node.current(),
    );
  }

  survivor(rng: Prng, share: number): ImageFolder {
    return this.#image(
      (entry) => entry.survivor(rng, share),
      // Half of the files go their own way.
      (node) => node.survivor(rng, rng.chance(0.5) ? share : rng.pick(SHARES)),
    );
  }

  #image(
    choose: (entry: Pending<FolderNode | FileNode | undefined>) => FolderNode | FileNode | undefined,
    take: (node: FolderNode | FileNode) => ImageFolder | Uint8Array,
  ): ImageFolder {
    const entries = new Map<string, ImageFolder | Uint8Array>();
    for (const [name, entry] of this.#entries) {
      const node = choose(entry);
      if (node !== undefined) entries.set(name, take(node));
    }
    return { entries };
  }
}

const SECTOR_BYTES = 512;

class FileNode {
  /** As the kernel shows it; zeros behind the size. */
  #bytes = new Uint8Array(0);
  readonly #size = new Pending(0);
  /** By number, those that are not settled. Each version is the whole sector. */
  readonly #sectors = new Map<number, Pending<Uint8Array>>();

  write(offset: number, bytes: Uint8Array, at: number): void {
    const end = offset + bytes.length;
    this.#reserve(end);
    this.#change(offset, end, at, () => this.#bytes.set(bytes, offset));
    if (end > this.#size.latest) this.#size.set(end, at);
  }

  truncate(size: number, at: number): void {
    this.#reserve(size);
    const old = this.#size.latest;
    if (size < old) this.#change(size, old, at, () => this.#bytes.fill(0, size, old));
    if (size !== old) this.#size.set(size, at);
  }

  sync(before: number): void {
    this.#size.sync(before);
    for (const [number, sector] of this.#sectors) {
      sector.sync(before);
      if (sector.settled) this.#sectors.delete(number);
    }
  }

  current(): Uint8Array {
    return this.#bytes.slice(0, this.#size.latest);
  }

  survivor(rng: Prng, share: number): Uint8Array {
    const size = this.#size.survivor(rng, share);
    const image = new Uint8Array(size);
    image.set(this.#bytes.subarray(0, size));
    for (const [number, sector] of this.#sectors) {
      const start = number * SECTOR_BYTES;
      const bytes = sector.survivor(rng, share);
      if (start < size) image.set(bytes.subarray(0, Math.min(SECTOR_BYTES, size - start)), start);
    }
    return image;
  }

  #change(from: number, to: number, at: number, apply: () => void): void {
    const first = Math.floor(from / SECTOR_BYTES);
    const last = Math.ceil(to / SECTOR_BYTES);
    for (let number = first; number < last; number++) {
      if (!this.#sectors.has(number)) this.#sectors.set(number, new Pending(this.#sector(number)));
    }
    apply();
    for (let number = first; number < last; number++)
      this.#sectors.get(number)?.set(this.#sector(number), at);
  }

  #sector(number: number): Uint8Array {
    const bytes = this.#bytes.subarray(number * SECTOR_BYTES, (number + 1) * SECTOR_BYTES);
    // Most are zeros, of preallocated files.
    return bytes.every((byte) => byte === 0) ? ZEROS : bytes.slice();
  }

  #reserve(bytes: number): void {
    const whole = Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
    if (whole <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(whole, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

const ZEROS = new Uint8Array(SECTOR_BYTES);
