import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { Deferred } from "../base/deferred.ts";
import { withHeadroom } from "./grpc-frames.ts";
import type { UnaryMethod } from "./grpc-method.ts";
import { GrpcServer } from "./grpc-server.ts";
import { HttpRouter, textAnswer } from "./http-router.ts";
import { HttpServer } from "./http-server.ts";
import { PortServer, type PortLimits } from "./port-server.ts";
import { frame, TestGrpcClient } from "./grpc-client.testing.ts";

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const thing of opened.splice(0).reverse()) await thing[Symbol.asyncDispose]();
});

const gate = new Deferred();
const echo: UnaryMethod<Uint8Array, Uint8Array> = {
  decode: (bytes) => bytes,
  encode: withHeadroom,
  handle: async (_call, bytes) => bytes,
};
const hold: UnaryMethod<Uint8Array, Uint8Array> = {
  ...echo,
  handle: async (_call, bytes) => {
    await gate.promise;
    return bytes;
  },
};

function newServer(limits: Partial<PortLimits> = {}): {
  server: PortServer;
  grpc: GrpcServer;
  http: HttpServer;
} {
  const services = new Map([
    ["/test.Test/Echo", echo],
    ["/test.Test/Hold", hold],
  ]);
  const grpc = new GrpcServer({ services });
  const router = new HttpRouter([
    { method: "GET", path: "/hi", handle: () => textAnswer(200, "hi") },
    { method: "POST", path: "/len", handle: ({ body }) => textAnswer(200, String(body.length)) },
  ]);
  const http = new HttpServer({ handler: router.handle });
  const server = new PortServer({ grpc, http, limits });
  opened.push(server);
  return { server, grpc, http };
}

async function get(port: number, path: string, agent?: Agent, body?: Buffer): Promise<string> {
  const method = body === undefined ? "GET" : "POST";
  const outgoing = request({ host: "127.0.0.1", port, path, method, agent: agent ?? false });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function grpcClient(port: number): TestGrpcClient {
  const client = new TestGrpcClient(port);
  opened.push({ [Symbol.asyncDispose]: () => client.close() });
  return client;
}

test("gRPC and HTTP/1.1 are served on one port", async () => {
  const { server, grpc, http } = newServer();
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = grpcClient(port);
  const agent = new Agent({ keepAlive: true });
  for (let i = 0; i < 3; i++) {
    assert.equal(await get(port, "/hi", agent), "hi");
    assert.equal(await get(port, "/len", agent, Buffer.alloc(500_000)), "500000");
    assert.deepEqual((await client.unary("/test.Test/Echo", Buffer.from("x"))).body, frame(Buffer.from("x")));
  }
  assert.deepEqual([grpc.stats.connections, http.connections], [1, 1]);
  agent.destroy();
});

test("a preface that arrives in pieces is recognized", async () => {
  const { server, grpc } = newServer();
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  for (const part of ["P", "R", "I", " * HTTP/2.0\r\n", "\r\nSM\r\n\r\n"]) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  // Settings come first: 9 bytes of header with type 4.
  const [start] = (await once(socket, "data")) as [Buffer];
  assert.equal(start[3], 4);
  assert.equal(grpc.stats.connections, 1);
  socket.destroy();
});

test("a request line that begins like the preface is HTTP/1.1", async () => {
  const { server } = newServer();
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.write("P");
  await new Promise((resolve) => setTimeout(resolve, 2));
  socket.write("OST /len HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc");
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1.1 200 OK[^]*\r\n\r\n3$/);
});

test("a connection that says nothing is closed", async () => {
  const { server } = newServer({ firstBytesTimeoutMs: 10 });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect(port, "127.0.0.1");
  socket.resume();
  await once(socket, "close");
  const early = connect(port, "127.0.0.1");
  early.end();
  early.resume();
  await once(early, "close");
});

test("an accepted socket can be handed over", async () => {
  const { server } = newServer();
  const acceptor = createServer((socket: Socket) => server.adopt(socket));
  acceptor.listen(0, "127.0.0.1");
  await once(acceptor, "listening");
  const address = acceptor.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  assert.equal(await get(port, "/hi"), "hi");
  assert.equal((await grpcClient(port).unary("/test.Test/Echo", Buffer.from("x"))).status, 0);
  acceptor.close();
});

test("slow HTTP headers are timed out although the HTTP server does not listen itself", async () => {
  const router = new HttpRouter([]);
  const http = new HttpServer({
    handler: router.handle,
    limits: { headersTimeoutMs: 20, requestTimeoutMs: 20 },
  });
  const server = new PortServer({ grpc: new GrpcServer({ services: new Map() }), http });
  opened.push(server);
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /hi HTTP/1.1\r\n");
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1.1 408 /);
});

test("two servers share a port by asking for it", async () => {
  const first = newServer();
  const second = newServer();
  const port = await first.server.listen({ host: "127.0.0.1", port: 0, reusePort: true });
  assert.equal(await second.server.listen({ host: "127.0.0.1", port, reusePort: true }), port);
  const third = newServer();
  await assert.rejects(third.server.listen({ host: "127.0.0.1", port }), { code: "EADDRINUSE" });
  await first.server.stop();
  assert.equal(await get(port, "/hi"), "hi");
});

test("a drain finishes running calls and refuses new connections", async () => {
  const { server, grpc } = newServer();
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = grpcClient(port);
  const agent = new Agent({ keepAlive: true });
  await get(port, "/hi", agent);
  const running = client.unary("/test.Test/Hold", Buffer.from("x"));
  while (grpc.stats.handlersRunning === 0) await new Promise((resolve) => setImmediate(resolve));
  const drained = server.drain(10_000);
  await assert.rejects(get(port, "/hi"), { code: "ECONNREFUSED" });
  gate.resolve();
  assert.equal((await running).status, 0);
  await drained;
  agent.destroy();
});
