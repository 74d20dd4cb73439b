import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "../../../tests/contract/manual-clock.ts";
import { TaskRunner } from "../../adapters/tasks.ts";
import { Prng } from "../../base/prng.ts";
import { deadlineExceeded, serviceUnavailable } from "../../errors/service-errors.ts";
import { NO_TRACE, type CallContext } from "../../model/call-context.ts";
import { seeThrough } from "./see-through.ts";

function setUp() {
  const clock = new ManualClock();
  const caller = new AbortController();
  const ctx: CallContext = {
    principal: "",
    database: "",
    deadlineMs: undefined,
    signal: caller.signal,
    trace: NO_TRACE,
    clientRequestId: "",
  };
  return { clock, caller, ctx, tasks: new TaskRunner(clock, Prng.fromSeed(1), () => undefined) };
}

test("what fails is repeated, and the caller hears of the end only", async () => {
  const { clock, ctx, tasks } = setUp();
  let runs = 0;
  const done = seeThrough(tasks, "t", ctx, async () => {
    if (++runs < 3) throw serviceUnavailable("busy");
  });
  await settle();
  await clock.advance(60_000);
  await done;
  assert.equal(runs, 3);
});

test("it goes on when the caller has given up", async () => {
  const { clock, caller, ctx, tasks } = setUp();
  let runs = 0;
  let done = false;
  const waiting = assert.rejects(
    seeThrough(tasks, "t", ctx, async (signal) => {
      if (++runs < 3) throw serviceUnavailable("busy");
      assert.equal(signal.aborted, false);
      done = true;
    }),
    { kind: "deadlineExceeded" },
  );
  await settle();
  caller.abort(deadlineExceeded());
  await waiting;
  await clock.advance(60_000);
  assert.equal(done, true);
});

test("an error that no repetition mends is the caller's", async () => {
  const { ctx, tasks } = setUp();
  const bug = new TypeError("a bug");
  await assert.rejects(
    seeThrough(tasks, "t", ctx, async () => Promise.reject(bug)),
    bug,
  );
});
