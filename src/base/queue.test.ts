import test from "node:test";
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { AsyncQueue, QueueClosedError } from "./queue.ts";

/** Lets all promise callbacks that are due run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("items come out in order and a full queue says so", async () => {
  const queue = new AsyncQueue<number>({ capacity: 2 });
  deepEqual([queue.tryPush(1), queue.tryPush(2), queue.tryPush(3)], [true, true, false]);
  equal(queue.size, 2);
  equal(await queue.shift(), 1);
  equal(queue.tryShift(), 2);
  equal(queue.tryShift(), undefined);
});

test("push waits for room and waiting producers keep their order", async () => {
  const queue = new AsyncQueue<number>({ capacity: 1 });
  const done: number[] = [];
  const pushes = [1, 2, 3].map((n) => queue.push(n).then(() => done.push(n)));
  await turn();
  deepEqual(done, [1]);
  equal(queue.tryPush(4), false, "nobody overtakes a waiting producer");
  equal(await queue.shift(), 1);
  await turn();
  deepEqual(done, [1, 2]);
  deepEqual([await queue.shift(), await queue.shift()], [2, 3]);
  await Promise.all(pushes);
});

test("a waiting consumer gets the item directly, first come first served", async () => {
  const queue = new AsyncQueue<string>({ capacity: 1 });
  const first = queue.shift();
  const second = queue.shift();
  queue.tryPush("a");
  queue.tryPush("b");
  deepEqual([await first, await second], ["a", "b"]);
});

test("close lets consumers finish, ends those who wait and turns producers away", async () => {
  const queue = new AsyncQueue<number>({ capacity: 1 });
  queue.tryPush(1);
  const waiting = queue.push(2);
  queue.close();
  queue.close();
  await rejects(waiting, QueueClosedError);
  await rejects(queue.push(3), QueueClosedError);
  equal(queue.tryPush(3), false);
  const seen: number[] = [];
  for await (const item of queue) seen.push(item);
  deepEqual(seen, [1]);
  const idle = new AsyncQueue<number>({ capacity: 1 });
  const consumer = idle.shift();
  idle.close();
  equal(await consumer, undefined);
});

test("fail gives its reason to everyone, now and later", async () => {
  const queue = new AsyncQueue<number>({ capacity: 1 });
  const consumer = queue.shift();
  queue.fail(new Error("stream lost"));
  await rejects(consumer, /stream lost/);
  await rejects(queue.shift(), /stream lost/);
  await rejects(queue.push(1), /stream lost/);
});

test("an aborted waiter leaves no trace", async () => {
  const queue = new AsyncQueue<number>({ capacity: 1 });
  const giveUp = new AbortController();
  const consumer = queue.shift(giveUp.signal);
  giveUp.abort(new Error("deadline"));
  await rejects(consumer, /deadline/);
  queue.tryPush(1);
  equal(await queue.shift(), 1, "the item was not given to the consumer that left");
  queue.tryPush(2);
  const second = new AbortController();
  const producer = queue.push(3, second.signal);
  second.abort(new Error("cancelled"));
  await rejects(producer, /cancelled/);
  deepEqual([queue.tryShift(), queue.tryShift()], [2, undefined]);
  await rejects(queue.shift(giveUp.signal), /deadline/);
});

test("a queue without room is a mistake", () => {
  throws(() => new AsyncQueue<number>({ capacity: 0 }), /capacity of at least 1/);
});
