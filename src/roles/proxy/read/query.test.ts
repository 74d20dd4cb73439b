import assert from "node:assert/strict";
import { test } from "node:test";
import { staleRead } from "../../../errors/service-errors.ts";
import { DataType } from "../../../model/data-type.ts";
import { partitionId } from "../../../model/ids.ts";
import type { Init } from "../../../wire/codec.ts";
import type { MessageTypes } from "../../../wire/messages.gen.ts";
import { unpackStrings } from "../../../wire/packed-bytes.ts";
import { deleteHandler } from "../write/delete.ts";
import { insertHandler } from "../write/insert.ts";
import {
  AGE,
  field,
  KEY,
  longs,
  params,
  startProxy,
  texts,
  VECTOR,
  vectors,
  type Wraps,
} from "../write/proxy-in-process.testing.ts";
import { queryHandler } from "./query.ts";

type Proxy = Awaited<ReturnType<typeof startProxy>>;
type QueryInit = Init<MessageTypes["milvus.QueryRequest"]>;

const query = async (proxy: Proxy, request: QueryInit) =>
  proxy.run(queryHandler, ["milvus.QueryRequest", "milvus.QueryResults"], {
    collectionName: "c",
    ...request,
  });

const insert = async (proxy: Proxy, keys: readonly number[], partitionName = "") =>
  proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    partitionName,
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
  });

function keysOf(answer: MessageTypes["milvus.QueryResults"]): number[] {
  const found = answer.fieldsData.find(({ fieldName }) => fieldName === "id");
  return [...(found?.scalars?.longData?.data ?? assert.fail("no keys"))].map(Number);
}

async function sixRows(wraps: Wraps = {}, properties: Record<string, string> = {}) {
  const proxy = await startProxy(wraps);
  await proxy.load(await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] }, { shards: 2, properties }));
  await insert(proxy, [6, 5, 4, 3, 2, 1]);
  return proxy;
}

test("an iterator reads its later pages at the timestamp of the first", async () => {
  await using proxy = await sixRows();
  const page = params({ iterator: "True", reduce_stop_for_best: "True", limit: 2 });
  const first = await query(proxy, { expr: "id < 100", queryParams: page });
  assert.deepEqual(keysOf(first), [1, 2]);
  assert.ok(first.sessionTs > 0n);
  await insert(proxy, [3, 7]);
  const later = { queryParams: page, guaranteeTimestamp: first.sessionTs, outputFields: ["age"] };
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 4", ...later })), [5, 6]);
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 6", ...later })), []);
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 6" })), [7]);
});

test("every consistency level sees what its client has written", async () => {
  await using proxy = await sixRows();
  for (const [level, keys] of [
    ["Strong", [11]],
    ["Session", [12]],
    ["Bounded", [13]],
    ["Customized", [14]],
  ] as const) {
    const { timestamp } = await insert(proxy, keys);
    const consistencyLevel = ["Strong", "Session", "Bounded", "Eventually", "Customized"].indexOf(level);
    const guaranteeTimestamp = { Strong: 0n, Session: timestamp, Bounded: 2n, Customized: timestamp }[level];
    const found = await query(proxy, { expr: `id == ${keys[0]}`, consistencyLevel, guaranteeTimestamp });
    assert.deepEqual(keysOf(found), keys, level);
  }
  const eventually = await query(proxy, { expr: "id > 0", consistencyLevel: 3, guaranteeTimestamp: 1n });
  assert.ok(keysOf(eventually).length <= 10);
});

test("rows older than the collection's time to live are not seen", async () => {
  await using proxy = await sixRows({}, { "collection.ttl.seconds": "1" });
  assert.equal(keysOf(await query(proxy, { expr: "id > 0" })).length, 6);
  // A guarantee in the near future is waited for; by then the rows have expired.
  const guaranteeTimestamp = BigInt(Date.now() + 1_100) << 18n;
  const later = await query(proxy, { expr: "id > 0", consistencyLevel: 4, guaranteeTimestamp });
  assert.deepEqual(keysOf(later), []);
});

