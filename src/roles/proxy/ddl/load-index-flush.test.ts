import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import { segmentId, vchannel } from "../../../model/ids.ts";
import type { SegmentMeta } from "../../../model/segment-meta.ts";
import { timestamp } from "../../../model/timestamp.ts";
import { LoadState } from "../../../wire/enums.gen.ts";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, field, idField, pair, vectorField } from "../requests.testing.ts";

async function withCollection(): Promise<FakeDeployment> {
  const deployment = new FakeDeployment();
  const fields = [idField, vectorField, { ...vectorField, name: "vec2" }, field("age", DataType.Int8)];
  const request = createRequest("one", fields, { enableDynamicField: true });
  equal((await deployment.status("CreateCollection", request)).reason, "");
  return deployment;
}

async function withIndexes(): Promise<FakeDeployment> {
  const deployment = await withCollection();
  for (const fieldName of ["vec", "vec2"]) {
    equal((await deployment.status("CreateIndex", { collectionName: "one", fieldName })).reason, "");
  }
  return deployment;
}

function addSegment(deployment: FakeDeployment, id: bigint, state: SegmentMeta["state"]): void {
  const info = deployment.collection("one");
  const partition = info.partitions[0];
  if (partition === undefined) throw new Error("no partition");
  deployment.segments.push({
    id: segmentId(id),
    collectionId: info.id,
    partitionId: partition.id,
    vchannel: vchannel("v0"),
    state,
    rows: 10,
    bytes: 100,
    createdAtMs: 0,
    startPosition: undefined,
    flushedPosition: 0n,
    minTimestamp: timestamp(0n),
    maxTimestamp: timestamp(0n),
    deletesAppliedTo: timestamp(0n),
    historyFrom: timestamp(0n),
    schemaVersion: 0,
    manifest: undefined,
    droppedAtMs: undefined,
  } as SegmentMeta);
}

test("loading asks for an index on every vector field that is loaded", async () => {
  const deployment = await withCollection();
  const load = async (loadFields: string[] = []) =>
    deployment.status("LoadCollection", { collectionName: "one", loadFields });
  const none = await load();
  deepEqual([none.code, none.reason], [700, "index not found[collection=one]"]);
  await deployment.call("CreateIndex", { collectionName: "one", fieldName: "vec" });
  const half = await load();
  deepEqual(
    [half.code, half.reason],
    [1100, "there is no vector index on field: [vec2], please create index firstly: invalid parameter"],
  );
  equal((await load(["id", "vec"])).code, 0);
  // id, vec and the dynamic field.
  equal(deployment.calls.at(-1), "load fields [100 101 104] replicas 1");
  await deployment.call("CreateIndex", { collectionName: "one", fieldName: "vec2" });
  equal((await load()).code, 0);
  equal(deployment.calls.at(-1), "load fields [] replicas 1");
});

test("a list of fields to load must be able to stand alone", async () => {
  const deployment = await withIndexes();
  const load = async (loadFields: string[], more: object = {}) =>
    deployment.status("LoadCollection", { collectionName: "one", loadFields, ...more });
  match((await load(["vec"])).reason, /load field list \[vec\] does not contain primary key field id/);
  match((await load(["id", "age"])).reason, /load field list \[id age\] does not contain vector field/);
  equal((await load(["id", "vec", "no"])).code, 1700);
  equal((await load([], { resourceGroups: ["rg1"] })).reason, "resource group not found[rg=rg1]");
  equal((await load(["id", "vec"], { skipLoadDynamicField: true })).code, 0);
  equal(deployment.calls.at(-1), "load fields [100 101] replicas 1");
});

test("load state and progress of collections and partitions", async () => {
  const deployment = await withIndexes();
  await deployment.call("CreatePartition", { collectionName: "one", partitionName: "p1" });
  const state = async (collectionName: string, partitionNames: string[] = []): Promise<number> =>
    (await deployment.call("GetLoadState", { collectionName, partitionNames })).state;
  equal(await state("gone"), LoadState.LoadStateNotExist);
  equal(await state("one"), LoadState.LoadStateNotLoad);
  const early = await deployment.status("GetLoadingProgress", { collectionName: "one" });
  deepEqual([early.code, early.reason], [101, "collection not loaded[collection=one]"]);
  equal(
    (await deployment.status("LoadPartitions", { collectionName: "one", partitionNames: ["p1"] })).code,
    0,
  );
  equal(await state("one", ["p1"]), LoadState.LoadStateLoaded);
  equal(await state("one", ["_default"]), LoadState.LoadStateNotLoad);
  const other = { collectionName: "one", partitionNames: ["_default"] };
  equal((await deployment.status("GetLoadingProgress", other)).code, 201);
  const { id } = deployment.collection("one");
  deployment.loaded.set(id, { partitionIds: [], progress: 33 });
  const progress = await deployment.call("GetLoadingProgress", { collectionName: "one" });
  deepEqual([progress.progress, progress.refreshProgress], [33n, 33n]);
  equal(await state("one"), LoadState.LoadStateLoading);
  deployment.loaded.set(id, { partitionIds: [], progress: 33, failReason: "a file is damaged" });
  for (const rpc of ["GetLoadingProgress", "GetLoadState"] as const) {
    const stuck = await deployment.status(rpc, { collectionName: "one" });
    deepEqual(
      [stuck.code, stuck.reason],
      [103, "a file is damaged: collection not fully loaded[collection=one]"],
    );
  }
  equal((await deployment.status("ReleaseCollection", { collectionName: "one" })).code, 0);
  equal(await state("one"), LoadState.LoadStateNotLoad);
});

