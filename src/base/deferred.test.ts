import test from "node:test";
import { equal, rejects } from "node:assert/strict";
import { Deferred } from "./deferred.ts";

test("a deferred is settled once, from outside", async () => {
  const deferred = new Deferred<number>();
  equal(deferred.settled, false);
  deferred.resolve(1);
  deferred.resolve(2);
  equal(deferred.settled, true);
  equal(await deferred.promise, 1);
});

test("a rejection carries its reason", async () => {
  const deferred = new Deferred();
  deferred.reject(new Error("disk full"));
  equal(deferred.settled, true);
  await rejects(deferred.promise, /disk full/);
});
