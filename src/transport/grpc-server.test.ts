import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { afterEach, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { Deferred } from "../base/deferred.ts";
import { withHeadroom } from "./grpc-frames.ts";
import type { GrpcMethod, ServerCall, UnaryMethod } from "./grpc-method.ts";
import { GrpcServer } from "./grpc-server.ts";
import type { CallEnd, GrpcLimits } from "./grpc-server-core.ts";
import { GrpcCode, GrpcError } from "./grpc-status.ts";
import { frame, readAnswer, TestGrpcClient } from "./grpc-client.testing.ts";

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const thing of opened.splice(0).reverse()) await thing[Symbol.asyncDispose]();
});

/** A method on bytes. */
function bytesMethod(handle: (call: ServerCall, request: Uint8Array) => Promise<Uint8Array>): GrpcMethod {
  const identity = (bytes: Uint8Array): Uint8Array => bytes;
  const method: UnaryMethod<Uint8Array, Uint8Array> = { decode: identity, encode: withHeadroom, handle };
  return method;
}

async function serve(
  methods: Record<string, GrpcMethod>,
  limits: Partial<GrpcLimits> = {},
): Promise<{ server: GrpcServer; port: number; client: TestGrpcClient; ended: CallEnd[] }> {
  const ended: CallEnd[] = [];
  const services = new Map(Object.entries(methods).map(([name, method]) => [`/test.Test/${name}`, method]));
  const server = new GrpcServer({ services, limits, onCallEnd: (end) => ended.push(end) });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = new TestGrpcClient(port);
  opened.push(server, { [Symbol.asyncDispose]: () => client.close() });
  return { server, port, client, ended };
}

const echo = bytesMethod(async (_call, request) => request);
const hello = Buffer.from("hello");

test("a unary call echoes its message and ends with status 0", async () => {
  const { client, server } = await serve({ Echo: echo });
  const answer = await client.unary("/test.Test/Echo", hello);
  assert.equal(answer.headers[":status"], 200);
  assert.equal(answer.headers["content-type"], "application/grpc");
  assert.deepEqual(answer.body, frame(hello));
  assert.equal(answer.status, 0);
  assert.deepEqual(server.stats, {
    connections: 1,
    calls: 0,
    handlersRunning: 0,
    inflightBytes: 0,
    waitingForBytes: 0,
  });
});

test("an empty message is a message", async () => {
  const { client } = await serve({ Echo: echo });
  const answer = await client.unary("/test.Test/Echo", Buffer.alloc(0));
  assert.deepEqual([answer.status, answer.body], [0, frame(Buffer.alloc(0))]);
});

