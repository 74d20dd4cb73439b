import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { canceled, deadlineExceeded } from "../errors/service-errors.ts";
import { ACCEPTED_ENCODINGS } from "./grpc-compression.ts";
import type { ServerCall } from "./grpc-method.ts";
import { RequestMetadata, ResponseMetadata } from "./grpc-metadata.ts";
import { encodeGrpcMessage, GrpcCode, GrpcError, toGrpcError } from "./grpc-status.ts";
import type { GrpcServerCore } from "./grpc-server-core.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { WheelEntry } from "./timeout-wheel.ts";

/**
 * One HTTP/2 stream that carries a gRPC call: deadline, abort, headers and trailers; subclasses move the messages.
 *
 * States: `open` (no end decided), `ended` (answer or status handed to the stream; what still arrives is discarded),
 * `closed` (the stream is gone). A handler may still run in the last two; its signal is aborted then.
 */
export abstract class GrpcCall extends WheelEntry implements ServerCall {
  /** Whether the call may stay open without work going on; a drain does not wait for those. */
  readonly longLived: boolean = false;
  readonly path: string;
  readonly #connection: CallConnection;
  readonly deadlineMs: number | undefined;
  requestBytes = 0;
  protected readonly core: GrpcServerCore;
  protected readonly stream: CallStream;
  protected readonly headers: IncomingHttpHeaders;
  protected state: "open" | "ended" | "closed" = "open";
  /** On the clock of `performance.now()`. */
  #deadlineAtMs = Infinity;
  /** When the current transfer has to be over. */
  #transferEndsAtMs = Infinity;
  #metadata: RequestMetadata | undefined;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #responseHeaders: ResponseMetadata | undefined;
  #responseTrailers: ResponseMetadata | undefined;
  #discardedBytes = 0;

  constructor(core: GrpcServerCore, opened: OpenedStream) {
    super();
    this.core = core;
    this.stream = opened.stream;
    this.headers = opened.headers;
    this.path = opened.path;
    this.#connection = opened.connection;
    this.stream[kCall] = this;
    const timeout = opened.headers["grpc-timeout"];
    if (typeof timeout === "string") {
      // A malformed one reads as NaN and is refused in `start`.
      const timeoutMs = parseGrpcTimeout(timeout) ?? NaN;
      this.#deadlineAtMs = performance.now() + timeoutMs;
      this.deadlineMs = Date.now() + timeoutMs;
    }
  }

