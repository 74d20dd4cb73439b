import assert from "node:assert/strict";
import { test } from "node:test";
import { leadingWorld, LEASE_MS } from "../../../tests/contract/leading.ts";
import { registerSession } from "../../core/session/sessions.ts";
import { nodeId, vchannel } from "../../model/ids.ts";
import { TargetReaders } from "./target-readers.ts";

const A = vchannel("a");
const B = vchannel("b");
const ONE = nodeId(1n);
const TWO = nodeId(2n);

async function readersOf(...roles: readonly string[]) {
  const world = await leadingWorld();
  const { meta, clock, tasks } = world;
  const register = async (id: typeof ONE, role = "querynode") =>
    registerSession(
      { meta, clock, tasks, leaseMs: LEASE_MS },
      [{ role, nodeId: id, address: "" }],
      () => undefined,
    );
  for (const role of roles) await register(ONE, role);
  return { world, register, readers: new TargetReaders(meta) };
}

test("who is registered and has not reported to this leader may read anything", async () => {
  const { world, readers, register } = await readersOf("querynode");
  assert.equal((await readers.look())(A, 1n), false);
  readers.note(ONE, []);
  assert.equal((await readers.look())(A, 1n), true);
  const two = await register(TWO);
  assert.equal((await readers.look())(A, 1n), false);
  await two.end();
  assert.equal((await readers.look())(A, 1n), true);
  await world.close();
});

test("a channel is read at the oldest version that a reader reports", async () => {
  const { world, readers, register } = await readersOf("querynode");
  await register(TWO);
  readers.note(ONE, [{ vchannel: A, version: 5n }]);
  readers.note(TWO, [
    { vchannel: A, version: 7n },
    { vchannel: B, version: 3n },
  ]);
  const areReadersAt = await readers.look();
  assert.deepEqual([areReadersAt(A, 5n), areReadersAt(A, 6n)], [true, false]);
  assert.deepEqual([areReadersAt(B, 3n), areReadersAt(B, 4n)], [true, false]);
  readers.note(ONE, [{ vchannel: A, version: 7n }]);
  assert.equal((await readers.look())(A, 7n), true);
  await world.close();
});

test("a reader whose session has ended reads nothing any more, and begins anew when it is back", async () => {
  const { world, readers, register } = await readersOf();
  const session = await register(ONE);
  readers.note(ONE, [{ vchannel: A, version: 5n }]);
  assert.equal((await readers.look())(A, 6n), false);
  await session.end();
  assert.equal((await readers.look())(A, 6n), true);
  await register(ONE);
  assert.equal((await readers.look())(A, 5n), false);
  await world.close();
});

test("sessions of other roles are no readers", async () => {
  const { world, readers } = await readersOf("datanode", "proxy");
  assert.equal((await readers.look())(A, 1n), true);
  await world.close();
});
