import test from "node:test";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { KeyedMutex, Mutex } from "./mutex.ts";
import { Deferred } from "./deferred.ts";

test("sections run one at a time in the order of asking", async () => {
  const mutex = new Mutex();
  const order: string[] = [];
  const section = (name: string) =>
    mutex.run(async () => {
      order.push(`${name} in`);
      await Promise.resolve();
      order.push(`${name} out`);
      return name;
    });
  deepEqual(await Promise.all([section("a"), section("b"), section("c")]), ["a", "b", "c"]);
  deepEqual(order, ["a in", "a out", "b in", "b out", "c in", "c out"]);
  equal(mutex.locked, false);
});

test("a failing section releases the lock and passes its error on", async () => {
  const mutex = new Mutex();
  await rejects(
    mutex.run(() => {
      throw new Error("inside");
    }),
    /inside/,
  );
  equal(await mutex.run(() => 5), 5);
});

test("whoever gives up waiting does not get the lock later", async () => {
  const mutex = new Mutex();
  const lock = await mutex.acquire();
  const giveUp = new AbortController();
  const impatient = mutex.acquire(giveUp.signal);
  const patient = mutex.acquire();
  equal(mutex.waiting, 2);
  giveUp.abort(new Error("deadline"));
  await rejects(impatient, /deadline/);
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  (await patient)[Symbol.dispose]();
  equal(mutex.locked, false);
  await rejects(mutex.acquire(giveUp.signal), /deadline/);
});

test("different keys do not wait for each other and unused keys are forgotten", async () => {
  const mutexes = new KeyedMutex<string>();
  const gate = new Deferred();
  const order: string[] = [];
  const slow = mutexes.run("a", async () => {
    await gate.promise;
    order.push("a1");
  });
  const queued = mutexes.run("a", () => void order.push("a2"));
  await mutexes.run("b", () => void order.push("b"));
  equal(mutexes.size, 1);
  gate.resolve();
  await Promise.all([slow, queued]);
  deepEqual(order, ["b", "a1", "a2"]);
  equal(mutexes.size, 0);
});

test("a key whose waiter gave up is still held by its owner", async () => {
  const mutexes = new KeyedMutex<number>();
  const gate = new Deferred();
  const owner = mutexes.run(1, () => gate.promise);
  const giveUp = new AbortController();
  const waiter = mutexes.run(1, () => "never", giveUp.signal);
  giveUp.abort(new Error("enough"));
  await rejects(waiter, /enough/);
  equal(mutexes.size, 1);
  gate.resolve();
  await owner;
  equal(mutexes.size, 0);
});
