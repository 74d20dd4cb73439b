import test from "node:test";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { LogThreshold, SILENT_LOGGER, StructuredLogger, type LogRecord } from "./logger.ts";
import { formatJson, formatText, isoTime } from "./log-format.ts";

function setup(level: "debug" | "info" | "warn" | "error" = "info") {
  const records: LogRecord[] = [];
  const threshold = new LogThreshold(level);
  const sink = (record: LogRecord) => void records.push(record);
  return {
    records,
    threshold,
    logger: new StructuredLogger({ role: "proxy", threshold, sink, nowMs: () => 1000 }),
  };
}

test("only messages of the level and above are written, and the level changes at run time", () => {
  const { records, threshold, logger } = setup("warn");
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  deepEqual(
    records.map((record) => record.message),
    ["c", "d"],
  );
  equal(logger.enabled("info"), false);
  threshold.set("debug");
  equal(threshold.level, "debug");
  logger.debug("e");
  equal(records.at(-1)?.level, "debug");
});

test("a derived logger adds its fields, and the message's own win", () => {
  const { records, logger } = setup();
  logger.with({ db: "default", rows: 1 }).with({ collection: "books" }).info("insert", { rows: 2 });
  deepEqual(records[0], {
    timeMs: 1000,
    level: "info",
    role: "proxy",
    message: "insert",
    fields: { db: "default", collection: "books", rows: 2 },
  });
  logger.forRole("rootcoord").info("x");
  equal(records[1]?.role, "rootcoord");
});

test("the text form stays on one line and quotes what needs it", () => {
  const line = formatText({
    timeMs: 0,
    level: "warn",
    role: "proxy",
    message: "slow\nsearch",
    fields: {
      collection: "books",
      expr: 'a == "x"\nor b',
      id: 5n,
      none: undefined,
      list: [1, 2n],
      empty: "",
    },
  });
  equal(
    line,
    '1970-01-01T00:00:00.000Z WARN  proxy slow search collection=books expr="a == \\"x\\"\\nor b" id=5 list="[1,\\"2\\"]" empty=""',
  );
});

test("the JSON form is one object whose head no field can forge", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const line = formatJson({
    timeMs: 1,
    level: "info",
    role: "datanode",
    message: "flushed",
    fields: { level: "forged", segment: 7n, cyclic, nested: { a: 1n } },
  });
  deepEqual(JSON.parse(line), {
    time: "1970-01-01T00:00:00.001Z",
    level: "info",
    role: "datanode",
    msg: "flushed",
    segment: "7",
    cyclic: "[object Object]",
    nested: { a: "1" },
  });
});

test("errors are written with code and causes, long texts are cut", () => {
  const error = Object.assign(new Error("cannot flush", { cause: new Error("disk full") }), { code: 3 });
  const line = formatText({ timeMs: 0, level: "error", role: "r", message: "m", fields: { error } });
  match(line, /cannot flush.*\(code 3\); caused by Error: disk full/);
  ok(!line.includes("\n"));
  const long = formatText({
    timeMs: 0,
    level: "info",
    role: "r",
    message: "m",
    fields: { text: "x".repeat(20_000) },
  });
  ok(long.length < 9000);
  match(long, /\(20000 characters\)/);
});

test("times agree with Date on every kind of day", () => {
  for (const text of [
    "1970-01-01T00:00:00.000Z",
    "2000-02-29T23:59:59.999Z",
    "2026-11-21T08:06:00.123Z",
    "2100-03-01T00:00:00.000Z",
    "1969-12-31T23:59:59.001Z",
  ]) {
    equal(isoTime(Date.parse(text)), text);
  }
});

test("the silent logger is silent", () => {
  equal(SILENT_LOGGER.enabled("error"), false);
  equal(SILENT_LOGGER.with({ a: 1 }), SILENT_LOGGER);
  equal(SILENT_LOGGER.error("x"), undefined);
});
