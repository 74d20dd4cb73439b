import assert from "node:assert/strict";
import { test } from "node:test";
import { channelMisrouted } from "../../../errors/meta-errors.ts";
import { DataType } from "../../../model/data-type.ts";
import type { Init } from "../../../wire/codec.ts";
import type { MessageTypes } from "../../../wire/messages.gen.ts";
import { insertHandler } from "../write/insert.ts";
import {
  AGE,
  dynamic,
  field,
  KEY,
  longs,
  META,
  packTexts,
  params,
  placeholders,
  startProxy,
  VECTOR,
  vectors,
  type Wraps,
} from "../write/proxy-in-process.testing.ts";
import { searchHandler } from "./handlers.ts";

type Proxy = Awaited<ReturnType<typeof startProxy>>;
type SearchInit = Init<MessageTypes["milvus.SearchRequest"]>;

const search = async (proxy: Proxy, given: Record<string, string | number>, request: SearchInit = {}) =>
  proxy.run(searchHandler, ["milvus.SearchRequest", "milvus.SearchResults"], {
    collectionName: "c",
    ...(request.ids === undefined && { nq: 1n, placeholderGroup: placeholders([[0, 0]]) }),
    searchParams: params({ topk: 3, metric_type: "L2", ...given }),
    ...request,
  });

function idsOf({ results }: MessageTypes["milvus.SearchResults"]): number[] {
  return [...(results?.ids?.intId?.data ?? [])].map(Number);
}

/** Keys 1 to 12 at distances 1, 4, 9 ...; age is the key modulo 3. */
async function twelveRows(shards = 2, wraps: Wraps = {}) {
  const proxy = await startProxy(wraps);
  const fields = [KEY, AGE, VECTOR, META];
  await proxy.load(await proxy.create({ name: "c", fields, enableDynamicField: true }, { shards }));
  const keys = Array.from({ length: 12 }, (_, i) => i + 1);
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: 12,
    fieldsData: [
      longs("id", keys),
      longs(
        "age",
        keys.map((key) => key % 3),
      ),
      vectors(
        "vector",
        keys.map((key) => [key, 0]),
      ),
      dynamic(keys.map((key) => ({ color: `c${key}`, other: key }))),
    ],
  });
  return proxy;
}

test("limit, offset, filter, templates and rounding", async () => {
  await using proxy = await twelveRows();
  assert.deepEqual(idsOf(await search(proxy, { offset: 2 })), [3, 4, 5]);
  assert.deepEqual(idsOf(await search(proxy, {}, { dsl: "age == 0" })), [3, 6, 9]);
  const templated = await search(
    proxy,
    {},
    {
      dsl: "id in {ids}",
      exprTemplateValues: new Map([["ids", { arrayVal: { longData: { data: BigInt64Array.of(7n, 8n) } } }]]),
    },
  );
  assert.deepEqual(idsOf(templated), [7, 8]);
  const rounded = await search(proxy, { round_decimal: 1 }, { placeholderGroup: placeholders([[0.26, 0]]) });
  assert.deepEqual(
    [...(rounded.results?.scores ?? [])].map((score) => score.toFixed(3)),
    ["0.500", "3.000", "7.500"],
  );
});

test("undeclared keys are output fields, and only they come back", async () => {
  await using proxy = await twelveRows();
  const found = await search(proxy, { topk: 2 }, { outputFields: ["color", "id"] });
  assert.deepEqual(found.results?.outputFields, ["color", "id"]);
  const meta = found.results?.fieldsData.find(({ isDynamic }) => isDynamic);
  assert.equal(new TextDecoder().decode(meta?.scalars?.jsonData?.data.bytes), '{"color":"c1"}{"color":"c2"}');
  await assert.rejects(search(proxy, {}, { outputFields: ['color["x"]'] }), /parse output field name failed/);
});

test("many hits fetch their fields by key, and agree with those that bring them along", async () => {
  await using proxy = await twelveRows();
  const nq = 400;
  const placeholderGroup = placeholders(Array.from({ length: nq }, (_, i) => [i % 12, 0]));
  const found = await search(proxy, {}, { nq: BigInt(nq), placeholderGroup, outputFields: ["age"] });
  const ages = found.results?.fieldsData[0]?.scalars?.longData?.data;
  assert.deepEqual(
    [...(ages ?? [])].map(Number),
    idsOf(found).map((id) => id % 3),
  );
  assert.equal(idsOf(found).length, nq * 3);
});

