import assert from "node:assert/strict";
import { test } from "node:test";
import { readFramePrefix, withHeadroom, writeFramePrefix } from "./grpc-frames.ts";
import { fuzzGrpcFrames } from "./grpc-frames.fuzz.ts";

test("damaged frames and messages are all answered and leave nothing behind", async () => {
  const report = await fuzzGrpcFrames({ seed: 1, count: 2000 });
  assert.ok(report.inputs >= 2000);
  assert.ok(report.answered > 500 && report.endedConnections > 50, JSON.stringify(report));
});

test("a prefix is written and read back", () => {
  for (const length of [0, 1, 255, 256, 70_000]) {
    const frame = withHeadroom(new Uint8Array(length), 5);
    writeFramePrefix(frame, length === 256);
    assert.deepEqual(readFramePrefix(frame, 0, 70_000), { compressed: length === 256, length });
  }
  assert.throws(
    () => readFramePrefix(Buffer.of(0, 0x80, 0, 0, 0), 0, 100),
    /larger than max \(2147483648 vs\. 100\)/,
  );
});
