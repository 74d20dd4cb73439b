import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  status,
  type CallOptions,
  type ServiceError,
} from "@grpc/grpc-js";
import { Reader, Writer } from "protobufjs/minimal.js";
import { Deferred } from "../base/deferred.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { FileDescriptor } from "../wire/reflection.ts";
import { withHeadroom } from "./grpc-frames.ts";
import { GrpcHealth, HEALTH_SERVICE } from "./grpc-health.ts";
import type { GrpcMethod, ServerCall, UnaryMethod } from "./grpc-method.ts";
import { REFLECTION_SERVICES, reflectionMethods } from "./grpc-reflection.ts";
import { GrpcServer } from "./grpc-server.ts";
import type { GrpcLimits } from "./grpc-server-core.ts";
import { GrpcCode, GrpcError } from "./grpc-status.ts";

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const thing of opened.splice(0).reverse()) await thing[Symbol.asyncDispose]();
});

const health = new GrpcHealth();
const aborts: Deferred<unknown>[] = [];
const gate = new Deferred();

function bytesMethod(
  handle: (call: ServerCall, bytes: Uint8Array) => Promise<Uint8Array>,
): UnaryMethod<Uint8Array, Uint8Array> {
  return { decode: (bytes) => bytes, encode: withHeadroom, handle };
}

const files: FileDescriptor[] = [
  {
    name: "b.proto",
    dependencies: ["a.proto"],
    symbols: ["t.Test", "t.Test.Echo"],
    bytes: Buffer.from("file b"),
  },
  { name: "a.proto", dependencies: [], symbols: ["t.Message"], bytes: Buffer.from("file a") },
];

async function serve(
  limits: Partial<GrpcLimits> = {},
  compression = compressionAlgorithms.identity,
): Promise<{ server: GrpcServer; client: Client }> {
  const services = new Map<string, GrpcMethod>([
    [
      "/t.Test/Echo",
      bytesMethod(async (call, bytes) => {
        call.setHeader("x-request-encoding", call.metadata.get("grpc-encoding") ?? "none");
        return bytes;
      }),
    ],
    [
      "/t.Test/Meta",
      bytesMethod(async (call) => {
        call.setHeader("x-head", "h");
        call.setTrailer("x-trail-bin", Buffer.of(1, 2, 3));
        return Buffer.from(
          `${call.metadata.get("dbname")}|${call.metadata.getBinary("k-bin")[0]?.length}|${call.peer}`,
        );
      }),
    ],
    [
      "/t.Test/Hang",
      bytesMethod(async (call) => {
        const aborted = new Deferred<unknown>();
        aborts.push(aborted);
        await once(call.signal, "abort");
        aborted.resolve(call.signal.reason);
        throw new Error("aborted");
      }),
    ],
    [
      "/t.Test/Hold",
      bytesMethod(async (_call, bytes) => {
        await gate.promise;
        return bytes;
      }),
    ],
    [
      "/t.Test/Deny",
      bytesMethod(async () => {
        throw new GrpcError(GrpcCode.PERMISSION_DENIED, "nöt allowed\n100%");
      }),
    ],
    ...health.methods(),
    ...reflectionMethods({ services: () => ["t.Test", HEALTH_SERVICE], descriptors: () => files }),
  ]);
  const server = new GrpcServer({ services, limits });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.default_compression_algorithm": compression,
  });
  opened.push(server, { [Symbol.asyncDispose]: async () => client.close() });
  return { server, client };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

interface Answer {
  readonly bytes: Buffer | undefined;
  readonly error: ServiceError | null;
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata | undefined;
}

async function call(
  client: Client,
  path: string,
  bytes: Uint8Array,
  metadata = new Metadata(),
  options: CallOptions = {},
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  const request = client.makeUnaryRequest(
    path,
    asBuffer,
    asBuffer,
    bytes,
    metadata,
    options,
    (error, answer) => {
      // The status event follows.
      setImmediate(() => resolve({ bytes: answer, error, headers, trailers }));
    },
  );
  request.on("metadata", (received) => (headers = received));
  request.on("status", (received) => (trailers = received.metadata));
  return promise;
}