test("loading or releasing no partition is not the whole collection", async () => {
  const deployment = await withIndexes();
  const load = await deployment.status("LoadPartitions", { collectionName: "one" });
  match(load.reason, /failed to load partition, due to no partition specified/);
  await deployment.call("LoadCollection", { collectionName: "one" });
  const release = await deployment.status("ReleasePartitions", { collectionName: "one" });
  equal(release.code, 1100);
  equal(deployment.loaded.size, 1);
  const gone = { collectionName: "one", partitionNames: ["gone"] };
  equal((await deployment.status("LoadPartitions", gone)).code, 200);
  equal((await deployment.status("ReleasePartitions", gone)).code, 200);
});

test("partitions of a partition key are not loaded one by one", async () => {
  const deployment = new FakeDeployment();
  const keyed = field("k", DataType.Int64, { isPartitionKey: true });
  await deployment.call("CreateCollection", createRequest("keyed", [idField, vectorField, keyed]));
  const request = { collectionName: "keyed", partitionNames: ["_default_0"] };
  match(
    (await deployment.status("LoadPartitions", request)).reason,
    /disable load partitions if partition key/,
  );
  match(
    (await deployment.status("ReleasePartitions", request)).reason,
    /disable release partitions if partition key/,
  );
});

test("replicas and loaded segments are shown", async () => {
  const deployment = await withIndexes();
  addSegment(deployment, 1n, "Flushed");
  addSegment(deployment, 2n, "Growing");
  equal((await deployment.status("GetReplicas", { collectionName: "one" })).code, 101);
  await deployment.call("LoadCollection", { collectionName: "one" });
  const { replicas } = await deployment.call("GetReplicas", { collectionName: "one", withShardNodes: true });
  deepEqual(
    [replicas[0]?.resourceGroupName, replicas[0]?.nodeIds, replicas[0]?.shardReplicas[0]?.nodeIds],
    ["__default_resource_group", [9n], [9n]],
  );
  const { infos } = await deployment.call("GetQuerySegmentInfo", { collectionName: "one" });
  deepEqual(
    infos.map(({ segmentID, state, isSorted, numRows }) => [segmentID, state, isSorted, numRows]),
    [
      [1n, 3, true, 10n],
      [2n, 2, false, 10n],
    ],
  );
});

test("a vector index stays while its collection is loaded", async () => {
  const deployment = await withIndexes();
  await deployment.call("CreateIndex", { collectionName: "one", fieldName: "age" });
  await deployment.call("LoadCollection", { collectionName: "one" });
  const { id } = deployment.collection("one");
  const drop = async (indexName: string, fieldName = "") =>
    deployment.status("DropIndex", { collectionName: "one", indexName, fieldName });
  equal(
    (await drop("vec")).reason,
    `vector index cannot be dropped on loaded collection: ${id}: invalid parameter`,
  );
  equal((await drop("age")).code, 0);
  equal((await drop("age")).code, 0);
  const altered = { collectionName: "one", indexName: "vec", extraParams: [pair("mmap.enabled", "true")] };
  const alter = await deployment.status("AlterIndex", altered);
  deepEqual(
    [alter.code, alter.reason],
    [
      104,
      "can't alter index on loaded collection, please release the collection first: collection already loaded[collection=one]",
    ],
  );
  await deployment.call("ReleaseCollection", { collectionName: "one" });
  equal((await deployment.status("AlterIndex", altered)).code, 0);
  equal((await drop("")).reason, "index duplicates[indexName=]");
  equal((await drop("", "vec")).code, 0);
  equal((await drop("vec2")).code, 0);
  const described = await deployment.status("DescribeIndex", { collectionName: "one" });
  deepEqual([described.code, described.reason], [700, "index not found[collection=one]"]);
});

test("index states and progress of one index", async () => {
  const deployment = await withIndexes();
  const one = { collectionName: "one", indexName: "vec" };
  deepEqual((await deployment.call("GetIndexState", one)).state, 2);
  const progress = await deployment.call("GetIndexBuildProgress", one);
  deepEqual([progress.indexedRows, progress.totalRows], [10n, 12n]);
  equal((await deployment.call("GetIndexStatistics", { collectionName: "one" })).indexDescriptions.length, 2);
  equal((await deployment.status("GetIndexState", { collectionName: "one" })).code, 702);
  equal(
    (await deployment.status("DescribeIndex", { collectionName: "one", indexName: "no" })).reason,
    "index not found[indexName=no]",
  );
  const alter = async (request: object) =>
    (await deployment.status("AlterIndex", { collectionName: "one", indexName: "vec", ...request })).reason;
  match(await alter({ extraParams: [pair("M", "8")] }), /M is not a configable index property/);
  match(await alter({ deleteKeys: ["M"] }), /M is not a configable index property/);
  match(
    await alter({ extraParams: [pair("mmap.enabled", "new_value")] }),
    /invalid mmap.enabled value: new_value, expected: true, false/,
  );
  match(await alter({ extraParams: [pair("warmup", "hot")] }), /invalid warmup policy: hot/);
  match(await alter({ indexName: "", extraParams: [pair("mmap.enabled", "true")] }), /index name is empty/);
  const both = { extraParams: [pair("mmap.enabled", "true")], deleteKeys: ["mmap.enabled"] };
  match(await alter(both), /cannot provide both DeleteKeys and ExtraParams/);
});

