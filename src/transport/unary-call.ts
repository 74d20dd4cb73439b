import { GrpcCall, type OpenedStream } from "./grpc-call.ts";
import { gunzipMessage, gunzippedBytes, gzipMessage } from "./grpc-compression.ts";
import { FRAME_PREFIX_BYTES, readFramePrefix, withHeadroom, writeFramePrefix } from "./grpc-frames.ts";
import type { UnaryMethod } from "./grpc-method.ts";
import type { GrpcServerCore } from "./grpc-server-core.ts";
import { GrpcCode, GrpcError, toGrpcError } from "./grpc-status.ts";
import type { Waiter } from "./inflight-bytes.ts";

/**
 * A call with one message in each direction, the path that every search takes. The request's prefix is checked and
 * its bytes are admitted before the body is buffered; a body that lies in one chunk is never copied.
 */
export class UnaryCall extends GrpcCall implements Waiter {
  /** What the request was admitted with. */
  cost = 0;
  readonly #method: UnaryMethod;
  /** Of a prefix that came in pieces. */
  #prefix: Uint8Array = EMPTY;
  #compressed = false;
  #message: Uint8Array | undefined;
  /** `#message`, when it goes back for other requests. */
  #borrowed: Uint8Array | undefined;
  /** Bytes of `#message` that have arrived. */
  #filled = 0;
  #admission: "none" | "waiting" | "admitted" = "none";
  /** Arrived behind the prefix while the request waited for admission. */
  #held: Uint8Array = EMPTY;
  #heldLength = 0;
  #endReached = false;
  #handling = false;
  /** Response bytes and unpacked request bytes, charged beyond `cost`. */
  #charged = 0;

  constructor(core: GrpcServerCore, opened: OpenedStream, method: UnaryMethod) {
    super(core, opened);
    this.#method = method;
  }

