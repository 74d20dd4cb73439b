import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Deferred } from "../base/deferred.ts";
import { closeListener, listenOn, type ListenAddress } from "./listen.ts";

/** Not imported: an import evaluates all exports of the module, and some load an HTTP client that nothing here needs. */
const { createServer, STATUS_CODES } = process.getBuiltinModule("node:http");

/** What answers a request: a router's `handle`, or anything else that ends every response. Must not throw. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * HTTP/1.1 without TLS: connections, header sizes and times are bounded, bytes that are not HTTP get a JSON error.
 * Sockets come from `listen`, or from `adopt` on a port that is shared with gRPC.
 */
export class HttpServer {
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #checksSlowRequests = false;
  #emptied = new Deferred();
  #open = true;

  constructor(options: HttpServerOptions) {
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
    const { headerBytesMax, headersTimeoutMs, requestTimeoutMs, idleTimeoutMs } = this.#limits;
    this.#server = createServer({
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.max(MIN_CHECK_MS, Math.floor(headersTimeoutMs / 4)),
      noDelay: true,
    });
    this.#server.prependListener("connection", (socket: Socket) => this.#admit(socket));
    this.#server.on("listening", () => (this.#checksSlowRequests = true));
    this.#server.on("clientError", refuseMalformed);
    this.#server.on("request", (request, response) => {
      if (!this.#open) response.setHeader("connection", "close");
      options.handler(request, response);
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves with the port bound; rejects with the system's error (`EADDRINUSE`). */
  async listen(address: ListenAddress): Promise<number> {
    return listenOn(this.#server, address);
  }

  /** Takes over an accepted socket; what was read from it and put back is served first. */
  adopt(socket: Socket): void {
    // Node starts its check for slow requests when a server begins to listen, which this one may never do.
    if (!this.#checksSlowRequests) this.#server.emit("listening");
    this.#server.emit("connection", socket);
  }

  /** Refuses new connections, lets running requests finish and cuts those that take longer. Safe to call twice. */
  async drain(timeoutMs: number): Promise<void> {
    this.#open = false;
    this.#server.close();
    const late = new Deferred();
    const timer = setTimeout(late.resolve, timeoutMs);
    // A connection becomes idle when its last answer has left, which no event tells.
    const idleCheck = setInterval(() => this.#server.closeIdleConnections(), MIN_CHECK_MS);
    if (this.#sockets.size > 0) await Promise.race([this.#emptied.promise, late.promise]);
    clearInterval(idleCheck);
    clearTimeout(timer);
    await this.stop();
  }

  /** Cuts every connection. Safe to call twice. */
  async stop(): Promise<void> {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
    await closeListener(this.#server);
    if (this.#sockets.size > 0) await this.#emptied.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #admit(socket: Socket): void {
    if (!this.#open || this.#sockets.size >= this.#limits.connectionsMax) {
      socket.destroy();
      return;
    }
    if (this.#sockets.size === 0) this.#emptied = new Deferred();
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#emptied.resolve();
    });
  }
}

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  /** What is not given here is `DEFAULT_HTTP_LIMITS`. */
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  readonly connectionsMax: number;
  readonly headerBytesMax: number;
  /** From the first byte of a request to the end of its headers, and to the end of its body. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Between two requests of a connection. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  connectionsMax: 4096,
  headerBytesMax: 32 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 120_000,
  idleTimeoutMs: 60_000,
};

function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = MALFORMED_STATUS[error.code ?? ""] ?? 400;
  const reason = STATUS_CODES[status] ?? "";
  const body = JSON.stringify({ code: status, message: `${reason}: ${error.message}` });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const MALFORMED_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
const MIN_CHECK_MS = 50;
