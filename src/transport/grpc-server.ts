import { BufferPool } from "../base/buffer-pool.ts";
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { Deferred } from "../base/deferred.ts";
import type { CallConnection, GrpcCall, OpenedStream } from "./grpc-call.ts";
import type { GrpcMethod } from "./grpc-method.ts";
import {
  DEFAULT_GRPC_LIMITS,
  type CallEnd,
  type GrpcLimits,
  type GrpcServerCore,
  type RunningCall,
} from "./grpc-server-core.ts";
import { GrpcCode, GrpcError } from "./grpc-status.ts";
import { InflightBytes } from "./inflight-bytes.ts";
import { closeListener, listenOn, type ListenAddress } from "./listen.ts";
import { RefusedCall } from "./refused-call.ts";
import { StreamCall } from "./stream-call.ts";
import { TimeoutWheel } from "./timeout-wheel.ts";
import { UnaryCall } from "./unary-call.ts";

/**
 * gRPC over HTTP/2 without TLS, for one thread. Owns its connections and their calls; the sockets come from `listen`
 * or, on a port shared with HTTP/1.1, from `adopt`.
 *
 * States: serving, draining (connections have been told to go away, running calls finish), stopped. All input is
 * bounded by `GrpcLimits`; a client that breaks the protocol gets a status or loses its connection, never the process.
 */
export class GrpcServer {
  readonly #core: GrpcServerCore;
  readonly #services: ReadonlyMap<string, GrpcMethod>;
  readonly #http2: Http2Server;
  readonly #listener: Server;
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  /** Of the session that is being created. */
  #adopted: Socket | undefined;
  #emptied = new Deferred();
  #state: "serving" | "draining" | "stopped" = "serving";
  #keepaliveTimer: NodeJS.Timeout | undefined;