test("grpc-js calls unary methods with metadata both ways", async () => {
  const { client } = await serve();
  assert.equal((await call(client, "/t.Test/Echo", Buffer.from("hi"))).bytes?.toString(), "hi");
  const metadata = new Metadata();
  metadata.set("dbname", "default");
  metadata.set("k-bin", Buffer.of(9, 9));
  const answer = await call(client, "/t.Test/Meta", Buffer.alloc(0), metadata);
  assert.match(answer.bytes?.toString() ?? "", /^default\|2\|127\.0\.0\.1:\d+$/);
  assert.deepEqual(answer.headers?.get("x-head"), ["h"]);
  assert.deepEqual(answer.trailers?.get("x-trail-bin"), [Buffer.of(1, 2, 3)]);
});

test("grpc-js sends and receives ten megabytes, plain and gzipped", async () => {
  const big = Buffer.alloc(10 * 1024 * 1024, "abcdefghijk");
  for (const compression of [compressionAlgorithms.identity, compressionAlgorithms.gzip]) {
    const { client, server } = await serve({}, compression);
    const answer = await call(client, "/t.Test/Echo", big);
    assert.ok(answer.bytes?.equals(big));
    const gzipped = compression === compressionAlgorithms.gzip;
    assert.deepEqual(answer.headers?.get("x-request-encoding"), [gzipped ? "gzip" : "none"]);
    assert.equal(server.stats.inflightBytes, 0);
  }
});

test("grpc-js sees deadlines, and the handler does too", async () => {
  const { client } = await serve();
  const before = aborts.length;
  // On a busy machine a short deadline passes before the request has come to the handler.
  for (let deadlineMs = 30; aborts.length === before; deadlineMs *= 2) {
    const deadline = Date.now() + deadlineMs;
    const answer = await call(client, "/t.Test/Hang", Buffer.alloc(1), new Metadata(), { deadline });
    assert.equal(answer.error?.code, status.DEADLINE_EXCEEDED);
  }
  assert.ok(await aborts.at(-1)?.promise);
});

test("grpc-js cancels, and the handler sees it", async () => {
  const { client, server } = await serve();
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
  const request = client.makeUnaryRequest("/t.Test/Hang", asBuffer, asBuffer, Buffer.alloc(1), (error) =>
    resolve(error),
  );
  while (server.stats.handlersRunning === 0) await new Promise((next) => setImmediate(next));
  request.cancel();
  assert.equal((await promise)?.code, status.CANCELLED);
  const reason = await aborts.at(-1)?.promise;
  assert.ok(isRedkiteError(reason, "canceled"));
});

test("grpc-js reads statuses and their messages", async () => {
  const { client } = await serve({ receiveBytesMax: 100 });
  const denied = await call(client, "/t.Test/Deny", Buffer.alloc(1));
  assert.deepEqual(
    [denied.error?.code, denied.error?.details],
    [status.PERMISSION_DENIED, "nöt allowed\n100%"],
  );
  const unknown = await call(client, "/t.Test/Nope", Buffer.alloc(1));
  assert.deepEqual(
    [unknown.error?.code, unknown.error?.details],
    [12, "unknown method Nope for service t.Test"],
  );
  const large = await call(client, "/t.Test/Echo", Buffer.alloc(3_000_000));
  assert.equal(large.error?.code, status.RESOURCE_EXHAUSTED);
  assert.match(large.error?.details ?? "", /larger than max \(3000000 vs\. 100\)/);
});

test("five hundred calls of grpc-js at once are answered", async () => {
  const { client } = await serve();
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => call(client, "/t.Test/Echo", Buffer.from(String(i)))),
  );
  answers.forEach((answer, i) => assert.equal(answer.bytes?.toString(), String(i)));
});

test("a drain moves grpc-js away without losing its running call", async () => {
  const { client, server } = await serve();
  const running = call(client, "/t.Test/Hold", Buffer.from("x"));
  while (server.stats.handlersRunning === 0) await new Promise((next) => setImmediate(next));
  const drained = server.drain(10_000);
  gate.resolve();
  assert.equal((await running).bytes?.toString(), "x");
  await drained;
  assert.equal((await call(client, "/t.Test/Echo", Buffer.alloc(1))).error?.code, status.UNAVAILABLE);
});

