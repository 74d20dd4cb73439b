import assert from "node:assert/strict";
import { test } from "node:test";
import { breakable, leadingWorld, LEASE_MS, type LeadingWorld } from "../../../tests/contract/leading.ts";
import { settle } from "../../../tests/contract/manual-clock.ts";
import { logicalPart, LOGICAL_MAX, physicalMs, type Timestamp } from "../../model/timestamp.ts";
import type { Clock } from "../../ports/clock.ts";
import { TimestampOracle } from "./timestamp-oracle.ts";

async function oracleIn(world: LeadingWorld, node = 1): Promise<TimestampOracle> {
  return TimestampOracle.open(world.meta, world.clock, await world.lead(node));
}

test("timestamps grow, follow the clock, and ranges do not overlap", async () => {
  const world = await leadingWorld();
  const oracle = await oracleIn(world);
  let end = 0n;
  for (const count of [1, 10, 1, 100_000, 200_000, 200_000, 1]) {
    const first = await oracle.alloc(count);
    assert.ok(first >= end, `${first} after ${end}`);
    end = first + BigInt(count);
    assert.ok(logicalPart(first) + BigInt(count) <= LOGICAL_MAX + 1n, "a range has one physical part");
    await world.clock.advance(1);
  }
  await world.clock.advance(50);
  assert.equal(physicalMs(await oracle.alloc(1)), BigInt(world.clock.nowMs()));
  await world.close();
});

test("more than fits one millisecond is refused, and nothing is handed out twice", async () => {
  const world = await leadingWorld();
  const oracle = await oracleIn(world);
  for (const count of [0, -1, 1.5, Number(LOGICAL_MAX) + 1])
    await assert.rejects(oracle.alloc(count), { kind: "parameterInvalid" }, String(count));
  const all = Number(LOGICAL_MAX);
  const first = await oracle.alloc(all);
  assert.ok((await oracle.alloc(1)) >= first + LOGICAL_MAX);
  await world.close();
});

test("a successor begins above everything that was handed out, even when its clock is behind", async () => {
  const world = await leadingWorld();
  const first = await world.lead(1);
  const oracle = await TimestampOracle.open(world.meta, world.clock, first);
  await world.clock.advance(2_000);
  const last = await oracle.alloc(5);
  await first.resign();
  const behind: Clock = shifted(world.clock, -3_600_000);
  const next = await TimestampOracle.open(world.meta, behind, await world.lead(2));
  assert.ok((await next.alloc(1)) >= last + 5n);
  await assert.rejects(oracle.alloc(1), { kind: "fenced" });
  await world.close();
});

test("time stands still while the clock is behind, and goes on where it has caught up", async () => {
  const world = await leadingWorld();
  let shiftMs = 0;
  const clock: Clock = {
    nowMs: () => world.clock.nowMs() + shiftMs,
    monotonicMs: () => world.clock.monotonicMs(),
    sleep: async (ms, signal) => world.clock.sleep(ms, signal),
    timer: (ms, callback) => world.clock.timer(ms, callback),
  };
  const oracle = await TimestampOracle.open(world.meta, clock, await world.lead(1));
  const before = await oracle.alloc(1);
  shiftMs = -60_000;
  const during: Timestamp[] = [];
  for (let i = 0; i < 3; i++) during.push(await oracle.alloc(1));
  assert.deepEqual(during, [before + 1n, before + 2n, before + 3n]);
  shiftMs = 10_000;
  assert.ok((await oracle.alloc(1)) > before + 3n);
  await world.close();
});

test("what is handed out lies below the bound that is stored, which is moved before it is needed", async () => {
  const world = await leadingWorld();
  const oracle = await oracleIn(world);
  const bound = async (): Promise<bigint> => {
    const entry = await world.meta.get("root/tso");
    assert.ok(entry !== undefined);
    return new DataView(entry.value.buffer, entry.value.byteOffset, 8).getBigUint64(0, true);
  };
  const start = await bound();
  for (let i = 0; i < 40; i++) {
    await world.clock.advance(100);
    assert.ok(physicalMs(await oracle.alloc(1)) < (await bound()));
    await settle();
  }
  assert.ok((await bound()) > start);
  await world.close();
});

test("without metadata it goes on to the bound and then fails instead of passing it", async () => {
  const world = await leadingWorld();
  const broken = { now: false };
  const meta = breakable(world.meta, broken, ["txn"]);
  const oracle = await TimestampOracle.open(meta, world.clock, await world.lead(1));
  broken.now = true;
  await oracle.alloc(1);
  await world.clock.advance(4_000);
  await assert.rejects(oracle.alloc(1), /txn is broken/);
  broken.now = false;
  assert.equal(physicalMs(await oracle.alloc(1)), BigInt(world.clock.nowMs()));
  await world.close();
});

test("an oracle whose lead may have ended hands out nothing", async () => {
  const world = await leadingWorld();
  const oracle = await oracleIn(world);
  await world.tasks.stop();
  await world.clock.advance(LEASE_MS);
  await assert.rejects(oracle.alloc(1), { kind: "fenced" });
  await world.close();
});

function shifted(clock: Clock, byMs: number): Clock {
  return {
    nowMs: () => clock.nowMs() + byMs,
    monotonicMs: () => clock.monotonicMs(),
    sleep: async (ms, signal) => clock.sleep(ms, signal),
    timer: (ms, callback) => clock.timer(ms, callback),
  };
}
