import test from "node:test";
import { deepEqual, equal } from "node:assert/strict";
import { Ring } from "./ring.ts";

test("items leave in the order they came, through wraps and growth", () => {
  const ring = new Ring<number>();
  const model: number[] = [];
  for (let step = 0; step < 500; step++) {
    if (step % 3 === 2) equal(ring.shift(), model.shift());
    else {
      ring.push(step);
      model.push(step);
    }
    equal(ring.size, model.length);
    equal(ring.peek(), model[0]);
  }
  deepEqual(ring.toArray(), model);
});

test("an empty ring gives undefined and stays usable", () => {
  const ring = new Ring<string>();
  equal(ring.shift(), undefined);
  equal(ring.peek(), undefined);
  ring.push("a");
  ring.clear();
  equal(ring.size, 0);
  ring.push("b");
  equal(ring.shift(), "b");
});

test("remove takes one item out and keeps the order of the others", () => {
  const ring = new Ring<number>();
  for (let i = 0; i < 6; i++) ring.push(i);
  ring.shift();
  for (let i = 6; i < 9; i++) ring.push(i);
  equal(ring.remove(4), true);
  equal(ring.remove(4), false);
  deepEqual(ring.toArray(), [1, 2, 3, 5, 6, 7, 8]);
});
