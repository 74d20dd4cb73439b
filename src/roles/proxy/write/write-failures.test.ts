import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DataNode } from "../../../api/data-node.ts";
import { collectionSchemaMismatch } from "../../../errors/meta-errors.ts";
import { serviceInternal, serviceUnavailable, writeConflict } from "../../../errors/service-errors.ts";
import type { WriteBatch } from "../../../model/write-batch.ts";
import type { Init } from "../../../wire/codec.ts";
import type { MessageTypes } from "../../../wire/messages.gen.ts";
import { queryHandler } from "../read/handlers.ts";
import type { ProxyCall } from "../handler.ts";
import { deleteHandler } from "./delete.ts";
import { insertHandler } from "./insert.ts";
import { upsertHandler } from "./upsert.ts";
import { AGE, KEY, longs, startProxy, VECTOR, vectors } from "./proxy-in-process.testing.ts";

type Proxy = Awaited<ReturnType<typeof startProxy>>;
type InsertInit = Init<MessageTypes["milvus.InsertRequest"]>;

const insert = async (proxy: Proxy, request: InsertInit) =>
  proxy.run(insertHandler, ["milvus.InsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    ...request,
  });
const upsert = async (proxy: Proxy, request: Init<MessageTypes["milvus.UpsertRequest"]>) =>
  proxy.run(upsertHandler, ["milvus.UpsertRequest", "milvus.MutationResult"], {
    collectionName: "c",
    ...request,
  });
const remove = async (proxy: Proxy, expr: string) =>
  proxy.run(deleteHandler, ["milvus.DeleteRequest", "milvus.MutationResult"], { collectionName: "c", expr });

async function stored(proxy: Proxy): Promise<Record<string, number>> {
  const answer = await proxy.run(queryHandler, ["milvus.QueryRequest", "milvus.QueryResults"], {
    collectionName: "c",
    expr: "id >= 0",
    outputFields: ["id", "age"],
  });
  const [ids, ages] = ["id", "age"].map(
    (name) =>
      answer.fieldsData.find(({ fieldName }) => fieldName === name)?.scalars?.longData?.data ?? assert.fail(),
  );
  return Object.fromEntries([...(ids ?? [])].map((id, i) => [String(id), Number(ages?.[i])]));
}

function rows(keys: readonly number[], age = 1) {
  return {
    numRows: keys.length,
    fieldsData: [
      longs("id", keys),
      longs(
        "age",
        keys.map(() => age),
      ),
      vectors(
        "vector",
        keys.map((key) => [key, 0]),
      ),
    ],
  };
}

/** A proxy whose owners do what `write` says before, or instead of, their own. */
async function withOwner(
  write: (
    batch: WriteBatch,
    go: (forwarded?: WriteBatch) => ReturnType<DataNode["write"]>,
  ) => ReturnType<DataNode["write"]>,
  shards = 2,
) {
  const proxy = await startProxy({
    owner: (owner) => ({
      ...owner,
      write: async (ctx, batch) => write(batch, async (forwarded = batch) => owner.write(ctx, forwarded)),
    }),
  });
  await proxy.load(await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] }, { shards }));
  return proxy;
}

const KEYS = [1, 2, 3, 4, 5, 6, 7, 8];

describe("some vchannels fail", () => {
  test("the answer says which rows are in, and that repeating is harmless", async () => {
    await using proxy = await withOwner(async (batch, go) => {
      if (batch.vchannel.endsWith("v1")) throw serviceUnavailable("gone");
      return go();
    });
    const result = await insert(proxy, rows([...KEYS, 1]));
    assert.equal(result.status?.code, 2);
    assert.equal(result.status?.retriable, true);
    const found = Object.keys(await stored(proxy)).map(Number);
    const inserted = [...result.succIndex].map((row) => [...KEYS, 1][row]);
    assert.deepEqual([...new Set(inserted)].toSorted(), found.toSorted());
    assert.equal(result.succIndex.length + result.errIndex.length, 9);
    assert.ok(result.errIndex.length > 0);
    assert.equal(result.insertCnt, BigInt(result.succIndex.length));
    // The two rows of key 1 share their fate.
    assert.equal(result.succIndex.includes(0), result.succIndex.includes(8));
  });

  test("nothing in: the error itself, and with ids of the server not to be repeated blindly", async () => {
    await using proxy = await startProxy({
      owner: (owner) => ({
        ...owner,
        write: async () => {
          throw serviceUnavailable("gone");
        },
      }),
    });
    await proxy.create({ name: "c", fields: [{ ...KEY, autoId: true }, AGE, VECTOR] });
    const data = rows(KEYS).fieldsData.slice(1);
    await assert.rejects(insert(proxy, { numRows: 8, fieldsData: data }), {
      kind: "serviceUnavailable",
      retriable: false,
    });
  });
});