  /** Room for a request that waited; the rest runs outside of the release that made the room. */
  admit(): void {
    this.#admission = "admitted";
    queueMicrotask(() => {
      if (this.state !== "open") {
        this.#releaseRequest();
        return;
      }
      this.#place(this.#held, this.#heldLength);
      this.#held = EMPTY;
      this.stream.resume();
      if (this.#endReached) this.handleEnd();
    });
  }

  protected override handleData(chunk: Uint8Array): void {
    if (this.#message === undefined) {
      const start = this.#prefix.length === 0 ? chunk : Buffer.concat([this.#prefix, chunk]);
      if (start.length < FRAME_PREFIX_BYTES) this.#prefix = start;
      else this.#begin(start);
      return;
    }
    const end = this.#filled + chunk.length;
    if (end > this.#message.length) throw tooManyMessages();
    this.#message.set(chunk, this.#filled);
    this.#filled = end;
  }

  protected override handleEnd(): void {
    // A pause holds back data, not the end.
    if (this.#admission === "waiting") {
      this.#endReached = true;
      return;
    }
    const message = this.#message;
    if (message === undefined || this.#filled < message.length) {
      const got = message === undefined ? this.#prefix.length : FRAME_PREFIX_BYTES + this.#filled;
      const expected = message === undefined ? FRAME_PREFIX_BYTES : FRAME_PREFIX_BYTES + message.length;
      this.fail(
        new GrpcError(
          GrpcCode.INTERNAL,
          `grpc: the request ended after ${got} bytes, expected at least ${expected}`,
        ),
      );
      return;
    }
    if (this.core.handlersRunning >= this.core.limits.handlersMax) {
      this.fail(
        new GrpcError(
          GrpcCode.RESOURCE_EXHAUSTED,
          `too many concurrent calls: ${this.core.limits.handlersMax} are running`,
        ),
      );
      return;
    }
    this.transferDone();
    this.#handling = true;
    this.core.handlersRunning++;
    void this.#handle(message);
  }

  protected override onTransferTimeout(): void {
    if (this.#admission !== "waiting") super.onTransferTimeout();
    else
      this.fail(
        new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, "no room for the request's bytes in time; retry later"),
      );
  }

  protected override onFailed(): void {
    this.#leaveQueue();
    if (this.#handling) return;
    this.#message = undefined;
    this.#held = EMPTY;
    this.#releaseRequest();
  }

  protected override onClosed(): void {
    this.#leaveQueue();
    this.core.inflight.release(this.#charged);
    this.#charged = 0;
    if (!this.#handling) this.#releaseRequest();
  }

  /** `start` holds the prefix and what came with it. */
  #begin(start: Uint8Array): void {
    const { compressed, length } = readFramePrefix(start, 0, this.core.limits.receiveBytesMax);
    if (compressed && this.headers["grpc-encoding"] !== "gzip") {
      throw new GrpcError(GrpcCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding");
    }
    this.#compressed = compressed;
    const arrived = start.subarray(FRAME_PREFIX_BYTES);
    if (arrived.length > length) throw tooManyMessages();
    this.cost = this.#method.inflightBytesCost?.(length) ?? length;
    const admission = this.core.inflight.acquire(this);
    if (admission === "refused") {
      const { bytesMax, waitersMax } = this.core.inflight;
      throw new GrpcError(
        GrpcCode.RESOURCE_EXHAUSTED,
        `too many request bytes in flight: ${bytesMax} bytes are admitted and ${waitersMax} requests wait; retry later`,
      );
    }
    this.#admission = admission;
    if (admission === "admitted") {
      this.#place(arrived, length);
      return;
    }
    this.#held = arrived;
    this.#heldLength = length;
    this.stream.pause();
  }

  #place(arrived: Uint8Array, length: number): void {
    this.#filled = arrived.length;
    if (arrived.length === length) {
      this.#message = arrived;
      return;
    }
    this.expectTransfer(length);
    if (this.#method.requestBytes === "borrowed")
      this.#message = this.#borrowed = this.core.requestMemory.take(length);
    else this.#message = Buffer.allocUnsafeSlow(length);
    this.#message.set(arrived);
  }

  async #handle(message: Uint8Array): Promise<void> {
    const method = this.#method;
    try {
      const bytes = this.#compressed ? await this.#unpack(message) : message;
      this.requestBytes = bytes.length;
      this.#message = undefined;
      const response = await method.handle(this, this.#decode(bytes));
      if (this.state !== "open") return;
      const frame = this.#encode(response);
      // As grpc-go does: the answer is compressed when the request was.
      if (this.#compressed && frame.length > FRAME_PREFIX_BYTES && this.#acceptsGzip()) {
        const gzipped = await gzipMessage(frame.subarray(FRAME_PREFIX_BYTES));
        this.#answer(withHeadroom(gzipped, FRAME_PREFIX_BYTES), true);
      } else {
        this.#answer(frame, false);
      }
    } catch (error) {
      this.fail(toGrpcError(error));
    } finally {
      this.#handling = false;
      this.core.handlersRunning--;
      if (this.#borrowed !== undefined) this.core.requestMemory.giveBack(this.#borrowed);
      this.#releaseRequest();
    }
  }

  #decode(bytes: Uint8Array): unknown {
    try {
      return this.#method.decode(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new GrpcError(GrpcCode.INTERNAL, `grpc: error unmarshalling request: ${why}`, error);
    }
  }

  async #unpack(message: Uint8Array): Promise<Uint8Array> {
    const { receiveBytesMax } = this.core.limits;
    const expectedBytes = gunzippedBytes(message);
    if (expectedBytes > receiveBytesMax) {
      throw new GrpcError(
        GrpcCode.RESOURCE_EXHAUSTED,
        `grpc: received message after decompression larger than max (${expectedBytes} vs. ${receiveBytesMax})`,
      );
    }
    this.#charge(expectedBytes);
    return gunzipMessage(message, expectedBytes);
  }

  #encode(response: unknown): Uint8Array {
    const frame = this.#method.encode(response, FRAME_PREFIX_BYTES);
    const bytes = frame.length - FRAME_PREFIX_BYTES;
    const { sendBytesMax } = this.core.limits;
    if (bytes <= sendBytesMax) return frame;
    throw new GrpcError(
      GrpcCode.RESOURCE_EXHAUSTED,
      `grpc: trying to send message larger than max (${bytes} vs. ${sendBytesMax})`,
    );
  }

  #answer(frame: Uint8Array, gzipped: boolean): void {
    const { stream } = this;
    if (this.state !== "open" || stream.closed || stream.destroyed) return;
    this.state = "ended";
    this.#charge(frame.length);
    this.expectTransfer(frame.length);
    writeFramePrefix(frame, gzipped);
    this.respond(gzipped);
    stream.end(frame);
  }

  #acceptsGzip(): boolean {
    const accepted = this.headers["grpc-accept-encoding"];
    return accepted === undefined || /(^|[,\s])gzip($|[,\s])/.test(String(accepted));
  }

  #charge(bytes: number): void {
    if (this.state === "closed") return;
    this.core.inflight.charge(bytes);
    this.#charged += bytes;
  }

  #leaveQueue(): void {
    if (this.#admission !== "waiting") return;
    this.#admission = "none";
    this.core.inflight.forget(this);
  }

  #releaseRequest(): void {
    if (this.#admission !== "admitted") return;
    this.#admission = "none";
    this.core.inflight.release(this.cost);
  }
}

function tooManyMessages(): GrpcError {
  return new GrpcError(
    GrpcCode.INTERNAL,
    "grpc: the request of a unary call has bytes behind its only message",
  );
}

const EMPTY = new Uint8Array(0);
