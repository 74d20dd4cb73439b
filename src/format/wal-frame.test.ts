import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { Prng } from "../base/prng.ts";
import { decodeWalHead, decodeWalTruncate, encodeWalHead, encodeWalTruncate } from "./wal-control.ts";
import {
  decodeWalHeader,
  encodeWalHeader,
  walFileOf,
  walFrameBytes,
  WalFrameKind,
  walOffsetOf,
  walPosition,
  WAL_HEADER_BYTES,
  type WalFrameHeader,
} from "./wal-frame.ts";

const HEADER: WalFrameHeader = {
  position: walPosition(7, 4096),
  synced: walPosition(7, 4000),
  previous: walPosition(6, 64),
  topic: 3,
  run: 12,
  kind: WalFrameKind.record,
  payloadBytes: 100,
  payloadChecksum: 0xdeadbeef,
};

function encoded(header = HEADER, at = 0): Uint8Array {
  const bytes = new Uint8Array(at + WAL_HEADER_BYTES);
  encodeWalHeader(bytes, at, header, crc32c);
  return bytes;
}

test("a header reads back as it was written, wherever it stands in the bytes", () => {
  assert.deepEqual(decodeWalHeader(encoded(), 0, HEADER.position, crc32c), HEADER);
  assert.deepEqual(decodeWalHeader(encoded(HEADER, 13), 13, HEADER.position, crc32c), HEADER);
});

test("positions hold file and offset up to their bounds", () => {
  for (const [file, offset] of [
    [1, 0],
    [2 ** 31 - 1, 2 ** 32 - 8],
  ] as const) {
    const position = walPosition(file, offset);
    assert.equal(walFileOf(position), file);
    assert.equal(walOffsetOf(position), offset);
    assert.ok(position < 2n ** 63n);
  }
  assert.deepEqual([0, 1, 8, 9].map(walFrameBytes), [56, 64, 64, 72]);
});

test("a header anywhere else, cut short, of another kind or with impossible positions is none", () => {
  const decode = (bytes: Uint8Array) => decodeWalHeader(bytes, 0, HEADER.position, crc32c);
  assert.equal(decodeWalHeader(encoded(), 0, HEADER.position + 8n, crc32c), undefined);
  for (let length = 0; length < WAL_HEADER_BYTES; length++) {
    assert.equal(decode(encoded().subarray(0, length)), undefined);
  }
  const kind = 9 as typeof WalFrameKind.record;
  assert.equal(decode(encoded({ ...HEADER, kind })), undefined);
  assert.equal(decode(encoded({ ...HEADER, synced: HEADER.position + 1n })), undefined);
  assert.equal(decode(encoded({ ...HEADER, previous: HEADER.position })), undefined);
});

test("no flipped bit in a header goes unseen", () => {
  for (let bit = 0; bit < WAL_HEADER_BYTES * 8; bit++) {
    const bytes = encoded();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeWalHeader(bytes, 0, HEADER.position, crc32c), undefined, `bit ${bit}`);
  }
});

test("heads and truncations read back, and malformed ones are refused", () => {
  const head = {
    predecessorEnd: walPosition(3, 800),
    nextTopic: 9,
    topics: [
      { number: 1, name: "a", truncated: 5n, last: 7n },
      { number: 8, name: "by-dev-rootcoord-dml_3_449v0", truncated: 0n, last: 0n },
    ],
  };
  const bytes = encodeWalHead(head);
  assert.deepEqual(decodeWalHead(bytes), head);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeWalHead(bytes.subarray(0, length)), ByteFormatError);
  }
  const newer = bytes.slice();
  newer[0] = 2;
  assert.deepEqual(decodeWalHead(newer), { newerVersion: 2 });
  assert.equal(decodeWalTruncate(encodeWalTruncate(2n ** 62n)), 2n ** 62n);
  assert.throws(() => decodeWalTruncate(new Uint8Array(9)), ByteFormatError);
});

test("bytes mutated with repaired checksums never do worse than ByteFormatError", () => {
  const rng = Prng.fromSeed("wal heads");
  const topics = [{ number: 1, name: "abc", truncated: 5n, last: 7n }];
  const sample = encodeWalHead({ predecessorEnd: 1n, nextTopic: 2, topics });
  for (let i = 0; i < 5_000; i++) {
    const bytes = sample.slice(0, rng.chance(0.2) ? rng.int(sample.length) : sample.length);
    for (let flips = rng.between(1, 4); flips > 0 && bytes.length > 0; flips--) {
      bytes[rng.int(bytes.length)] = rng.int(256);
    }
    try {
      decodeWalHead(bytes);
    } catch (error) {
      assert.ok(error instanceof ByteFormatError);
    }
  }
});
