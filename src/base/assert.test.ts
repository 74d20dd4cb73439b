import test from "node:test";
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { assert, assertDefined, AssertionError, assertNever } from "./assert.ts";

test("assert passes true conditions and throws our own error with its message otherwise", () => {
  assert(1 + 1 === 2, "arithmetic");
  throws(() => assert(false, "rows is 3, must be 4"), {
    name: "AssertionError",
    message: "rows is 3, must be 4",
  });
  ok(new AssertionError("x") instanceof Error);
});

test("assertDefined keeps 0, empty string and false, and rejects null and undefined by name", () => {
  deepEqual([assertDefined(0, "n"), assertDefined("", "s"), assertDefined(false, "b")], [0, "", false]);
  throws(() => assertDefined(undefined, "manifest of segment 7"), /manifest of segment 7 is undefined/);
  throws(() => assertDefined(null, "owner"), /owner is null/);
});

test("assertNever names the value that should not exist", () => {
  const forged = (value: unknown) => value as never;
  throws(() => assertNever(forged("Molten"), "segment state"), /unexpected segment state: "Molten"/);
  throws(() => assertNever(forged(5n)), /unexpected value: 5n/);
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  throws(() => assertNever(forged(cyclic)), /unexpected value: \[object Object\]/);
  equal(new AssertionError("m").name, "AssertionError");
});
