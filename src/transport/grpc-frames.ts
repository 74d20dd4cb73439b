import { GrpcCode, GrpcError } from "./grpc-status.ts";

/** Bytes before each message: a compressed flag and the length, big-endian. */
export const FRAME_PREFIX_BYTES = 5;

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

/** Fills in the prefix of `frame`, an encoded message behind `FRAME_PREFIX_BYTES` of room. */
export function writeFramePrefix(frame: Uint8Array, compressed: boolean): void {
  const length = frame.length - FRAME_PREFIX_BYTES;
  frame[0] = compressed ? 1 : 0;
  frame[1] = length >>> 24;
  frame[2] = length >>> 16;
  frame[3] = length >>> 8;
  frame[4] = length;
}

/** A copy of `bytes` behind `headroom` free bytes, for methods whose messages are encoded already. */
export function withHeadroom(bytes: Uint8Array, headroom: number): Uint8Array {
  const framed = Buffer.allocUnsafe(headroom + bytes.length);
  framed.set(bytes, headroom);
  return framed;
}
