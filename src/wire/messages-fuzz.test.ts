import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzMessages } from "./messages.fuzz.ts";

test("damaged messages decode or are refused, and nothing else", () => {
  const { accepted, refused } = fuzzMessages(1, 4_000);
  assert.ok(accepted > 400, `only ${accepted} inputs were accepted`);
  assert.ok(refused > 400, `only ${refused} inputs were refused`);
});
