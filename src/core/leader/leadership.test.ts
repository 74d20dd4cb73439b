import assert from "node:assert/strict";
import { test } from "node:test";
import { breakable, leadingWorld, LEASE_MS } from "../../../tests/contract/leading.ts";

test("the first one leads, the next waits until it resigns, and transactions of the first then fail", async () => {
  const world = await leadingWorld();
  const first = await world.lead(1);
  first.assertHeld();
  const second = world.lead(2);
  await world.clock.advance(10 * LEASE_MS);
  first.assertHeld();
  assert.equal((await world.meta.txn({ compare: [first.compare], ops: [] })).succeeded, true);
  await first.resign();
  assert.throws(() => first.assertHeld(), { kind: "fenced" });
  const next = await second;
  next.assertHeld();
  assert.equal((await world.meta.txn({ compare: [first.compare], ops: [] })).succeeded, false);
  assert.equal((await world.meta.txn({ compare: [next.compare], ops: [] })).succeeded, true);
  await world.close();
});

test("a leader that cannot renew stops serving before its lease can have ended, and is told once", async () => {
  const world = await leadingWorld();
  const broken = { now: false };
  const lost: unknown[] = [];
  const first = await world.lead(
    1,
    (error) => lost.push(error),
    breakable(world.meta, broken, ["keepAlive"]),
  );
  await world.clock.advance(LEASE_MS * 0.3);
  broken.now = true;
  await world.clock.advance(LEASE_MS * 0.5);
  first.assertHeld();
  await world.clock.advance(LEASE_MS * 0.3);
  assert.throws(() => first.assertHeld(), { kind: "fenced" });
  assert.match(String(lost), /keepAlive is broken/);
  assert.equal((await world.meta.range("leader/")).entries.length, 1, "the lease itself still holds");
  await world.clock.advance(LEASE_MS);
  const second = await world.lead(2);
  second.assertHeld();
  assert.equal(lost.length, 1);
  await world.close();
});

test("failures of renewals that end in time are got over", async () => {
  const world = await leadingWorld();
  const broken = { now: true };
  const lost: unknown[] = [];
  const leader = await world.lead(
    1,
    (error) => lost.push(error),
    breakable(world.meta, broken, ["keepAlive"]),
  );
  await world.clock.advance(LEASE_MS * 0.6);
  broken.now = false;
  await world.clock.advance(LEASE_MS * 5);
  leader.assertHeld();
  assert.deepEqual(lost, []);
  await world.close();
});

test("a leader that was stopped for a while knows that it is deposed before it asks anybody", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  await world.tasks.stop();
  await world.clock.advance(LEASE_MS * 0.7);
  leader.assertHeld();
  await world.clock.advance(LEASE_MS * 0.1);
  assert.throws(() => leader.assertHeld(), { kind: "fenced" });
  await world.close();
});

test("one that waits for the lead gives up when it is told to", async () => {
  const world = await leadingWorld();
  await world.lead(1);
  const second = world.lead(2);
  const refused = assert.rejects(second, { name: "AbortError" });
  await world.clock.advance(1);
  await world.close();
  await refused;
});
