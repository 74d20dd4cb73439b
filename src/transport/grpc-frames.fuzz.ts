import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { Prng } from "../base/prng.ts";
import { withHeadroom } from "./grpc-frames.ts";
import { frame } from "./grpc-client.testing.ts";
import { GrpcHealth } from "./grpc-health.ts";
import type { GrpcMethod, UnaryMethod } from "./grpc-method.ts";
import { reflectionMethods } from "./grpc-reflection.ts";
import { GrpcServer } from "./grpc-server.ts";
import { HttpRouter, textAnswer } from "./http-router.ts";
import { HttpServer } from "./http-server.ts";
import {
  FrameFlag,
  FrameSplitter,
  FrameType,
  headerBlock,
  http2Frame,
  HTTP2_PREFACE,
} from "./http2-frames.testing.ts";
import { PortServer } from "./port-server.ts";

/**
 * Throws damaged HTTP/2 frames, gRPC messages and HTTP/1 requests at a server over loopback. An input is one stream or
 * request with its frames. Two kinds of connections:
 * - `frames`: a valid conversation whose bytes are then damaged; the client ends its side, and the server has to end
 *   the connection within `ANSWER_MS`;
 * - `messages`: valid HTTP/2 with damaged gRPC in it; every stream has to be answered or reset within `ANSWER_MS`.
 * A connection that is late gets a second chance, alone. At the end nothing may be left over in the server. Rejects with the seed and number of the connection that failed;
 * `only` repeats that one alone.
 */
export async function fuzzGrpcFrames(options: FuzzOptions): Promise<FuzzReport> {
  const target = await startTarget();
  const report = { inputs: 0, connections: 0, answered: 0, endedConnections: 0 };
  const seed = Prng.fromSeed(`grpc frames ${options.seed}`);
  const inputsOf = (random: Prng): number => 1 + random.int(INPUTS_PER_CONNECTION_MAX);
  const connection = async (index: number): Promise<void> => {
    const random = seed.fork(index);
    const inputs = inputsOf(random);
    try {
      if (random.chance(0.5)) {
        await damagedFrames(random, target.port, inputs);
        report.endedConnections++;
      } else {
        const answered = await damagedMessages(random, target.port, inputs);
        report.answered += answered;
      }
    } catch (error) {
      const problem = `seed ${options.seed}, connection ${index}: ${String(error)}`;
      throw new (error instanceof LateAnswer ? LateAnswer : Error)(problem, { cause: error });
    }
  };
  const late: number[] = [];
  let next = options.only ?? 0;
  const worker = async (): Promise<void> => {
    while (report.inputs < options.count) {
      const index = next++;
      report.inputs += inputsOf(seed.fork(index));
      report.connections++;
      await connection(index).catch((error: unknown) => {
        if (!(error instanceof LateAnswer)) throw error;
        late.push(index);
      });
      if (report.connections % PROGRESS_CONNECTIONS === 0) options.onProgress?.({ ...report });
      if (options.only !== undefined) return;
    }
  };
  const workers = options.only === undefined ? CONNECTIONS_AT_ONCE : 1;
  try {
    await Promise.all(Array.from({ length: workers }, worker));
    // Another process may have had the core all this time: a connection is late when it is late twice, the second time alone.
    for (const index of late) await connection(index);
    await nothingLeft(target);
  } finally {
    await target.server.stop();
  }
  return report;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Inputs. */
  readonly count: number;
  /** The number of a single connection to repeat. */
  readonly only?: number;
  readonly onProgress?: (report: FuzzReport) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly connections: number;
  /** Streams that were answered or reset. */
  readonly answered: number;
  /** Connections with damaged frames, all of which ended. */
  readonly endedConnections: number;
}

class LateAnswer extends Error {
  override readonly name = "LateAnswer";
}

interface Target {
  readonly server: PortServer;
  readonly grpc: GrpcServer;
  readonly http: HttpServer;
  readonly port: number;
}

