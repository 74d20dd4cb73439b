import assert from "node:assert/strict";
import { test } from "node:test";
import { sequentialKeys, ts } from "../../../tests/contract/engine/segment-fixture.ts";
import { keyAt } from "../../format/column-select.ts";
import type { DeltaPart } from "../../format/delta-log.ts";
import { partitionId } from "../../model/ids.ts";
import { DeltaBuffer } from "./delta-buffer.ts";

const plain = (parts: readonly DeltaPart[]) =>
  parts.map(({ partitionId: id, keys, timestamps }) => [
    id,
    [...timestamps].map((at, i) => [keyAt(keys, i), at]),
  ]);

test("only keys that hit something are kept, by scope, in the order they came", () => {
  const buffer = new DeltaBuffer();
  const one = partitionId(1n);
  buffer.add(undefined, sequentialKeys("int64", 10, 10), Uint8Array.of(0b1000_0001, 0b10), ts(5));
  buffer.add(one, sequentialKeys("int64", 0, 3), Uint8Array.of(0b111), ts(6));
  buffer.add(undefined, sequentialKeys("int64", 10, 2), Uint8Array.of(0b01), ts(7));
  assert.equal(buffer.entries, 7);
  assert.equal(buffer.bytes, 7 * 16);
  assert.deepEqual(plain(buffer.take()), [
    [
      undefined,
      [
        [10n, 5n],
        [17n, 5n],
        [19n, 5n],
        [10n, 7n],
      ],
    ],
    [
      one,
      [
        [0n, 6n],
        [1n, 6n],
        [2n, 6n],
      ],
    ],
  ]);
});

test("taking empties it, and what could not be stored comes back", () => {
  const buffer = new DeltaBuffer();
  buffer.add(undefined, sequentialKeys("varchar", 0, 2), Uint8Array.of(0b11), ts(5));
  const { bytes } = buffer;
  const parts = buffer.take();
  assert.deepEqual([buffer.entries, buffer.bytes, buffer.take()], [0, 0, []]);
  buffer.putBack(parts);
  buffer.add(undefined, sequentialKeys("varchar", 5, 1), Uint8Array.of(0b1), ts(6));
  assert.equal(buffer.entries, 3);
  assert.ok(buffer.bytes > bytes);
  assert.deepEqual(plain(buffer.take()), [
    [
      undefined,
      [
        ["key-0", 5n],
        ["key-1", 5n],
        ["key-5", 6n],
      ],
    ],
  ]);
});

test("a delete that hits nothing leaves no trace", () => {
  const buffer = new DeltaBuffer();
  buffer.add(undefined, sequentialKeys("int64", 0, 9), new Uint8Array(2), ts(5));
  buffer.add(undefined, sequentialKeys("int64", 0, 0), new Uint8Array(0), ts(5));
  // Bits behind the last key mean nothing.
  buffer.add(undefined, sequentialKeys("int64", 0, 1), Uint8Array.of(0b1111_1110), ts(5));
  assert.deepEqual([buffer.entries, buffer.take()], [0, []]);
});
