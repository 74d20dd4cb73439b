import assert from "node:assert/strict";
import { test } from "node:test";
import { readTimePolicy, type Freshness } from "./read-timestamp.ts";

const now = { ms: 10_000, gracefulTimeMs: 4_000 };
const policy = (request: Partial<Freshness>, level: "Strong" | "Bounded" = "Strong") =>
  readTimePolicy(
    {
      guaranteeTimestamp: 0n,
      consistencyLevel: 0,
      useDefaultConsistency: false,
      iterator: false,
      ...request,
    },
    { consistencyLevel: level },
    now,
  );
const bounded = { kind: "closed", atLeast: 6_000n << 18n, shards: "highest" };

test("levels of the request, or of the collection", () => {
  assert.deepEqual(policy({}), { kind: "fresh" });
  assert.deepEqual(policy({ consistencyLevel: 2 }), bounded);
  assert.deepEqual(policy({ consistencyLevel: 3 }), { kind: "closed", atLeast: 0n, shards: "lowest" });
  assert.deepEqual(
    policy({ consistencyLevel: 0, useDefaultConsistency: true, guaranteeTimestamp: 7n }, "Bounded"),
    bounded,
  );
  assert.deepEqual(policy({ consistencyLevel: 1, guaranteeTimestamp: 7n }), {
    kind: "closed",
    atLeast: 7n,
    shards: "lowest",
  });
  assert.throws(() => policy({ consistencyLevel: 9 }), /consistency level 9 does not exist/);
});

test("the guarantee timestamps of older clients", () => {
  assert.deepEqual(policy({ guaranteeTimestamp: 1n }), { kind: "closed", atLeast: 1n, shards: "lowest" });
  assert.deepEqual(policy({ guaranteeTimestamp: 2n }), bounded);
  assert.deepEqual(policy({ guaranteeTimestamp: 99n }), { kind: "closed", atLeast: 99n, shards: "lowest" });
});

test("an iterator's later page reads exactly where the first did", () => {
  assert.deepEqual(policy({ iterator: true, guaranteeTimestamp: 99n, consistencyLevel: 2 }), {
    kind: "exact",
    at: 99n,
  });
  assert.deepEqual(policy({ iterator: true }), { kind: "fresh" });
});
