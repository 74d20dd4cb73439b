import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import { ShowType } from "../../../wire/enums.gen.ts";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, field, idField, pair, vectorField } from "../requests.testing.ts";

async function withCollection(): Promise<FakeDeployment> {
  const deployment = new FakeDeployment();
  await deployment.call("CreateCollection", createRequest("one"));
  const keyed = field("k", DataType.Int64, { isPartitionKey: true });
  await deployment.call("CreateCollection", createRequest("keyed", [idField, vectorField, keyed]));
  return deployment;
}

test("partitions are created, shown, asked for and dropped", async () => {
  const deployment = await withCollection();
  const part = { collectionName: "one", partitionName: "p1" };
  equal((await deployment.status("CreatePartition", part)).code, 0);
  equal((await deployment.call("HasPartition", part)).value, true);
  const shown = await deployment.call("ShowPartitions", { collectionName: "one" });
  deepEqual([shown.partitionNames, shown.inMemoryPercentages], [["_default", "p1"], []]);
  const { id } = deployment.collection("one");
  equal((await deployment.call("ShowPartitions", { collectionID: id })).partitionNames.length, 2);
  const stats = await deployment.call("GetPartitionStatistics", part);
  deepEqual(stats.stats, [pair("row_count", "0")]);
  equal((await deployment.status("DropPartition", part)).code, 0);
  equal((await deployment.call("HasPartition", part)).value, false);
  equal((await deployment.status("DropPartition", part)).code, 0);
});

test("wrong partition requests are refused", async () => {
  const deployment = await withCollection();
  const create = async (partitionName: string, collectionName = "one") =>
    deployment.status("CreatePartition", { collectionName, partitionName });
  const refused: readonly [Promise<{ code: number; reason: string }>, number, RegExp][] = [
    [create(" "), 1100, /Invalid partition name: \. Partition name should not be empty\./],
    [create("$x"), 1100, /Invalid partition name: \$x\. The first character of a partition name must be/],
    [create("a.b"), 1100, /Partition name can only contain numbers, letters and underscores\./],
    [create("p".repeat(256)), 1100, /The length of a partition name must be less than 255 characters\./],
    [create("p", "gone"), 100, /collection not found\[database=default\]\[collection=gone\]/],
    [create("p", "keyed"), 1100, /disable create partition if partition key mode is used/],
    [
      deployment.status("DropPartition", { collectionName: "keyed", partitionName: "p" }),
      1100,
      /disable drop partition if partition key mode is used/,
    ],
    [
      deployment.status("GetPartitionStatistics", { collectionName: "one", partitionName: "p" }),
      200,
      /partition not found\[partition=p\]/,
    ],
  ];
  for (const [status, code, says] of refused) {
    const { code: got, reason } = await status;
    equal(got, code, reason);
    match(reason, says);
  }
});

test("a loaded partition is shown with its progress and cannot be dropped", async () => {
  const deployment = await withCollection();
  await deployment.call("CreatePartition", { collectionName: "one", partitionName: "p1" });
  const info = deployment.collection("one");
  const p1 = info.partitions.find(({ name }) => name === "p1");
  deployment.loaded.set(info.id, { partitionIds: p1 === undefined ? [] : [p1.id], progress: 50 });
  const shown = await deployment.call("ShowPartitions", { collectionName: "one", type: ShowType.InMemory });
  deepEqual([shown.partitionNames, shown.inMemoryPercentages], [["p1"], [50n]]);
  const named = { collectionName: "one", type: ShowType.InMemory, partitionNames: ["_default"] };
  equal((await deployment.status("ShowPartitions", named)).code, 201);
  const drop = await deployment.status("DropPartition", { collectionName: "one", partitionName: "p1" });
  deepEqual(
    [drop.code, drop.reason],
    [1100, "partition cannot be dropped, partition is loaded, please release it first: invalid parameter"],
  );
});

test("aliases name collections, also by way of another alias", async () => {
  const deployment = await withCollection();
  equal((await deployment.status("CreateAlias", { alias: "a1", collectionName: "one" })).code, 0);
  equal((await deployment.status("CreateAlias", { alias: "a2", collectionName: "a1" })).code, 0);
  const described = await deployment.call("DescribeAlias", { alias: "a2" });
  deepEqual([described.alias, described.collection, described.dbName], ["a2", "one", "default"]);
  deepEqual((await deployment.call("ListAliases", { collectionName: "one" })).aliases, ["a1", "a2"]);
  deepEqual((await deployment.call("ListAliases", {})).aliases, ["a1", "a2"]);
  const byAlias = await deployment.call("DescribeCollection", { collectionName: "a1" });
  deepEqual([byAlias.collectionName, byAlias.schema?.name, byAlias.aliases], ["a1", "one", ["a1", "a2"]]);
  equal((await deployment.status("DropAlias", { alias: "a1" })).code, 0);
  equal((await deployment.status("DescribeCollection", { collectionName: "a1" })).code, 100);
});

test("wrong alias requests are refused", async () => {
  const deployment = await withCollection();
  const refused: readonly [Promise<{ code: number; reason: string }>, number, RegExp][] = [
    [
      deployment.status("CreateAlias", { alias: "", collectionName: "one" }),
      1100,
      /collection alias should not be empty/,
    ],
    [
      deployment.status("CreateAlias", { alias: "1x", collectionName: "one" }),
      1100,
      /Invalid collection alias: 1x\. the first character of a collection alias must be an underscore or letter/,
    ],
    [
      deployment.status("AlterAlias", { alias: "a", collectionName: "gone" }),
      100,
      /collection not found\[database=default\]\[collection=gone\]/,
    ],
    [
      deployment.status("DescribeAlias", { alias: "no" }),
      1600,
      /alias not found\[database=default\]\[alias=no\]/,
    ],
    [deployment.status("ListAliases", { collectionName: "gone" }), 100, /collection not found/],
  ];
  for (const [status, code, says] of refused) {
    const { code: got, reason } = await status;
    equal(got, code, reason);
    match(reason, says);
  }
});
