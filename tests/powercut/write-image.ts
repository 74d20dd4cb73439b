import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { ImageFolder } from "./disk-model.ts";

/** Writes an image to a folder, files with holes where they are zero. */
export function writeImage(image: ImageFolder, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, entry] of image.entries) {
    const path = join(folder, name);
    if (entry instanceof Uint8Array) writeSparse(path, entry);
    else writeImage(entry, path);
  }
}

/** The first path at which the image and the folder differ; undefined when they are the same. */
export function difference(image: ImageFolder, folder: string): string | undefined {
  const names = new Set([...image.entries.keys(), ...readdirSync(folder)]);
  for (const name of names) {
    const path = join(folder, name);
    const entry = image.entries.get(name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (entry === undefined) return `${path} is not in the record`;
    if (stats === undefined) return `${path} is only in the record`;
    if (entry instanceof Uint8Array) {
      if (!stats.isFile() || Buffer.compare(readFileSync(path), entry) !== 0)
        return `${path} differs from the record`;
    } else {
      const inside = stats.isDirectory() ? difference(entry, path) : `${path} is no folder`;
      if (inside !== undefined) return inside;
    }
  }
  return undefined;
}

function writeSparse(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "w");
  try {
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, Math.min(at + BLOCK_BYTES, bytes.length));
      if (Buffer.compare(block, ZEROS.subarray(0, block.length)) !== 0)
        writeSync(file, block, 0, block.length, at);
    }
    ftruncateSync(file, bytes.length);
  } finally {
    closeSync(file);
  }
}

const BLOCK_BYTES = 64 << 10;
const ZEROS = new Uint8Array(BLOCK_BYTES);