test("groups: one hit each, several with a group size, an offset counts groups", async () => {
  await using proxy = await twelveRows();
  const grouped = await search(proxy, { group_by_field: "age" });
  assert.deepEqual(idsOf(grouped), [1, 2, 3]);
  assert.deepEqual([...(grouped.results?.groupByFieldValue?.scalars?.longData?.data ?? [])], [1n, 2n, 0n]);
  assert.deepEqual(
    idsOf(await search(proxy, { group_by_field: "age", group_size: 2, topk: 2 })),
    [1, 4, 2, 5],
  );
  assert.deepEqual(idsOf(await search(proxy, { group_by_field: "age", offset: 1, topk: 1 })), [2]);
  await assert.rejects(
    search(proxy, { group_by_field: "age", iterator: "True" }),
    /Not allowed to do groupBy when doing iteration/,
  );
  await assert.rejects(
    search(proxy, { group_by_field: "age", group_size: 11 }),
    /input group size:11 exceeds configured max group size:10/,
  );
  await assert.rejects(
    search(proxy, { group_by_field: "vector" }),
    /unsupported data type VECTOR_FLOAT for group by operator/,
  );
});

function unpackTexts({ offsets, bytes }: { offsets: Int32Array; bytes: Uint8Array }): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: offsets.length - 1 }, (_, i) =>
    decoder.decode(bytes.subarray(offsets[i], offsets[i + 1])),
  );
}

/** Keys from 1 at distances 1, 4, 9 ...; what they are grouped by lies in the dynamic field. */
async function groupedByKeys(rows: readonly Record<string, unknown>[]) {
  const proxy = await startProxy();
  const fields = [KEY, VECTOR, META];
  await proxy.load(await proxy.create({ name: "c", fields, enableDynamicField: true }, { shards: 3 }));
  const keys = rows.map((_, i) => i + 1);
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: rows.length,
    fieldsData: [
      longs("id", keys),
      vectors(
        "vector",
        keys.map((key) => [key, 0]),
      ),
      dynamic(rows),
    ],
  });
  return proxy;
}

test("groups by what is at a path of a JSON field", async () => {
  await using proxy = await groupedByKeys([
    { color: "red", n: { i: 1 } },
    { color: "red", n: { i: 1.5 } },
    { color: "blue", n: { i: 257 } },
    { color: 7, n: { i: "1" } },
    { color: "7" },
    { color: null, n: { i: 1 } },
    {},
    { color: "red", n: { i: true } },
  ]);
  const texts = async (given: Record<string, string | number>) => {
    const found = await search(proxy, { topk: 8, ...given });
    const { data } = found.results?.groupByFieldValue?.scalars?.stringData ?? {};
    return { ids: idsOf(found), values: data === undefined ? [] : unpackTexts(data) };
  };
  const colors = await texts({ group_by_field: "color" });
  assert.deepEqual(colors.ids, [1, 3, 4, 5, 6, 7]);
  assert.deepEqual(colors.values, ['"red"', '"blue"', "7", '"7"', "null", ""]);
  assert.deepEqual((await texts({ group_by_field: '$meta["color"]' })).ids, colors.ids);
  assert.deepEqual((await texts({ group_by_field: "$meta", json_path: "color" })).ids, colors.ids);
  // Whole rows.
  assert.deepEqual((await texts({ group_by_field: "$meta" })).ids, [1, 2, 3, 4, 5, 6, 7, 8]);
  // A group comes whole, also where another shard found better ones.
  const pairs = await texts({ group_by_field: "color", group_size: 3, topk: 1 });
  assert.deepEqual(pairs.ids, [1, 2, 8]);
  const none = await texts({ group_by_field: "gone", group_size: 3, topk: 2 });
  assert.deepEqual(none.ids, [1, 2, 3]);

  const asText = await texts({ group_by_field: "color", json_type: "VarChar" });
  assert.deepEqual(
    [asText.ids, asText.values],
    [
      [1, 3, 4, 5],
      ["red", "blue", "", "7"],
    ],
  );
  const small = await search(proxy, { topk: 8, group_by_field: "n['i']", json_type: "Int8", group_size: 3 });
  // 257 is 1 in eight bits, 1.5 and the others have no group of their own.
  assert.deepEqual(idsOf(small), [1, 3, 6, 2, 4, 5]);
  assert.equal(small.results?.groupByFieldValue?.type, DataType.Int8);
  const truths = await search(proxy, { topk: 8, group_by_field: "n['i']", json_type: "Bool" });
  assert.deepEqual(idsOf(truths), [1, 8]);
});