test("a message that arrives byte by byte is put together", async () => {
  const { client } = await serve({ Echo: echo });
  const stream = client.open("/test.Test/Echo");
  for (const byte of frame(hello)) {
    stream.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.end();
  const answer = await readAnswer(stream);
  assert.deepEqual([answer.status, answer.body], [0, frame(hello)]);
});

test("ten megabytes go both ways", async () => {
  const { client, server } = await serve({ Echo: echo });
  const big = Buffer.alloc(10 * 1024 * 1024, "0123456789abcdef!");
  const answer = await client.unary("/test.Test/Echo", big);
  assert.equal(answer.status, 0);
  assert.ok(answer.body.subarray(5).equals(big));
  assert.equal(server.stats.inflightBytes, 0);
});

test("metadata goes both ways, bytes included", async () => {
  const { client } = await serve({
    Meta: bytesMethod(async (call) => {
      call.setHeader("x-header", "from server");
      call.setHeader("x-bytes-bin", Buffer.of(0, 255, 1));
      call.setTrailer("x-trailer", "at the end");
      assert.throws(() => call.setHeader("grpc-status", "0"), /reserved/);
      assert.throws(() => call.setHeader("x-plain", Buffer.of(1)), /-bin/);
      assert.throws(() => call.setTrailer("x-line", "a\nb"), /printable/);
      const bytes = call.metadata.getBinary("key-bin").map((value) => Buffer.from(value).toString("hex"));
      const names = call.metadata.names().filter((name) => name === "authorization" || name === "key-bin");
      return Buffer.from(JSON.stringify([call.metadata.get("authorization"), bytes, names, call.path]));
    }),
  });
  const answer = await client.unary("/test.Test/Meta", hello, {
    Authorization: "token",
    "key-bin": [
      Buffer.of(1, 2).toString("base64"),
      Buffer.of(3, 4, 5, 6).toString("base64").replace(/=+$/, ""),
    ],
  });
  assert.equal(answer.status, 0, answer.message);
  assert.deepEqual(JSON.parse(answer.body.subarray(5).toString()), [
    "token",
    ["0102", "03040506"],
    ["authorization", "key-bin"],
    "/test.Test/Meta",
  ]);
  assert.equal(answer.headers["x-header"], "from server");
  assert.equal(answer.headers["x-bytes-bin"], "AP8B");
  assert.equal(answer.trailers["x-trailer"], "at the end");
});

test("an error of a handler becomes a status with a percent-encoded message", async () => {
  const { client, ended } = await serve({
    Fail: bytesMethod(async () => {
      throw new GrpcError(GrpcCode.UNAUTHENTICATED, "bad token: 100 % ünïcode\nline");
    }),
    Crash: bytesMethod(async () => {
      throw new Error("boom");
    }),
  });
  const failed = await client.unary("/test.Test/Fail", hello);
  assert.deepEqual(
    [failed.status, failed.message],
    [GrpcCode.UNAUTHENTICATED, "bad token: 100 % ünïcode\nline"],
  );
  assert.equal(failed.headers[":status"], 200);
  const crashed = await client.unary("/test.Test/Crash", hello);
  assert.deepEqual([crashed.status, crashed.message], [GrpcCode.UNKNOWN, "boom"]);
  assert.deepEqual(
    ended.map(({ path, code }) => [path, code]),
    [
      ["/test.Test/Fail", GrpcCode.UNAUTHENTICATED],
      ["/test.Test/Crash", GrpcCode.UNKNOWN],
    ],
  );
});

test("a gzipped request gets a gzipped answer", async () => {
  const { client, server } = await serve({ Echo: echo });
  const text = Buffer.from("compress me ".repeat(1000));
  const answer = await client.raw("/test.Test/Echo", frame(gzipSync(text), 1), {
    "grpc-encoding": "gzip",
    "grpc-accept-encoding": "identity,gzip",
  });
  assert.equal(answer.status, 0, answer.message);
  assert.equal(answer.headers["grpc-encoding"], "gzip");
  assert.equal(answer.body[0], 1);
  assert.ok(gunzipSync(answer.body.subarray(5)).equals(text));
  assert.equal(server.stats.inflightBytes, 0);
});

test("a client that does not accept gzip gets a plain answer", async () => {
  const { client } = await serve({ Echo: echo });
  const answer = await client.raw("/test.Test/Echo", frame(gzipSync(hello), 1), {
    "grpc-encoding": "gzip",
    "grpc-accept-encoding": "identity",
  });
  assert.deepEqual([answer.status, answer.body], [0, frame(hello)]);
});

test("an unknown compression is refused with the known ones", async () => {
  const { client } = await serve({ Echo: echo });
  const answer = await client.unary("/test.Test/Echo", hello, { "grpc-encoding": "snappy" });
  assert.equal(answer.status, GrpcCode.UNIMPLEMENTED);
  assert.match(answer.message, /snappy/);
  assert.equal(answer.headers["grpc-accept-encoding"], "identity,gzip");
});

test("damaged, lying and oversized gzip is refused", async () => {
  const { client, server } = await serve({ Echo: echo }, { receiveBytesMax: 10_000 });
  const gzipped = { "grpc-encoding": "gzip" };
  const damaged = await client.raw("/test.Test/Echo", frame(Buffer.alloc(50, 3), 1), gzipped);
  assert.equal(damaged.status, GrpcCode.RESOURCE_EXHAUSTED);
  const bomb = await client.raw("/test.Test/Echo", frame(gzipSync(Buffer.alloc(1_000_000)), 1), gzipped);
  assert.deepEqual(
    [bomb.status, /after decompression larger than max \(1000000 vs. 10000\)/.test(bomb.message)],
    [8, true],
  );
  const lying = gzipSync(Buffer.alloc(1_000_000));
  lying.writeUInt32LE(10, lying.length - 4);
  const lied = await client.raw("/test.Test/Echo", frame(lying, 1), gzipped);
  assert.deepEqual([lied.status, /decompress/.test(lied.message)], [GrpcCode.INTERNAL, true]);
  const short = await client.raw("/test.Test/Echo", frame(hello, 1), gzipped);
  assert.equal(short.status, GrpcCode.INTERNAL);
  assert.equal(server.stats.inflightBytes, 0);
});

test("a deadline that passes answers DEADLINE_EXCEEDED and aborts the work", async () => {
  const aborted = new Deferred<unknown>();
  const { client, server } = await serve({
    Slow: bytesMethod(async (call) => {
      assert.ok(call.deadlineMs !== undefined && call.deadlineMs > Date.now() - 1000);
      await once(call.signal, "abort");
      aborted.resolve(call.signal.reason);
      return hello;
    }),
  });
  const answer = await client.unary("/test.Test/Slow", hello, { "grpc-timeout": "20m" });
  assert.equal(answer.status, GrpcCode.DEADLINE_EXCEEDED);
  const reason = await aborted.promise;
  assert.equal((reason as { kind?: string }).kind, "deadlineExceeded");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.stats.handlersRunning, 0);
});

