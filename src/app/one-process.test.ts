import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType, isVector } from "../model/data-type.ts";
import { epoch as toEpoch, fieldId, nodeId } from "../model/ids.ts";
import { plainField } from "../model/schema.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import { NativeEngine } from "../engine/native-engine.ts";
import { ReferenceEngine } from "../engine/reference-engine.ts";
import type { Engine } from "../ports/engine.ts";
import { oneProcessFor, processFolderFor } from "./one-process.testing.ts";

const engines: readonly { readonly name: string; readonly make: () => Engine }[] = [
  { name: "reference", make: () => new ReferenceEngine() },
  { name: "native", make: () => new NativeEngine({ threads: 1, deterministic: true }) },
];

for (const { name, make } of engines) {
  describe(`the roles of one process on the ${name} engine`, () => {
    test("a dynamic field that was taken away stays away, wherever its rows are", async (t) => {
      const { start } = await processFolderFor(t, make());
      let process = await start();
      const created = await process.create();
      await process.load(created);
      const describe = async () =>
        process.coords.rootCoord.describeCollection(process.ctx, { by: "name", name: "c" });
      const enable = async () => {
        const field = plainField(fieldId(0), "$meta", DataType.JSON, { isDynamic: true, nullable: true });
        await process.coords.rootCoord.addCollectionField(process.ctx, { name: "c", field });
        return describe();
      };
      const first = await enable();
      await process.insert(first, [1n, 2n]);
      await process.flush(first);
      await process.insert(first, [3n]);
      assert.deepEqual(await process.keys(first, "n >= 2"), [2n, 3n]);

      await process.coords.rootCoord.dropDynamicField(process.ctx, { name: "c" });
      await process.coords.rootCoord.dropDynamicField(process.ctx, { name: "c" });
      const without = await describe();
      assert.deepEqual(
        [
          without.schema.enableDynamicField,
          without.schema.version,
          without.schema.fields.map(({ name }) => name),
        ],
        [false, first.schema.version + 1, ["id", "age", "vector"]],
      );
      await assert.rejects(process.insert(first, [4n]), /schema version 1 is older than 2/);
      await process.insert(without, [4n]);
      assert.deepEqual(await process.keys(without, ""), [1n, 2n, 3n, 4n]);
      await assert.rejects(process.keys(without, "n == 1"), /field n not exist/);
      await process.stop();

      // The log still has the column of row 3, which segments of the new schema do not know.
      process = await start();
      await process.loaded(created);
      assert.deepEqual(await process.keys(without, "age > 10"), [2n, 3n, 4n]);
      const again = await enable();
      assert.deepEqual(again.schema.fields.at(-1)?.id, (first.schema.fields.at(-1)?.id ?? 0) + 1);
      await process.insert(again, [5n]);
      assert.deepEqual(await process.keys(again, "n >= 1"), [5n]);
      assert.deepEqual(await process.keys(again, "not exists n"), [1n, 2n, 3n, 4n]);
      await process.flush(again);
      assert.deepEqual(await process.keys(again, "n >= 1"), [5n]);
      assert.ok((await process.compact(again)) > 0);
      await process.stop();

      process = await start();
      await process.loaded(created);
      assert.deepEqual(await process.keys(again, "n >= 1"), [5n]);
      assert.deepEqual(await process.keys(again, ""), [1n, 2n, 3n, 4n, 5n]);
      await process.stop();
    });

    test("rows are found while growing, after a flush, an index build, a delete, a compaction and a restart", async (t) => {
      const { start } = await processFolderFor(t, make());
      let process = await start();
      const info = await process.create();
      await process.load(info);
      await process.insert(info, [1n, 2n, 3n, 4n]);
      assert.deepEqual(await process.keys(info, "age >= 20"), [2n, 3n, 4n]);
      assert.deepEqual(await process.nearest(info, 3), [3n]);

      const rowsOfIndex = async () => {
        const request = { collectionId: info.id, indexName: "flat", at: TIMESTAMP_ZERO };
        const [index] = await process.coords.indexCoord.describeIndex(process.ctx, request);
        return [index?.indexedRows, index?.totalRows, index?.pendingRows];
      };
      const field = info.schema.fields.find(({ type }) => isVector(type));
      assert.ok(field !== undefined);
      await process.coords.indexCoord.createIndex(process.ctx, {
        collectionId: info.id,
        field,
        indexName: "flat",
        userParams: { index_type: "FLAT" },
        params: { index_type: "FLAT", metric_type: "L2" },
        isAuto: false,
      });
      // As in Milvus, rows that are still being collected are none that wait for an index.
      assert.deepEqual(await rowsOfIndex(), [0n, 0n, 0n]);
      await process.flush(info);
      assert.deepEqual(await process.keys(info, ""), [1n, 2n, 3n, 4n]);
      assert.deepEqual(await rowsOfIndex(), [4n, 4n, 0n]);
      await process.insert(info, [3n, 5n]); // a second version of 3
      assert.equal(await process.count(info), 5n);
      await process.remove(info, [1n, 5n]);
      assert.deepEqual(await process.keys(info, ""), [2n, 3n, 4n]);
      await process.flush(info);
      assert.deepEqual(await process.keys(info, ""), [2n, 3n, 4n]);
      assert.ok((await process.compact(info)) > 0);
      assert.deepEqual(await process.keys(info, ""), [2n, 3n, 4n]);
      await process.insert(info, [9n]);
      await process.stop();

      process = await start();
      await process.loaded(info);
      assert.deepEqual(await process.keys(info, ""), [2n, 3n, 4n, 9n]);
      await process.stop();
    });
  });
}