test("groups that cannot be are refused in Milvus's words", async () => {
  await using proxy = await groupedByKeys([{ n: 1 }, { n: "1" }]);
  const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ group_by_field: "n", json_type: "Double" }, /unsupported json_type DOUBLE for JSON group by/],
    [{ group_by_field: "21" }, /cannot parse identifier: 21/],
    [{ group_by_field: "n", json_path: "id" }, /fieldID not match with field name/],
    [
      { group_by_field: "n", json_type: "Int64", strict_cast: "true" },
      /failed to cast json value to int64_t, wrong json data inner type/,
    ],
    [
      { group_by_field: "gone", strict_cast: "true" },
      /failed to cast json object node to string, wrong json data inner type/,
    ],
  ];
  for (const [given, message] of refused) await assert.rejects(search(proxy, given), message);
  // Rows that no shard hits do not count.
  const strict = { group_by_field: "n", json_type: "Int64", strict_cast: "true" };
  const fitting = await search(proxy, strict, { dsl: "n == 1" });
  assert.deepEqual(idsOf(fitting), [1]);
});

test("a group is whole however its rows lie in shards", async () => {
  await using proxy = await twelveRows(3);
  const groups = { group_by_field: "age", group_size: 4, topk: 1 };
  assert.deepEqual(idsOf(await search(proxy, groups)), [1, 4, 7, 10]);
  assert.deepEqual(idsOf(await search(proxy, { ...groups, offset: 1 })), [2, 5, 8, 11]);
  const two = await search(proxy, groups, {
    nq: 2n,
    placeholderGroup: placeholders([
      [0, 0],
      [13, 0],
    ]),
  });
  assert.deepEqual(idsOf(two), [1, 4, 7, 10, 12, 9, 6, 3]);
});

test("the hits of a group come together, the group with the best hit first", async () => {
  await using proxy = await twelveRows();
  const grouped = await search(proxy, { group_by_field: "age", group_size: 2, topk: 2 });
  assert.deepEqual(idsOf(grouped), [1, 4, 2, 5]);
  assert.deepEqual([...(grouped.results?.scores ?? [])], [1, 16, 4, 25]);
  const next = await search(proxy, { group_by_field: "age", group_size: 2, topk: 2, offset: 1 });
  assert.deepEqual(idsOf(next), [2, 5, 3, 6]);
});

test("hits in the order of fields: the distance chooses them, groups stay together", async () => {
  await using proxy = await twelveRows();
  assert.deepEqual(idsOf(await search(proxy, { topk: 5, order_by_fields: "age:desc" })), [2, 5, 1, 4, 3]);
  const found = await search(proxy, { topk: 3, order_by_fields: "id:desc" }, { outputFields: ["age"] });
  assert.deepEqual(idsOf(found), [3, 2, 1]);
  assert.deepEqual([...(found.results?.scores ?? [])], [9, 4, 1]);
  assert.deepEqual([...(found.results?.fieldsData[0]?.scalars?.longData?.data ?? [])], [0n, 2n, 1n]);
  const grouped = await search(proxy, {
    group_by_field: "age",
    group_size: 2,
    topk: 2,
    order_by_fields: "id:desc",
  });
  assert.deepEqual(idsOf(grouped), [2, 5, 1, 4]);
  assert.deepEqual(
    [...(grouped.results?.groupByFieldValue?.scalars?.longData?.data ?? [])],
    [2n, 2n, 1n, 1n],
  );
  await assert.rejects(
    search(proxy, { order_by_fields: "age", iterator: "True" }),
    /order_by is not supported when using search iterator/,
  );
  await assert.rejects(
    search(proxy, { order_by_fields: "color" }),
    /ordering by color, a key of a JSON or dynamic field, is not served/,
  );
});

