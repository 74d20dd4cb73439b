import assert from "node:assert/strict";
import { test } from "node:test";
import { breakable, leadingWorld, LEASE_MS, type LeadingWorld } from "../../../tests/contract/leading.ts";
import { settle } from "../../../tests/contract/manual-clock.ts";
import { metaCompacted, metaUnavailable } from "../../errors/storage-errors.ts";
import { nodeId } from "../../model/ids.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import { registerSession, SessionDirectory, type Session } from "./sessions.ts";

const session = (role: string, node: number): Session => ({
  role,
  nodeId: nodeId(BigInt(node)),
  address: `10.0.0.${node}:1`,
});

const register = (
  { meta, clock, tasks }: LeadingWorld,
  sessions: readonly Session[],
  lost: (error: unknown) => void = () => undefined,
  over: MetaStore = meta,
) => registerSession({ meta: over, clock, tasks, leaseMs: LEASE_MS }, sessions, lost);

test("the directory knows sessions from before and from later, and forgets those that end", async () => {
  const world = await leadingWorld();
  const before = await register(world, [session("proxy", 1), session("querynode", 1)]);
  const directory = await SessionDirectory.watch(world.meta, world.tasks);
  let changes = 0;
  const stopListening = directory.listen(() => changes++);
  await register(world, [session("querynode", 2)]);
  await world.clock.advance(5 * LEASE_MS);
  assert.deepEqual(directory.live("querynode"), [session("querynode", 1), session("querynode", 2)]);
  assert.deepEqual(directory.live("proxy"), [session("proxy", 1)]);
  assert.deepEqual(directory.live("datanode"), []);
  await before.end();
  await settle();
  assert.deepEqual(directory.live("proxy"), []);
  assert.equal(directory.isLive(nodeId(1n)), false);
  assert.equal(directory.isLive(nodeId(2n)), true);
  assert.equal(changes, 2);
  stopListening();
  await register(world, [session("proxy", 3)]);
  await settle();
  assert.equal(changes, 2);
  await world.close();
});

test("a session that is not renewed is gone after its lease, and its process is told before", async () => {
  const world = await leadingWorld();
  const directory = await SessionDirectory.watch(world.meta, world.tasks);
  const lost: string[] = [];
  const broken = { now: true };
  const over = breakable(world.meta, broken, ["keepAlive"]);
  await register(world, [session("proxy", 1)], (error) => lost.push(String(error)), over);
  await world.clock.advance(LEASE_MS * 0.8);
  assert.deepEqual(lost, ["Error: keepAlive is broken"]);
  assert.equal(directory.isLive(nodeId(1n)), true);
  await world.clock.advance(LEASE_MS);
  assert.equal(directory.isLive(nodeId(1n)), false);
  assert.equal(lost.length, 1);
  await world.close();
});

test("a process whose renewal gets no answer at all is told just the same", async () => {
  const world = await leadingWorld();
  const directory = await SessionDirectory.watch(world.meta, world.tasks);
  const over = new Proxy(world.meta, {
    get: (target, name: keyof MetaStore) =>
      name === "keepAlive"
        ? async () => new Promise<number>(() => undefined)
        : (target[name] as () => unknown).bind(target),
  });
  const lost: string[] = [];
  await register(world, [session("proxy", 1)], (error) => lost.push(String(error)), over);
  await world.clock.advance(LEASE_MS * 0.8);
  assert.equal(lost.length, 1);
  assert.equal(directory.isLive(nodeId(1n)), true);
  await world.close();
});

for (const failure of [metaUnavailable("the connection broke"), metaCompacted({ revision: 1n, oldest: 9n })])
  test(`a watch that ends with ${failure.kind} is begun again from a fresh picture`, async () => {
    const world = await leadingWorld();
    const broken = { now: false };
    let fail: (error: Error) => void = () => undefined;
    const meta = new Proxy(world.meta, {
      get(target, name: keyof MetaStore) {
        if (name !== "watch") return (target[name] as () => unknown).bind(target);
        return async function* (...args: Parameters<MetaStore["watch"]>) {
          const failing = new Promise<never>((_, reject) => (fail = reject));
          failing.catch(() => undefined);
          const events = target.watch(...args)[Symbol.asyncIterator]();
          for (;;) {
            const next = await Promise.race([events.next(), failing]);
            if (next.done === true) return;
            if (!broken.now) yield next.value;
          }
        };
      },
    });
    const directory = await SessionDirectory.watch(meta, world.tasks);
    await register(world, [session("proxy", 1)]);
    await settle();
    assert.equal(directory.isLive(nodeId(1n)), true);
    broken.now = true;
    await register(world, [session("proxy", 2)]);
    await settle();
    assert.equal(directory.isLive(nodeId(2n)), false, "the watch lost it");
    broken.now = false;
    fail(failure);
    await world.clock.advance(LEASE_MS * 10);
    assert.equal(directory.isLive(nodeId(2n)), true);
    await world.close();
  });