test("of the flushes of a channel only the one begun last is committed, and only its owner begins any", async (t) => {
  const process = await oneProcessFor(t, new ReferenceEngine());
  const { ctx } = process;
  const { dataCoord } = process.coords;
  const info = await process.create();
  await process.load(info);
  await process.insert(info, [1n]);
  const vchannel = process.vchannelOf(info);
  const { epoch } = await dataCoord.locateChannel(ctx, { vchannel });
  await assert.rejects(dataCoord.beginFlush(ctx, { vchannel, epoch: toEpoch(epoch - 1n) }), {
    kind: "fenced",
  });
  const slow = await dataCoord.beginFlush(ctx, { vchannel, epoch });
  await process.flush(info);
  const { startPosition, startTimestamp } = await dataCoord.getTarget(ctx, {
    vchannel,
    reader: process.nodeId,
  });
  const late = {
    ...slow,
    vchannel,
    epoch,
    segments: [],
    deltaLogs: [],
    checkpoint: { position: startPosition, timestamp: startTimestamp, epoch },
  };
  await assert.rejects(dataCoord.commitFlush(ctx, late), { kind: "fenced", message: /flush of by-dev/ });
  await dataCoord.commitFlush(ctx, { ...late, ...(await dataCoord.beginFlush(ctx, { vchannel, epoch })) });
  assert.deepEqual(await process.keys(info, ""), [1n]);
});

test("an owner whose epoch was raised by a node that never came is opened anew", async (t) => {
  const process = await oneProcessFor(t, new ReferenceEngine());
  const info = await process.create();
  await process.load(info);
  await process.insert(info, [1n]);
  const vchannel = process.vchannelOf(info);
  await process.coords.rootCoord.raiseEpoch(process.ctx, { vchannel, owner: nodeId(1n) });
  await assert.rejects(process.insert(info, [2n]), { kind: "fenced" });
  await process.insert(info, [3n]);
  assert.deepEqual(await process.keys(info, ""), [1n, 3n]);
});

test("a compaction drops the rows that have expired by a field of theirs", async (t) => {
  const process = await oneProcessFor(t, new NativeEngine({ threads: 1, deterministic: true }));
  // Ages are ten times the keys: microseconds since 1970.
  const info = await process.create({ ttl_field: "age" });
  const lasting = [10n ** 17n, 10n ** 17n + 1n];
  await process.insert(info, [1n, 2n, 3n, ...lasting]);
  await process.flush(info);
  await process.load(info);
  assert.equal(await process.compact(info), 1);
  await process.queryNode.syncTarget(process.ctx, { vchannel: process.vchannelOf(info) });
  assert.deepEqual(await process.keys(info, ""), lasting);
  assert.equal(await process.compact(info), 0);
});