async function startTarget(): Promise<Target> {
  const echo: UnaryMethod<Uint8Array, Uint8Array> = {
    decode: (bytes) => {
      if (bytes[0] === 0xff) throw new RangeError("cannot be decoded");
      return bytes;
    },
    encode: withHeadroom,
    handle: async (_call, bytes) => bytes,
  };
  const services = new Map<string, GrpcMethod>([
    [ECHO_PATH, echo],
    ...new GrpcHealth().methods(),
    ...reflectionMethods({ services: () => ["fuzz.Fuzz"], descriptors: () => [] }),
  ]);
  // Short, so that a client which sends half of something hears about it within the limit.
  const limits = {
    transferBaseMs: 150,
    transferBytesPerSecondMin: 1e9,
    discardMs: DISCARD_MS,
    receiveBytesMax: 100_000,
    inflightBytesMax: 1_000_000,
  };
  const grpc = new GrpcServer({ services, limits });
  const router = new HttpRouter([{ method: "POST", path: ECHO_PATH, handle: () => textAnswer(200, "ok") }]);
  const http = new HttpServer({
    handler: router.handle,
    limits: { headersTimeoutMs: 300, requestTimeoutMs: 300, idleTimeoutMs: 300 },
  });
  const server = new PortServer({ grpc, http, limits: { firstBytesTimeoutMs: 300 } });
  return { server, grpc, http, port: await server.listen({ host: "127.0.0.1", port: 0 }) };
}

/** Bytes are damaged anywhere; the connection has to end. */
async function damagedFrames(random: Prng, port: number, inputs: number): Promise<void> {
  const parts: Buffer[] = [HTTP2_PREFACE, http2Frame(FrameType.Settings, 0, 0, Buffer.alloc(0))];
  for (let i = 0; i < inputs; i++) {
    parts.push(...streamFrames(random, 2 * i + 1, random.bytes(random.int(300))));
    if (random.chance(0.5)) parts.push(randomFrame(random, 2 * i + 1));
  }
  if (random.chance(0.3)) parts[random.int(parts.length)] = Buffer.from(random.bytes(random.int(60)));
  if (random.chance(0.3)) parts.splice(random.int(parts.length), 1);
  if (random.chance(0.3))
    parts.splice(random.int(parts.length), 0, parts[random.int(parts.length)] ?? HTTP2_PREFACE);
  const bytes = random.chance(0.1)
    ? Buffer.from(`POST ${ECHO_PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc`)
    : Buffer.concat(parts);
  await converse(port, damage(random, bytes), { endAfterSending: true, until: () => false });
}

/** Each stream is valid HTTP/2 with a gRPC call that is damaged or not; each has to be answered, none ends the others. */
async function damagedMessages(random: Prng, port: number, inputs: number): Promise<number> {
  const parts: Buffer[] = [HTTP2_PREFACE, http2Frame(FrameType.Settings, 0, 0, Buffer.alloc(0))];
  for (let i = 0; i < inputs; i++) parts.push(...streamFrames(random, 2 * i + 1, grpcBody(random)));
  const answered = new Set<number>();
  const startedMs = performance.now();
  await converse(port, Buffer.concat(parts), {
    endAfterSending: false,
    until: ({ type, streamId }) => {
      if (type === FrameType.Headers || type === FrameType.RstStream) answered.add(streamId);
      return answered.size === inputs;
    },
  });
  if (answered.size < inputs) {
    const tookMs = performance.now() - startedMs;
    const problem = `the connection ended after ${answered.size} of ${inputs} answers and ${tookMs.toFixed(0)} ms`;
    // So long a wait may have been another process's: the server has reset streams whose bytes it had not come to read, and those end a connection.
    throw tookMs >= DISCARD_MS ? new LateAnswer(problem) : new Error(problem);
  }
  return answered.size;
}

function streamFrames(random: Prng, streamId: number, body: Uint8Array): Buffer[] {
  const path = random.chance(0.8) ? ECHO_PATH : pick(random, ODD_PATHS);
  const headers: [string, string][] = [
    [":method", random.chance(0.95) ? "POST" : pick(random, ["GET", "PUT", "HEAD"])],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", random.chance(0.9) ? "application/grpc" : pick(random, ODD_TYPES)],
    ["te", "trailers"],
  ];
  if (random.chance(0.3)) headers.push(["grpc-timeout", pick(random, ODD_TIMEOUTS)]);
  if (random.chance(0.3)) headers.push(["grpc-encoding", pick(random, ["gzip", "identity", "zstd", ""])]);
  if (random.chance(0.2)) headers.push([`x-${random.int(1000)}-bin`, "AAEC=="]);
  const frames = [http2Frame(FrameType.Headers, FrameFlag.EndHeaders, streamId, headerBlock(headers))];
  for (let at = 0; at < body.length;) {
    const size = 1 + random.int(Math.min(body.length, FRAME_BYTES_MAX));
    frames.push(http2Frame(FrameType.Data, 0, streamId, body.subarray(at, at + size)));
    at += size;
  }
  // A streaming method may wait for its client as long as that likes.
  if (path.startsWith("/grpc.") || random.chance(0.9))
    frames.push(http2Frame(FrameType.Data, FrameFlag.EndStream, streamId, Buffer.alloc(0)));
  return frames;
}

