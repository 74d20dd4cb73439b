import { GrpcCode, GrpcError } from "./grpc-status.ts";

/** Bytes before each message: a compressed flag and the length, big-endian. */
export const FRAME_PREFIX_BYTES = 5;

/** Messages up to this size are copied behind their prefix, which is cheaper than a second write. */
const COPIED_BYTES_MAX = 64 * 1024;

/** Reads the prefix at `offset` of `bytes`, which holds all five bytes; checks flag and length. */
export function readFramePrefix(bytes: Uint8Array, offset: number, receiveBytesMax: number): FramePrefix {
  const flag = bytes[offset] ?? 0;
  if (flag > 1) {
    throw new GrpcError(
      GrpcCode.INTERNAL,
      `grpc: received unexpected payload format ${flag}, expected 0 or 1`,
    );
  }
  const length =
    (bytes[offset + 1] ?? 0) * 0x1000000 +
    (((bytes[offset + 2] ?? 0) << 16) | ((bytes[offset + 3] ?? 0) << 8) | (bytes[offset + 4] ?? 0));
  if (length > receiveBytesMax) {
    throw new GrpcError(
      GrpcCode.RESOURCE_EXHAUSTED,
      `grpc: received message larger than max (${length} vs. ${receiveBytesMax})`,
    );
  }
  return { compressed: flag === 1, length };
}

export interface FramePrefix {
  readonly compressed: boolean;
  /** Bytes of the message as sent, compressed or not. */
  readonly length: number;
}

/** The prefix and the message as one or two buffers to write. */
export function frameMessage(message: Uint8Array, compressed: boolean): readonly Uint8Array[] {
  const { length } = message;
  if (length > COPIED_BYTES_MAX) {
    const prefix = Buffer.allocUnsafe(FRAME_PREFIX_BYTES);
    writePrefix(prefix, length, compressed);
    return [prefix, message];
  }
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + length);
  writePrefix(frame, length, compressed);
  frame.set(message, FRAME_PREFIX_BYTES);
  return [frame];
}

function writePrefix(target: Buffer, length: number, compressed: boolean): void {
  target[0] = compressed ? 1 : 0;
  target.writeUInt32BE(length, 1);
}