  /** Attaches to the stream. Called once, right after construction. */
  start(): void {
    const { stream } = this;
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("close", onClose);
    this.core.calls.add(this);
    this.#connection.openCalls++;
    if (Number.isNaN(this.#deadlineAtMs)) {
      this.#deadlineAtMs = Infinity;
      this.fail(
        new GrpcError(GrpcCode.INTERNAL, `malformed grpc-timeout: ${String(this.headers["grpc-timeout"])}`),
      );
      return;
    }
    const encoding = this.headers["grpc-encoding"];
    if (encoding !== undefined && encoding !== "identity" && encoding !== "gzip") {
      this.fail(
        new GrpcError(
          GrpcCode.UNIMPLEMENTED,
          `grpc: Decompressor is not installed for grpc-encoding "${String(encoding)}"; accepted: ${ACCEPTED_ENCODINGS}`,
        ),
      );
      return;
    }
    this.expectTransfer(0);
    this.serve();
  }

  get metadata(): RequestMetadata {
    return (this.#metadata ??= new RequestMetadata(this.headers));
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  setHeader(name: string, value: string | Uint8Array): void {
    (this.#responseHeaders ??= new ResponseMetadata()).set(name, value);
  }

  setTrailer(name: string, value: string | Uint8Array): void {
    (this.#responseTrailers ??= new ResponseMetadata()).set(name, value);
  }

  override onTimeout(nowMs: number): void {
    if (nowMs >= this.#deadlineAtMs) {
      // Once: what the client still sends or reads is timed below.
      this.#deadlineAtMs = Infinity;
      this.#rearm();
      if (this.state !== "open") return;
      this.abort(deadlineExceeded(this.path));
      this.fail(new GrpcError(GrpcCode.DEADLINE_EXCEEDED, "context deadline exceeded"));
    } else if (nowMs >= this.#transferEndsAtMs) {
      if (this.state === "open") this.onTransferTimeout();
      else this.#giveUp();
    } else {
      this.#rearm();
    }
  }

  /** Ends the call from the server's side: the handler is told, the client gets UNAVAILABLE. */
  terminate(reason: string): void {
    this.abort(canceled(reason));
    this.fail(new GrpcError(GrpcCode.UNAVAILABLE, reason));
  }

  /** Ends the call with a status; what the handler still produces is dropped. Safe in every state. */
  fail(error: GrpcError): void {
    if (this.state !== "open") return;
    this.state = "ended";
    this.failure = error;
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    this.onFailed(error);
    if (stream.headersSent) {
      // A status can no longer be put behind the data that is queued already.
      if (stream.writableEnded) this.closeStream(constants.NGHTTP2_CANCEL);
      else stream.end();
      return;
    }
    const headers: OutgoingHttpHeaders = { ...OK_HEADERS, ...this.trailers(error) };
    if (error.code === GrpcCode.UNIMPLEMENTED) headers["grpc-accept-encoding"] = ACCEPTED_ENCODINGS;
    this.endWithHeaders(headers);
  }

  /** The headers are the whole answer. */
  protected endWithHeaders(headers: OutgoingHttpHeaders): void {
    this.state = "ended";
    this.#transferEndsAtMs = performance.now() + this.core.limits.discardMs;
    this.#rearm();
    this.stream.respond(headers, END_STREAM);
    // What the client is still sending is read on and dropped: a stream that is reset while its body is under way
    // counts as abuse for HTTP/2 implementations, ours and theirs.
    this.stream.resume();
  }

  protected failure: GrpcError | undefined;

  /** Accepted: the stream's data is about to arrive. */
  protected serve(): void {}
  protected abstract handleData(chunk: Uint8Array): void;
  /** The client has sent everything. */
  protected abstract handleEnd(): void;
  /** The stream is gone; release what the call holds. */
  protected abstract onClosed(): void;
  /** A status was decided before the regular end. */
  protected onFailed(_error: GrpcError): void {}

  protected onTransferTimeout(): void {
    this.fail(new GrpcError(GrpcCode.CANCELLED, "the request did not arrive in time"));
  }

  protected abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  protected get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Bounds how long moving `bytes` may take: a base and a lowest speed. */
  protected expectTransfer(bytes: number): void {
    const { transferBaseMs, transferBytesPerSecondMin } = this.core.limits;
    this.#transferEndsAtMs = performance.now() + transferBaseMs + (bytes / transferBytesPerSecondMin) * 1000;
    this.#rearm();
  }

  protected transferDone(): void {
    this.#transferEndsAtMs = Infinity;
    this.#rearm();
  }

  protected trailers(error: GrpcError | undefined): OutgoingHttpHeaders {
    const custom = this.#responseTrailers?.values;
    if (error === undefined) return custom === undefined ? OK_TRAILERS : { ...custom, "grpc-status": "0" };
    return { ...custom, "grpc-status": String(error.code), "grpc-message": encodeGrpcMessage(error.message) };
  }

  /** Sends the headers of a good answer; the trailers follow when the body has ended. */
  protected respond(gzipped: boolean): void {
    this.stream.on("wantTrailers", onWantTrailers);
    const custom = this.#responseHeaders?.values;
    if (custom === undefined && !gzipped) {
      this.stream.respond(OK_HEADER_LIST, WAIT_FOR_TRAILERS);
      return;
    }
    const headers: OutgoingHttpHeaders = { ...custom, ...OK_HEADERS };
    if (gzipped) headers["grpc-encoding"] = "gzip";
    this.stream.respond(headers, WAIT_FOR_TRAILERS);
  }

  protected closeStream(code: number): void {
    if (!this.stream.closed && !this.stream.destroyed) this.stream.close(code);
  }

  onData(chunk: Uint8Array): void {
    if (this.state === "open") {
      try {
        this.handleData(chunk);
      } catch (error) {
        this.fail(toGrpcError(error));
      }
      return;
    }
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > this.core.limits.discardedBytesMax)
      this.closeStream(constants.NGHTTP2_NO_ERROR);
  }

  onEnd(): void {
    if (this.state === "open") this.handleEnd();
  }

  onWantTrailers(): void {
    this.stream.sendTrailers(this.trailers(this.failure));
  }

  onClose(): void {
    if (this.state === "closed") return;
    if (this.state === "open") this.abort(canceled(this.path));
    const failure = this.failure ?? (this.state === "open" ? CANCELLED_BY_CLIENT : undefined);
    this.state = "closed";
    this.core.wheel.remove(this);
    this.core.calls.delete(this);
    if (--this.#connection.openCalls === 0) this.#connection.onIdle();
    this.onClosed();
    this.core.onCallEnd?.({
      path: this.path,
      code: failure?.code ?? GrpcCode.OK,
      requestBytes: this.requestBytes,
    });
  }

  /** A stream that cannot even be reset, because its connection is stuck, takes the connection with it. */
  #giveUp(): void {
    if (this.stream.closed || this.stream.destroyed) {
      this.#connection.cut();
      return;
    }
    this.#transferEndsAtMs = performance.now() + this.core.limits.discardMs;
    this.#rearm();
    this.closeStream(constants.NGHTTP2_NO_ERROR);
  }

  #rearm(): void {
    const nextMs = Math.min(this.#deadlineAtMs, this.#transferEndsAtMs);
    if (nextMs === Infinity) this.core.wheel.remove(this);
    else this.core.wheel.add(this, nextMs);
  }
}

export interface OpenedStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly connection: CallConnection;
}

/** What the calls of one connection share. */
export interface CallConnection {
  /** `address:port` of the client. */
  readonly peer: string;
  openCalls: number;
  /** The last open call has ended. */
  onIdle(): void;
  /** Ends the connection at once. */
  cut(): void;
}

/** Where a stream keeps its call, so that listeners are shared functions instead of closures per call. */
const kCall: unique symbol = Symbol("call");

interface CallStream extends ServerHttp2Stream {
  [kCall]?: GrpcCall;
}

const OK_HEADERS: OutgoingHttpHeaders = { ":status": 200, "content-type": "application/grpc" };
/** The same as a flat list, which Node sends without copying it. */
const OK_HEADER_LIST = [":status", "200", "content-type", "application/grpc"];
const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };
const WAIT_FOR_TRAILERS = { waitForTrailers: true, sendDate: false };
const END_STREAM = { endStream: true, sendDate: false };
const CANCELLED_BY_CLIENT = new GrpcError(GrpcCode.CANCELLED, "cancelled by the client");

function onData(this: CallStream, chunk: Buffer): void {
  this[kCall]?.onData(chunk);
}

function onEnd(this: CallStream): void {
  this[kCall]?.onEnd();
}

function onWantTrailers(this: CallStream): void {
  this[kCall]?.onWantTrailers();
}

function onClose(this: CallStream): void {
  this[kCall]?.onClose();
}
