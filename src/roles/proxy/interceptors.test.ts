import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { Deferred } from "../../base/deferred.ts";
import { Config } from "../../config/config.ts";
import { privilegeNotAuthenticated, privilegeNotPermitted } from "../../errors/parameter-errors.ts";
import { abortReason, serviceRateLimit } from "../../errors/service-errors.ts";
import type { AccessRequest } from "./authenticator.ts";
import { FakeDeployment } from "./fake-deployment.testing.ts";
import type { LimitedRequest } from "./limiter.ts";
import { proxyLimits } from "./proxy-limits.ts";
import { createRequest } from "./requests.testing.ts";

test("an unhealthy proxy answers at once with code 1, but still tells its state", async () => {
  const deployment = new FakeDeployment();
  deployment.proxy.setSession("lost");
  const status = await deployment.status("ListDatabases", {});
  equal(status.code, 1);
  equal(status.retriable, true);
  match(status.reason, /^service not ready\[proxy=7\]: Abnormal$/);
  equal((await deployment.call("GetComponentStates", {})).state?.stateCode, 2);
  equal((await deployment.call("CheckHealth", {})).isHealthy, false);
  deployment.proxy.setSession("held");
  equal((await deployment.status("ListDatabases", {})).code, 0);
  deployment.proxy.drain();
  equal((await deployment.status("ListDatabases", {})).code, 1);
});

test("a session that was lost leaves nothing in the cache", async () => {
  const deployment = new FakeDeployment();
  await deployment.call("CreateCollection", createRequest("one"));
  await deployment.call("DescribeCollection", { collectionName: "one" });
  equal(deployment.proxy.metaCache.size, 1);
  deployment.proxy.setSession("lost");
  deployment.proxy.setSession("held");
  equal(deployment.proxy.metaCache.size, 0);
});

test("the database is the request's, else the connection's, else default", async () => {
  const deployment = new FakeDeployment();
  await deployment.call("CreateDatabase", { dbName: "db1" });
  await deployment.call("CreateDatabase", { dbName: "db2" });
  await deployment.call("CreateCollection", { ...createRequest("c"), dbName: "db1" });
  const has = async (dbName: string, headers: Record<string, string>): Promise<boolean> =>
    (await deployment.call("HasCollection", { collectionName: "c", dbName }, { headers })).value;
  deepEqual(
    [
      await has("db1", {}),
      await has("", { dbname: "db1" }),
      await has("db2", { dbname: "db1" }),
      await has("", {}),
    ],
    [true, true, false, false],
  );
});

test("a wrong password is refused with 1400, a missing privilege with 1401, before anything happens", async () => {
  const asked: AccessRequest[] = [];
  const deployment = new FakeDeployment({
    authenticator: {
      authenticate: async (credentials) => {
        if (credentials !== "ann:secret") throw privilegeNotAuthenticated("auth check failure");
        return "ann";
      },
      authorize: async (request) => {
        asked.push(request);
        if (request.privilege === "CreateCollection") {
          throw privilegeNotPermitted("PrivilegeCreateCollection: permission deny to ann");
        }
      },
    },
  });
  const headers = { authorization: btoa("ann:secret") };
  const none = await deployment.status("CreateCollection", createRequest("c"));
  deepEqual([none.code, none.retriable], [1400, false]);
  match(none.reason, /auth check failure: not authenticated/);
  const garbage = { authorization: "%%%" };
  equal((await deployment.status("ListDatabases", {}, { headers: garbage })).code, 1400);
  const denied = await deployment.status("CreateCollection", createRequest("c"), { headers });
  equal(denied.code, 1401);
  equal(deployment.collections.size, 0);
  equal((await deployment.status("ListDatabases", {}, { headers })).code, 0);
  await deployment.call("LoadCollection", { collectionName: "c" }, { headers });
  await deployment.call("Flush", { collectionNames: ["c", "d"] }, { headers });
  deepEqual(
    asked.map(({ rpc, privilege, objectType, objectNames, principal }) => [
      rpc,
      privilege,
      objectType,
      objectNames.join(" "),
      principal,
    ]),
    [
      ["CreateCollection", "CreateCollection", "Global", "*", "ann"],
      ["LoadCollection", "Load", "Collection", "c", "ann"],
      ["Flush", "Flush", "Collection", "c d", "ann"],
    ],
  );
});

test("a request over its rate is refused with code 8 and is retriable", async () => {
  const seen: LimitedRequest[] = [];
  const deployment = new FakeDeployment({
    limiter: {
      check: (request) => {
        seen.push(request);
        if (request.quota === "ddl") throw serviceRateLimit(5);
      },
    },
  });
  const status = await deployment.status("CreateCollection", createRequest("c"));
  deepEqual([status.code, status.retriable, status.reason], [8, true, "rate limit exceeded[rate=5]"]);
  equal(deployment.collections.size, 0);
  equal((await deployment.status("ListDatabases", {})).code, 0);
  deepEqual(
    seen.map(({ rpc, quota, collection, cost }) => [rpc, quota, collection, cost]),
    [["CreateCollection", "ddl", "c", 1]],
  );
  const text = deployment.deps.metrics.expose();
  match(text, /milvus_proxy_rate_limit_req_count\{[^}]*msg_type="CreateCollection",status="fail"\} 1/);
});

