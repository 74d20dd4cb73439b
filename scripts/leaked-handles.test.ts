import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** The process of a test file whose results a busy runner does not read before something was found open. */
async function readLate(file: string): Promise<{ output: string; code: unknown }> {
  const check = path.join(import.meta.dirname, "leaked-handles.mjs");
  const child = spawn(process.execPath, ["--import", check, file], {
    env: { ...process.env, NODE_TEST_CONTEXT: "child-v8", LEAK_CHECK_CLOSING_MS: "100" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  await once(child.stderr, "data");
  child.stderr.resume();
  await sleep(800);
  assert.equal(child.exitCode, null, "the process waits for its reader");
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await ended) as unknown[];
  return { output: Buffer.concat(chunks).toString("latin1"), code };
}

test("a runner that is slow to read hears every result and what was left open", async () => {
  const { output, code } = await readLate(
    path.join(import.meta.dirname, "fixtures", "leaves-a-timer-open.mjs"),
  );
  assert.equal(code, 1);
  assert.ok(output.includes("result 599 of 600"), `${output.length} characters without the last result`);
  assert.ok(output.includes("left open: Timeout"), `${output.length} characters without the failure`);
});
