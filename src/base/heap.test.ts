import test from "node:test";
import { deepEqual, equal, throws } from "node:assert/strict";
import { Heap } from "./heap.ts";
import { Prng } from "./prng.ts";

const ascending = (a: number, b: number) => a - b;

test("items come out in order, whatever order they went in", () => {
  const rng = Prng.fromSeed("heap");
  const heap = new Heap<number>({ capacity: 1000, compare: ascending });
  const values = Array.from({ length: 500 }, () => rng.int(100));
  for (const value of values) equal(heap.push(value), true);
  const out: number[] = [];
  for (let value = heap.pop(); value !== undefined; value = heap.pop()) out.push(value);
  deepEqual(out, values.toSorted(ascending));
  equal(heap.size, 0);
});

test("a full heap refuses and stays as it was", () => {
  const heap = new Heap<number>({ capacity: 2, compare: ascending });
  heap.push(3);
  heap.push(1);
  equal(heap.push(0), false);
  equal(heap.peek(), 1);
  deepEqual(heap.drain(), [1, 3]);
  equal(heap.peek(), undefined);
});

test("offer keeps the largest items and hands back the one that lost", () => {
  const heap = new Heap<number>({ capacity: 3, compare: ascending });
  const lost = [5, 1, 4, 1, 9, 2, 6].map((value) => heap.offer(value));
  deepEqual(lost, [undefined, undefined, undefined, 1, 1, 2, 4]);
  deepEqual(heap.drain(), [5, 6, 9]);
});

test("mixed pushes and pops agree with a sorted list", () => {
  const rng = Prng.fromSeed("mixed");
  const heap = new Heap<number>({ capacity: 64, compare: ascending });
  let model: number[] = [];
  for (let step = 0; step < 2000; step++) {
    if (rng.chance(0.55)) {
      const value = rng.int(1000);
      if (heap.push(value)) model = [...model, value].toSorted(ascending);
      else equal(model.length, 64);
    } else equal(heap.pop(), model.shift());
  }
  heap.clear();
  equal(heap.pop(), undefined);
});

test("a heap without room is a mistake", () => {
  throws(() => new Heap<number>({ capacity: 0, compare: ascending }), /capacity of at least 1, not 0/);
});