test("a row is not seen from the time on that a field of it names", async () => {
  let aheadMs = 0;
  await using proxy = await startProxy({ aheadMs: () => aheadMs });
  const ends = field(103, "ends", DataType.Timestamptz, { nullable: true });
  const fields = [KEY, AGE, VECTOR, ends];
  await proxy.load(await proxy.create({ name: "c", fields }, { properties: { ttl_field: "ends" } }));
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const times = ["2001-01-01T00:00:00Z", inAnHour, "2999-01-01T00:00:00Z"];
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: 4,
    fieldsData: [
      longs("id", [1, 2, 3, 4]),
      longs("age", [1, 2, 3, 4]),
      vectors(
        "vector",
        [1, 2, 3, 4].map((key) => [key, 0]),
      ),
      { ...texts("ends", times), type: DataType.Timestamptz, validData: Uint8Array.of(1, 1, 1, 0) },
    ],
  });
  const seen = async (expr: string) => keysOf(await query(proxy, { expr }));
  assert.deepEqual(await seen("id > 0 or age > 0"), [2, 3, 4]);
  assert.deepEqual(await seen("id in [1, 2]"), [2]);
  aheadMs = 3_600_001;
  assert.deepEqual(await seen("age > 0"), [3, 4]);
});

test("a timestamp years ahead is refused, not waited for", async () => {
  await using proxy = await sixRows();
  const guaranteeTimestamp = BigInt(Date.now() + 172_800_000) << 18n;
  await assert.rejects(query(proxy, { expr: "id > 0", consistencyLevel: 4, guaranteeTimestamp }), {
    code: 505,
    message: /lag\(\d+s\) max\(86400s\).*channel tsafe stalled/,
  });
  const queryParams = params({ iterator: "True", limit: 2 });
  await assert.rejects(query(proxy, { expr: "id > 0", guaranteeTimestamp, queryParams }), { code: 505 });
});

test("partitions by name; one that is not loaded, and one that does not exist", async () => {
  await using proxy = await startProxy();
  const info = await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] });
  for (const partition of ["p", "q"])
    await proxy.coords.rootCoord.createPartition(proxy.call.ctx, { collection: "c", partition });
  const { partitions } = await proxy.metaCache.collection(proxy.call.ctx, "c");
  const idOf = (name: string) => partitions.find((one) => one.name === name)?.id ?? partitionId(0n);
  await proxy.load(info, [idOf("p"), idOf("_default")]);
  await insert(proxy, [1], "p");
  await insert(proxy, [2], "q");
  await insert(proxy, [3]);
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 0", partitionNames: ["p"] })), [1]);
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 0" })), [1, 3]);
  await assert.rejects(query(proxy, { expr: "id > 0", partitionNames: ["q"] }), {
    code: 201,
    message: /partition not loaded/,
  });
  await assert.rejects(query(proxy, { expr: "id > 0", partitionNames: ["r"] }), {
    code: 1100,
    message: /partition name r not found/,
  });
});

test("keys of text come in the order of their bytes", async () => {
  await using proxy = await startProxy();
  const key = field(100, "id", DataType.VarChar, { isPrimaryKey: true, maxLength: 10 });
  await proxy.load(await proxy.create({ name: "c", fields: [key, VECTOR] }, { shards: 3 }));
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: 4,
    fieldsData: [
      texts("id", ["b", "é", "a", "aa"]),
      vectors("vector", [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
      ]),
    ],
  });
  const found = await query(proxy, { expr: 'id != ""' });
  assert.deepEqual(unpackStrings(found.fieldsData[0]?.scalars?.stringData?.data ?? assert.fail()), [
    "a",
    "aa",
    "b",
    "é",
  ]);
});

