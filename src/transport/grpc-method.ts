import type { RequestMetadata } from "./grpc-metadata.ts";

/** One method of a served gRPC service, under its path `/package.Service/Method`. */
export type GrpcMethod = UnaryMethod | StreamMethod;

export interface UnaryMethod<Request = unknown, Response = unknown> {
  readonly kind?: "unary";
  /**
   * Throws on bytes that are not the message; the client gets INTERNAL, as from grpc-go. The bytes may be kept, unless
   * `requestBytes` says that they are borrowed.
   */
  decode(bytes: Uint8Array): Request;
  /** `borrowed`: nothing looks at the request's bytes once its answer is encoded; large ones are then used again. */
  readonly requestBytes?: "borrowed";
  /** The message behind `headroom` bytes of room for its prefix: a big answer is then sent without a copy. */
  encode(message: Response, headroom: number): Uint8Array;
  /**
   * A rejection becomes the call's status (`toGrpcError`). The handler should end soon after `call.signal` aborts: its
   * place among the running calls and its bytes are given back only then.
   */
  handle(call: ServerCall, request: Request): Promise<Response>;
  /**
   * Bytes to admit against the bound of bytes in flight, from the length in the prefix, before the body is buffered.
   * Default: that length. 0 passes always (health probes).
   */
  inflightBytesCost?(messageBytes: number): number;
}

/** A method with any number of messages in either direction; for small messages, one at a time. */
export interface StreamMethod<Request = unknown, Response = unknown> {
  readonly kind: "stream";
  decode(bytes: Uint8Array): Request;
  encode(message: Response, headroom: number): Uint8Array;
  /** The call ends when the promise settles. `send` resolves when the client has taken enough to go on. */
  handle(
    call: ServerCall,
    requests: AsyncIterable<Request>,
    send: (response: Response) => Promise<void>,
  ): Promise<void>;
}

/** What a handler knows of the call it serves, and where it leaves response metadata. */
export interface ServerCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: RequestMetadata;
  /** Milliseconds since the Unix epoch; undefined when the client set no deadline. */
  readonly deadlineMs: number | undefined;
  /** Created on first use: a handler that never looks at it does not pay for it. */
  readonly signal: AbortSignal;
  /** `address:port` of the client. */
  readonly peer: string;
  /** Bytes of the request message after decompression; 0 for streaming calls. */
  readonly requestBytes: number;
  setHeader(name: string, value: string | Uint8Array): void;
  setTrailer(name: string, value: string | Uint8Array): void;
}
