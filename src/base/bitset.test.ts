import test from "node:test";
import { deepEqual, equal } from "node:assert/strict";
import {
  andInto,
  andNotInto,
  bitsetBytes,
  clearBit,
  getBit,
  newBitset,
  nextSetBit,
  notInPlace,
  orInto,
  popcount,
  popcount32,
  setBit,
  setBitRange,
  setBits,
} from "./bitset.ts";
import { Prng } from "./prng.ts";

const sizes = [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 130];

function random(rng: Prng, bitCount: number): { bits: Uint8Array; model: boolean[] } {
  const bits = newBitset(bitCount);
  const model = Array.from({ length: bitCount }, () => rng.chance(0.4));
  model.forEach((set, i) => set && setBit(bits, i));
  return { bits, model };
}

const toModel = (bits: Uint8Array, bitCount: number) =>
  Array.from({ length: bitCount }, (_, i) => getBit(bits, i));

test("bits are numbered from the least significant one", () => {
  const bits = newBitset(16);
  setBit(bits, 0);
  setBit(bits, 9);
  deepEqual(bits, Uint8Array.of(1, 2));
  clearBit(bits, 0);
  deepEqual(bits, Uint8Array.of(0, 2));
});

test("and, or, and-not, not and popcount agree with booleans at every size", () => {
  const rng = Prng.fromSeed("bitset");
  for (const size of sizes) {
    const a = random(rng, size);
    const b = random(rng, size);
    const apply = (operation: (target: Uint8Array, other: Uint8Array) => void) => {
      const target = a.bits.slice();
      operation(target, b.bits);
      return toModel(target, size);
    };
    deepEqual(
      apply(andInto),
      a.model.map((bit, i) => bit && b.model[i] === true),
    );
    deepEqual(
      apply(orInto),
      a.model.map((bit, i) => bit || b.model[i] === true),
    );
    deepEqual(
      apply(andNotInto),
      a.model.map((bit, i) => bit && b.model[i] === false),
    );
    const flipped = a.bits.slice();
    notInPlace(flipped, size);
    deepEqual(
      toModel(flipped, size),
      a.model.map((bit) => !bit),
    );
    equal(popcount(flipped), a.model.filter((bit) => !bit).length, "bits behind the end stay clear");
    equal(popcount(a.bits, size), a.model.filter(Boolean).length);
    deepEqual(
      [...setBits(a.bits, size)],
      a.model.flatMap((bit, i) => (bit ? [i] : [])),
    );
  }
});

test("a full bitset has exactly its bits", () => {
  for (const size of sizes) {
    equal(popcount(newBitset(size, 1)), size);
    equal(newBitset(size, 1).length, bitsetBytes(size));
  }
});

test("popcount ignores bits behind bitCount and works on unaligned views", () => {
  const backing = new Uint8Array(12).fill(0xff);
  equal(popcount(backing.subarray(1, 11)), 80);
  equal(popcount(backing.subarray(1, 11), 77), 77);
  equal(popcount(backing, 3), 3);
  equal(popcount32(0xffffffff), 32);
});

test("ranges set what they say, across byte borders", () => {
  for (const [start, end] of [
    [0, 0],
    [0, 8],
    [3, 5],
    [3, 8],
    [3, 21],
    [8, 16],
    [7, 9],
    [0, 24],
  ] as const) {
    const bits = newBitset(24);
    setBitRange(bits, start, end);
    deepEqual(
      [...setBits(bits, 24)],
      Array.from({ length: end - start }, (_, i) => start + i),
    );
  }
});

test("the next set bit is found or is -1", () => {
  const bits = newBitset(40);
  setBit(bits, 5);
  setBit(bits, 33);
  deepEqual([nextSetBit(bits, 0, 40), nextSetBit(bits, 6, 40), nextSetBit(bits, 34, 40)], [5, 33, -1]);
  equal(nextSetBit(bits, 6, 33), -1);
});
