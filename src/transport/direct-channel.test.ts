import assert from "node:assert/strict";
import { test } from "node:test";
import { deepFreeze, directChannel } from "./direct-channel.ts";
import { testContext, testImplementation, testTable } from "./contract.testing.ts";

test("a direct call hands over the very same objects", async () => {
  const client = directChannel(testTable, testImplementation, { freeze: false });
  const request = { rows: [1, 2] };
  assert.equal(await client.echo(testContext(), request), request);
  assert.ok(!Object.isFrozen(request));
});

test("frozen requests and answers cannot be changed", async () => {
  const client = directChannel(testTable, testImplementation, { freeze: true });
  const request = { rows: [{ id: 1 }], vector: new Float32Array(2) };
  const answer = (await client.echo(testContext(), request)) as typeof request;
  assert.throws(() => request.rows.push({ id: 2 }), TypeError);
  assert.throws(() => ((answer.rows[0] as { id: number }).id = 3), TypeError);
  answer.vector[0] = 1;
  assert.equal(request.vector[0], 1);
});

test("errors pass through as they are, those thrown before the first await too", async () => {
  const failing = {
    ...testImplementation,
    echo: () => {
      throw new RangeError("at once");
    },
  };
  const client = directChannel(testTable, failing, { freeze: true });
  await assert.rejects(client.echo(testContext(), {}), { name: "RangeError", message: "at once" });
  await assert.rejects(client.fail(testContext(), { how: "expected" }), { kind: "collectionNotFound" });
});

test("a deep freeze goes through maps and cycles and leaves instances alone", () => {
  class Handle {
    open = true;
  }
  const inner = { n: 1 };
  const value: Record<string, unknown> = {
    map: new Map([["k", inner]]),
    handle: new Handle(),
    list: [[inner]],
  };
  value["self"] = value;
  deepFreeze(value);
  assert.ok(Object.isFrozen(value) && Object.isFrozen(inner));
  (value["handle"] as Handle).open = false;
});
