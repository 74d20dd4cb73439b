import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { RedkiteError } from "../errors/redkite-error.ts";
import { deadlineExceeded } from "../errors/service-errors.ts";
import { testContext, testImplementation, testTable, type TestContract } from "./contract.testing.ts";
import { connectWorker, serveWorker, type WorkerClient, type WorkerClientOptions } from "./worker-channel.ts";

const workers: Worker[] = [];

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate();
});

function connectToThread(
  options: WorkerClientOptions<TestContract> = {},
  serverInflightMax = 100,
): { worker: Worker; channel: WorkerClient<TestContract>; client: TestContract } {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("./contract.testing.ts", import.meta.url), {
    workerData: { testContractPort: port2, inflightMax: serverInflightMax },
    transferList: [port2],
  });
  workers.push(worker);
  const channel = connectWorker(port1, testTable, options);
  return { worker, channel, client: channel.client };
}

async function rejection(promise: Promise<unknown>): Promise<RedkiteError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RedkiteError, `not a RedkiteError: ${String(error)}`);
  return error;
}

/** Another thread counts; `Atomics.waitAsync` hears of it only by a notify, so this looks. */
async function counted(counter: SharedArrayBuffer, value: number): Promise<void> {
  while (Atomics.load(new Int32Array(counter), 0) < value)
    await new Promise((resolve) => setImmediate(resolve));
}

test("plain data crosses threads both ways, bigints and typed arrays included", async () => {
  const { client } = connectToThread();
  const value = {
    id: 1n << 60n,
    rows: new Float32Array([1, 2.5]),
    nested: [{ name: "ü" }],
    missing: undefined,
  };
  assert.deepEqual(await client.echo(testContext(), value), value);
});

test("the context crosses as it is", async () => {
  const { client } = connectToThread();
  const { signal, ...data } = testContext({
    principal: "alice",
    database: "books",
    deadlineMs: Date.now() + 60_000,
    trace: { traceId: "a".repeat(32), spanId: "b".repeat(16) },
    clientRequestId: "request 7",
  });
  assert.deepEqual(await client.whoami({ ...data, signal }, {}), data);
});

test("errors cross with kind, message and retriable", async () => {
  const { client } = connectToThread();
  const expected = await rejection(client.fail(testContext(), { how: "expected" }));
  assert.deepEqual([expected.kind, expected.code, expected.retriable], ["collectionNotFound", 100, false]);
  assert.match(expected.message, /books/);
  const unexpected = await rejection(client.fail(testContext(), { how: "unexpected" }));
  assert.deepEqual([unexpected.kind, unexpected.message], ["unexpected", "boom"]);
  const uncloneable = await rejection(client.fail(testContext(), { how: "uncloneable" }));
  assert.equal(uncloneable.kind, "unexpected");
});

test("a request that cannot be cloned is refused by name", async () => {
  const { client, channel } = connectToThread();
  const error = await rejection(client.echo(testContext(), { f: () => 1 }));
  assert.match(error.message, /TestContract\.echo cannot be sent/);
  assert.equal(channel.inflight(), 0);
});

test("a cancelled call fails here at once and aborts there with the same reason", async () => {
  const { client, channel } = connectToThread();
  const counter = new SharedArrayBuffer(4);
  const controller = new AbortController();
  const call = rejection(client.hang(testContext({ signal: controller.signal }), { counter }));
  await counted(counter, 1);
  controller.abort(deadlineExceeded("search"));
  const error = await call;
  assert.equal(error.kind, "deadlineExceeded");
  assert.equal(channel.inflight(), 0);
  await counted(counter, 2);
  // The signal was aborted before: nothing is sent.
  assert.equal(
    (await rejection(client.echo(testContext({ signal: controller.signal }), {}))).kind,
    "deadlineExceeded",
  );
});

test("a deadline that has passed is refused on arrival", async () => {
  const { client } = connectToThread();
  assert.equal((await rejection(client.echo(testContext({ deadlineMs: 1 }), {}))).kind, "deadlineExceeded");
});

test("calls above the bound are refused with a retriable error, on either side", async () => {
  for (const [client, server] of [
    [2, 100],
    [100, 2],
  ] as const) {
    const here = connectToThread({ inflightMax: client }, server);
    const counter = new SharedArrayBuffer(4);
    const controller = new AbortController();
    const ctx = testContext({ signal: controller.signal });
    const running = [here.client.hang(ctx, { counter }), here.client.hang(ctx, { counter })].map(rejection);
    const refused = await rejection(here.client.echo(testContext(), {}));
    assert.deepEqual([refused.kind, refused.retriable], ["serviceTooManyRequests", true]);
    assert.match(refused.message, /TestContract\.echo/);
    controller.abort();
    await Promise.all(running);
    await counted(counter, 4);
    assert.deepEqual(await here.client.echo(testContext(), { ok: true }), { ok: true });
  }
});

test("shared memory goes by reference, and named buffers move", async () => {
  const { client } = connectToThread({
    transfer: { swallow: ({ buffer }: { buffer: ArrayBuffer }) => [buffer] },
  });
  const shared = new SharedArrayBuffer(4);
  await client.fill(testContext(), { shared, value: 7 });
  assert.deepEqual([...new Uint8Array(shared)], [7, 7, 7, 7]);
  const buffer = new ArrayBuffer(16);
  const back = await client.swallow(testContext(), { buffer });
  assert.deepEqual([buffer.detached, back.byteLength], [true, 16]);
});

test("when the serving thread ends, its calls fail with a retriable error", async () => {
  const { client } = connectToThread();
  const counter = new SharedArrayBuffer(4);
  const hanging = rejection(client.hang(testContext(), { counter }));
  await counted(counter, 1);
  const exiting = rejection(client.exit(testContext(), {}));
  for (const error of [await hanging, await exiting, await rejection(client.echo(testContext(), {}))]) {
    assert.deepEqual([error.kind, error.retriable], ["serviceUnavailable", true]);
    assert.match(error.message, /the thread that serves TestContract has ended/);
  }
});

test("when the caller closes, its calls fail and what they started is aborted", async () => {
  const { port1, port2 } = new MessageChannel();
  const server = serveWorker(port2, testTable, testImplementation);
  const channel = connectWorker(port1, testTable);
  const counter = new SharedArrayBuffer(4);
  const hanging = rejection(channel.client.hang(testContext(), { counter }));
  await counted(counter, 1);
  channel.close();
  assert.equal((await hanging).kind, "serviceUnavailable");
  await counted(counter, 2);
  assert.equal(server.inflight(), 0);
});

test("a server that closes aborts what runs", async () => {
  const { port1, port2 } = new MessageChannel();
  const unexpected: string[] = [];
  const onUnexpected = (error: unknown, method: string): number =>
    unexpected.push(`${method}: ${String(error)}`);
  const server = serveWorker(port2, testTable, testImplementation, { onUnexpected });
  const { client } = connectWorker(port1, testTable);
  await rejection(client.fail(testContext(), { how: "unexpected" }));
  assert.deepEqual(unexpected, ["fail: TypeError: boom"]);
  const hanging = rejection(client.hang(testContext(), { counter: new SharedArrayBuffer(4) }));
  while (server.inflight() === 0) await new Promise((resolve) => setImmediate(resolve));
  server.close();
  assert.equal((await hanging).kind, "serviceUnavailable");
  assert.equal(server.inflight(), 0);
});
