import type { Checksum } from "../base/crc32c.ts";

/** The header of a frame of the write-ahead log. Byte table and rules: docs/internals/wal.md. */
export interface WalFrameHeader {
  readonly position: bigint;
  /** Everything below was durable when the frame was written. */
  readonly synced: bigint;
  /** The topic's record before this frame; 0 when there is none. */
  readonly previous: bigint;
  /** 0 in `head` and `close`. */
  readonly topic: number;
  readonly run: number;
  readonly kind: WalFrameKind;
  readonly payloadBytes: number;
  readonly payloadChecksum: number;
}

export const WalFrameKind = { head: 1, create: 2, drop: 3, truncate: 4, record: 5, close: 6 } as const;
export type WalFrameKind = (typeof WalFrameKind)[keyof typeof WalFrameKind];

export const WAL_HEADER_BYTES = 56;
export const WAL_ALIGNMENT = 8;

/** Bytes of a whole frame, padding included. */
export function walFrameBytes(payloadBytes: number): number {
  return WAL_HEADER_BYTES + Math.ceil(payloadBytes / WAL_ALIGNMENT) * WAL_ALIGNMENT;
}

/** File numbers fit 31 bits, offsets 32. */
export function walPosition(file: number, offset: number): bigint {
  return (BigInt(file) << 32n) | BigInt(offset);
}

export function walFileOf(position: bigint): number {
  return Number(position >> 32n);
}

export function walOffsetOf(position: bigint): number {
  return Number(position & 0xffff_ffffn);
}

/** Writes `WAL_HEADER_BYTES` bytes at `at`. */
export function encodeWalHeader(
  into: Uint8Array,
  at: number,
  header: WalFrameHeader,
  checksum: Checksum,
): void {
  const view = new DataView(into.buffer, into.byteOffset + at, WAL_HEADER_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setBigUint64(8, header.position, true);
  view.setBigUint64(16, header.synced, true);
  view.setBigUint64(24, header.previous, true);
  view.setUint32(32, header.topic, true);
  view.setUint32(36, header.run, true);
  view.setUint32(40, header.payloadBytes, true);
  view.setUint32(44, header.kind, true);
  view.setUint32(48, header.payloadChecksum, true);
  view.setUint32(52, 0, true);
  view.setUint32(4, checksum(into.subarray(at + 8, at + WAL_HEADER_BYTES)), true);
}

/**
 * The header at `at`, or undefined when there is none: too few bytes, another position than `position`, a wrong
 * checksum, or values that no writer writes.
 */
export function decodeWalHeader(
  bytes: Uint8Array,
  at: number,
  position: bigint,
  checksum: Checksum,
): WalFrameHeader | undefined {
  if (bytes.length - at < WAL_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, WAL_HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC || view.getBigUint64(8, true) !== position) return undefined;
  if (view.getUint32(4, true) !== checksum(bytes.subarray(at + 8, at + WAL_HEADER_BYTES))) return undefined;
  const kind = KINDS[view.getUint32(44, true)];
  const header = {
    position,
    synced: view.getBigUint64(16, true),
    previous: view.getBigUint64(24, true),
    topic: view.getUint32(32, true),
    run: view.getUint32(36, true),
    payloadBytes: view.getUint32(40, true),
    payloadChecksum: view.getUint32(48, true),
  };
  if (kind === undefined || header.synced > position || header.previous >= position) return undefined;
  return { ...header, kind };
}

/** `RWK1`. */
const MAGIC = 0x314b5752;

const KINDS: readonly (WalFrameKind | undefined)[] = [undefined, 1, 2, 3, 4, 5, 6];
