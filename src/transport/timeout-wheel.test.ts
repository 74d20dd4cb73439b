import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeoutWheel, WheelEntry } from "./timeout-wheel.ts";

test("timeouts fire once, not early, and not after they were removed", async () => {
  const wheel = new TimeoutWheel();
  const fired: string[] = [];
  class Entry extends WheelEntry {
    readonly label: string;
    constructor(label: string) {
      super();
      this.label = label;
    }
    onTimeout(nowMs: number): void {
      assert.ok(nowMs >= this.wheelExpiresAtMs);
      fired.push(this.label);
    }
  }
  const [first, second, removed, far] = ["first", "second", "removed", "far"].map(
    (label) => new Entry(label),
  );
  assert.ok(first && second && removed && far);
  const nowMs = performance.now();
  wheel.add(far, nowMs + 3_600_000);
  wheel.add(second, nowMs + 30);
  wheel.add(first, nowMs + 5_000_000);
  wheel.add(removed, nowMs + 1);
  wheel.add(first, nowMs - 100);
  wheel.remove(removed);
  assert.equal(wheel.size, 3);
  // The wheel's timer keeps no process alive, so this one does.
  const deadline = setTimeout(() => {}, 10_000);
  while (fired.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  clearTimeout(deadline);
  assert.deepEqual(fired, ["first", "second"]);
  wheel.remove(far);
  assert.equal(wheel.size, 0);
});
