import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { GrpcCode, GrpcError } from "./grpc-status.ts";

/** What the server sends in `grpc-accept-encoding`. */
export const ACCEPTED_ENCODINGS = "identity,gzip";

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** A gzip stream ends with the length of what it unpacks to, modulo 2^32 (RFC 1952, section 2.3.1). */
export function gunzippedBytes(message: Uint8Array): number {
  if (message.length < GZIP_BYTES_MIN) throw damaged(`it has only ${message.length} bytes`);
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength).readUInt32LE(message.length - 4);
}

/**
 * Unpacks what declares to have `expectedBytes`; more than that is refused without being produced, so that a small
 * message cannot fill the memory.
 */
export async function gunzipMessage(message: Uint8Array, expectedBytes: number): Promise<Uint8Array> {
  try {
    const chunkSize = Math.min(Math.max(expectedBytes, 1024), 1024 * 1024);
    return await gunzipAsync(message, { chunkSize, maxOutputLength: Math.max(expectedBytes, 1) });
  } catch (error) {
    throw damaged(error instanceof Error ? error.message : String(error), error);
  }
}

export async function gzipMessage(message: Uint8Array): Promise<Uint8Array> {
  return gzipAsync(message, { level: 1 });
}

function damaged(why: string, cause?: unknown): GrpcError {
  return new GrpcError(GrpcCode.INTERNAL, `grpc: failed to decompress the received message: ${why}`, cause);
}

const GZIP_BYTES_MIN = 20;
