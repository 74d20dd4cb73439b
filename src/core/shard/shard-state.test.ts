import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../tests/fuzz/samples.ts";
import { keyField, ts } from "../../../tests/contract/engine/segment-fixture.ts";
import { randomColumn, testField } from "../../../tests/contract/random-columns.ts";
import { Prng } from "../../base/prng.ts";
import { ReferenceEngine } from "../../engine/reference-engine.ts";
import { encodeRowBatch } from "../../format/row-batch.ts";
import { DataType } from "../../model/data-type.ts";
import { collectionId, epoch, nodeId, partitionId, segmentId, vchannel } from "../../model/ids.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { ShardState } from "./shard-state.ts";

test("a record of a take-over closes nothing: a change that has taken its timestamp before may come behind it", () => {
  const state = emptyShard({ ...collectionSample.schema, fields: [keyField()] });
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

test("a record from before a field was taken away is applied without its column", () => {
  const kept = testField(101, DataType.Int64);
  const gone = testField(102, DataType.JSON, { nullable: true, isDynamic: true });
  const schema = { ...collectionSample.schema, fields: [keyField(), kept], version: 2 };
  const state = emptyShard(schema);
  const random = Prng.fromSeed("gone");
  const columns = (fields: readonly FieldSchema[]) =>
    new Map(fields.map((one) => [one.id as number, randomColumn(random, { ...one, nullable: false }, 2)]));
  const records = [
    { schemaVersion: 1, columns: columns([keyField(), kept, gone]) },
    { schemaVersion: 2, columns: columns([keyField(), kept]) },
  ];
  records.forEach(({ schemaVersion, columns: batch }, i) => {
    state.apply(
      {
        type: "rows",
        timestamp: ts(20 + i),
        epoch: epoch(1n),
        collectionId: collectionId(1n),
        schemaVersion,
        session: nodeId(1n),
        sequence: BigInt(i + 1),
        deletes: [],
        inserts: [
          {
            partitionId: partitionId(5n),
            segmentId: segmentId(7n),
            rows: 2,
            batch: encodeRowBatch({ rows: 2, columns: batch }),
          },
        ],
        skipped: [],
      },
      BigInt(i + 1),
    );
  });
  const [growing] = state.growing();
  assert.equal(growing?.ref.segment.rows, 4);
  state.stop();
});

function emptyShard(schema: CollectionSchema): ShardState {
  return new ShardState(new ReferenceEngine(), {
    vchannel: vchannel("dml_0_1v0"),
    collectionId: collectionId(1n),
    schema,
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
}
