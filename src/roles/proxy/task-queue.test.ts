import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { Deferred } from "../../base/deferred.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { TaskQueue } from "./task-queue.ts";

const noSignal = (): AbortSignal => new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("tasks beyond the concurrency wait and start in their order", async () => {
  const queue = new TaskQueue({ capacity: 10, concurrency: 2 });
  const gates = [0, 1, 2, 3].map(() => new Deferred());
  const started: number[] = [];
  const done = gates.map((gate, i) =>
    queue.run(async () => {
      started.push(i);
      await gate.promise;
      return i;
    }, noSignal),
  );
  deepEqual(started, [0, 1]);
  deepEqual([queue.running, queue.waiting], [2, 2]);
  gates[1]?.resolve();
  await turn();
  deepEqual(started, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  deepEqual(await Promise.all(done), [0, 1, 2, 3]);
  deepEqual([queue.running, queue.waiting], [0, 0]);
});

test("a full queue refuses the next task with code 4", async () => {
  const queue = new TaskQueue({ capacity: 2, concurrency: 1 });
  const gate = new Deferred();
  const first = queue.run(() => gate.promise, noSignal);
  const second = queue.run(() => gate.promise, noSignal);
  await rejects(
    queue.run(() => gate.promise, noSignal),
    (error) => isRedkiteError(error, "serviceTooManyRequests") && error.code === 4 && error.retriable,
  );
  gate.resolve();
  await Promise.all([first, second]);
});

test("tasks of one key run one after another, and others pass them", async () => {
  const queue = new TaskQueue({ capacity: 10, concurrency: 3 });
  const gate = new Deferred();
  const log: string[] = [];
  const slow = queue.run(() => gate.promise, noSignal, "a");
  const blocked = queue.run(async () => void log.push("second of a"), noSignal, "a");
  await queue.run(async () => void log.push("first of b"), noSignal, "b");
  deepEqual(log, ["first of b"]);
  gate.resolve();
  await Promise.all([slow, blocked]);
  deepEqual(log, ["first of b", "second of a"]);
});

test("a caller that gives up while it waits leaves the queue", async () => {
  const queue = new TaskQueue({ capacity: 10, concurrency: 1 });
  const gate = new Deferred();
  const running = queue.run(() => gate.promise, noSignal);
  const controller = new AbortController();
  let ran = false;
  const waiting = queue.run(
    async () => {
      ran = true;
    },
    () => controller.signal,
  );
  controller.abort();
  await rejects(waiting, (error) => isRedkiteError(error, "canceled"));
  equal(queue.waiting, 0);
  gate.resolve();
  await running;
  equal(ran, false);
});

test("a failing task frees its place", async () => {
  const queue = new TaskQueue({ capacity: 1, concurrency: 1 });
  await rejects(
    queue.run(() => Promise.reject(new Error("no")), noSignal, "a"),
    /no/,
  );
  equal(await queue.run(() => Promise.resolve(5), noSignal, "a"), 5);
});