test("a read whose timestamp is gone already goes on at a fresh one, an iterator's page does not", async () => {
  let refusals = 0;
  await using proxy = await sixRows({
    queryNode: (node) => ({
      ...node,
      query: async (ctx, request) => {
        if (refusals-- > 0) throw staleRead({ timestamp: request.readAt, oldest: request.readAt + 1n });
        return node.query(ctx, request);
      },
    }),
  });
  refusals = 2;
  const eventually = { expr: "id > 4", consistencyLevel: 3, guaranteeTimestamp: 1n };
  assert.deepEqual(keysOf(await query(proxy, eventually)), [5, 6]);
  // A truncation may overtake even a timestamp that was just taken.
  refusals = 2;
  assert.deepEqual(keysOf(await query(proxy, { expr: "id > 4" })), [5, 6]);
  refusals = 2;
  const messages = ["milvus.DeleteRequest", "milvus.MutationResult"] as const;
  const deleted = await proxy.run(deleteHandler, messages, { collectionName: "c", expr: "id > 5" });
  assert.equal(deleted.deleteCnt, 1n);
  refusals = 2;
  const page = { expr: "id > 4", queryParams: params({ iterator: "True" }), guaranteeTimestamp: 5n };
  await assert.rejects(query(proxy, page), { kind: "staleRead" });
});

test("rows come in the order of fields, equal ones by key, over all shards", async () => {
  await using proxy = await sixRows();
  const page = async (given: Record<string, string | number>) =>
    keysOf(await query(proxy, { expr: "id > 1", queryParams: params(given) }));
  assert.deepEqual(await page({ limit: 3, order_by_fields: "age:desc" }), [6, 5, 4]);
  assert.deepEqual(await page({ limit: 2, offset: 1, order_by_fields: "age" }), [3, 4]);
  const answer = await query(proxy, {
    expr: "",
    outputFields: ["age"],
    queryParams: params({ limit: 9, order_by_fields: "age:descending, id" }),
  });
  const age = answer.fieldsData.find(({ fieldName }) => fieldName === "age");
  assert.deepEqual([...(age?.scalars?.longData?.data ?? [])], [60n, 50n, 40n, 30n, 20n, 10n]);
});

test("a filter that every row matches needs no limit", async () => {
  await using proxy = await sixRows();
  assert.equal(keysOf(await query(proxy, { expr: "age not in []" })).length, 6);
});

test("wrong requests are refused in Milvus's words", async () => {
  await using proxy = await sixRows({ limits: { resultBytesMax: 100 } });
  const cases: readonly (readonly [QueryInit, RegExp])[] = [
    [{ expr: "" }, /^empty expression should be used with limit: invalid parameter$/],
    [
      { expr: "id > 0", queryParams: params({ limit: 0 }) },
      /invalid max query result window, limit \[0\] is invalid, should be greater than 0/,
    ],
    [
      { expr: "id > 0", queryParams: params({ limit: 1, offset: -1 }) },
      /offset \[-1\] is invalid, should be gte than 0/,
    ],
    [
      { expr: "id > 0", queryParams: params({ limit: 67_900 }) },
      /\(offset\+limit\) should be in range \[1, 16384\], but got 67900/,
    ],
    [{ expr: "id > 0", queryParams: params({ limit: "x" }) }, /limit \[x\] is invalid/],
    [{ expr: "id > 0", outputFields: ["nope"] }, /field nope not exist/],
    [
      { expr: "id > 0", outputFields: ["count(*)"], queryParams: params({ limit: 1 }) },
      /count entities with pagination is not allowed/,
    ],
    [{ expr: "id > 0", outputFields: ["count(x)"] }, /target field x for aggregation:count does not exist/],
    [{ expr: "id inn [1]" }, /failed to create query plan: cannot parse expression: id inn \[1\]/],
    [{ expr: "id > 0", queryParams: params({ ignore_growing: "x" }) }, /parse ignore growing field failed/],
    [{ expr: "id > 0", queryParams: params({ order_by_fields: "id" }) }, /ORDER BY requires explicit limit/],
    [
      { expr: "id > 0", queryParams: params({ order_by_fields: "id", limit: 1, iterator: "true" }) },
      /ORDER BY with iterator is not supported/,
    ],
    [{ expr: "id > 0", outputFields: ["vector", "age"] }, /query results exceed the maxOutputSize Limit 100/],
    [{ expr: "id > 0", collectionName: "a b" }, /Invalid collection name: a b/],
    [{ expr: "id > 0", queryParams: params({ collection_id: 5 }) }, /Input collection id is not consistent/],
  ];
  for (const [request, message] of cases) await assert.rejects(query(proxy, request), { message });
});
