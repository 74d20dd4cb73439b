import assert from "node:assert/strict";
import { test } from "node:test";
import { leadingWorld } from "../../../tests/contract/leading.ts";
import { MemoryObjectStore } from "../../adapters/objects/memory.ts";
import { MemoryMessageStream } from "../../adapters/stream/memory.ts";
import { Catalog } from "../../core/catalog/catalog.ts";
import { collectionId, epoch, vchannel } from "../../model/ids.ts";
import type { ChannelMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import { NO_FAULTS } from "../../ports/faults.ts";
import { POSITION_ZERO, type Position } from "../../ports/message-stream.ts";
import { DataTables } from "./data-tables.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { TargetReaders } from "./target-readers.ts";
import { WriteAttempts } from "./write-attempts.ts";

const A = vchannel("a");
const B = vchannel("b");

test("a log that goes while a round is under way ends neither that round nor the later ones", async () => {
  const world = await leadingWorld();
  const { clock, meta } = world;
  const leadership = await world.lead(1);
  const stream = new MemoryMessageStream();
  const tables = await DataTables.load(new Catalog(meta, leadership));
  const channels: ChannelMeta[] = [];
  for (const topic of [A, B]) {
    await stream.createTopic(topic);
    const position = await stream.append(topic, [Uint8Array.of(1)]);
    channels.push(channelAt(topic, position));
  }
  await tables.change(A, () => ({ channels }));
  const garbage = new GarbageCollector(
    {
      ...{ clock, leadership, stream, faults: NO_FAULTS, objects: new MemoryObjectStore() },
      limits: { gcDropToleranceMs: 0, gcOrphanToleranceMs: 0 },
    },
    tables,
    new TargetReaders(meta),
    new WriteAttempts(),
  );
  // What DataCoord knows was true when the round began.
  await stream.dropTopic(A);
  await garbage.collect();
  await assert.rejects(firstOf(stream, B), { kind: "positionGone" });
  await garbage.truncateLog(A);
  await world.close();
});

async function firstOf(stream: MemoryMessageStream, topic: string): Promise<unknown> {
  return stream.read(topic, POSITION_ZERO, AbortSignal.timeout(1000)).next();
}

function channelAt(topic: typeof A, position: Position): ChannelMeta {
  return {
    ...{ vchannel: topic, collectionId: collectionId(1n), epoch: epoch(1n), owner: undefined },
    checkpoint: { position, timestamp: TIMESTAMP_ZERO, epoch: epoch(1n) },
    ...{ dropped: false, emptied: [] },
  };
}