test("flush names segments under way and flushed ones, and the time to wait for", async () => {
  const deployment = await withCollection();
  addSegment(deployment, 1n, "Sealed");
  addSegment(deployment, 2n, "Flushed");
  const answer = await deployment.call("Flush", { collectionNames: ["one"] });
  equal(answer.dbName, "default");
  deepEqual([...(answer.collSegIDs.get("one")?.data ?? [])], [1n]);
  deepEqual([...(answer.flushCollSegIDs.get("one")?.data ?? [])], [2n]);
  const flushTs = answer.collFlushTs.get("one") ?? 0n;
  ok(flushTs > 0n);
  equal(answer.collSealTimes.get("one"), (flushTs >> 18n) / 1000n);
  deployment.flushed = false;
  const waiting = { segmentIDs: [1n], flushTs, collectionName: "one" };
  equal((await deployment.call("GetFlushState", waiting)).flushed, false);
  deployment.flushed = true;
  equal((await deployment.call("GetFlushState", { segmentIDs: [1n] })).flushed, true);
  equal((await deployment.status("Flush", { collectionNames: ["gone"] })).code, 100);
  equal((await deployment.status("GetFlushState", { collectionName: "gone" })).code, 100);
});

test("flush all covers every database, or what it names", async () => {
  const deployment = await withCollection();
  await deployment.call("CreateDatabase", { dbName: "db2" });
  await deployment.call("CreateCollection", { ...createRequest("two"), dbName: "db2" });
  const all = await deployment.call("FlushAll", {});
  ok(all.flushAllTs > 0n);
  const state = await deployment.call("GetFlushAllState", { flushAllTs: all.flushAllTs });
  equal(state.flushed, true);
  deepEqual(
    state.flushStates.map(({ dbName, collectionFlushStates }) => [dbName, [...collectionFlushStates]]),
    [
      ["default", [["one", true]]],
      ["db2", [["two", true]]],
    ],
  );
  deployment.flushed = false;
  const target = { flushAllTs: all.flushAllTs, flushTargets: [{ dbName: "db2", collectionNames: ["two"] }] };
  const some = await deployment.call("GetFlushAllState", target);
  deepEqual([some.flushed, some.flushStates.length], [false, 1]);
  const missing = await deployment.status("GetFlushAllState", {});
  deepEqual(
    [missing.code, missing.reason],
    [1101, "FlushAllTss or FlushAllTs is required: missing parameter"],
  );
});

test("stored segments and compactions are shown", async () => {
  const deployment = await withCollection();
  addSegment(deployment, 1n, "Growing");
  addSegment(deployment, 2n, "Flushing");
  addSegment(deployment, 3n, "Flushed");
  const { infos } = await deployment.call("GetPersistentSegmentInfo", { collectionName: "one" });
  deepEqual(
    infos.map(({ segmentID, state, isSorted }) => [segmentID, state, isSorted]),
    [
      [2n, 5, false],
      [3n, 4, true],
    ],
  );
  const { stats } = await deployment.call("GetCollectionStatistics", { collectionName: "one" });
  deepEqual(stats, [pair("row_count", "30")]);
  const started = await deployment.call("ManualCompaction", { collectionName: "one" });
  equal(started.compactionPlanCount, 1);
  const byId = await deployment.call("ManualCompaction", { collectionID: deployment.collection("one").id });
  equal(byId.status?.code, 0);
  equal((await deployment.status("ManualCompaction", { collectionName: "gone" })).code, 100);
  const sized = await deployment.status("ManualCompaction", {
    collectionName: "one",
    targetSize: 1_000_000n,
  });
  equal(sized.code, 10);
  match(sized.reason, /target_size of a compaction/);
  const small = await deployment.status("ManualCompaction", { collectionName: "one", targetSize: 1n });
  equal(small.code, 1100);
  match(small.reason, /targetSize 1 MB should be greater than or equal to configMaxSize 1024 MB/);
  const { compactionID } = started;
  const state = await deployment.call("GetCompactionState", { compactionID });
  deepEqual([state.state, state.completedPlanNo], [2, 1n]);
  equal((await deployment.call("GetCompactionState", { compactionID: 1n })).state, 0);
  const plans = await deployment.call("GetCompactionStateWithPlans", { compactionID });
  deepEqual(plans.mergeInfos, [{ sources: [1n, 2n], target: 3n }]);
});
