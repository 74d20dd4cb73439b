import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../tests/fuzz/samples.ts";
import { keyField, ts } from "../../../tests/contract/engine/segment-fixture.ts";
import { ReferenceEngine } from "../../engine/reference-engine.ts";
import { collectionId, epoch, nodeId, partitionId, vchannel } from "../../model/ids.ts";
import { ShardState } from "./shard-state.ts";

test("a record of a take-over closes nothing: a change that has taken its timestamp before may come behind it", () => {
  const state = new ShardState(new ReferenceEngine(), {
    vchannel: vchannel("dml_0_1v0"),
    collectionId: collectionId(1n),
    schema: { ...collectionSample.schema, fields: [keyField()] },
    startPosition: 0n,
    startTimestamp: ts(10),
    epoch: epoch(1n),
    version: 1n,
    sealed: [],
    gone: [],
    history: new Map(),
    emptied: new Map(),
    growingRowsMax: 10,
    recentWritesMax: 10,
    seed: 1,
  });
  state.apply({ type: "epoch", timestamp: ts(30), epoch: epoch(2n), owner: nodeId(1n) }, 1n);
  assert.deepEqual([state.closedTimestamp, state.appliedTimestamp, state.epoch], [ts(10), ts(30), 2n]);
  state.apply(
    {
      type: "ddl",
      timestamp: ts(20),
      epoch: epoch(2n),
      collectionId: collectionId(1n),
      intentId: 1n,
      kind: "dropPartition",
      schemaVersion: 0,
      partitionId: partitionId(5n),
    },
    2n,
  );
  assert.deepEqual([...state.history], [[5n, ts(20)]]);
  assert.equal(state.closedTimestamp, ts(30));
  state.stop();
});
