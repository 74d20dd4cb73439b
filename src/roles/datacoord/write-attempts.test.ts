import assert from "node:assert/strict";
import { test } from "node:test";
import { vchannel } from "../../model/ids.ts";
import { WriteAttempts } from "./write-attempts.ts";

const A = vchannel("a");
const B = vchannel("b");

test("only the flush begun last is committed, and it is under way until then", async () => {
  const attempts = new WriteAttempts();
  const commits: bigint[] = [];
  const commit = async (attempt: bigint): Promise<void> =>
    attempts.commitFlush(A, attempt, async () => void commits.push(attempt));
  attempts.beginFlush(A, 5n);
  attempts.beginFlush(B, 6n);
  attempts.beginFlush(A, 7n);
  assert.deepEqual(
    [5n, 6n, 7n].map((attempt) => attempts.isUnderWay(attempt)),
    [false, true, true],
  );
  await assert.rejects(commit(5n), { kind: "fenced" });
  await assert.rejects(commit(6n), { kind: "fenced" });
  await commit(7n);
  assert.deepEqual(commits, [7n]);
  assert.equal(attempts.isUnderWay(7n), false);
  assert.equal(attempts.isUnderWay(6n), true);
});

test("a flush that this leader does not know is not committed", async () => {
  const unknown = new WriteAttempts().commitFlush(A, 5n, async () => assert.fail("committed"));
  await assert.rejects(unknown, { kind: "fenced", message: /flush of a/ });
});

test("a commit that comes again does nothing, whether the first has ended or not", async () => {
  const attempts = new WriteAttempts();
  attempts.beginFlush(A, 5n);
  let commits = 0;
  const first = Promise.withResolvers<void>();
  const commit = async (): Promise<void> =>
    attempts.commitFlush(A, 5n, async () => {
      commits += 1;
      await first.promise;
    });
  const both = [commit(), commit()];
  first.resolve();
  await Promise.all(both);
  await commit();
  assert.equal(commits, 1);
});

test("a commit that fails may be tried again", async () => {
  const attempts = new WriteAttempts();
  attempts.beginFlush(A, 5n);
  await assert.rejects(
    attempts.commitFlush(A, 5n, async () => Promise.reject(new Error("no room"))),
    /no room/,
  );
  assert.equal(attempts.isUnderWay(5n), true);
  await attempts.commitFlush(A, 5n, async () => undefined);
  assert.equal(attempts.isUnderWay(5n), false);
});

test("what is being committed is under way although another flush has begun", async () => {
  const attempts = new WriteAttempts();
  attempts.beginFlush(A, 5n);
  const store = Promise.withResolvers<void>();
  const committed = attempts.commitFlush(A, 5n, async () => store.promise);
  attempts.beginFlush(A, 6n);
  assert.equal(attempts.isUnderWay(5n), true);
  store.resolve();
  await committed;
  assert.deepEqual([attempts.isUnderWay(5n), attempts.isUnderWay(6n)], [false, true]);
});

test("a request to begin that comes late ends nothing; a channel that is gone has no flush", () => {
  const attempts = new WriteAttempts();
  attempts.beginFlush(A, 6n);
  attempts.beginFlush(A, 5n);
  assert.deepEqual([attempts.isUnderWay(5n), attempts.isUnderWay(6n)], [false, true]);
  attempts.forgetFlush(A);
  assert.equal(attempts.isUnderWay(6n), false);
});

test("other work is under way until it has ended, well or not", async () => {
  const attempts = new WriteAttempts();
  const seen = await attempts.during(9n, async () => attempts.isUnderWay(9n));
  await assert.rejects(attempts.during(9n, async () => Promise.reject(new Error("failed"))));
  assert.deepEqual([seen, attempts.isUnderWay(9n)], [true, false]);
});