function grpcBody(random: Prng): Uint8Array {
  const message = random.bytes(random.int(random.chance(0.05) ? 50_000 : 300));
  const packed = random.chance(0.3) ? gzipSync(message) : message;
  const body = frame(packed, random.chance(0.4) ? 1 : 0);
  return random.chance(0.5) ? damage(random, body) : body;
}

function randomFrame(random: Prng, streamId: number): Buffer {
  const payload = random.chance(0.5)
    ? Buffer.alloc(pick(random, [4, 5, 6, 8, 12]))
    : random.bytes(random.int(40));
  const id = random.chance(0.3) ? 0 : random.chance(0.8) ? streamId : random.int(0x8000_0000);
  return http2Frame(random.int(12), random.int(64), id, payload);
}

function damage(random: Prng, valid: Buffer): Buffer {
  let bytes = Buffer.from(valid);
  for (let hits = 1 + random.int(4); hits > 0 && bytes.length > 0; hits--) {
    const at = random.int(bytes.length);
    switch (random.int(5)) {
      case 0:
        bytes[at] = random.int(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes.copyWithin(at, random.int(bytes.length));
        break;
      default:
        bytes.fill(0xff, at, Math.min(bytes.length, at + random.int(12)));
    }
  }
  return bytes;
}

interface Conversation {
  /** Whether the client ends its side behind its bytes; the server has to end the connection then. */
  readonly endAfterSending: boolean;
  /** Sees every frame of the server; true when all that was expected has come. */
  readonly until: (frame: ReturnType<FrameSplitter["push"]>[number]) => boolean;
}

async function converse(
  port: number,
  bytes: Buffer,
  { endAfterSending, until }: Conversation,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const late = setTimeout(
    () =>
      reject(new LateAnswer(`not over after ${ANSWER_MS} ms: ${bytes.toString("hex", 0, SHOWN_BYTES_MAX)}`)),
    ANSWER_MS,
  );
  const splitter = new FrameSplitter();
  socket.on("data", (chunk: Buffer) => {
    if (!endAfterSending && splitter.push(chunk).some(until)) resolve();
  });
  socket.on("error", () => {});
  // For damaged frames that is the answer; for damaged messages the caller counts what came before.
  socket.on("close", () => resolve());
  if (endAfterSending) socket.end(bytes);
  else socket.write(bytes);
  try {
    await promise;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

async function nothingLeft({ grpc, http }: Target): Promise<void> {
  for (let looks = 1; ; looks++) {
    const { connections, calls, handlersRunning, inflightBytes, waitingForBytes } = grpc.stats;
    const left = connections + calls + handlersRunning + inflightBytes + waitingForBytes + http.connections;
    if (left === 0) return;
    if (looks > LOOKS_MAX)
      throw new Error(`left over: ${JSON.stringify(grpc.stats)}, http ${http.connections}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function pick<T>(random: Prng, values: readonly T[]): T {
  return values[random.int(values.length)] as T;
}

const FRAME_BYTES_MAX = 16_384;
const ECHO_PATH = "/fuzz.Fuzz/Echo";
const ODD_PATHS = [
  "",
  "/",
  "/fuzz.Fuzz/Nope",
  "//",
  "no slash",
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
] as const;
const ODD_TYPES = [
  "",
  "application/json",
  "application/grpc-web",
  "application/grpc+proto",
  "application/grpcx",
] as const;
const ODD_TIMEOUTS = ["1S", "0n", "1n", "99999999H", "-1S", "1", "S", "1x", "123456789S", "50m"] as const;
const INPUTS_PER_CONNECTION_MAX = 16;
const CONNECTIONS_AT_ONCE = 32;
const PROGRESS_CONNECTIONS = 10_000;
const ANSWER_MS = 1000;
const DISCARD_MS = 100;
const LOOKS_MAX = 200;
const SHOWN_BYTES_MAX = 1000;

if (import.meta.main) {
  const [count = "10000", seed = "1", only] = process.argv.slice(2);
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  const memory = (): string => `${Math.round(process.memoryUsage().rss / 1024 / 1024)} MB`;
  const report = await fuzzGrpcFrames({
    count: Number(count),
    seed: Number(seed),
    ...(only === undefined ? {} : { only: Number(only) }),
    onProgress: ({ inputs }) => print(`${inputs} inputs, ${memory()}`),
  });
  print(`${JSON.stringify(report)}, ${memory()}`);
}
