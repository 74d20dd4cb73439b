import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../model/data-type.ts";
import { roundedBytes } from "./half-precision.ts";

const halves = (bytes: Uint8Array): number[] => [
  ...new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2),
];

test("floats are rounded to the nearest half, ties to even", () => {
  const values = Float32Array.of(1, -2, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 70_000);
  deepEqual(halves(roundedBytes(DataType.Float16Vector, values)), [0x3c00, 0xc000, 0x3c00, 0x3c02, 0x7c00]);
});

test("floats keep their upper half as bfloat16, rounded; infinity and NaN stay", () => {
  const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, Number.POSITIVE_INFINITY, Number.NaN);
  deepEqual(halves(roundedBytes(DataType.BFloat16Vector, values)), [0x3f80, 0x3f80, 0x3f82, 0x7f80, 0x7fc0]);
});
