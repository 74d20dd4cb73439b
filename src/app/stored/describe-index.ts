import type { FileHandle } from "node:fs/promises";
import { crc32c } from "../../base/crc32c.ts";
import { describeValue } from "./describe-value.ts";
import { INDEX_FORMATS, type IndexFormat } from "./index-headers.ts";

/** Whether the first four bytes are those of an index. */
export function isIndexMagic(magic: string): boolean {
  return INDEX_FORMATS.has(magic);
}

/**
 * The header of an index file, with the blocks that are damaged where the format has checksums of them. Reads in pieces: the file may be
 * larger than memory. Throws RangeError on one that is too short.
 */
export async function* describeIndex(magic: string, file: FileHandle): AsyncGenerator<string> {
  const format = INDEX_FORMATS.get(magic);
  if (format === undefined) throw new RangeError(`no index begins with ${magic}`);
  const header = await bytesAt(file, 0, format.headerBytes);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const intact = isIntact(format, view, header);
  const { size } = await file.stat();
  const blockChecksums = intact === false ? undefined : format.blockChecksums?.(view);
  yield* describeValue({
    file: format.title,
    version: view.getUint16(4, true),
    headerChecksum: intact === undefined ? undefined : intact ? "right" : "DAMAGED",
    ...format.describe(view),
    fileBytes: size,
    damagedBlocks:
      blockChecksums === undefined
        ? undefined
        : await damagedBlocks(file, { from: format.headerBytes, end: blockChecksums, size }),
  });
}

function isIntact({ checksumAt }: IndexFormat, view: DataView, header: Uint8Array): boolean | undefined {
  if (checksumAt === undefined) return undefined;
  return crc32c(header.subarray(0, checksumAt)) === view.getUint32(checksumAt, true);
}

/** Numbers of the 1 MiB blocks whose checksum differs, or that the file ends before. */
async function damagedBlocks(
  file: FileHandle,
  { from, end, size }: { readonly from: number; readonly end: number; readonly size: number },
): Promise<readonly number[]> {
  const damaged: number[] = [];
  for (let start = from, block = 0; start < end; start += BLOCK_BYTES, block++) {
    const at = end + block * 4;
    if (at + 4 > size) {
      damaged.push(block);
      continue;
    }
    const stored = await bytesAt(file, at, 4);
    const content = await bytesAt(file, start, Math.min(BLOCK_BYTES, end - start));
    if (crc32c(content) !== new DataView(stored.buffer, stored.byteOffset).getUint32(0, true))
      damaged.push(block);
  }
  return damaged;
}

async function bytesAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset);
  if (bytesRead < length) throw new RangeError(`the file ends at ${offset + bytesRead}`);
  return buffer;
}

const BLOCK_BYTES = 1 << 20;
