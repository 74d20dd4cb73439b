import test from "node:test";
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { Scope } from "./scope.ts";
import { Deferred } from "./deferred.ts";

test("things close in reverse order, synchronous and asynchronous ones alike", async () => {
  const order: string[] = [];
  {
    await using scope = new Scope("test");
    scope.use({ [Symbol.dispose]: () => void order.push("sync") });
    scope.use({
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve();
        order.push("async");
      },
    });
    scope.defer("last", () => void order.push("deferred"));
    equal(scope.size, 3);
  }
  deepEqual(order, ["deferred", "async", "sync"]);
});

test("closing twice closes once, and both callers wait for the end", async () => {
  const gate = new Deferred();
  let closed = 0;
  const scope = new Scope("test");
  scope.defer("slow", async () => {
    await gate.promise;
    closed++;
  });
  const both = Promise.all([scope.close(), scope.close()]);
  equal(scope.closed, true);
  gate.resolve();
  await both;
  equal(closed, 1);
});

test("a failing closer does not keep the others open", async () => {
  const order: string[] = [];
  const scope = new Scope("test");
  scope.defer("first", () => void order.push("first"));
  scope.defer("bad", () => {
    throw new Error("unmap failed");
  });
  scope.defer("second", () => void order.push("second"));
  await rejects(scope.close(), /unmap failed/);
  deepEqual(order, ["second", "first"]);
});

test("several failures are reported together", async () => {
  const scope = new Scope("node");
  scope.defer("a", () => Promise.reject(new Error("a")));
  scope.defer("b", () => Promise.reject(new Error("b")));
  await rejects(scope.close(), (error) => error instanceof AggregateError && error.errors.length === 2);
});

test("children close in their turn, a closed scope takes nothing over", async () => {
  const order: string[] = [];
  const scope = new Scope("parent");
  scope.defer("before", () => void order.push("before"));
  const child = scope.child("child");
  child.defer("inside", () => void order.push("inside"));
  scope.defer("after", () => void order.push("after"));
  equal(child.name, "parent/child");
  await scope.close();
  deepEqual(order, ["after", "inside", "before"]);
  throws(() => scope.defer("late", () => {}), /scope "parent" is closed and cannot take over "late"/);
});