  constructor(options: GrpcServerOptions) {
    const limits = { ...DEFAULT_GRPC_LIMITS, ...options.limits };
    this.#services = options.services;
    this.#core = {
      limits,
      wheel: new TimeoutWheel(),
      requestMemory: new BufferPool("private", REQUEST_MEMORY_IDLE_MAX),
      inflight: new InflightBytes({
        bytesMax: limits.inflightBytesMax,
        waitersMax: limits.inflightWaitersMax,
      }),
      calls: new Set<RunningCall>(),
      handlersRunning: 0,
      onCallEnd: options.onCallEnd,
    };
    this.#http2 = createServer({
      // Our own bounds are sharper than nghttp2's estimate of a session's memory, which refuses streams at random.
      maxSessionMemory: SESSION_MEMORY_MB,
      maxSessionRejectedStreams: limits.concurrentStreamsMax,
      maxHeaderListPairs: HEADER_PAIRS_MAX,
      streamResetBurst: limits.streamResetBurst,
      streamResetRate: limits.streamResetsPerSecond,
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindowBytes,
        maxConcurrentStreams: limits.concurrentStreamsMax,
        maxHeaderListSize: limits.headerListBytesMax,
        maxFrameSize: FRAME_BYTES_MAX,
      },
    });
    this.#http2.on("session", (session) => this.#onSession(session));
    this.#listener = createNetServer({ noDelay: true }, (socket) => this.adopt(socket));
  }

  get stats(): GrpcServerStats {
    const { calls, handlersRunning, inflight } = this.#core;
    return {
      connections: this.#connections.size,
      calls: calls.size,
      handlersRunning,
      inflightBytes: inflight.bytes,
      waitingForBytes: inflight.waiting,
    };
  }

  /** Resolves with the port bound; rejects with the system's error (`EADDRINUSE`). */
  async listen(address: ListenAddress): Promise<number> {
    return listenOn(this.#listener, address);
  }

  /** Takes over an accepted socket; what was read from it and put back is served first. */
  adopt(socket: Socket): void {
    if (this.#state !== "serving" || this.#connections.size >= this.#core.limits.connectionsMax) {
      socket.destroy();
      return;
    }
    this.#adopted = socket;
    this.#http2.emit("connection", socket);
    this.#adopted = undefined;
  }

  /**
   * Refuses new connections, tells clients to go elsewhere (GOAWAY), and lets running calls finish; what a client sent
   * before it could know is still served. What runs after `timeoutMs` is aborted with UNAVAILABLE. Safe to call twice.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#state === "stopped") return;
    if (this.#state === "serving") {
      this.#state = "draining";
      this.#listener.close();
      for (const [session, { openCalls }] of this.#connections) goAway(session, openCalls);
      // Watches never end by themselves.
      for (const call of this.#core.calls) if (call.longLived) call.terminate(DRAINING);
    }
    if (!(await this.#emptiedWithin(timeoutMs))) {
      for (const call of this.#core.calls) call.terminate(DRAINING);
      await this.#emptiedWithin(LAST_WORDS_MS);
    }
    await this.stop();
  }

  /** Ends everything now: running handlers are aborted, connections are cut. Safe to call twice. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    clearInterval(this.#keepaliveTimer);
    for (const call of this.#core.calls) call.terminate(DRAINING);
    for (const connection of this.#connections.values()) connection.cut();
    await closeListener(this.#listener);
    if (this.#connections.size > 0) await this.#emptied.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #emptiedWithin(timeoutMs: number): Promise<boolean> {
    if (this.#connections.size === 0) return true;
    const late = new Deferred();
    const timer = setTimeout(late.resolve, timeoutMs);
    await Promise.race([this.#emptied.promise, late.promise]);
    clearTimeout(timer);
    return this.#connections.size === 0;
  }

  #onSession(session: ServerHttp2Session): void {
    const socket = this.#adopted;
    if (socket === undefined) return;
    const { limits } = this.#core;
    const { remoteAddress = "", remotePort = 0 } = socket;
    if (this.#connections.size === 0) this.#emptied = new Deferred();
    const connection: Connection = {
      socket,
      peer: remoteAddress.includes(":")
        ? `[${remoteAddress}]:${remotePort}`
        : `${remoteAddress}:${remotePort}`,
      openCalls: 0,
      bytesRead: -1,
      pingPending: false,
      onIdle: () => {
        // nghttp2 stops reading a connection without streams once it has said GOAWAY: nothing more can come.
        if (this.#state !== "serving") session.close();
      },
      cut: () => {
        session.destroy();
        socket.destroy();
      },
    };
    this.#connections.set(session, connection);
    session.setLocalWindowSize(limits.connectionWindowBytes);
    session.on("stream", (stream, headers) => this.#onStream(stream, headers, connection));
    session.on("close", () => {
      this.#connections.delete(session);
      if (this.#connections.size === 0) this.#onEmpty();
    });
    this.#keepaliveTimer ??= setInterval(() => this.#keepAlive(), limits.keepaliveMs).unref();
  }

  #onEmpty(): void {
    clearInterval(this.#keepaliveTimer);
    this.#keepaliveTimer = undefined;
    this.#emptied.resolve();
  }

  /** Pings connections that were silent for a round, and cuts those that do not answer. */
  #keepAlive(): void {
    let pinged = false;
    for (const [session, connection] of this.#connections) {
      const { bytesRead } = connection.socket;
      const silent = bytesRead === connection.bytesRead;
      connection.bytesRead = bytesRead;
      if (!silent) continue;
      if (session.destroyed || session.closed) {
        // It should have ended by itself.
        if (connection.openCalls === 0) connection.cut();
        continue;
      }
      connection.pingPending = true;
      pinged = true;
      session.ping((error) => {
        if (error === null) connection.pingPending = false;
      });
    }
    if (pinged) setTimeout(() => this.#cutSilent(), this.#core.limits.keepaliveTimeoutMs).unref();
  }

  #cutSilent(): void {
    for (const connection of this.#connections.values()) if (connection.pingPending) connection.cut();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: Connection): void {
    // First of all: a stream whose connection broke a moment ago has its error still to come.
    stream.on("error", onStreamError);
    if (stream.destroyed || stream.closed) return;
    const path = headers[":path"] ?? "";
    this.#callFor({ stream, headers, path, connection }).start();
  }

  #callFor(opened: OpenedStream): GrpcCall {
    const { headers, path } = opened;
    if (headers[":method"] !== "POST")
      return new RefusedCall(this.#core, opened, { ":status": 405, allow: "POST" });
    if (!isGrpc(headers["content-type"])) return new RefusedCall(this.#core, opened, { ":status": 415 });
    const method = this.#services.get(path);
    if (method === undefined) return new RefusedCall(this.#core, opened, this.#unknown(path));
    if (method.kind === "stream") return new StreamCall(this.#core, opened, method);
    return new UnaryCall(this.#core, opened, method);
  }

  /** In grpc-go's words, which tell a missing service from a missing method. */
  #unknown(path: string): GrpcError {
    const slash = path.lastIndexOf("/");
    const service = path.slice(1, slash);
    const method = path.slice(slash + 1);
    if (slash <= 0)
      return new GrpcError(GrpcCode.UNIMPLEMENTED, `malformed method name: ${JSON.stringify(path)}`);
    for (const known of this.#services.keys()) {
      if (!known.startsWith(`/${service}/`)) continue;
      return new GrpcError(GrpcCode.UNIMPLEMENTED, `unknown method ${method} for service ${service}`);
    }
    return new GrpcError(GrpcCode.UNIMPLEMENTED, `unknown service ${service}`);
  }
}

export interface GrpcServerOptions {
  /** By full path, `/package.Service/Method`. */
  readonly services: ReadonlyMap<string, GrpcMethod>;
  /** What is not given here is `DEFAULT_GRPC_LIMITS`. */
  readonly limits?: Partial<GrpcLimits>;
  /** Called once per call, when its stream is closed. Must not throw. */
  readonly onCallEnd?: (end: CallEnd) => void;
}

export interface GrpcServerStats {
  readonly connections: number;
  /** Open streams. */
  readonly calls: number;
  readonly handlersRunning: number;
  readonly inflightBytes: number;
  readonly waitingForBytes: number;
}

interface Connection extends CallConnection {
  readonly socket: Socket;
  /** When the last keepalive round looked. */
  bytesRead: number;
  pingPending: boolean;
}

/**
 * Two steps while calls are open, so that others already under way towards us are not lost: a GOAWAY that still admits
 * every stream, and, when the client has answered the ping behind it, the real one.
 */
function goAway(session: ServerHttp2Session, openCalls: number): void {
  if (session.destroyed || session.closed) return;
  if (openCalls === 0) {
    session.close();
    return;
  }
  session.goaway(constants.NGHTTP2_NO_ERROR, STREAM_ID_MAX);
  if (!session.ping(() => session.close())) session.close();
}

/** A broken stream is closed as well, which ends its call: the error itself says nothing more. */
function onStreamError(): void {}

function isGrpc(contentType: string | undefined): boolean {
  if (contentType === "application/grpc") return true;
  if (contentType === undefined || !contentType.startsWith("application/grpc")) return false;
  const next = contentType[GRPC_TYPE_LENGTH];
  return next === undefined || next === "+" || next === ";";
}

const GRPC_TYPE_LENGTH = "application/grpc".length;
const DRAINING = "the server is draining";
const STREAM_ID_MAX = 2 ** 31 - 1;
/** For the statuses of aborted calls to reach their clients. */
const LAST_WORDS_MS = 250;
const FRAME_BYTES_MAX = 256 * 1024;
const HEADER_PAIRS_MAX = 256;
const SESSION_MEMORY_MB = 4096;

/** Of bodies of large requests, to receive later ones in. */
const REQUEST_MEMORY_IDLE_MAX = 32 << 20;