test("a deadline of zero is over at once and a malformed one is an error", async () => {
  const { client } = await serve({ Echo: bytesMethod(() => new Promise(() => {})) });
  assert.equal((await client.unary("/test.Test/Echo", hello, { "grpc-timeout": "0n" })).status, 4);
  const malformed = await client.unary("/test.Test/Echo", hello, { "grpc-timeout": "ten" });
  assert.deepEqual([malformed.status, malformed.message], [GrpcCode.INTERNAL, "malformed grpc-timeout: ten"]);
});

test("a client that cancels is seen by the handler's signal", async () => {
  const started = new Deferred();
  const aborted = new Deferred<unknown>();
  const { client, ended, server } = await serve({
    Slow: bytesMethod(async (call) => {
      const { signal } = call;
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      started.resolve();
      await aborted.promise;
      return hello;
    }),
  });
  const stream = client.open("/test.Test/Slow");
  stream.on("error", () => {});
  stream.end(frame(hello));
  await started.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  assert.equal(((await aborted.promise) as { kind?: string }).kind, "canceled");
  assert.deepEqual(ended, [{ path: "/test.Test/Slow", code: GrpcCode.CANCELLED, requestBytes: 5 }]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([server.stats.inflightBytes, server.stats.handlersRunning], [0, 0]);
});

test("a connection that breaks aborts its calls, and a signal asked for later is aborted already", async () => {
  const started = new Deferred();
  const gone = new Deferred();
  const seen = new Deferred<boolean>();
  const { client, server } = await serve({
    Slow: bytesMethod(async (call) => {
      started.resolve();
      await gone.promise;
      seen.resolve(call.signal.aborted);
      return hello;
    }),
  });
  client
    .open("/test.Test/Slow")
    .on("error", () => {})
    .end(frame(hello));
  await started.promise;
  client.session.destroy();
  while (server.stats.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  gone.resolve();
  assert.equal(await seen.promise, true);
});

test("a request above the limit is refused by its prefix, before its body is there", async () => {
  const { client, server } = await serve({ Echo: echo }, { receiveBytesMax: 1000, discardMs: 10 });
  const stream = client.open("/test.Test/Echo");
  stream.write(frame(Buffer.alloc(0), 0, 0xffff_ffff));
  const answer = await readAnswer(stream);
  assert.equal(answer.status, GrpcCode.RESOURCE_EXHAUSTED);
  assert.equal(answer.message, "grpc: received message larger than max (4294967295 vs. 1000)");
  assert.equal(server.stats.inflightBytes, 0);
  assert.equal((await client.unary("/test.Test/Echo", Buffer.alloc(1000))).status, 0);
});

test("an answer above the limit is RESOURCE_EXHAUSTED", async () => {
  const { client } = await serve({ Echo: echo }, { sendBytesMax: 10 });
  const answer = await client.unary("/test.Test/Echo", Buffer.alloc(11));
  assert.deepEqual(
    [answer.status, answer.message],
    [GrpcCode.RESOURCE_EXHAUSTED, "grpc: trying to send message larger than max (11 vs. 10)"],
  );
});

test("unknown methods and services are UNIMPLEMENTED by name", async () => {
  const { client } = await serve({ Echo: echo });
  const method = await client.unary("/test.Test/Nope", hello);
  assert.deepEqual([method.status, method.message], [12, "unknown method Nope for service test.Test"]);
  const service = await client.unary("/nope.Nope/Nope", hello);
  assert.deepEqual([service.status, service.message], [12, "unknown service nope.Nope"]);
  assert.equal((await client.unary("/", hello)).status, 12);
});

test("what is not gRPC gets an HTTP status", async () => {
  const { client } = await serve({ Echo: echo });
  const type = await client.unary("/test.Test/Echo", hello, { "content-type": "application/json" });
  assert.deepEqual([type.headers[":status"], type.status], [415, undefined]);
  const web = await client.unary("/test.Test/Echo", hello, { "content-type": "application/grpc-web" });
  assert.equal(web.headers[":status"], 415);
  const get = client.session.request({ ":path": "/test.Test/Echo" });
  assert.equal((await readAnswer(get)).headers[":status"], 405);
  const proto = await client.unary("/test.Test/Echo", hello, { "content-type": "application/grpc+proto" });
  assert.equal(proto.status, 0);
});

test("bad frames are INTERNAL and leave the connection usable", async () => {
  const { client, server } = await serve({ Echo: echo });
  const bad: readonly [string, Uint8Array, RegExp][] = [
    ["no message", Buffer.alloc(0), /ended after 0 bytes/],
    ["half a prefix", Buffer.of(0, 0, 0), /ended after 3 bytes/],
    ["a truncated message", frame(hello, 0, 10), /ended after 10 bytes, expected at least 15/],
    ["a wrong flag", frame(hello, 7), /payload format 7/],
    ["two messages", Buffer.concat([frame(hello), frame(hello)]), /behind its only message/],
    ["a compressed flag without an encoding", frame(hello, 1), /compressed flag/],
  ];
  for (const [name, body, message] of bad) {
    const answer = await client.raw("/test.Test/Echo", body);
    assert.equal(answer.status, GrpcCode.INTERNAL, name);
    assert.match(answer.message, message, name);
  }
  assert.equal((await client.unary("/test.Test/Echo", hello)).status, 0);
  assert.equal(server.stats.inflightBytes, 0);
});

test("a second message in a later frame is refused too", async () => {
  const { client } = await serve({ Echo: echo }, { discardMs: 10 });
  const stream = client.open("/test.Test/Echo");
  stream.write(frame(hello));
  await new Promise((resolve) => setImmediate(resolve));
  stream.write(frame(hello));
  assert.equal((await readAnswer(stream)).status, GrpcCode.INTERNAL);
});

test("bytes that do not decode are INTERNAL with the reason", async () => {
  const bad: GrpcMethod = {
    decode: () => {
      throw new RangeError("index out of range");
    },
    encode: () => hello,
    handle: async () => hello,
  };
  const { client } = await serve({ Bad: bad });
  const answer = await client.unary("/test.Test/Bad", hello);
  assert.deepEqual(
    [answer.status, answer.message],
    [13, "grpc: error unmarshalling request: index out of range"],
  );
});

test("five hundred calls at once on one connection are all answered", async () => {
  const { client, server } = await serve({
    Echo: bytesMethod(async (_call, request) => {
      await new Promise((resolve) => setImmediate(resolve));
      return request;
    }),
  });
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => client.unary("/test.Test/Echo", Buffer.from(`message ${i}`))),
  );
  answers.forEach((answer, i) => assert.equal(answer.body.subarray(5).toString(), `message ${i}`));
  assert.equal(server.stats.handlersRunning, 0);
});

