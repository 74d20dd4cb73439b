import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { Deferred } from "../../base/deferred.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { timestamp } from "../../model/timestamp.ts";
import { FakeDeployment } from "./fake-deployment.testing.ts";
import { CoordinatorMetaCache } from "./meta-cache.ts";
import { createRequest } from "./requests.testing.ts";

async function withCollection(name: string): Promise<FakeDeployment> {
  const deployment = new FakeDeployment();
  equal((await deployment.status("CreateCollection", createRequest(name))).code, 0);
  deployment.calls.length = 0;
  return deployment;
}

test("a collection is fetched once and then answered by name, alias and id", async () => {
  const deployment = await withCollection("one");
  const info = { ...deployment.collection("one"), aliases: ["uno"] };
  deployment.change(info);
  const { metaCache } = deployment.proxy;
  const ctx = deployment.deps.context();
  equal((await metaCache.collection(ctx, "uno")).id, info.id);
  equal((await metaCache.collection(ctx, "one")).id, info.id);
  equal((await metaCache.collectionById(ctx, info.id)).name, "one");
  deepEqual(deployment.calls, ["describeCollection"]);
});

test("concurrent misses share one fetch, and one that gives up leaves the others theirs", async () => {
  const deployment = await withCollection("one");
  const { metaCache } = deployment.proxy;
  const controller = new AbortController();
  const leaving = metaCache.collection(deployment.deps.context(controller.signal), "one");
  const staying = metaCache.collection(deployment.deps.context(), "one");
  controller.abort();
  await rejects(leaving, (error) => isRedkiteError(error, "canceled"));
  equal((await staying).name, "one");
  deepEqual(deployment.calls, ["describeCollection"]);
});

test("an unknown name is not remembered as unknown", async () => {
  const deployment = new FakeDeployment();
  const { metaCache } = deployment.proxy;
  const ctx = deployment.deps.context();
  await rejects(metaCache.collection(ctx, "late"), (error) => isRedkiteError(error, "collectionNotFound"));
  await deployment.call("CreateCollection", createRequest("late"));
  equal((await metaCache.collection(ctx, "late")).name, "late");
});

test("a fill that began before an invalidation is not kept, and nobody later joins it", async () => {
  const deployment = await withCollection("one");
  const old = deployment.collection("one");
  const gates = [new Deferred(), new Deferred()];
  let fetches = 0;
  const cache = new CoordinatorMetaCache({
    ...deployment.deps,
    rootCoord: {
      ...deployment.deps.rootCoord,
      describeCollection: async () => {
        const fetch = fetches++;
        const answer = deployment.collection("one");
        await gates[fetch]?.promise;
        return answer;
      },
    },
    limits: { cachedCollectionsMax: 10 },
  });
  const ctx = deployment.deps.context();
  const early = cache.collection(ctx, "one");
  deployment.collections.set(old.id, { ...old, properties: { a: "new" } });
  cache.invalidate({ database: "default", collectionId: old.id, names: ["one"], at: timestamp(5n) });
  const late = cache.collection(ctx, "one");
  gates[0]?.resolve();
  deepEqual({ ...(await early).properties }, {});
  equal(cache.size, 0);
  gates[1]?.resolve();
  deepEqual((await late).properties, { a: "new" });
  deepEqual((await cache.collection(ctx, "one")).properties, { a: "new" });
  equal(fetches, 2);
});

test("an invalidation drops every name of a collection, or a whole database", async () => {
  const deployment = await withCollection("one");
  await deployment.call("CreateDatabase", { dbName: "other" });
  await deployment.call("CreateCollection", { ...createRequest("two"), dbName: "other" });
  const { metaCache } = deployment.proxy;
  const ctx = deployment.deps.context();
  const other = { ...ctx, database: "other" };
  await metaCache.collection(ctx, "one");
  await metaCache.collection(other, "two");
  equal(metaCache.size, 2);
  await deployment.proxy.invalidateCache(ctx, {
    database: "other",
    collectionId: undefined,
    names: [],
    at: timestamp(1n),
  });
  equal(metaCache.size, 1);
  await deployment.proxy.invalidateCache(ctx, {
    database: "default",
    collectionId: undefined,
    names: ["one"],
    at: timestamp(1n),
  });
  equal(metaCache.size, 0);
});

test("shard leaders and indexes are kept with their collection and forgotten with it", async () => {
  const deployment = await withCollection("one");
  const { metaCache } = deployment.proxy;
  const ctx = deployment.deps.context();
  const { id } = await metaCache.collection(ctx, "one");
  await rejects(metaCache.shardLeaders(ctx, id), (error) => isRedkiteError(error, "collectionNotLoaded"));
  deployment.loaded.set(id, { partitionIds: [], progress: 100 });
  equal((await metaCache.shardLeaders(ctx, id)).length, 1);
  await metaCache.shardLeaders(ctx, id);
  await metaCache.indexes(ctx, id);
  await metaCache.indexes(ctx, id);
  const count = (call: string): number => deployment.calls.filter((one) => one === call).length;
  deepEqual([count("getShardLeaders"), count("listIndexes")], [2, 1]);
  metaCache.forgetShardLeaders(id);
  await metaCache.shardLeaders(ctx, id);
  equal(count("getShardLeaders"), 3);
  metaCache.forget(id);
  await metaCache.indexes(ctx, id);
  equal(count("listIndexes"), 2);
});

test("the cache is bounded", async () => {
  const deployment = new FakeDeployment();
  const cache = new CoordinatorMetaCache({ ...deployment.deps, limits: { cachedCollectionsMax: 2 } });
  const ctx = deployment.deps.context();
  for (const name of ["a", "b", "c"]) {
    await deployment.call("CreateCollection", createRequest(name));
    await cache.collection(ctx, name);
  }
  equal(cache.size, 2);
});
