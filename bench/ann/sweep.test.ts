import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseWidths, recallOf, speedAt } from "./sweep.ts";

test("a contestant that gets there has eight points from 0.90 to 0.999", async () => {
  for (const slope of [0.03, 0.3, 3]) {
    const points = await chooseWidths(
      { start: 4, most: 100_000 },
      async (width) => 1 - Math.exp(-slope * width ** 0.7),
    );
    const inside = points.filter(({ recall }) => recall >= 0.9 && recall <= 0.999);
    const possible = new Set(
      Array.from({ length: 3000 }, (_, i) => i + 4).filter((width) => {
        const recall = 1 - Math.exp(-slope * width ** 0.7);
        return recall >= 0.9 && recall <= 0.999;
      }),
    );
    assert.ok(inside.length >= Math.min(8, possible.size), `${slope}: ${inside.length}`);
    assert.deepEqual(
      points,
      points.toSorted((a, b) => a.width - b.width),
    );
  }
});

test("a contestant whose recall stops growing, or never gets there, ends the sweep", async () => {
  let asked = 0;
  const flat = await chooseWidths({ start: 10, most: 1e9 }, async (width) => {
    asked++;
    return Math.min(0.95, 0.8 + width / 1000);
  });
  assert.ok(asked < 60);
  assert.ok(flat.some(({ recall }) => recall === 0.95));
  const low = await chooseWidths({ start: 10, most: 40 }, async () => 0.5);
  assert.deepEqual(low, [{ width: 40, recall: 0.5 }]);
});

test("recall counts each true row once", () => {
  const truth = Int32Array.of(1, 2, 3, 4);
  assert.equal(recallOf(Int32Array.of(2, 2, 4, -1), truth, 2), 0.5);
  assert.equal(recallOf(truth, truth, 2), 1);
});

test("a speed at a recall lies between its neighbours', and nowhere beyond the ends", () => {
  const curve = [
    { recall: 0.99, speed: 1000 },
    { recall: 0.9, speed: 4000 },
  ];
  assert.equal(speedAt(curve, 0.9), 4000);
  assert.equal(speedAt(curve, 0.99), 1000);
  const between = speedAt(curve, 0.95) ?? 0;
  assert.ok(between > 1000 && between < 4000);
  assert.equal(speedAt(curve, 0.8), undefined);
  assert.equal(speedAt(curve, 0.999), undefined);
});
