import type { Checksum } from "../../../base/crc32c.ts";
import {
  decodeWalHeader,
  walFrameBytes,
  WalFrameKind,
  walPosition,
  WAL_ALIGNMENT,
  WAL_HEADER_BYTES,
  type WalFrameHeader,
} from "../../../format/wal-frame.ts";
import type { DiskFile } from "../../../ports/disk.ts";
import { FileWindow } from "./file-window.ts";

/**
 * Reads a log file from the start and tells `visit` what stands there, in order. Memory is one window, whatever the file's size.
 *
 * @param limit offset at which the file's valid contents end by another file's word; undefined to find the end: where only
 *   zeros follow
 * @returns where the last readable frame ends, or the gap after it begins
 */
export async function scanWalFile(
  file: ScannedFile,
  limit: number | undefined,
  visit: (item: ScanItem) => void,
): Promise<number> {
  const { number, handle, checksum } = file;
  const size = await handle.size();
  const window = new FileWindow(handle, size);
  const stop = limit ?? size;
  let at = 0;
  while (at < stop) {
    const header = decodeWalHeader(
      await window.view(at, WAL_HEADER_BYTES),
      0,
      walPosition(number, at),
      checksum,
    );
    if (header === undefined) {
      const next = await findHeader(file, window, at + WAL_ALIGNMENT, Math.min(stop, size));
      if (next === undefined && limit === undefined && (await window.isZero(at, size))) return at;
      visit({ item: "gap", from: at, to: next ?? stop });
      if (next === undefined) return at;
      at = next;
      continue;
    }
    const end = at + walFrameBytes(header.payloadBytes);
    const payload = end <= Math.min(stop, size) ? await readPayload(file, window, at, header) : undefined;
    visit(payload === undefined ? { item: "badPayload", header } : { item: "frame", header, payload });
    // A length that leaves the file is all that is left of the frame.
    at = Math.min(end, stop);
  }
  return at;
}

/** The head of a log file, undefined when it is not readable. */
export async function readHeadFrame(
  file: ScannedFile,
): Promise<{ readonly header: WalFrameHeader; readonly payload: Uint8Array } | undefined> {
  const window = new FileWindow(file.handle, HEAD_WINDOW_BYTES);
  const bytes = await window.view(0, WAL_HEADER_BYTES);
  const header = decodeWalHeader(bytes, 0, walPosition(file.number, 0), file.checksum);
  if (header === undefined || header.kind !== WalFrameKind.head) return undefined;
  if (walFrameBytes(header.payloadBytes) > (await file.handle.size())) return undefined;
  const payload = await readPayload(file, window, 0, header);
  return payload && { header, payload };
}

export interface ScannedFile {
  readonly number: number;
  readonly handle: DiskFile;
  readonly checksum: Checksum;
}

export type ScanItem =
  /** `payload` is empty for records, whose bytes are only verified; valid during the call. */
  | { readonly item: "frame"; readonly header: WalFrameHeader; readonly payload: Uint8Array }
  /** The header is right, the payload is not. */
  | { readonly item: "badPayload"; readonly header: WalFrameHeader }
  /** No valid header in [from, to). */
  | { readonly item: "gap"; readonly from: number; readonly to: number };

/** Undefined when the checksum differs. */
async function readPayload(
  file: ScannedFile,
  window: FileWindow,
  at: number,
  header: WalFrameHeader,
): Promise<Uint8Array | undefined> {
  const start = at + WAL_HEADER_BYTES;
  const end = start + header.payloadBytes;
  if (header.kind !== WalFrameKind.record) {
    const payload = await window.copy(start, header.payloadBytes);
    return file.checksum(payload) === header.payloadChecksum ? payload : undefined;
  }
  let checksum = 0;
  for (let from = start; from < end;) {
    const bytes = await window.view(from, Math.min(end - from, window.capacity));
    checksum = file.checksum(bytes, checksum);
    if (bytes.length === 0) return undefined;
    from += bytes.length;
  }
  return checksum === header.payloadChecksum ? NOTHING : undefined;
}

/** The offset of the first valid header in [from, stop). */
async function findHeader(
  file: ScannedFile,
  window: FileWindow,
  from: number,
  stop: number,
): Promise<number | undefined> {
  for (let start = from; start + WAL_HEADER_BYTES <= stop;) {
    const bytes = await window.view(start, Math.min(window.capacity, stop - start));
    let offset = 0;
    for (; offset + WAL_HEADER_BYTES <= bytes.length; offset += WAL_ALIGNMENT) {
      // Zeros make most of what is searched.
      if (bytes[offset] === 0) continue;
      const position = walPosition(file.number, start + offset);
      if (decodeWalHeader(bytes, offset, position, file.checksum) !== undefined) return start + offset;
    }
    if (offset === 0) return undefined;
    start += offset;
  }
  return undefined;
}

const HEAD_WINDOW_BYTES = 16 << 10;
const NOTHING = new Uint8Array(0);
