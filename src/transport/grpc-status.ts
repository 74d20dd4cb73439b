import { isRedkiteError } from "../errors/redkite-error.ts";

/** gRPC's status codes by name (grpc.io, "Status codes and their use in gRPC"). */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

/** What a call ends with when it does not end well: becomes `grpc-status` and `grpc-message`. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * The status of a failure that no handler turned into an answer. Expected errors of the system normally travel inside
 * the response message; the few that reach this point keep their message. Anything else is UNKNOWN, as in grpc-go.
 */
export function toGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  if (isRedkiteError(error, "deadlineExceeded"))
    return new GrpcError(GrpcCode.DEADLINE_EXCEEDED, error.message, error);
  if (isRedkiteError(error, "canceled")) return new GrpcError(GrpcCode.CANCELLED, error.message, error);
  if (isRedkiteError(error) && error.retriable)
    return new GrpcError(GrpcCode.UNAVAILABLE, error.message, error);
  return new GrpcError(GrpcCode.UNKNOWN, error instanceof Error ? error.message : String(error), error);
}

/** Percent-encodes as gRPC's HTTP/2 mapping asks: bytes of UTF-8 outside of space to `~`, and `%` itself. */
export function encodeGrpcMessage(message: string): string {
  if (!/[^ -$&-~]/.test(message)) return message;
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
