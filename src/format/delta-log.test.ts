import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError, concatBytes } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import { mutate } from "../../tests/fuzz/mutate.ts";
import { deltaLogBytes, deltaSample } from "../../tests/fuzz/samples.ts";
import { decodeDeltaLog, encodeDeltaLog } from "./delta-log.ts";

test("deletes of several scopes come back as they were, from unaligned bytes too", () => {
  assert.deepEqual(decodeDeltaLog(deltaLogBytes()), deltaSample);
  const shifted = concatBytes([new Uint8Array(3), deltaLogBytes()]).subarray(3);
  assert.deepEqual(decodeDeltaLog(shifted), deltaSample);
  assert.deepEqual(decodeDeltaLog(encodeDeltaLog([])), []);
});

test("keys and timestamps start at multiples of 64", () => {
  for (const { keys, timestamps } of decodeDeltaLog(deltaLogBytes())) {
    assert.equal((keys.kind === "int64" ? keys.values : keys.offsets).byteOffset % 64, 0);
    assert.equal(timestamps.byteOffset % 64, 0);
  }
});

test("damage is named", () => {
  const cases: [RegExp, (bytes: Uint8Array, view: DataView) => Uint8Array | void][] = [
    [/15 bytes is too short/, (bytes) => bytes.subarray(0, 15)],
    [/magic differs/, (bytes) => void (bytes[3] = 0)],
    [/version 7 is unknown/, (_, view) => view.setUint16(4, 7, true)],
    [/head of 4294967295 bytes runs past/, (_, view) => view.setUint32(8, 0xffff_ffff, true)],
    [/part of \d+ bytes runs past/, (bytes) => bytes.subarray(0, 128)],
  ];
  for (const [message, damage] of cases) {
    const bytes = deltaLogBytes();
    const damaged = damage(bytes, new DataView(bytes.buffer, bytes.byteOffset)) ?? bytes;
    assert.throws(() => decodeDeltaLog(damaged), { name: "ByteFormatError", message });
  }
});

test("every cut and random damage is a delta log or a ByteFormatError", () => {
  const random = Prng.fromSeed("damaged delta logs");
  const valid = deltaLogBytes();
  const inputs = [
    ...Array.from({ length: valid.length }, (_, end) => valid.subarray(0, end)),
    ...Array.from({ length: 2000 }, () => mutate(random, valid, { hot: [[0, 64]] })),
  ];
  let refused = 0;
  for (const bytes of inputs) {
    try {
      encodeDeltaLog(decodeDeltaLog(bytes));
    } catch (error) {
      assert.ok(error instanceof ByteFormatError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 500 && refused < inputs.length, `${refused} of ${inputs.length} refused`);
});
