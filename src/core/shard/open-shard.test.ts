import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../tests/fuzz/samples.ts";
import {
  batchOf,
  keyField,
  randomRows,
  sequentialKeys,
  ts,
} from "../../../tests/contract/engine/segment-fixture.ts";
import { MemoryObjectStore } from "../../adapters/objects/memory.ts";
import { Deferred } from "../../base/deferred.ts";
import { Prng } from "../../base/prng.ts";
import { ReferenceEngine } from "../../engine/reference-engine.ts";
import type { RowsRecord } from "../../format/log-record.ts";
import { collectionId, epoch, nodeId, partitionId, segmentId, vchannel } from "../../model/ids.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import type { ChannelTarget, SegmentMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import { NO_FAULTS } from "../../ports/faults.ts";
import { Flusher, type FlushCommit } from "../channel/flusher.ts";
import { ShardOpener } from "./open-shard.ts";
import { SegmentFiles } from "./segment-files.ts";

const fields = [keyField()];
const schema = { ...collectionSample.schema, fields, version: 0 };
const info: CollectionInfo = { ...collectionSample, schema, partitions: [], truncatedAt: TIMESTAMP_ZERO };
const keys = sequentialKeys("int64", 0, 3);
const record: Omit<RowsRecord, "timestamp" | "sequence"> = {
  type: "rows",
  epoch: epoch(1n),
  collectionId: collectionId(1n),
  schemaVersion: 0,
  session: nodeId(1n),
  deletes: [],
  inserts: [],
  skipped: [],
};
const rows: RowsRecord = {
  ...record,
  timestamp: ts(10),
  sequence: 1n,
  inserts: [
    {
      segmentId: segmentId(3n),
      partitionId: partitionId(2n),
      rows: 3,
      batch: batchOf(randomRows(Prng.fromSeed(9), fields, keys)),
    },
  ],
};
const deletes: RowsRecord = {
  ...record,
  timestamp: ts(20),
  sequence: 2n,
  deletes: [{ partitionId: undefined, keys }],
};
const empty: ChannelTarget = {
  vchannel: vchannel("dml_0_1v0"),
  collectionId: collectionId(1n),
  version: 1n,
  startPosition: 0n,
  startTimestamp: TIMESTAMP_ZERO,
  epoch: epoch(1n),
  segments: [],
  gone: [],
  emptied: [],
  deltaLogs: [],
};

/** A target whose only segment holds the rows, flushed. */
async function flushedTarget() {
  const engine = new ReferenceEngine();
  const objects = new MemoryObjectStore();
  const files = new SegmentFiles(engine, objects);
  const opener = new ShardOpener({
    engine,
    objects,
    files,
    growingRowsMax: 100,
    recentWritesMax: 10,
    seed: 1,
  });
  const owner = await opener.open(empty, info);
  owner.apply(rows, 5n);
  const commits: FlushCommit[] = [];
  const commit = async (flushed: FlushCommit): Promise<void> => void commits.push(flushed);
  const allocId = async (): Promise<bigint> => 7n;
  const flusher = new Flusher(
    { engine, objects, files, faults: NO_FAULTS, allocId, begin: allocId, commit },
    owner,
  );
  await flusher.flush([segmentId(3n)]);
  owner.stop();
  const [flushed] = commits[0]?.segments ?? [];
  assert.ok(flushed?.manifest !== undefined);
  const segment: SegmentMeta = {
    ...flushed,
    collectionId: empty.collectionId,
    vchannel: empty.vchannel,
    partitionId: partitionId(2n),
    state: "Flushed",
    createdAtMs: 0,
    compactedAt: TIMESTAMP_ZERO,
    compactedFrom: [],
    compactedInto: [],
    droppedAtMs: undefined,
  };
  return { objects, opener, segment };
}

test("rows deleted while the file of their segment is being opened stay deleted", async () => {
  const { objects, opener, segment } = await flushedTarget();
  // A reader that is behind: the segment's first row is still to come when it begins to open the file.
  const reader = await opener.open(empty, info);
  const gate = new Deferred<void>();
  const get = objects.get.bind(objects);
  objects.get = async (key, range) => {
    await gate.promise;
    return get(key, range);
  };
  const advanced = opener.advance(reader, { ...empty, version: 2n, segments: [segment] });
  reader.apply(rows, 5n);
  reader.apply(deletes, 6n);
  gate.resolve();
  assert.equal(await advanced, true);
  const [entry, ...others] = reader.sealed();
  assert.equal(others.length + [...reader.growing()].length, 0);
  const visible = (at: number): number[] => [
    ...(entry?.ref.segment.lookup(keys, { at: ts(at), minBegin: TIMESTAMP_ZERO }) ?? []),
  ];
  assert.deepEqual(visible(15), [0, 1, 2]);
  assert.deepEqual(visible(20), [-1, -1, -1]);
  reader.stop();
});

test("what a new segment replaces goes with the hand-over, though the target no longer names it as gone", async () => {
  const { opener, segment } = await flushedTarget();
  const reader = await opener.open(empty, info);
  reader.apply(rows, 5n);
  const compacted = { ...segment, id: segmentId(4n), compactedFrom: [segmentId(3n)] };
  assert.equal(await opener.advance(reader, { ...empty, version: 2n, segments: [compacted] }), true);
  assert.deepEqual(
    [...reader.sealed(), ...reader.growing()].map(({ id }) => id),
    [4n],
  );
  reader.stop();
});