test("thousands of refused bodies do not end the connection", async () => {
  const { client } = await serve({ Echo: echo }, { receiveBytesMax: 10 });
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => client.unary("/test.Test/Echo", Buffer.alloc(20_000))),
    );
    assert.ok(answers.every(({ status }) => status === GrpcCode.RESOURCE_EXHAUSTED));
  }
});

test("requests wait for room among the bytes in flight, in order, and are refused when too many wait", async () => {
  const gates: Deferred[] = [];
  const { client, server } = await serve(
    {
      Hold: bytesMethod(async (_call, request) => {
        const gate = new Deferred();
        gates.push(gate);
        await gate.promise;
        return request.subarray(0, 1);
      }),
    },
    { inflightBytesMax: 1000, inflightWaitersMax: 2 },
  );
  const settled: number[] = [];
  const calls = Array.from({ length: 5 }, async (_, i) => {
    const answer = await client.unary("/test.Test/Hold", Buffer.alloc(600, i));
    settled.push(i);
    return answer;
  });
  const refused = await Promise.all([calls[3], calls[4]]);
  for (const answer of refused) {
    assert.equal(answer?.status, GrpcCode.RESOURCE_EXHAUSTED);
    assert.match(answer?.message ?? "", /in flight.*retry later/);
  }
  assert.deepEqual([gates.length, server.stats.waitingForBytes, server.stats.inflightBytes], [1, 2, 600]);
  for (const i of [0, 1, 2]) {
    while (gates.length <= i) await new Promise((resolve) => setImmediate(resolve));
    gates[i]?.resolve();
    assert.equal((await calls[i])?.body[5], i);
  }
  assert.equal(server.stats.inflightBytes, 0);
});

