import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError, concatBytes } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import { mutate } from "../../tests/fuzz/mutate.ts";
import { manifestBytes, manifestSample } from "../../tests/fuzz/samples.ts";
import { decodeManifest, encodeManifest, loadScalar, storeScalar } from "./manifest.ts";

test("a manifest comes back as it was, with ends and without", () => {
  assert.deepEqual(decodeManifest(manifestBytes()), manifestSample);
  const small = { ...manifestSample, groups: [], ends: undefined, stats: [] };
  assert.deepEqual(decodeManifest(encodeManifest(small)), small);
});

test("minimum and maximum keep their kind", () => {
  for (const value of [0n, -5n, 0, -1.5, Number.NaN, "", "z", false, true, undefined])
    assert.deepEqual(loadScalar(storeScalar(value)), value, String(value));
});

test("fields that a newer release wrote survive a rewrite", () => {
  // Field 1000, a text, behind the manifest's own.
  const added = Uint8Array.of(0xc2, 0x3e, 3, 0x6e, 0x65, 0x77);
  const read = decodeManifest(concatBytes([manifestBytes(), added]));
  const again = Buffer.from(encodeManifest({ ...read, rows: 9 }));
  assert.ok(again.includes(added));
  assert.equal(decodeManifest(again).rows, 9);
});

test("damage is named", () => {
  const cases: [RegExp, (bytes: Uint8Array, view: DataView) => Uint8Array | void][] = [
    [/7 bytes is too short/, (bytes) => bytes.subarray(0, 7)],
    [/magic differs/, (bytes) => void (bytes[0] = 0)],
    [/version 2 is unknown/, (_, view) => view.setUint16(4, 2, true)],
  ];
  for (const [message, damage] of cases) {
    const bytes = manifestBytes();
    const damaged = damage(bytes, new DataView(bytes.buffer, bytes.byteOffset)) ?? bytes;
    assert.throws(() => decodeManifest(damaged), { name: "ByteFormatError", message });
  }
  // Key index (field 8) of 2^63 bytes: tag, length, then its field 2 as a varint.
  const huge = Uint8Array.of(0x42, 11, 0x10, ...Array.from({ length: 9 }, () => 0x80), 1);
  assert.throws(
    () => decodeManifest(concatBytes([manifestBytes(), huge])),
    /cannot have 9223372036854775808 bytes/,
  );
});

test("every cut and random damage is a manifest or a ByteFormatError", () => {
  const random = Prng.fromSeed("damaged manifests");
  const valid = manifestBytes();
  const inputs = [
    ...Array.from({ length: valid.length }, (_, end) => valid.subarray(0, end)),
    ...Array.from({ length: 2000 }, () => mutate(random, valid, { hot: [[0, 16]] })),
  ];
  let refused = 0;
  for (const bytes of inputs) {
    try {
      encodeManifest(decodeManifest(bytes));
    } catch (error) {
      assert.ok(error instanceof ByteFormatError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 1000 && refused < inputs.length, `${refused} of ${inputs.length} refused`);
});