test("rows refused for an old schema are built again with the new one, only they", async () => {
  const seen: string[] = [];
  await using proxy = await withOwner(async (batch, go) => {
    const channel = batch.vchannel.slice(-2);
    seen.push(`${channel} ${batch.schemaVersion}`);
    if (channel === "v1" && batch.schemaVersion === 0)
      throw collectionSchemaMismatch("c", "schema version 0 is older than 1");
    // The owner itself knows no newer schema.
    return go({ ...batch, schemaVersion: 0 });
  });
  const info = await proxy.metaCache.collection(proxy.call.ctx, "c");
  let forgotten = false;
  const names = ["milvus.InsertRequest", "milvus.MutationResult"] as const;
  const metaCache: ProxyCall["metaCache"] = {
    collection: async () => info,
    collectionById: async () => ({ ...info, schema: { ...info.schema, version: forgotten ? 1 : 0 } }),
    forget: () => (forgotten = true),
    indexes: async () => [],
    shardLeaders: async () => [],
    forgetShardLeaders: () => undefined,
    invalidate: () => undefined,
  };
  const result = await proxy.run(insertHandler, names, { collectionName: "c", ...rows(KEYS) }, { metaCache });
  assert.equal(result.status?.code ?? 0, 0);
  assert.equal(result.insertCnt, 8n);
  assert.deepEqual(seen.toSorted(), ["v0 0", "v1 0", "v1 1"]);
  assert.equal(Object.keys(await stored(proxy)).length, 8);
});

test("a client that built rows for another definition hears so", async () => {
  await using proxy = await withOwner(async (_, go) => go());
  const info = await proxy.metaCache.collection(proxy.call.ctx, "c");
  await insert(proxy, { ...rows([1]), schemaTimestamp: info.updatedAt });
  await assert.rejects(insert(proxy, { ...rows([1]), schemaTimestamp: 5n }), { code: 109 });
});

test("a partial upsert never loses what was written while it read", async () => {
  let interfere: (() => Promise<unknown>) | undefined;
  await using proxy = await withOwner(async (batch, go) => {
    const once = interfere;
    interfere = undefined;
    if (batch.condition !== undefined) await once?.();
    return go();
  }, 1);
  await insert(proxy, rows([1], 10));
  const other = { partialUpdate: true, numRows: 1, fieldsData: [longs("id", [1]), longs("age", [77])] };
  interfere = async () => upsert(proxy, other);
  await upsert(proxy, {
    partialUpdate: true,
    numRows: 1,
    fieldsData: [longs("id", [1]), vectors("vector", [[5, 5]])],
  });
  assert.deepEqual(await stored(proxy), { 1: 77 });
});

test("a delete by filter leaves rows that changed meanwhile and match no more, and takes those that still do", async () => {
  let interfere: (() => Promise<unknown>) | undefined;
  await using proxy = await withOwner(async (batch, go) => {
    const once = interfere;
    interfere = undefined;
    if (batch.condition !== undefined) await once?.();
    return go();
  }, 1);
  await insert(proxy, rows(KEYS, 10));
  interfere = async () => {
    await upsert(proxy, rows([1, 2], 99));
    await upsert(proxy, rows([3], 11));
  };
  const result = await remove(proxy, "age < 50 and id < 6");
  assert.equal(result.deleteCnt, 3n);
  assert.deepEqual(await stored(proxy), { 1: 99, 2: 99, 6: 10, 7: 10, 8: 10 });
});

test("an owner that forgot what was written since makes a delete look again", async () => {
  let refusals = 1;
  await using proxy = await withOwner(async (batch, go) => {
    if (batch.condition !== undefined && refusals-- > 0)
      throw writeConflict({ channel: batch.vchannel, readAt: 1n });
    return go();
  }, 1);
  await insert(proxy, rows(KEYS));
  assert.equal((await remove(proxy, "age == 1")).deleteCnt, 8n);
  assert.deepEqual(await stored(proxy), {});
});

test("a delete that an owner cannot do fails with the owner's error", async () => {
  await using proxy = await withOwner(async (batch, go) => {
    if (batch.deletes.length > 0) throw serviceInternal("no");
    return go();
  });
  await assert.rejects(remove(proxy, "id in [1]"), { kind: "serviceInternal" });
});

test("a delete limited to a partition leaves the rows of others", async () => {
  await using proxy = await withOwner(async (_, go) => go());
  await proxy.coords.rootCoord.createPartition(proxy.call.ctx, { collection: "c", partition: "p" });
  proxy.metaCache.forget((await proxy.metaCache.collection(proxy.call.ctx, "c")).id);
  await insert(proxy, rows([1, 2]));
  await insert(proxy, { ...rows([3, 4]), partitionName: "p" });
  const names = ["milvus.DeleteRequest", "milvus.MutationResult"] as const;
  await proxy.run(deleteHandler, names, { collectionName: "c", partitionName: "p", expr: "id in [1, 3]" });
  await proxy.run(deleteHandler, names, {
    collectionName: "c",
    partitionName: "p",
    expr: "age == 1 and id < 4",
  });
  assert.deepEqual(Object.keys(await stored(proxy)), ["1", "2", "4"]);
  await assert.rejects(
    proxy.run(deleteHandler, names, { collectionName: "c", partitionName: "q", expr: "id in [1]" }),
    { code: 200, message: "partition not found[partition=q]" },
  );
});