function healthRequest(service: string): Uint8Array {
  return Writer.create().uint32(10).string(service).finish();
}

test("health says what was set, NOT_FOUND for unknown services", async () => {
  const { client } = await serve();
  const whole = await call(client, `/${HEALTH_SERVICE}/Check`, Buffer.alloc(0));
  assert.deepEqual(whole.bytes, Buffer.of(8, 1));
  health.set("t.Test", "NOT_SERVING");
  assert.deepEqual(
    (await call(client, `/${HEALTH_SERVICE}/Check`, healthRequest("t.Test"))).bytes,
    Buffer.of(8, 2),
  );
  assert.equal(
    (await call(client, `/${HEALTH_SERVICE}/Check`, healthRequest("x"))).error?.code,
    status.NOT_FOUND,
  );
});

test("health checks pass while the bytes in flight are used up", async () => {
  const { client } = await serve({ inflightBytesMax: 10, inflightWaitersMax: 0 });
  const running = call(client, "/t.Test/Hang", Buffer.alloc(10), new Metadata(), {
    deadline: Date.now() + 100,
  });
  const probes = await Promise.all([
    call(client, `/${HEALTH_SERVICE}/Check`, Buffer.alloc(0)),
    call(client, "/t.Test/Echo", Buffer.alloc(10)),
  ]);
  assert.deepEqual(
    probes.map(({ error }) => error?.code),
    [undefined, status.RESOURCE_EXHAUSTED],
  );
  assert.equal((await running).error?.code, status.DEADLINE_EXCEEDED);
});

test("a health watch hears changes and ends with a drain", async () => {
  const { client, server } = await serve();
  const stream = client.makeServerStreamRequest(
    `/${HEALTH_SERVICE}/Watch`,
    asBuffer,
    (bytes) => bytes[1],
    healthRequest("w"),
  );
  const failed = once(stream, "error") as Promise<[ServiceError]>;
  failed.catch(() => {});
  const [unknown] = (await once(stream, "data")) as [number];
  health.set("w", "SERVING");
  const [serving] = (await once(stream, "data")) as [number];
  assert.deepEqual([unknown, serving], [3, 1]);
  const { promise, resolve } = Promise.withResolvers<ServiceError>();
  stream.on("error", (error: ServiceError) => resolve(error));
  await server.drain(10_000);
  assert.equal((await promise).code, status.UNAVAILABLE);
});

/** One question over a reflection stream; the fields of the answer by number. */
async function reflect(
  client: Client,
  service: string,
  questions: readonly Uint8Array[],
): Promise<Map<number, Buffer>[]> {
  const stream = client.makeBidiStreamRequest(`/${service}/ServerReflectionInfo`, asBuffer, (bytes) => bytes);
  for (const question of questions) stream.write(question);
  stream.end();
  const answers: Map<number, Buffer>[] = [];
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    const reader = Reader.create(bytes);
    const fields = new Map<number, Buffer>();
    while (reader.pos < reader.len) fields.set(reader.uint32() >>> 3, Buffer.from(reader.bytes()));
    answers.push(fields);
  }
  return answers;
}

function question(field: number, text: string): Uint8Array {
  return Writer.create()
    .uint32((field << 3) | 2)
    .string(text)
    .finish();
}

test("reflection lists services and gives files with what they need, once", async () => {
  const { client } = await serve();
  for (const service of REFLECTION_SERVICES) {
    const [list, symbol, again, missing, empty] = await reflect(client, service, [
      question(7, "*"),
      question(4, "t.Test.Echo"),
      question(3, "a.proto"),
      question(3, "nope.proto"),
      question(1, "host"),
    ]);
    assert.match(list?.get(6)?.toString() ?? "", /t\.Test[^]*grpc\.health\.v1\.Health/);
    assert.match(symbol?.get(4)?.toString() ?? "", /file b[^]*file a/);
    assert.match(again?.get(4)?.toString() ?? "", /file a/);
    assert.match(missing?.get(7)?.toString() ?? "", /file not found: nope\.proto/);
    assert.match(empty?.get(7)?.toString() ?? "", /asks for nothing/);
    assert.equal(empty?.get(1)?.toString(), "host");
  }
});
