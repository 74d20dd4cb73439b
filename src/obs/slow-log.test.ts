import test from "node:test";
import { deepEqual, equal } from "node:assert/strict";
import { LogThreshold, StructuredLogger, type LogRecord } from "./logger.ts";
import { SlowLog } from "./slow-log.ts";

function setup(options: { entriesMax?: number; keepMs?: number } = {}) {
  const records: LogRecord[] = [];
  const logger = new StructuredLogger({
    role: "proxy",
    threshold: new LogThreshold("info"),
    sink: (record) => void records.push(record),
    nowMs: () => 0,
  });
  const slowLog = new SlowLog({ logger, thresholdMs: 5000, ...options });
  const record = (timeMs: number, durationMs: number) =>
    slowLog.record(
      { timeMs, durationMs, method: "Search", database: "default", collection: "books", traceId: "t" },
      () => ({
        plan: `plan of ${timeMs}`,
      }),
    );
  return { records, slowLog, record };
}

test("only requests above the threshold are logged and remembered, with their plan", () => {
  const { records, slowLog, record } = setup();
  equal(record(1, 5000), false);
  equal(record(2, 5001), true);
  deepEqual(
    slowLog.recent(2).map((entry) => entry.timeMs),
    [2],
  );
  equal(records.length, 1);
  equal(records[0]?.level, "warn");
  deepEqual(records[0]?.fields, {
    method: "Search",
    durationMs: 5001,
    database: "default",
    collection: "books",
    traceId: "t",
    plan: "plan of 2",
  });
});

test("a fast request does not pay for its description", () => {
  const { slowLog } = setup();
  const request = { timeMs: 1, durationMs: 1, method: "Query", database: "d", collection: "c", traceId: "" };
  const explode = () => {
    throw new Error("described");
  };
  equal(slowLog.record(request, explode), false);
});

test("the oldest entries give way, and all expire", () => {
  const { slowLog, record } = setup({ entriesMax: 3, keepMs: 100 });
  for (let time = 1; time <= 5; time++) record(time, 9000);
  deepEqual(
    slowLog.recent(5).map((entry) => entry.timeMs),
    [5, 4, 3],
  );
  deepEqual(
    slowLog.recent(104).map((entry) => entry.timeMs),
    [5, 4],
  );
  deepEqual(slowLog.recent(1000), []);
});

test("the threshold changes at run time", () => {
  const { slowLog, record } = setup();
  slowLog.setThreshold(0);
  equal(record(1, 1), true);
});
