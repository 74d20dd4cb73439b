import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describeArrow } from "./describe-rows.ts";

const shown = (name: string): readonly string[] => [
  ...describeArrow(readFileSync(new URL(`../../../tests/golden/format/${name}`, import.meta.url)), name),
];

test("begin timestamps are those of the file", () => {
  const lines = shown("every-type-1.arrow");
  const at = lines.findIndex((line) => line.startsWith('field 1 "Timestamp"'));
  assert.deepEqual(lines.slice(at + 1, at + 4), ["  0: 6", "  1: 12969081344452044199", "  2: 16"]);
});

test("times and shapes are shown as such", () => {
  assert.deepEqual(
    shown("times-and-shapes-1.arrow").filter((line) => line.startsWith("  ") && !line.includes("redkite")),
    [
      "  0: 2025-01-01T00:00:00.123456Z",
      "  1: null",
      "  2: 0001-01-01T00:00:00Z",
      "  0: 01010000000000000000003e400000000000002440",
      "  1: null",
      "  2: 01020000000200000000000000000000000000000000000000000000000000f03f000000000000f0bf",
    ],
  );
});
