import assert from "node:assert/strict";
import { test } from "node:test";
import type { Component, ComponentStateCode } from "../api/component.ts";
import { Config } from "../config/config.ts";
import { nodeId } from "../model/ids.ts";
import { MetricsRegistry } from "../obs/metrics.ts";
import { backgroundContext } from "./default-settings.ts";
import { MetricsServer } from "./metrics-server.ts";
import type { ServingThread } from "./serving-thread-contract.ts";

function component(role: string, state: { now: ComponentStateCode | "gone" }): Component {
  return {
    getComponentStates: async () => {
      if (state.now === "gone") throw new Error("the thread has ended");
      return { nodeId: nodeId(1n), role, state: state.now, reason: "" };
    },
    getMetrics: async () => ({ name: role, nodeId: nodeId(1n), infos: {} }),
  };
}

/** A serving thread that counts one thing and remembers changes of its configuration. */
function thread(changed: string[], ended = false): ServingThread {
  const registry = new MetricsRegistry();
  registry.counter({ name: "things_total", help: "things" }).inc({}, 2);
  const unused = async (): Promise<never> => assert.fail("not asked for");
  return {
    listen: unused,
    drain: unused,
    setSession: unused,
    dropStaleView: unused,
    metrics: async () => (ended ? unused() : registry.snapshot()),
    updateConfig: async (_ctx, { key, value }) => void changed.push(`${key}=${value}`),
  };
}

async function started() {
  const metrics = new MetricsRegistry();
  metrics.counter({ name: "things_total", help: "things" }).inc();
  const config = new Config();
  const server = new MetricsServer({ metrics, config, context: backgroundContext });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { connection: "close", ...init.headers },
    });
    return { status: answer.status, text: await answer.text() };
  };
  return { server, config, ask };
}

test("alive from the start to the end, ready only while every component serves", async () => {
  const { server, ask } = await started();
  const statuses = async () =>
    [await ask("/livez"), await ask("/healthz"), await ask("/readyz")].map(({ status }) => status);
  assert.deepEqual(await statuses(), [200, 500, 500]);
  assert.deepEqual(JSON.parse((await ask("/healthz")).text), {
    state: "component not healthy",
    detail: [{ name: "standalone", code: "Initializing" }],
  });
  const proxy: { now: ComponentStateCode | "gone" } = { now: "Initializing" };
  server.observe({
    components: [component("rootcoord", { now: "Healthy" }), component("proxy", proxy)],
    threads: [],
  });
  assert.deepEqual(await statuses(), [200, 500, 500]);
  proxy.now = "Healthy";
  assert.deepEqual(await statuses(), [200, 200, 200]);
  assert.equal((await ask("/healthz")).text, "OK");
  proxy.now = "Stopping";
  assert.deepEqual(await statuses(), [200, 500, 500]);
  assert.deepEqual(JSON.parse((await ask("/readyz")).text).detail, [{ name: "proxy", code: "Stopping" }]);
  proxy.now = "gone";
  assert.deepEqual(await statuses(), [200, 500, 500]);
  await server.stop();
});

test("metrics are those of all threads together, and of those that are left", async () => {
  const { server, ask } = await started();
  assert.match((await ask("/metrics")).text, /^things_total 1$/m);
  server.observe({ components: [], threads: [thread([]), thread([]), thread([], true)] });
  assert.match((await ask("/metrics")).text, /^things_total 5$/m);
  await server.stop();
});

test("the level of the logs is shown, and changed on all threads", async () => {
  const { server, config, ask } = await started();
  const changed: string[] = [];
  server.observe({ components: [], threads: [thread(changed), thread(changed)] });
  assert.deepEqual(JSON.parse((await ask("/log/level")).text), { level: "info" });
  const put = async (body: string, type = "application/json") =>
    ask("/log/level", { method: "PUT", body, headers: { "content-type": type } });
  assert.deepEqual(await put('{"level":"debug"}'), { status: 200, text: '{"level":"debug"}' });
  assert.deepEqual(await put("level=WARN", "application/x-www-form-urlencoded"), {
    status: 200,
    text: '{"level":"warn"}',
  });
  assert.equal(config.get("log.level"), "warn");
  assert.deepEqual(changed, ["log.level=debug", "log.level=debug", "log.level=warn", "log.level=warn"]);
  for (const body of ["", "{}", "[1]", '{"level":5}', "nothing"])
    assert.deepEqual(
      await put(body),
      { status: 400, text: '{"error":"must specify a logging level"}' },
      body,
    );
  const wrong = await put('{"level":"loud"}');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /log\.level cannot be .*loud.*expected/);
  assert.equal(config.get("log.level"), "warn");
  assert.equal((await ask("/log/level", { method: "POST" })).status, 405);
  await server.stop();
});
