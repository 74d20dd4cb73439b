import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import type { MessageTypes } from "../../../wire/messages.gen.ts";
import type { Init } from "../../../wire/codec.ts";
import { unpackStrings } from "../../../wire/packed-bytes.ts";
import { queryHandler, searchHandler } from "../read/handlers.ts";
import { deleteHandler } from "./delete.ts";
import { insertHandler } from "./insert.ts";
import { upsertHandler } from "./upsert.ts";
import {
  AGE,
  dynamic,
  field,
  KEY,
  longs,
  META,
  params,
  placeholders,
  startProxy,
  texts,
  VECTOR,
  vectors,
} from "./proxy-in-process.testing.ts";

type Proxy = Awaited<ReturnType<typeof startProxy>>;

const insert = async (proxy: Proxy, request: Init<MessageTypes["milvus.InsertRequest"]>) =>
  proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    ...request,
  });
const upsert = async (proxy: Proxy, request: Init<MessageTypes["milvus.UpsertRequest"]>) =>
  proxy.run(upsertHandler, ["milvus.UpsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    ...request,
  });
const remove = async (proxy: Proxy, request: Init<MessageTypes["milvus.DeleteRequest"]>) =>
  proxy.run(deleteHandler, ["milvus.DeleteRequest", "milvus.MutationResult"], {
    collectionName: "c",
    ...request,
  });
const query = async (proxy: Proxy, request: Init<MessageTypes["milvus.QueryRequest"]>) =>
  proxy.run(queryHandler, ["milvus.QueryRequest", "milvus.QueryResults"], {
    collectionName: "c",
    ...request,
  });
const search = async (proxy: Proxy, request: Init<MessageTypes["milvus.SearchRequest"]>) =>
  proxy.run(searchHandler, ["milvus.SearchRequest", "milvus.SearchResults"], {
    collectionName: "c",
    nq: 1n,
    searchParams: params({ topk: 3, metric_type: "L2" }),
    ...request,
  });

function longsOf(answer: MessageTypes["milvus.QueryResults"], name: string): bigint[] {
  const found = answer.fieldsData.find(({ fieldName }) => fieldName === name);
  return [...(found?.scalars?.longData?.data ?? assert.fail(`no field ${name}`))];
}

function rows(keys: readonly number[]) {
  return {
    numRows: keys.length,
    fieldsData: [
      longs("id", keys),
      longs(
        "age",
        keys.map((key) => key * 10),
      ),
      vectors(
        "vector",
        keys.map((key) => [key, 0]),
      ),
    ],
  };
}

for (const shards of [1, 3]) {
  describe(`a collection with ${shards} shards`, () => {
    test("what is inserted is found by query and search, upserted once, and gone when deleted", async () => {
      await using proxy = await startProxy();
      const info = await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] }, { shards });
      await proxy.load(info);
      const keys = [5, 3, 1, 2, 4, 6, 7, 8];
      const inserted = await insert(proxy, rows(keys));
      assert.equal(inserted.status?.code ?? 0, 0);
      assert.equal(inserted.insertCnt, 8n);
      assert.deepEqual([...(inserted.IDs?.intId?.data ?? [])], keys.map(BigInt));
      assert.deepEqual([...inserted.succIndex], [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.ok(inserted.timestamp > 0n);

      const found = await query(proxy, { expr: "age >= 30", outputFields: ["age"] });
      assert.deepEqual(longsOf(found, "id"), [3n, 4n, 5n, 6n, 7n, 8n]);
      assert.deepEqual(longsOf(found, "age"), [30n, 40n, 50n, 60n, 70n, 80n]);
      assert.deepEqual(found.outputFields, ["age"]);
      assert.equal(found.primaryFieldName, "id");

      const paged = await query(proxy, {
        expr: "",
        queryParams: params({ limit: 3, offset: 2 }),
      });
      assert.deepEqual(longsOf(paged, "id"), [3n, 4n, 5n]);

      const near = await search(proxy, {
        placeholderGroup: placeholders([
          [4.2, 0],
          [8, 0],
        ]),
        nq: 2n,
        outputFields: ["age", "vector"],
      });
      assert.deepEqual([...(near.results?.ids?.intId?.data ?? [])], [4n, 5n, 3n, 8n, 7n, 6n]);
      assert.deepEqual([...(near.results?.topks ?? [])], [3n, 3n]);
      const [ages, vector] = near.results?.fieldsData ?? [];
      assert.deepEqual([...(ages?.scalars?.longData?.data ?? [])], [40n, 50n, 30n, 80n, 70n, 60n]);
      assert.deepEqual([...(vector?.vectors?.floatVector?.data ?? [])].slice(0, 4), [4, 0, 5, 0]);

      const again = await upsert(proxy, {
        numRows: 2,
        fieldsData: [
          longs("id", [4, 9]),
          longs("age", [1, 2]),
          vectors("vector", [
            [100, 0],
            [101, 0],
          ]),
        ],
      });
      assert.equal(again.upsertCnt, 2n);
      const count = await query(proxy, { expr: "", outputFields: ["count(*)"] });
      assert.deepEqual(longsOf(count, "count(*)"), [9n]);

      const gone = await remove(proxy, { expr: "id in [1, 2, 77]" });
      assert.equal(gone.deleteCnt, 3n);
      const filtered = await remove(proxy, { expr: "age > 50 and id != 6" });
      assert.equal(filtered.deleteCnt, 2n);
      const left = await query(proxy, { expr: "id > 0" });
      assert.deepEqual(longsOf(left, "id"), [3n, 4n, 5n, 6n, 9n]);
    });
  });
}

