import assert from "node:assert/strict";
import { test } from "node:test";
import { AGE, KEY, startProxy, VECTOR } from "../proxy/write/proxy-in-process.testing.ts";

test("what RootCoord refuses is said in Milvus's words", async () => {
  await using proxy = await startProxy();
  const { rootCoord } = proxy.coords;
  const { ctx } = proxy.call;
  await proxy.create({ name: "c", fields: [KEY, AGE, VECTOR] });
  await rootCoord.createAlias(ctx, { alias: "a", collection: "c" });
  await assert.rejects(proxy.create({ name: "a", fields: [KEY, AGE, VECTOR] }), {
    code: 1601,
    message: "please choose a unique name: alias and collection name conflict[database=default][alias=a]",
  });
  await assert.rejects(rootCoord.alterAlias(ctx, { alias: "a", collection: "gone" }), {
    code: 100,
    message: "collection not found[collection=gone]",
  });
  await assert.rejects(rootCoord.alterAlias(ctx, { alias: "c", collection: "gone" }), { code: 1601 });
  await assert.rejects(rootCoord.createAlias(ctx, { alias: "b", collection: "gone" }), {
    code: 100,
    message: "collection not found[database=default][collection=gone]",
  });
  const change = { name: "c", field: "gone", set: { "field.description": "x" }, remove: [] };
  await assert.rejects(rootCoord.alterCollectionField(ctx, change), {
    code: 1100,
    message: "field gone does not exist in collection: invalid parameter",
  });
});
