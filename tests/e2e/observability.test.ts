import assert from "node:assert/strict";
import { test } from "node:test";
import { rpcSamples, sampleOf } from "../fuzz/targets/server-samples.ts";
import { sleep, startServer, type TestServer } from "./support/server.ts";
import { TestGrpcClient } from "../../src/transport/grpc-client.testing.ts";

/** The answer's status and text, or the refusal of the connection. */
async function ask(
  server: TestServer,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(`http://127.0.0.1:${server.metricsPort}${path}`, {
      ...init,
      headers: { connection: "close" },
    });
    return { status: answer.status, text: await answer.text() };
  } catch {
    return { status: 0, text: "" };
  }
}

/** The sum over all series of a metric whose labels hold all of the given texts. */
async function total(server: TestServer, name: string, ...labels: readonly string[]): Promise<number> {
  const { text } = await ask(server, "/metrics");
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

test("a served process shows what it did, says so in its logs, and stops being ready when it drains", async () => {
  // Everything is slow.
  const settings = ["proxy.slowQuerySpanInSeconds=0", "log.level=info"];
  await using server = await startServer({ threads: 2, settings, readyTimeoutMs: 300_000 });
  const clients = [new TestGrpcClient(server.port), new TestGrpcClient(server.port)];
  const call = async (name: string, client = clients[0]): Promise<void> => {
    const { rpc, bytes } = sampleOf(name);
    assert.equal((await client?.unary(rpc.path, bytes))?.status, 0, name);
  };
  for (const name of ["CreateCollection", "CreateIndex", "LoadCollection", "Insert"]) await call(name);
  const searches = 6;
  for (let i = 0; i < searches; i++) await call("Search", clients[i % clients.length]);
  await call("Query");

  assert.equal(await total(server, "milvus_rootcoord_ddl_req_count", '"CreateCollection"', '"success"'), 1);
  assert.equal(await total(server, "milvus_proxy_req_count", '"Search"', 'status="success"'), searches);
  assert.equal(await total(server, "milvus_proxy_search_vectors_count", '"fuzz"'), searches);
  assert.equal(await total(server, "milvus_proxy_insert_vectors_count", '"fuzz"'), 3);
  assert.equal(await total(server, "milvus_querynode_sq_req_count", '"search"', '"success"'), searches);
  assert.equal(await total(server, "milvus_querynode_entity_num", '"Growing"'), 3);
  assert.equal(await total(server, "milvus_datanode_msg_rows_count", '"insert"'), 3);
  assert.equal((await total(server, "nodejs_heap_size_used_bytes", "thread=")) > 0, true);

  const slow = server
    .output()
    .split("\n")
    .filter((line) => line.includes("slow request") && line.includes("method=Search"));
  assert.equal(slow.length, searches);
  for (const part of ["collection=fuzz", "durationMs=", "nq=1", "topk=5", '\\"segments\\":1', '\\"flat\\":1'])
    assert.ok(slow[0]?.includes(part), `${part} in ${slow[0]}`);

  assert.doesNotMatch(server.output(), / DEBUG /);
  assert.equal((await ask(server, "/log/level", { method: "PUT", body: '{"level":"debug"}' })).status, 200);
  for (const client of clients) await call("Search", client);
  assert.match(server.output(), / DEBUG proxy call done rpc=Search/);
  for (const client of clients) await client.close();

  assert.deepEqual(
    await Promise.all(
      ["/livez", "/readyz", "/healthz"].map(async (path) => (await ask(server, path)).status),
    ),
    [200, 200, 200],
  );
  const stopped = server.stop();
  const seen: number[] = [];
  for (let status = 200; status !== 0; await sleep(1)) {
    ({ status } = await ask(server, "/readyz"));
    seen.push(status);
  }
  assert.deepEqual(
    seen.slice(seen.findIndex((status) => status !== 200)).filter((status) => status === 200),
    [],
    "not ready again",
  );
  assert.equal(await stopped, 0);
});

test("there is a sample of every unary RPC of the service", () => {
  assert.ok(new Set(rpcSamples().map(({ rpc }) => rpc.name)).size > 130);
});
