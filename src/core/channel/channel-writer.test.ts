import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../tests/fuzz/samples.ts";
import { sequentialKeys } from "../../../tests/contract/engine/segment-fixture.ts";
import { MemoryMessageStream } from "../../adapters/stream/memory.ts";
import { streamUnavailable } from "../../errors/storage-errors.ts";
import { decodeLogRecord } from "../../format/log-record.ts";
import { epoch, nodeId, segmentId, vchannel } from "../../model/ids.ts";
import { timestamp, TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import { RecentWrites } from "../shard/recent-writes.ts";
import type { RecordListener, ShardState } from "../shard/shard-state.ts";
import { ChannelWriter } from "./channel-writer.ts";

test("when the shard's state ends, writes in flight are refused and the channel serves no longer", async () => {
  const channel = vchannel("dml_0_1v0");
  const stream = new MemoryMessageStream();
  await stream.createTopic(channel);
  let end: (reason: Error) => void = () => assert.fail("nobody listens");
  // Only what a writer asks of a state; no record ever comes back from this one.
  const state = {
    vchannel: channel,
    schema: collectionSample.schema,
    appliedTimestamp: TIMESTAMP_ZERO,
    recent: new RecentWrites(10, TIMESTAMP_ZERO),
    listen: () => () => undefined,
    onEnd: (listener: (reason: Error) => void) => (end = listener),
  } as unknown as ShardState;
  let now = 0n;
  const writer = new ChannelWriter(
    {
      stream,
      nodeId: nodeId(1n),
      allocTimestamp: async (count) => (now += BigInt(count)),
      allocSegment: async () => segmentId(1n),
      spawn: () => assert.fail("nothing to settle"),
      queueMax: 10,
      queueBytesMax: 1000,
      groupMax: 10,
    },
    state,
    epoch(1n),
  );
  const batch = {
    collectionId: collectionSample.id,
    vchannel: channel,
    schemaVersion: collectionSample.schema.version,
    session: nodeId(2n),
    sequence: timestamp(1n),
    deletes: [{ partitionId: undefined, keys: sequentialKeys("int64", 0, 1) }],
    inserts: [],
    condition: undefined,
  };
  const written = writer.write(batch);
  const refused = assert.rejects(written, { kind: "channelNotAvailable", message: /opened afresh/ });
  while ((await stream.lastPosition(channel)) === 0n) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(writer.serves, true);
  end(new Error("the shard was opened afresh"));
  await refused;
  assert.equal(writer.serves, false);
  await assert.rejects(writer.write({ ...batch, sequence: timestamp(2n) }), { kind: "channelNotAvailable" });
  await writer.settled();
  await stream.close();
});

test("a batch from before what is remembered is refused as of unknown outcome, whatever else is wrong with it", async () => {
  const { schema } = collectionSample;
  const state = {
    vchannel: vchannel("dml_0_1v0"),
    schema: { ...schema, version: schema.version + 1 },
    appliedTimestamp: timestamp(100n),
    recent: new RecentWrites(10, timestamp(100n)),
    listen: () => () => undefined,
    onEnd: () => undefined,
  } as unknown as ShardState;
  const stream = new MemoryMessageStream();
  let now = 200n;
  const writer = new ChannelWriter(
    {
      stream,
      nodeId: nodeId(1n),
      allocTimestamp: async (count) => (now += BigInt(count)),
      allocSegment: async () => segmentId(1n),
      spawn: () => assert.fail("nothing to settle"),
      queueMax: 10,
      queueBytesMax: 1000,
      groupMax: 10,
    },
    state,
    epoch(2n),
  );
  const batch = {
    collectionId: collectionSample.id,
    vchannel: state.vchannel,
    schemaVersion: schema.version,
    session: nodeId(2n),
    deletes: [{ partitionId: undefined, keys: sequentialKeys("int64", 0, 1) }],
    inserts: [],
    condition: undefined,
  };
  await assert.rejects(writer.write({ ...batch, sequence: timestamp(99n) }), { kind: "streamUnavailable" });
  // Sent later, it would be remembered: it is surely not in.
  await assert.rejects(writer.write({ ...batch, sequence: timestamp(100n) }), {
    kind: "collectionSchemaMismatch",
  });
  await stream.close();
});

test("a write that fails behind the barrier of an earlier failure is answered, too, and the channel goes on", async () => {
  // How late the stream refuses decides which of the two takes its timestamp first.
  for (let delay = 0; delay < 12; delay++) await failTogether(delay);
});

async function failTogether(delay: number): Promise<void> {
  const channel = vchannel("dml_0_1v0");
  const listeners = new Set<RecordListener>();
  const state = {
    vchannel: channel,
    schema: collectionSample.schema,
    appliedTimestamp: TIMESTAMP_ZERO,
    recent: new RecentWrites(10, TIMESTAMP_ZERO),
    listen: (listener: RecordListener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onEnd: () => undefined,
  } as unknown as ShardState;
  const refused = streamUnavailable("no room");
  const turn = async () => new Promise((resolve) => setImmediate(resolve));
  let sick = true;
  let landed = 0n;
  // Rows are refused while the stream is sick; what lands is read back at once.
  const append = async (_topic: string, chunks: readonly Uint8Array[]) => {
    const record = decodeLogRecord(Buffer.concat(chunks));
    if (sick && record.type === "rows") {
      for (let i = 0; i < delay; i++) await Promise.resolve();
      throw refused;
    }
    await turn();
    for (const listener of [...listeners]) listener(record, ++landed, true);
    return landed;
  };
  let now = 0n;
  const writer = new ChannelWriter(
    {
      stream: { append } as unknown as MemoryMessageStream,
      nodeId: nodeId(1n),
      allocTimestamp: async (count) => {
        const first = now + 1n;
        now += BigInt(count);
        return first;
      },
      allocSegment: async () => segmentId(1n),
      spawn: (_name, run) => void run(new AbortController().signal),
      queueMax: 10,
      queueBytesMax: 1000,
      groupMax: 1,
    },
    state,
    epoch(1n),
  );
  const batch = {
    collectionId: collectionSample.id,
    vchannel: channel,
    schemaVersion: collectionSample.schema.version,
    session: nodeId(2n),
    deletes: [{ partitionId: undefined, keys: sequentialKeys("int64", 0, 1) }],
    inserts: [],
    condition: undefined,
  };
  // The group of the second is being formed when the first fails, and fails itself before the barrier is back.
  const answers = [1n, 2n, 3n].map(async (sequence) =>
    assert.rejects(writer.write({ ...batch, sequence: timestamp(sequence) }), refused),
  );
  await Promise.all(answers);
  await writer.settled();
  sick = false;
  assert.ok((await writer.write({ ...batch, sequence: timestamp(5n) })).timestamp > 0n);
}
