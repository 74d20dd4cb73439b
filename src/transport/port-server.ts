import { createServer, type Server, type Socket } from "node:net";
import type { GrpcServer } from "./grpc-server.ts";
import type { HttpServer } from "./http-server.ts";
import { closeListener, listenOn, type ListenAddress } from "./listen.ts";

/**
 * One TCP port for gRPC (HTTP/2 by prior knowledge) and HTTP/1.1. The first bytes of a connection decide; they are put
 * back, and the socket goes to its server. Owns the connections that have not said anything yet, and the order in
 * which the two servers drain and stop. TLS would end before `adopt`, which takes any socket.
 */
export class PortServer {
  readonly #grpc: GrpcServer;
  readonly #http: HttpServer;
  readonly #limits: PortLimits;
  readonly #listener: Server;
  readonly #undecided = new Set<Socket>();
  #open = true;

  constructor(options: PortServerOptions) {
    this.#grpc = options.grpc;
    this.#http = options.http;
    this.#limits = { ...DEFAULT_PORT_LIMITS, ...options.limits };
    this.#listener = createServer({ noDelay: true }, (socket) => this.adopt(socket));
  }

  /** Resolves with the port bound; rejects with the system's error (`EADDRINUSE`). */
  async listen(address: ListenAddress): Promise<number> {
    return listenOn(this.#listener, address);
  }

  /** Takes over an accepted connection from which nothing has been read. */
  adopt(socket: Socket): void {
    if (!this.#open || this.#undecided.size >= this.#limits.undecidedMax) {
      socket.destroy();
      return;
    }
    this.#undecided.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#limits.firstBytesTimeoutMs).unref();
    let start: Buffer = Buffer.alloc(0);
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
      const protocol = recognize(start);
      if (protocol === "undecided") return;
      socket.off("readable", onReadable);
      socket.off("close", onClose);
      onClose();
      socket.unshift(start);
      if (protocol === "grpc") this.#grpc.adopt(socket);
      else this.#http.adopt(socket);
      socket.off("error", onError);
    };
    const onClose = (): void => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
    };
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.on("readable", onReadable);
  }

  /** Refuses new connections; running calls and requests finish, late ones are aborted. Safe to call twice. */
  async drain(timeoutMs: number): Promise<void> {
    this.#close();
    await Promise.all([this.#grpc.drain(timeoutMs), this.#http.drain(timeoutMs)]);
    await closeListener(this.#listener);
  }

  /** Cuts every connection. Safe to call twice. */
  async stop(): Promise<void> {
    this.#close();
    await Promise.all([this.#grpc.stop(), this.#http.stop()]);
    await closeListener(this.#listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #close(): void {
    this.#open = false;
    this.#listener.close();
    for (const socket of this.#undecided) socket.destroy();
  }
}

export interface PortServerOptions {
  readonly grpc: GrpcServer;
  readonly http: HttpServer;
  readonly limits?: Partial<PortLimits>;
}

export interface PortLimits {
  /** Connections that have not sent enough to be recognized. */
  readonly undecidedMax: number;
  readonly firstBytesTimeoutMs: number;
}

export const DEFAULT_PORT_LIMITS: PortLimits = { undecidedMax: 1024, firstBytesTimeoutMs: 10_000 };

function recognize(start: Buffer): "grpc" | "http1" | "undecided" {
  const compared = Math.min(start.length, HTTP2_PREFACE.length);
  if (!start.subarray(0, compared).equals(HTTP2_PREFACE.subarray(0, compared))) return "http1";
  // No HTTP/1 method is called PRI, so these bytes settle it; the rest is the HTTP/2 server's to check.
  return compared < DECISIVE_BYTES ? "undecided" : "grpc";
}

/** The connection broke before it said anything; its `close` cleans up. */
function onError(): void {}

const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const DECISIVE_BYTES = "PRI ".length;
