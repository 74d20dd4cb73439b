import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../tests/contract/manual-clock.ts";
import { messageStreamContract } from "../../../tests/contract/message-stream-contract.ts";
import { streamUnavailable } from "../../errors/storage-errors.ts";
import { MetricsRegistry } from "../../obs/metrics.ts";
import { MemoryMessageStream } from "./memory.ts";
import { ObservedStream } from "./observed-stream.ts";

messageStreamContract("observed", async () => {
  const stream = new MemoryMessageStream();
  return {
    stream: new ObservedStream(stream, new MetricsRegistry(), new ManualClock()),
    [Symbol.asyncDispose]: async () => stream.close(),
  };
});

test("appends are counted by how they ended, with their bytes and the time until they were durable", async () => {
  const clock = new ManualClock();
  const registry = new MetricsRegistry();
  let broken = false;
  const inner = new MemoryMessageStream(undefined, {
    answer: async () => {
      await clock.sleep(4);
      if (broken) throw streamUnavailable("the disk is gone");
    },
  });
  const stream = new ObservedStream(inner, registry, clock);
  const ended = async <T>(call: Promise<T>): Promise<T> => {
    const settled = call.catch(() => undefined);
    await clock.advance(4);
    await settled;
    return call;
  };
  await ended(stream.createTopic("a"));
  await ended(stream.append("a", [new Uint8Array(100), new Uint8Array(28)]));
  broken = true;
  await assert.rejects(ended(stream.append("a", [new Uint8Array(5)])), { kind: "streamUnavailable" });
  const text = registry.expose();
  for (const line of [
    'milvus_wal_append_message_total{status="ok"} 1',
    'milvus_wal_append_message_total{status="error"} 1',
    'milvus_wal_append_message_bytes_sum{status="ok"} 128',
    'milvus_wal_append_message_bytes_sum{status="error"} 5',
    'milvus_wal_append_message_duration_seconds_sum{status="ok"} 0.004',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});