test("a range of distances", async () => {
  await using proxy = await twelveRows();
  const range = (radius: number, range_filter?: number) => ({
    topk: 10,
    params: JSON.stringify({ radius, range_filter }),
  });
  assert.deepEqual(idsOf(await search(proxy, range(20, 4))), [2, 3, 4]);
  await assert.rejects(search(proxy, range(4, 20)), /must be less than radius/);
  await assert.rejects(
    search(proxy, { params: '{"range_filter": 1}' }),
    /range_filter requires radius to be set/,
  );
});

test("an iterator of the second kind gives every row once, at the timestamp of its first page, ties included", async () => {
  await using proxy = await twelveRows();
  const page = (given: Record<string, string | number>, guaranteeTimestamp = 0n) =>
    search(
      proxy,
      { iterator: "True", search_iter_v2: "True", search_iter_batch_size: 3, ...given },
      { guaranteeTimestamp, placeholderGroup: placeholders([[6.5, 0]]) },
    );
  const seen: number[] = [];
  let answer = await page({});
  const readAt = answer.sessionTs;
  const token = answer.results?.searchIteratorV2Results?.token ?? "";
  assert.match(token, /^[0-9a-f-]{36}$/);
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: 1,
    fieldsData: [longs("id", [99]), longs("age", [0]), vectors("vector", [[6.6, 0]])],
  });
  while (idsOf(answer).length > 0) {
    seen.push(...idsOf(answer));
    const bound = answer.results?.searchIteratorV2Results?.lastBound ?? 0;
    answer = await page({ search_iter_id: token, search_iter_last_bound: bound }, readAt);
    assert.equal(answer.results?.searchIteratorV2Results?.token, token);
  }
  assert.deepEqual(seen, [6, 7, 5, 8, 4, 9, 3, 10, 2, 11, 1, 12]);
  await assert.rejects(page({ search_iter_id: "x" }), /invalid token format/);
});

test("rows are searched for by the vectors of others", async () => {
  await using proxy = await twelveRows();
  const ids = (...values: number[]) => ({ ids: { intId: { data: BigInt64Array.from(values, BigInt) } } });
  const found = await search(proxy, { topk: 1 }, ids(9, 4));
  assert.deepEqual(idsOf(found), [9, 4]);
  await assert.rejects(
    search(proxy, {}, ids(1, 100, 101)),
    /some of the provided primary key IDs do not exist: missing IDs = \[100 101\]/,
  );
  await assert.rejects(search(proxy, {}, ids(1, 1)), /duplicate IDs found in search request/);
  await assert.rejects(
    search(proxy, {}, { ids: { strId: { data: packTexts(["a"]) } } }),
    /primary key is int64, but IDs type mismatch/,
  );
});