test("a request that is cancelled while it waits for room leaves the queue", async () => {
  const gate = new Deferred();
  const { client, server } = await serve(
    {
      Hold: bytesMethod(async (_call, request) => {
        await gate.promise;
        return request;
      }),
    },
    { inflightBytesMax: 100, inflightWaitersMax: 4 },
  );
  const first = client.unary("/test.Test/Hold", Buffer.alloc(90));
  const waiting = client.open("/test.Test/Hold");
  waiting.on("error", () => {});
  waiting.write(frame(Buffer.alloc(10), 0, 80));
  while (server.stats.waitingForBytes === 0) await new Promise((resolve) => setImmediate(resolve));
  waiting.close(constants.NGHTTP2_CANCEL);
  while (server.stats.waitingForBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  gate.resolve();
  assert.equal((await first).status, 0);
  assert.equal(server.stats.inflightBytes, 0);
});

test("more running handlers than allowed are refused", async () => {
  const gate = new Deferred();
  const { client, server } = await serve(
    {
      Hold: bytesMethod(async (_call, request) => {
        await gate.promise;
        return request;
      }),
    },
    { handlersMax: 1 },
  );
  const first = client.unary("/test.Test/Hold", hello);
  while (server.stats.handlersRunning === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await client.unary("/test.Test/Hold", hello)).status, GrpcCode.RESOURCE_EXHAUSTED);
  gate.resolve();
  assert.equal((await first).status, 0);
});

test("a body that does not arrive in time ends its call", async () => {
  const { client } = await serve({ Echo: echo }, { transferBaseMs: 20, discardMs: 10 });
  const stream = client.open("/test.Test/Echo");
  stream.write(frame(hello).subarray(0, 7));
  const answer = await readAnswer(stream);
  assert.deepEqual([answer.status, answer.message], [1, "the request did not arrive in time"]);
});

test("a drain lets running calls finish, says GOAWAY and refuses new connections", async () => {
  const started = new Deferred();
  const gate = new Deferred();
  const { client, server, port } = await serve({
    Hold: bytesMethod(async (_call, request) => {
      started.resolve();
      await gate.promise;
      return request;
    }),
    Echo: echo,
  });
  const running = client.unary("/test.Test/Hold", hello);
  await started.promise;
  const goaway = once(client.session, "goaway");
  const drained = server.drain(10_000);
  await goaway;
  await new Promise((resolve) => setImmediate(resolve));
  // The client library closes its session on GOAWAY, as gRPC clients do, and sends nothing new on it.
  const refused = await client.unary("/test.Test/Echo", hello);
  assert.deepEqual([refused.status, refused.rstCode], [undefined, constants.NGHTTP2_INTERNAL_ERROR]);
  const late = new TestGrpcClient(port);
  const [error] = (await once(late.session, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  gate.resolve();
  const answer = await running;
  assert.deepEqual([answer.status, answer.body], [0, frame(hello)]);
  await drained;
  assert.equal(server.stats.connections, 0);
});

test("a drain that takes too long aborts what still runs", async () => {
  const started = new Deferred();
  const aborted = new Deferred();
  const { client, server } = await serve({
    Stuck: bytesMethod(async (call) => {
      call.signal.addEventListener("abort", () => aborted.resolve());
      started.resolve();
      return new Promise(() => {});
    }),
  });
  const running = client.unary("/test.Test/Stuck", hello);
  await started.promise;
  await server.drain(10);
  await aborted.promise;
  assert.equal((await running).status, GrpcCode.UNAVAILABLE);
  await server.drain(10);
  await server.stop();
});

test("a connection above the limit is closed", async () => {
  const { client, port } = await serve({ Echo: echo }, { connectionsMax: 1 });
  assert.equal((await client.unary("/test.Test/Echo", hello)).status, 0);
  const second = new TestGrpcClient(port);
  await once(second.session, "close");
  assert.equal((await client.unary("/test.Test/Echo", hello)).status, 0);
});

test("pings are answered, many of them too, and a silent client that answers ours is kept", async () => {
  const { client, server } = await serve({ Echo: echo }, { keepaliveMs: 5, keepaliveTimeoutMs: 1000 });
  await once(client.session, "connect");
  for (let i = 0; i < 50; i++) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.session.ping((error) => (error === null ? resolve() : reject(error)));
    await promise;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  client.session.once("ping", () => resolve());
  await promise;
  assert.equal(server.stats.connections, 1);
  assert.equal((await client.unary("/test.Test/Echo", hello)).status, 0);
});

test("a port in use is told", async () => {
  const { port } = await serve({ Echo: echo });
  const second = new GrpcServer({ services: new Map() });
  await assert.rejects(second.listen({ host: "127.0.0.1", port }), { code: "EADDRINUSE" });
  await second.stop();
});
