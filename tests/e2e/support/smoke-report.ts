import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { runProgram } from "./run-program.ts";

/**
 * Runs a client's program and makes a subtest of every check it reports. A program prints a line per check,
 * `ok<TAB>name` or `not ok<TAB>name<TAB>reason`, and `done<TAB>count` last, so that one that stops half-way is seen.
 */
export async function runSmoke(
  t: TestContext,
  command: readonly string[],
  checksMin: number,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const { code, stdout, stderr } = await runProgram(command, { timeoutMs: 240_000, env });
  const checks = stdout
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([verdict]) => verdict === "ok" || verdict === "not ok");
  for (const [verdict, name = "", reason = ""] of checks) {
    await t.test(name, () => assert.equal(verdict, "ok", reason));
  }
  const done = /^done\t(\d+)$/m.exec(stdout)?.[1];
  assert.equal(
    Number(done),
    checks.length,
    `the program ended early (exit ${code}):\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`,
  );
  assert.ok(checks.length >= checksMin, `${checks.length} checks ran, at least ${checksMin} were expected`);
}