test("wrong parameters are refused in Milvus's words", async () => {
  await using proxy = await twelveRows(1);
  await assert.rejects(
    search(proxy, { topk: 0 }),
    /topk \[0\] is invalid, it should be in range \[1, 16384\], but got 0/,
  );
  await assert.rejects(search(proxy, { topk: 16_385 }), /topk \[16385\] is invalid/);
  await assert.rejects(search(proxy, { topk: 16_384, offset: 1 }), /offset\+topk \[16385\] is invalid/);
  await assert.rejects(
    search(proxy, { offset: -1 }),
    /offset \[-1\] is invalid, it should be in range \[1, 16384\]/,
  );
  await assert.rejects(
    search(proxy, {}, { nq: 16_385n }),
    /nq \[16385\] is invalid, nq \(number of search vector/,
  );
  await assert.rejects(search(proxy, { round_decimal: 7 }), /round_decimal \[7\] is invalid/);
  await assert.rejects(search(proxy, { ignore_growing: "maybe" }), /parse ignore growing field failed/);
  await assert.rejects(
    search(proxy, { anns_field: "nope" }),
    /failed to get field schema by name: fieldName\(nope\) not found/,
  );
  await assert.rejects(search(proxy, { hints: "x" }), /hints: x not supported/);
  await assert.rejects(
    search(proxy, {}, { outputFields: ["count(*)"] }),
    /aggregates are not supported in search request/,
  );
  await assert.rejects(search(proxy, {}, { partitionNames: ["p"] }), /partition name p not found/);
  await assert.rejects(
    search(proxy, {}, { dsl: "age ===" }),
    /failed to create query plan: cannot parse expression: age ===/,
  );
  await assert.rejects(
    search(proxy, {}, { placeholderGroup: placeholders([[1, 2, 3]]) }),
    /vector dimension mismatch/,
  );
});

test("the part of a sparse query that may be left out is a share", async () => {
  await using proxy = await twelveRows(1);
  // A dense field has no use for it, as in Milvus.
  assert.equal(idsOf(await search(proxy, { params: '{"drop_ratio_search": 3}' })).length, 3);
  await assert.rejects(
    search(proxy, { params: '{"drop_ratio_search": "x"}' }),
    /param 'drop_ratio_search' \("x"\) should be a number/,
  );
});

test("a search of a field with an index takes its metric, and refuses another", async () => {
  await using proxy = await twelveRows(1);
  const info = await proxy.metaCache.collection(proxy.call.ctx, "c");
  await assert.rejects(
    search(proxy, { metric_type: "" }),
    /field index of the field: vector is not loaded, please reload the collection: invalid parameter/,
  );
  await assert.rejects(
    search(proxy, { metric_type: "BM25" }),
    /metric type not match: invalid parameter\[expected=COSINE\]\[actual=BM25\]/,
  );
  await proxy.coords.indexCoord.createIndex(proxy.call.ctx, {
    collectionId: info.id,
    field: VECTOR,
    indexName: "v",
    userParams: { index_type: "FLAT", metric_type: "IP" },
    params: { index_type: "FLAT", metric_type: "IP" },
    isAuto: false,
  });
  proxy.metaCache.forget(info.id);
  assert.deepEqual(
    idsOf(await search(proxy, { metric_type: "" }, { placeholderGroup: placeholders([[1, 0]]) })),
    [12, 11, 10],
  );
  await assert.rejects(
    search(proxy, { metric_type: "L2" }),
    /metric type not match: invalid parameter\[expected=IP\]\[actual=L2\]/,
  );
  await assert.rejects(
    search(proxy, { metric_type: "BM25" }),
    /metric type not match: invalid parameter\[expected=IP\]\[actual=BM25\]/,
  );
});

test("a shard that moved is found again; one that is not loaded fails with the code for it", async () => {
  let failures = 2;
  await using proxy = await twelveRows(2, {
    queryNode: (node) => ({
      ...node,
      search: async (ctx, request) => {
        if (failures-- > 0) throw channelMisrouted(request.vchannel, "moved");
        return node.search(ctx, request);
      },
    }),
  });
  assert.deepEqual(idsOf(await search(proxy, {})), [1, 2, 3]);
  await proxy.create({ name: "other", fields: [KEY, VECTOR] });
  await assert.rejects(search(proxy, {}, { collectionName: "other" }), (error: Error & { code?: number }) => {
    assert.equal(error.code, 101);
    assert.match(error.message, /^failed to search: collection not loaded\[collection=/);
    return true;
  });
});

test("rows without a vector are never hits, and search for nothing", async () => {
  await using proxy = await startProxy();
  const vector = field(102, "vector", DataType.FloatVector, { dim: 2, nullable: true });
  await proxy.load(await proxy.create({ name: "c", fields: [KEY, vector] }));
  await proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    numRows: 3,
    fieldsData: [
      longs("id", [1, 2, 3]),
      {
        ...vectors("vector", [
          [1, 0],
          [3, 0],
        ]),
        validData: Uint8Array.of(1, 0, 1),
      },
    ],
  });
  assert.deepEqual(idsOf(await search(proxy, {})), [1, 3]);
  const found = await search(proxy, { topk: 1 }, { ids: { intId: { data: BigInt64Array.of(2n, 3n) } } });
  assert.deepEqual([...(found.results?.topks ?? [])], [0n, 1n]);
  assert.deepEqual(idsOf(found), [3]);
});
