import test from "node:test";
import { deepEqual, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import { Prng } from "./prng.ts";

const draw = (rng: Prng, count: number) => Array.from({ length: count }, () => rng.uint32());

test("the same seed gives the same numbers, another seed others", () => {
  deepEqual(draw(Prng.fromSeed(7), 20), draw(Prng.fromSeed(7n), 20));
  notDeepEqual(draw(Prng.fromSeed(7), 20), draw(Prng.fromSeed(8), 20));
});

test("the stream itself never changes, or old failing seeds could not be replayed", () => {
  deepEqual(draw(Prng.fromSeed("redkite"), 3), [2410539, 931122094, 332651482]);
});

test("a fork depends on seed and name, not on what was drawn before", () => {
  const early = Prng.fromSeed(1).fork("disk");
  const parent = Prng.fromSeed(1);
  draw(parent, 1000);
  deepEqual(draw(early, 10), draw(parent.fork("disk"), 10));
  notDeepEqual(draw(parent.fork("disk"), 10), draw(parent.fork("net"), 10));
  notDeepEqual(draw(parent.fork("a").fork("bc"), 4), draw(parent.fork("ab").fork("c"), 4));
});

test("int is uniform within a few deviations and stays in range", () => {
  const rng = Prng.fromSeed("uniform");
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const value = rng.int(10);
    counts[value] = (counts[value] ?? 0) + 1;
  }
  for (const count of counts) ok(Math.abs(count - 10_000) < 500, `count ${count}`);
  equal(rng.int(1), 0);
  const wide = rng.int(Number.MAX_SAFE_INTEGER);
  ok(Number.isSafeInteger(wide) && wide >= 0);
});

test("float, between, chance and gaussian keep their promises", () => {
  const rng = Prng.fromSeed("floats");
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < 20_000; i++) {
    const value = rng.float();
    ok(value >= 0 && value < 1);
    const bounded = rng.between(-3, 3);
    ok(Number.isInteger(bounded) && bounded >= -3 && bounded <= 3);
    const normal = rng.gaussian();
    sum += normal;
    squares += normal * normal;
  }
  ok(Math.abs(sum / 20_000) < 0.05);
  ok(Math.abs(squares / 20_000 - 1) < 0.05);
  equal(rng.chance(0), false);
  equal(rng.chance(1), true);
});

test("pick, weighted and shuffle return what they were given", () => {
  const rng = Prng.fromSeed("lists");
  ok(["a", "b"].includes(rng.pick(["a", "b"])));
  for (let i = 0; i < 100; i++)
    equal(
      rng.weighted([
        [0, "never"],
        [2, "always"],
        [0, "never"],
      ]),
      "always",
    );
  const shuffled = rng.shuffle([1, 2, 3, 4, 5, 6, 7, 8]);
  deepEqual(shuffled.toSorted(), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("bytes has the length asked for, and odd lengths begin like longer ones", () => {
  equal(Prng.fromSeed("b").bytes(0).length, 0);
  deepEqual(Prng.fromSeed("b").bytes(7), Prng.fromSeed("b").bytes(8).subarray(0, 7));
  equal(Prng.fromSeed("u").uint64() >> 64n, 0n);
});

test("impossible requests are mistakes", () => {
  const rng = Prng.fromSeed(0);
  throws(() => rng.int(0), /positive integer bound, not 0/);
  throws(() => rng.int(1.5), /not 1.5/);
  throws(() => rng.between(2, 1), /min <= max/);
  throws(() => rng.pick([]), /empty list/);
  throws(() => rng.weighted([[0, "x"]]), /more than 0/);
});
