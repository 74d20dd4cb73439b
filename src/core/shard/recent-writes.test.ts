import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeId } from "../../model/ids.ts";
import { timestamp } from "../../model/timestamp.ts";
import { RecentWrites } from "./recent-writes.ts";

const answer = (at: bigint) => ({ timestamp: timestamp(at), skipped: [] });

test("answers are found by session and sequence, the newest of them at most", () => {
  const recent = new RecentWrites(2, timestamp(5n));
  assert.equal(recent.completeFrom, 5n);
  recent.add(nodeId(1n), 1n, answer(10n));
  recent.add(nodeId(1n), 2n, answer(20n));
  assert.equal(recent.find(nodeId(1n), 1n)?.timestamp, 10n);
  assert.equal(recent.find(nodeId(2n), 1n), undefined);
  assert.equal(recent.find(nodeId(11n), 2n), undefined, "sessions and sequences do not run together");
  recent.add(nodeId(1n), 1n, answer(11n));
  recent.add(nodeId(1n), 3n, answer(30n));
  assert.equal(recent.find(nodeId(1n), 2n), undefined, "the oldest went");
  assert.equal(recent.find(nodeId(1n), 1n)?.timestamp, 11n, "one added again is young again");
  assert.equal(recent.find(nodeId(1n), 3n)?.timestamp, 30n);
  assert.equal(recent.completeFrom, 20n, "of what came before nothing can be said");
});
