import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, pair } from "../requests.testing.ts";

test("connect hands out an identifier by which the client is known later", async () => {
  const deployment = new FakeDeployment();
  const answer = await deployment.call("Connect", {
    clientInfo: { sdkType: "Python", sdkVersion: "2.6", user: "", host: "h", localTime: "now" },
  });
  equal(answer.serverInfo?.buildTags, "v2.6.0");
  const { clients } = deployment.proxy;
  const identifier = String(answer.identifier);
  equal(clients.find(identifier, deployment.clock.nowMs())?.sdkType, "Python");
  match(deployment.deps.metrics.expose(), /milvus_proxy_connection_num\{node_id="7"\} 1/);
  deployment.clock.advance(deployment.deps.limits.clientIdleMs + 1);
  equal(clients.find(identifier, deployment.clock.nowMs()), undefined);
  match(deployment.deps.metrics.expose(), /milvus_proxy_connection_num\{node_id="7"\} 0/);
});

test("connect to a database that is not there is refused", async () => {
  const deployment = new FakeDeployment();
  const status = await deployment.status("Connect", {}, { headers: { dbname: "nope" } });
  deepEqual([status.code, status.reason], [800, "database not found[database=nope]"]);
});

test("version, timestamp and health", async () => {
  const deployment = new FakeDeployment();
  equal((await deployment.call("GetVersion", {})).version, "v2.6.0");
  const first = (await deployment.call("AllocTimestamp", {})).timestamp;
  const second = (await deployment.call("AllocTimestamp", {})).timestamp;
  equal(second > first, true);
  deepEqual((await deployment.call("CheckHealth", {})).isHealthy, true);
  deployment.rootState = "Initializing";
  const sick = await deployment.call("CheckHealth", {});
  deepEqual([sick.isHealthy, sick.reasons], [false, ["rootcoord is Initializing"]]);
  const states = await deployment.call("GetComponentStates", {});
  deepEqual(
    [states.state?.role, states.state?.stateCode, states.subcomponentStates.map((one) => one.stateCode)],
    ["proxy", 1, [0, 1, 1, 1]],
  );
});

test("a coordinator that does not answer is not healthy", async () => {
  const plain = new FakeDeployment();
  const deployment = new FakeDeployment({
    dataCoord: { ...plain.deps.dataCoord, getComponentStates: () => Promise.reject(new Error("gone")) },
  });
  const { isHealthy, reasons } = await deployment.call("CheckHealth", {});
  deepEqual([isHealthy, reasons], [false, ["datacoord is Abnormal: gone"]]);
});

test("metrics describe the system as JSON", async () => {
  const deployment = new FakeDeployment();
  const { response, componentName } = await deployment.call("GetMetrics", {
    request: JSON.stringify({ metric_type: "system_info" }),
  });
  equal(componentName, "proxy7");
  const parsed = JSON.parse(response) as {
    nodes_info: { infos: { name: string; type: string; system_info: { system_version: string } } }[];
  };
  deepEqual(
    parsed.nodes_info.map(({ infos }) => [infos.name, infos.type]),
    [
      ["proxy7", "proxy"],
      ["rootcoord", "rootcoord"],
      ["datacoord", "datacoord"],
      ["querycoord", "querycoord"],
      ["indexcoord", "indexcoord"],
    ],
  );
  equal(parsed.nodes_info[0]?.infos.system_info.system_version, "v2.6.0");
  const unknown = await deployment.status("GetMetrics", { request: '{"metric_type":"x"}' });
  deepEqual([unknown.code, unknown.reason], [1200, "metric not found[metric=x]"]);
  equal((await deployment.status("GetMetrics", { request: "{" })).code, 1100);
  equal((await deployment.status("GetMetrics", { request: "{}" })).code, 1100);
  const own = await deployment.proxy.getMetrics();
  deepEqual([own.name, own.infos["state"]], ["proxy7", "Healthy"]);
});

test("users, roles and grants are the built-in ones", async () => {
  const deployment = new FakeDeployment();
  deepEqual((await deployment.call("ListCredUsers", {})).usernames, ["root"]);
  const roles = await deployment.call("SelectRole", {});
  deepEqual(
    roles.results.map(({ role }) => role?.name),
    ["admin", "public"],
  );
  equal((await deployment.call("SelectRole", { role: { name: "other" } })).results.length, 0);
  const users = await deployment.call("SelectUser", { user: { name: "root" } });
  deepEqual(
    users.results.map(({ user }) => user?.name),
    ["root"],
  );
  equal((await deployment.call("SelectUser", { user: { name: "ann" } })).results.length, 0);
  const grants = await deployment.call("SelectGrant", { entity: { role: { name: "public" } } });
  deepEqual(
    grants.entities.map(({ object, grantor }) => [object?.name, grantor?.privilege?.name]),
    [
      ["Global", "DescribeCollection"],
      ["Global", "ListAliases"],
      ["Collection", "IndexDetail"],
    ],
  );
  equal((await deployment.status("SelectGrant", {})).code, 1100);
  equal((await deployment.status("SelectGrant", { entity: {} })).code, 1100);
  match(
    (await deployment.status("SelectRole", { role: { name: "" } })).reason,
    /role name should be not empty/,
  );
  match(
    (await deployment.status("SelectRole", { role: { name: "1a" } })).reason,
    /first character of role name/,
  );
  match((await deployment.status("SelectRole", { role: { name: "a-b" } })).reason, /found - at 1/);
});

test("the default resource group is the only one", async () => {
  const deployment = new FakeDeployment();
  deepEqual((await deployment.call("ListResourceGroups", {})).resourceGroups, ["__default_resource_group"]);
  await deployment.call("CreateCollection", createRequest("one"));
  await deployment.call("CreateIndex", {
    collectionName: "one",
    fieldName: "vec",
    extraParams: [pair("metric_type", "L2")],
  });
  await deployment.call("LoadCollection", { collectionName: "one" });
  const { resourceGroup } = await deployment.call("DescribeResourceGroup", {
    resourceGroup: "__default_resource_group",
  });
  deepEqual(
    [resourceGroup?.numAvailableNode, [...(resourceGroup?.numLoadedReplica ?? [])]],
    [1, [["one", 1]]],
  );
  const status = await deployment.status("DescribeResourceGroup", { resourceGroup: "rg1" });
  deepEqual([status.code, status.reason], [300, "resource group not found[rg=rg1]"]);
});
