import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../tests/contract/manual-clock.ts";
import { MemoryObjectStore } from "../../adapters/objects/memory.ts";
import { OrphanSweep } from "./orphan-sweep.ts";

test("what nothing names goes when it was seen twice, far enough apart", async () => {
  const clock = new ManualClock();
  const objects = new MemoryObjectStore();
  const put = async (key: string): Promise<void> => objects.put(key, [Uint8Array.of(1)]);
  const keys = async (): Promise<readonly string[]> => objects.list("", { limit: 9 });
  await put("a/named");
  await put("a/orphan");
  await put("b/elsewhere");
  const sweep = new OrphanSweep({ objects, clock, toleranceMs: 100 });
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

test("an object that is named in between begins anew", async () => {
  const clock = new ManualClock();
  const objects = new MemoryObjectStore();
  await objects.put("a/one", [Uint8Array.of(1)]);
  const sweep = new OrphanSweep({ objects, clock, toleranceMs: 100 });
  await sweep.run(["a/"], () => false);
  await clock.advance(60);
  await sweep.run(["a/"], () => true);
  await clock.advance(60);
  await sweep.run(["a/"], () => false);
  assert.deepEqual(await objects.list("a/", { limit: 9 }), ["a/one"]);
});