test("schema changes of one database run one after another, those of another beside them", async () => {
  const deployment = new FakeDeployment();
  await deployment.call("CreateDatabase", { dbName: "db2" });
  const gate = new Deferred();
  const { rootCoord } = deployment.deps;
  const order: string[] = [];
  const slow = new FakeDeployment({
    rootCoord: {
      ...rootCoord,
      createCollection: async (ctx, request) => {
        order.push(`${ctx.database}.${request.schema.name}`);
        if (request.schema.name === "first") await gate.promise;
        return rootCoord.createCollection(ctx, request);
      },
    },
  });
  const first = slow.call("CreateCollection", createRequest("first"));
  const second = slow.call("CreateCollection", createRequest("second"));
  await slow.call("CreateCollection", { ...createRequest("third"), dbName: "db2" });
  deepEqual(order, ["default.first", "db2.third"]);
  gate.resolve();
  await Promise.all([first, second]);
  deepEqual(order, ["default.first", "db2.third", "default.second"]);
});

test("a full queue refuses with code 4", async () => {
  const limits = { ...proxyLimits(new Config()), tasksMax: 1 };
  const gate = new Deferred();
  const plain = new FakeDeployment();
  const deployment = new FakeDeployment({
    limits,
    rootCoord: {
      ...plain.deps.rootCoord,
      listDatabases: async () => {
        await gate.promise;
        return [];
      },
    },
  });
  const first = deployment.call("ListDatabases", {});
  const status = await deployment.status("ListDatabases", {});
  deepEqual([status.code, status.retriable], [4, true]);
  match(status.reason, /queue is full\[limit=1\]/);
  gate.resolve();
  equal((await first).status?.code, 0);
});

test("a call without a deadline ends after the default one; its timer is gone afterwards", async () => {
  const plain = new FakeDeployment();
  const deployment = new FakeDeployment({
    rootCoord: {
      ...plain.deps.rootCoord,
      listDatabases: (ctx) =>
        new Promise((_, reject) => {
          ctx.signal.addEventListener("abort", () => reject(abortReason(ctx.signal)));
        }),
    },
  });
  const pending = deployment.status("ListDatabases", {});
  await new Promise((resolve) => setImmediate(resolve));
  equal(deployment.clock.timers, 1);
  deployment.clock.advance(60_000);
  const status = await pending;
  equal(status.code, 10001);
  match(status.reason, /context deadline exceeded/);
  equal(deployment.clock.timers, 0);
});

test("a client's own deadline and cancellation reach the coordinator as its signal", async () => {
  const controller = new AbortController();
  const plain = new FakeDeployment();
  const deployment = new FakeDeployment({
    rootCoord: {
      ...plain.deps.rootCoord,
      listDatabases: (ctx) => {
        equal(ctx.deadlineMs, 42);
        ok(ctx.signal === controller.signal);
        controller.abort();
        return Promise.reject(abortReason(ctx.signal));
      },
    },
  });
  const status = await deployment.status("ListDatabases", {}, { deadlineMs: 42, signal: controller.signal });
  equal(status.code, 10000);
});

test("calls are counted, logged with their fields, and slow ones remembered", async () => {
  const plain = new FakeDeployment();
  const deployment = new FakeDeployment({
    rootCoord: {
      ...plain.deps.rootCoord,
      createCollection: (ctx, request) => {
        deployment.clock.advance(7000);
        return plain.deps.rootCoord.createCollection(ctx, request);
      },
    },
  });
  await deployment.call("CreateCollection", createRequest("slow"), {
    headers: { "client-request-id": "r1" },
  });
  equal((await deployment.status("DescribeCollection", { collectionName: "gone" })).code, 100);
  const longName = "x".repeat(100_000);
  ok((await deployment.status("CreateAlias", { collectionName: longName, alias: "a" })).code > 0);
  const text = deployment.deps.metrics.expose();
  match(
    text,
    /milvus_proxy_req_count\{node_id="7",function_name="CreateCollection",status="success",db_name="default",collection_name="slow"\} 1/,
  );
  match(
    text,
    /function_name="DescribeCollection",status="fail",db_name="default",collection_name="\(unknown\)"\} 1/,
  );
  match(text, /function_name="CreateAlias",status="total"[^}]*collection_name="\(unknown\)"\} 1/);
  ok(!text.includes(longName) && !text.includes('"gone"'));
  match(text, /milvus_proxy_req_latency_count\{[^}]*function_name="CreateCollection"[^}]*\} 1/);
  match(text, /milvus_proxy_slow_query_count\{[^}]*\} 1/);
  const [slow] = deployment.proxy.slowLog.recent(deployment.clock.nowMs());
  deepEqual([slow?.method, slow?.durationMs, slow?.collection], ["CreateCollection", 7000, "slow"]);
  const done = deployment.logs.find(({ message }) => message === "call done");
  deepEqual(
    [done?.level, done?.fields["rpc"], done?.fields["clientRequestId"], done?.fields["shards"]],
    ["info", "CreateCollection", "r1", 1],
  );
  const failed = deployment.logs.find(({ message }) => message === "call failed");
  deepEqual([failed?.level, failed?.fields["code"]], ["info", 100]);
});

test("every success says so, whatever the handler left out", async () => {
  const deployment = new FakeDeployment();
  equal((await deployment.call("ListDatabases", {})).status?.code, 0);
  const unset = new FakeDeployment({
    dataCoord: {
      ...deployment.deps.dataCoord,
      getFlushState: () => Promise.resolve({ flushed: true, status: undefined }),
    },
  });
  equal((await unset.call("GetFlushState", { segmentIDs: [1n] })).status?.code, 0);
});

test("bytes that are no message are refused while they are decoded", () => {
  const deployment = new FakeDeployment();
  const method = deployment.proxy.methods().find(({ path }) => path.endsWith("/CreateCollection"));
  let refused: unknown;
  try {
    method?.decode(Uint8Array.of(0xff, 0xff, 0xff));
  } catch (error) {
    refused = error;
  }
  match(String(refused), /cannot read the bytes of a milvus.CreateCollectionRequest/);
});
