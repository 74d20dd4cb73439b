import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { main } from "./main.ts";

async function sim(...args: readonly string[]) {
  const errors: string[] = [];
  const code = await main(["sim", ...args], { line: () => undefined, error: (text) => errors.push(text) });
  return { code, errors };
}

describe("redkite sim", () => {
  test("a number that is none is named", async () => {
    const { code, errors } = await sim("--seeds", "3", "--jobs", "many");
    assert.equal(code, 2);
    assert.equal(errors[0], "redkite: --jobs must be a whole number, not many");
  });

  test("an argument without an option is refused", async () => {
    const { code, errors } = await sim("7");
    assert.equal(code, 2);
    assert.equal(errors[0], 'redkite: unexpected argument 7 behind "sim"');
  });

  test("an unknown option names the nearest one", async () => {
    const { code, errors } = await sim("--job", "2");
    assert.equal(code, 2);
    assert.match(errors[0] ?? "", /--job.*--jobs/);
  });
});
