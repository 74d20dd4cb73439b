import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../tests/contract/manual-clock.ts";
import { MemoryObjectStore } from "../../adapters/objects/memory.ts";
import { fenced } from "../../errors/service-errors.ts";
import { OrphanSweep } from "./orphan-sweep.ts";

async function world(...keys: readonly string[]) {
  const clock = new ManualClock();
  const objects = new MemoryObjectStore();
  const put = async (key: string): Promise<void> => objects.put(key, [Uint8Array.of(1)]);
  for (const key of keys) await put(key);
  const lead = { lost: false };
  const leadership = {
    assertHeld: (): void => {
      if (lead.lost) throw fenced({ of: "leader/x", held: 1 });
    },
  };
  const sweep = new OrphanSweep({ objects, clock, leadership, toleranceMs: 100 });
  return { clock, put, lead, sweep, keys: async () => objects.list("", { limit: 9 }) };
}

test("what nobody needs goes when it was seen twice, far enough apart", async () => {
  const { clock, put, sweep, keys } = await world("a/named", "a/orphan", "b/elsewhere");
  const run = async (...named: readonly string[]): Promise<void> =>
    sweep.run(["a/"], (key) => named.includes(key));
  await run("a/named");
  await clock.advance(99);
  await put("a/younger");
  await run("a/named");
  assert.deepEqual(await keys(), ["a/named", "a/orphan", "a/younger", "b/elsewhere"]);
  await clock.advance(1);
  await run("a/named");
  assert.deepEqual(await keys(), ["a/named", "a/younger", "b/elsewhere"]);
});

test("an object that is needed in between begins anew", async () => {
  const { clock, sweep, keys } = await world("a/one");
  await sweep.run(["a/"], () => false);
  await clock.advance(60);
  await sweep.run(["a/"], () => true);
  await clock.advance(60);
  await sweep.run(["a/"], () => false);
  assert.deepEqual(await keys(), ["a/one"]);
});

test("what is committed while the sweep is under way stays", async () => {
  const { clock, sweep, keys } = await world("a/1", "a/2");
  const named = new Set<string>();
  await sweep.run(["a/"], () => false);
  await clock.advance(100);
  await sweep.run(["a/"], (key) => {
    const needed = named.has(key);
    named.add("a/2");
    return needed;
  });
  assert.deepEqual(await keys(), ["a/2"]);
});

test("a leader whose lead may have ended removes nothing any more", async () => {
  const { clock, lead, sweep, keys } = await world("a/1", "a/2");
  await sweep.run(["a/"], () => false);
  await clock.advance(100);
  const losing = sweep.run(["a/"], () => {
    lead.lost = true;
    return false;
  });
  await assert.rejects(losing, { kind: "fenced" });
  assert.deepEqual(await keys(), ["a/2"]);
});
