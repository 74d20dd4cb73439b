import { Deferred } from "../base/deferred.ts";
import { GrpcCall, type OpenedStream } from "./grpc-call.ts";
import { gunzipMessage, gunzippedBytes } from "./grpc-compression.ts";
import { FRAME_PREFIX_BYTES, readFramePrefix, writeFramePrefix, type FramePrefix } from "./grpc-frames.ts";
import type { StreamMethod } from "./grpc-method.ts";
import type { GrpcServerCore } from "./grpc-server-core.ts";
import { GrpcCode, GrpcError, toGrpcError } from "./grpc-status.ts";

/**
 * A call with any number of small messages in both directions (health watches, reflection). Reads no further ahead
 * than the handler takes messages; a client that does not read holds back the handler's `send`.
 */
export class StreamCall extends GrpcCall {
  override readonly longLived = true;
  readonly #method: StreamMethod;
  #unread: Uint8Array = EMPTY;
  #endReached = false;
  #wake = new Deferred();
  /** Of a `send` that waits for the client to read. */
  #drained: Deferred | undefined;

  constructor(core: GrpcServerCore, opened: OpenedStream, method: StreamMethod) {
    super(core, opened);
    this.#method = method;
  }

  protected override serve(): void {
    this.transferDone();
    this.core.handlersRunning++;
    void this.#handle();
  }

  protected override handleData(chunk: Uint8Array): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    this.stream.pause();
    this.#wake.resolve();
  }

  protected override handleEnd(): void {
    this.#endReached = true;
    this.#wake.resolve();
  }

  protected override onFailed(error: GrpcError): void {
    this.abort(error);
    this.#wake.resolve();
    this.#drained?.resolve();
  }

  protected override onClosed(): void {
    this.#wake.resolve();
    this.#drained?.resolve();
  }

  async #handle(): Promise<void> {
    try {
      await this.#method.handle(this, this.#requests(), (response) => this.#send(response));
      this.#finish();
    } catch (error) {
      this.fail(toGrpcError(error));
    } finally {
      this.core.handlersRunning--;
    }
  }

  #finish(): void {
    const { stream } = this;
    if (this.state !== "open" || stream.closed || stream.destroyed) return;
    this.state = "ended";
    if (!stream.headersSent) this.respond(false);
    this.expectTransfer(0);
    stream.resume();
    stream.end();
  }

  async *#requests(): AsyncGenerator<unknown> {
    for (;;) {
      if (this.state !== "open") return;
      const prefix = this.#nextPrefix();
      if (prefix !== undefined) {
        const end = FRAME_PREFIX_BYTES + prefix.length;
        const message = this.#unread.subarray(FRAME_PREFIX_BYTES, end);
        this.#unread = this.#unread.subarray(end);
        yield this.#decode(prefix.compressed ? await this.#unpack(message) : message);
      } else if (this.#endReached) {
        if (this.#unread.length === 0) return;
        throw new GrpcError(GrpcCode.INTERNAL, `grpc: the request ended within a message`);
      } else {
        this.#wake = new Deferred();
        this.stream.resume();
        await this.#wake.promise;
      }
    }
  }

  /** Of a message that has arrived as a whole. */
  #nextPrefix(): FramePrefix | undefined {
    if (this.#unread.length < FRAME_PREFIX_BYTES) return undefined;
    const prefix = readFramePrefix(this.#unread, 0, this.core.limits.streamMessageBytesMax);
    return this.#unread.length < FRAME_PREFIX_BYTES + prefix.length ? undefined : prefix;
  }

  async #unpack(message: Uint8Array): Promise<Uint8Array> {
    if (this.headers["grpc-encoding"] !== "gzip") {
      throw new GrpcError(GrpcCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding");
    }
    const bytes = gunzippedBytes(message);
    const max = this.core.limits.streamMessageBytesMax;
    if (bytes <= max) return gunzipMessage(message, bytes);
    throw new GrpcError(
      GrpcCode.RESOURCE_EXHAUSTED,
      `grpc: received message larger than max (${bytes} vs. ${max})`,
    );
  }

  #decode(bytes: Uint8Array): unknown {
    try {
      return this.#method.decode(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new GrpcError(GrpcCode.INTERNAL, `grpc: error unmarshalling request: ${why}`, error);
    }
  }

  async #send(response: unknown): Promise<void> {
    const { stream } = this;
    if (this.state !== "open" || stream.closed || stream.destroyed) return;
    if (!stream.headersSent) this.respond(false);
    const frame = this.#method.encode(response, FRAME_PREFIX_BYTES);
    writeFramePrefix(frame, false);
    if (stream.write(frame)) return;
    const drained = (this.#drained = new Deferred());
    stream.once("drain", drained.resolve);
    await drained.promise;
  }
}

const EMPTY = new Uint8Array(0);