test("the last of several rows with one key wins, all are counted", async () => {
  await using proxy = await startProxy();
  await proxy.load(await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] }));
  const result = await insert(proxy, {
    numRows: 3,
    fieldsData: [
      longs("id", [1, 2, 1]),
      longs("age", [10, 20, 30]),
      vectors("vector", [
        [1, 0],
        [2, 0],
        [3, 0],
      ]),
    ],
  });
  assert.equal(result.insertCnt, 3n);
  const found = await query(proxy, { expr: "id > 0", outputFields: ["age"] });
  assert.deepEqual(longsOf(found, "age"), [30n, 20n]);
});

test("a partial upsert changes only its fields, of rows that exist, and merges undeclared keys", async () => {
  await using proxy = await startProxy();
  await proxy.load(
    await proxy.create(
      { name: "c", fields: [KEY, AGE, VECTOR, META], enableDynamicField: true },
      { shards: 2 },
    ),
  );
  await insert(proxy, {
    ...rows([1, 2]),
    fieldsData: [...rows([1, 2]).fieldsData, dynamic([{ color: "red", big: 1 }, {}])],
  });
  const changed = await upsert(proxy, {
    partialUpdate: true,
    numRows: 2,
    fieldsData: [longs("id", [2, 1]), longs("age", [222, 111]), dynamic([{ a: 1 }, { color: "blue" }])],
  });
  assert.equal(changed.upsertCnt, 2n);
  const found = await query(proxy, { expr: "id > 0", outputFields: ["*"] });
  assert.deepEqual(longsOf(found, "age"), [111n, 222n]);
  const meta = found.fieldsData.find(({ isDynamic }) => isDynamic);
  assert.deepEqual(
    unpackStrings(meta?.scalars?.jsonData?.data ?? assert.fail()).map((text) => JSON.parse(text) as unknown),
    [{ color: "blue", big: 1 }, { a: 1 }],
  );
  const vector = found.fieldsData.find(({ fieldName }) => fieldName === "vector");
  assert.deepEqual([...(vector?.vectors?.floatVector?.data ?? [])], [1, 0, 2, 0]);

  await assert.rejects(
    upsert(proxy, { partialUpdate: true, numRows: 1, fieldsData: [longs("id", [9]), longs("age", [1])] }),
    /fieldSchema\(vector\) has no corresponding fieldData pass in: invalid parameter/,
  );
});

test("a partial upsert is refused while it could not see a row in a partition that is not loaded", async () => {
  await using proxy = await startProxy();
  const info = await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] });
  await proxy.coords.rootCoord.createPartition(proxy.call.ctx, { collection: "c", partition: "p" });
  await proxy.load(info, [(info.partitions[0] ?? assert.fail()).id]);
  proxy.metaCache.forget(info.id);
  const change = { partialUpdate: true, numRows: 1, fieldsData: [longs("id", [1]), longs("age", [5])] };
  await assert.rejects(upsert(proxy, change), { kind: "partitionNotLoaded" });
});

test("auto ids are made by the server, and an upsert replaces the row under a new id", async () => {
  await using proxy = await startProxy();
  const key = { ...KEY, autoId: true };
  await proxy.load(await proxy.create({ name: "c", fields: [key, AGE, VECTOR] }, { shards: 3 }));
  const data = rows([1, 2, 3, 4]).fieldsData.slice(1);
  const inserted = await insert(proxy, { numRows: 4, fieldsData: data });
  const ids = [...(inserted.IDs?.intId?.data ?? [])];
  assert.equal(new Set(ids).size, 4);
  await assert.rejects(
    insert(proxy, rows([1])),
    /more fieldData has pass in: invalid parameter\[expected=3\]\[actual=4\]/,
  );
  const replaced = await upsert(proxy, { numRows: 4, fieldsData: [longs("id", ids), ...data] });
  const newIds = [...(replaced.IDs?.intId?.data ?? [])];
  assert.ok(newIds.every((id) => !ids.includes(id)));
  const found = await query(proxy, { expr: "id > 0" });
  assert.deepEqual(
    longsOf(found, "id"),
    newIds.toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

test("rows of a partition key are found through its value", async () => {
  await using proxy = await startProxy();
  const fields = [
    KEY,
    field(101, "tenant", DataType.VarChar, { isPartitionKey: true, maxLength: 20 }),
    VECTOR,
  ];
  await proxy.load(await proxy.create({ name: "c", fields }, { partitionKeyPartitions: 4 }));
  const tenants = ["a", "b", "c", "a"];
  await insert(proxy, {
    numRows: 4,
    fieldsData: [
      longs("id", [1, 2, 3, 4]),
      texts("tenant", tenants),
      vectors("vector", [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
      ]),
    ],
  });
  assert.deepEqual(longsOf(await query(proxy, { expr: 'tenant == "a"' }), "id"), [1n, 4n]);
  await assert.rejects(
    query(proxy, { expr: "id > 0", partitionNames: ["_default_0"] }),
    /not support manually specifying the partition names if partition key mode is used/,
  );
});
