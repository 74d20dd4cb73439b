import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { definitionOf } from "../../wire/definitions.ts";
import { milvusRpcs } from "../../wire/service.ts";
import { ALL_HANDLERS } from "./all-handlers.ts";
import { FakeDeployment } from "./fake-deployment.testing.ts";
import { RPC_SPECS, type RpcName } from "./rpc-specs.ts";
import { serviceTable } from "./service-table.ts";

test("every RPC of MilvusService has a full row", () => {
  const rows = serviceTable();
  const rpcs = milvusRpcs();
  equal(rows.length, rpcs.length);
  ok(rows.length >= 143, `${rows.length} rows are fewer than Milvus had`);
  for (const [i, row] of rows.entries()) {
    const rpc = rpcs[i];
    equal(row.name, rpc?.name);
    equal(row.request, rpc?.request, `request of ${row.name}`);
    equal(row.response, rpc?.response, `response of ${row.name}`);
    ok(["ddl", "dml", "dql", "none"].includes(row.quota), `quota class of ${row.name}`);
    ok(["schema", "ddl", "dml", "dql", "lookup"].includes(row.queue), `queue of ${row.name}`);
    equal(typeof row.cost, "function", `cost of ${row.name}`);
    equal(typeof row.idempotent, "boolean", `idempotence of ${row.name}`);
    ok(["Global", "Collection", "User"].includes(row.access.objectType), `object type of ${row.name}`);
  }
});

test("privileges and object types are those of Milvus's definitions", () => {
  for (const row of serviceTable()) {
    const options = (
      definitionOf(`milvus.proto.${row.request}`) as {
        readonly options?: Readonly<Record<string, unknown>>;
      }
    ).options;
    const privilege = options?.["(common.privilege_ext_obj).object_privilege"];
    const expected = typeof privilege === "string" ? privilege.replace(/^Privilege/, "") : undefined;
    equal(row.access.privilege, expected, row.name);
    if (expected === undefined) continue;
    equal(row.access.objectType, options?.["(common.privilege_ext_obj).object_type"], row.name);
  }
});

test("what a request costs follows its kind", () => {
  equal(RPC_SPECS.Insert.cost({} as never, 1234), 1234);
  equal(RPC_SPECS.Search.cost({ nq: 7n } as never, 99), 7);
  equal(RPC_SPECS.HybridSearch.cost({ requests: [{ nq: 2n }, { nq: 3n }] } as never, 99), 5);
  equal(RPC_SPECS.Query.cost({} as never, 99), 1);
  equal(RPC_SPECS.CreateCollection.cost({} as never, 99), 1);
});

/** The contract's list. */
const served: readonly RpcName[] = (
  "Connect GetVersion CheckHealth GetComponentStates AllocTimestamp " +
  "CreateDatabase DropDatabase ListDatabases DescribeDatabase AlterDatabase " +
  "CreateCollection DropCollection HasCollection DescribeCollection BatchDescribeCollection ShowCollections " +
  "RenameCollection AlterCollection AlterCollectionField AddCollectionField TruncateCollection GetCollectionStatistics " +
  "LoadCollection ReleaseCollection GetLoadState GetLoadingProgress CreatePartition DropPartition HasPartition " +
  "ShowPartitions LoadPartitions ReleasePartitions GetPartitionStatistics CreateAlias DropAlias AlterAlias DescribeAlias " +
  "ListAliases CreateIndex AlterIndex DescribeIndex DropIndex GetIndexStatistics GetIndexState GetIndexBuildProgress " +
  "Flush FlushAll GetFlushState GetFlushAllState ManualCompaction GetCompactionState GetCompactionStateWithPlans " +
  "GetPersistentSegmentInfo GetQuerySegmentInfo GetReplicas GetMetrics SelectRole SelectUser ListCredUsers SelectGrant " +
  "ListPrivilegeGroups ListResourceGroups DescribeResourceGroup Insert Upsert Delete Search Query"
).split(" ") as RpcName[];

test("what the contract promises is served", () => {
  deepEqual(
    served.filter((name) => ALL_HANDLERS[name] === undefined),
    [],
  );
});

test("every other RPC answers with a status that names it", async () => {
  const deployment = new FakeDeployment();
  const paths = new Set(deployment.proxy.methods().map(({ path }) => path));
  let refused = 0;
  for (const row of serviceTable()) {
    if (row.handler !== undefined) continue;
    if (row.rpc.status === "none") {
      equal(paths.has(row.rpc.path), false, `${row.name} is left to the transport`);
      continue;
    }
    if (row.rpc.requestStream || row.rpc.responseStream) continue;
    const status = await deployment.status(row.name, {});
    equal(status.code, 10, row.name);
    ok(status.errorCode !== 0, `${row.name}: old clients must see a failure`);
    ok(status.reason.includes(`${row.name} is not served by this version`), status.reason);
    refused++;
  }
  ok(refused > 60, `only ${refused} were tried`);
});
