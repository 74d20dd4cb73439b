import test from "node:test";
import { deepEqual, equal, ok } from "node:assert/strict";
import { backoffDelayMs } from "./backoff.ts";

test("delays double up to the maximum", () => {
  const policy = { baseMs: 10, maxMs: 100, jitter: 0 };
  deepEqual(
    [0, 1, 2, 3, 4, 5000].map((attempt) => backoffDelayMs(policy, attempt, () => 0.9)),
    [10, 20, 40, 80, 100, 100],
  );
  equal(
    backoffDelayMs({ ...policy, factor: 3 }, 2, () => 0),
    90,
  );
  equal(
    backoffDelayMs(policy, -1, () => 0),
    10,
  );
});

test("jitter only shortens, by at most its share", () => {
  const policy = { baseMs: 100, maxMs: 1000, jitter: 0.5 };
  equal(
    backoffDelayMs(policy, 0, () => 0),
    100,
  );
  equal(
    backoffDelayMs(policy, 0, () => 0.5),
    75,
  );
  ok(backoffDelayMs(policy, 0, () => 0.999999) > 50);
  ok(backoffDelayMs({ ...policy, jitter: 1 }, 0, () => 0.999999) > 0);
});
