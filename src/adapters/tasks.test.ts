import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "../../tests/contract/manual-clock.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import { diskFailed, metaUnknownOutcome } from "../errors/storage-errors.ts";
import { TaskRunner, type TaskFailure } from "./tasks.ts";

const rng = { float: () => 0.5, int: () => 0, fork: () => rng };

function setUp() {
  const clock = new ManualClock();
  const reports: TaskFailure[] = [];
  return { clock, reports, tasks: new TaskRunner(clock, rng, (failure) => reports.push(failure)) };
}

test("a task that throws a retriable error starts again after growing pauses, then is told to have failed", async () => {
  const { clock, reports, tasks } = setUp();
  let runs = 0;
  let failed: unknown;
  const error = serviceUnavailable("busy");
  tasks.spawn(
    "t",
    async () => {
      runs++;
      throw error;
    },
    { restarts: 3, failed: (last) => (failed = last) },
  );
  await settle();
  assert.equal(runs, 1);
  await clock.advance(60_000);
  assert.equal(runs, 4);
  assert.equal(failed, error);
  const pauses = reports.map((report) => (report.outcome === "restarts" ? report.pauseMs : -1));
  assert.equal(pauses.length, 3);
  assert.ok(pauses.every((pause, i) => i === 0 || pause > (pauses[i - 1] ?? 0)));
  assert.deepEqual(tasks.names, []);
});

test("restarts are counted in a row: a long steady run forgets them", async () => {
  const { clock, tasks } = setUp();
  let runs = 0;
  const handle = tasks.spawn(
    "t",
    async (signal) => {
      runs++;
      await clock.sleep(120_000, signal);
      throw serviceUnavailable("busy");
    },
    { restarts: 1 },
  );
  await settle();
  await clock.advance(1_000_000);
  assert.ok(runs > 4);
  await handle.stop();
  assert.equal(clock.pendingTimers, 0);
});

test("an error that no retry helps ends the task at once and is reported", async () => {
  const { reports, tasks } = setUp();
  for (const error of [parameterInvalid("bad"), new TypeError("bug")]) {
    tasks.spawn("t", () => Promise.reject(error));
    await settle();
    assert.deepEqual(reports.pop(), { task: "t", outcome: "ended", error });
  }
});

test("an endless task goes on after every expected error, and ends with a bug", async () => {
  const { clock, reports, tasks } = setUp();
  let runs = 0;
  tasks.spawn(
    "t",
    async () => {
      runs++;
      throw runs <= 20 ? parameterInvalid("not to be mended") : new TypeError("bug");
    },
    { endless: true },
  );
  await settle();
  await clock.advance(600_000);
  assert.equal(runs, 21);
  assert.deepEqual(
    reports.map(({ outcome }) => outcome),
    [...Array<string>(20).fill("restarts"), "ended"],
  );
});

test("background work goes on after an input/output error that no client would be told to repeat", async () => {
  const { clock, reports, tasks } = setUp();
  let runs = 0;
  tasks.spawn("t", async () => {
    if (++runs === 1) throw diskFailed({ path: "log/1.wal", operation: "read" });
    if (runs === 2) throw metaUnknownOutcome("the connection broke");
  });
  await settle();
  await clock.advance(60_000);
  assert.equal(runs, 3);
  assert.deepEqual(
    reports.map(({ outcome }) => outcome),
    ["restarts", "restarts"],
  );
});

test("stop aborts the run or the pause and waits for the end", async () => {
  const { clock, reports, tasks } = setUp();
  let ended = false;
  const running = tasks.spawn("running", async (signal) => {
    await clock.sleep(1_000_000, signal).catch(() => undefined);
    await settle();
    ended = true;
  });
  const pausing = tasks.spawn("pausing", () => Promise.reject(serviceUnavailable("busy")));
  const never = tasks.spawn("never", () => assert.fail("ran although it was stopped before"));
  await never.stop();
  await settle();
  assert.deepEqual(tasks.names, ["running", "pausing"]);
  await running.stop();
  assert.ok(ended);
  await pausing.stop();
  await pausing.stop();
  assert.deepEqual(tasks.names, []);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(reports.length, 1);
});
