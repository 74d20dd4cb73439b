import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, test } from "node:test";
import { Deferred } from "../base/deferred.ts";
import { HttpError, HttpRouter, jsonAnswer, textAnswer, type HttpRouterOptions } from "./http-router.ts";
import { HttpServer, type HttpLimits } from "./http-server.ts";

const opened: HttpServer[] = [];

afterEach(async () => {
  for (const server of opened.splice(0)) await server.stop();
});

const gate = new Deferred();

async function serve(
  limits: Partial<HttpLimits> = {},
  options: HttpRouterOptions = {},
): Promise<[HttpServer, number]> {
  const router = new HttpRouter(
    [
      { method: "GET", path: "/healthz", handle: () => textAnswer(200, "OK") },
      {
        method: "POST",
        path: "/echo",
        bodyBytesMax: 100,
        handle: ({ body, query }) =>
          jsonAnswer(200, { body: Buffer.from(body).toString(), query: query.get("q") }),
      },
      { method: "GET", path: "/teapot", handle: () => Promise.reject(new HttpError(418, "short and stout")) },
      {
        method: "GET",
        path: "/crash",
        handle: () => {
          throw new Error("boom");
        },
      },
      {
        method: "GET",
        path: "/slow",
        handle: async () => {
          await gate.promise;
          return textAnswer(200, "done");
        },
      },
    ],
    options,
  );
  const server = new HttpServer({ handler: router.handle, limits });
  opened.push(server);
  return [server, await server.listen({ host: "127.0.0.1", port: 0 })];
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function ask(
  port: number,
  method: string,
  path: string,
  body?: string | Buffer,
  chunked = false,
): Promise<Answer> {
  const outgoing = request({ host: "127.0.0.1", port, method, path, agent: false });
  if (chunked && body !== undefined) outgoing.write(body);
  outgoing.end(chunked ? undefined : body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks).toString() };
}

async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

test("a route answers GET and HEAD", async () => {
  const [, port] = await serve();
  const got = await ask(port, "GET", "/healthz?verbose=1");
  assert.deepEqual(
    [got.status, got.body, got.headers["content-type"]],
    [200, "OK", "text/plain; charset=utf-8"],
  );
  const head = await ask(port, "HEAD", "/healthz");
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "2"]);
});

test("a body and a query reach the handler", async () => {
  const [, port] = await serve();
  const answer = await ask(port, "POST", "/echo?q=a%20b", "text");
  assert.deepEqual(JSON.parse(answer.body), { body: "text", query: "a b" });
});

test("unknown paths, wrong methods and errors are JSON with a code", async () => {
  const errors: unknown[] = [];
  const [, port] = await serve({}, { onError: (error) => errors.push(error) });
  const missing = await ask(port, "GET", "//nope");
  assert.deepEqual(
    [missing.status, JSON.parse(missing.body)],
    [404, { code: 404, message: "no such path: //nope" }],
  );
  const wrong = await ask(port, "DELETE", "/healthz");
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, "GET, HEAD"]);
  const teapot = await ask(port, "GET", "/teapot");
  assert.deepEqual(
    [teapot.status, JSON.parse(teapot.body)],
    [418, { code: 418, message: "short and stout" }],
  );
  const crash = await ask(port, "GET", "/crash");
  assert.deepEqual([crash.status, JSON.parse(crash.body)], [500, { code: 500, message: "boom" }]);
  assert.equal((errors[0] as Error).message, "boom");
});

test("a fallback answers what no route has", async () => {
  const [, port] = await serve(
    {},
    { fallback: ({ path }) => jsonAnswer(501, { code: 501, message: `later: ${path}` }) },
  );
  assert.deepEqual(
    JSON.parse((await ask(port, "POST", "/v2/vectordb/entities/search", "{}")).body).message,
    "later: /v2/vectordb/entities/search",
  );
});

test("a body above its limit is refused, with a length and without", async () => {
  const [, port] = await serve();
  for (const chunked of [false, true]) {
    const answer = await ask(port, "POST", "/echo", Buffer.alloc(101), chunked);
    assert.equal(answer.status, 413);
    assert.match(answer.body, /limit is 100/);
  }
});

test("bytes that are not HTTP and headers that are too long get a clear answer", async () => {
  const [server, port] = await serve({ headerBytesMax: 1000 });
  assert.match(await say(port, "\x16\x03\x01\x02\x00 hello\r\n\r\n"), /^HTTP\/1.1 400 [^]*"code":400/);
  assert.match(
    await say(port, `GET / HTTP/1.1\r\nx: ${"y".repeat(2000)}\r\n\r\n`),
    /^HTTP\/1.1 431 [^]*"code":431/,
  );
  while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
});

test("headers that do not end in time end the connection", async () => {
  const [, port] = await serve({ headersTimeoutMs: 20, requestTimeoutMs: 20 });
  assert.match(await say(port, "GET /healthz HTTP/1.1\r\n"), /^HTTP\/1.1 408 /);
});

test("connections above the limit are closed", async () => {
  const [, port] = await serve({ connectionsMax: 1 });
  const first = connect(port, "127.0.0.1");
  await once(first, "connect");
  assert.equal(await say(port, ""), "");
  first.destroy();
});

test("a drain waits for running requests and refuses new connections", async () => {
  const [server, port] = await serve();
  const running = ask(port, "GET", "/slow");
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const drained = server.drain(10_000);
  gate.resolve();
  assert.equal((await running).body, "done");
  await drained;
  await assert.rejects(ask(port, "GET", "/healthz"), { code: "ECONNREFUSED" });
});

test("two routes for one method and path are a mistake", () => {
  const route = { method: "GET", path: "/a", handle: () => textAnswer(200, "") } as const;
  assert.throws(() => new HttpRouter([route, route]), /two routes for GET \/a/);
});
