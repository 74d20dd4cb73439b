import test from "node:test";
import { deepEqual, match } from "node:assert/strict";
import type { KeySpec } from "./key-spec.ts";
import { parseValue } from "./parse-value.ts";

const int: KeySpec = { type: "int", default: 1, min: -1, max: 100, doc: "" };
const float: KeySpec = { type: "float", default: 0.5, min: 0, max: 1, doc: "" };
const seconds: KeySpec = { type: "duration", unit: "s", default: 1, min: 0, max: 7200, doc: "" };
const millis: KeySpec = { type: "duration", unit: "ms", default: 1, min: 0, max: 3_600_000, doc: "" };
const megabytes: KeySpec = { type: "bytes", unit: "MB", default: 1, min: 0, max: 2 ** 20, doc: "" };
const bytes: KeySpec = { type: "bytes", unit: "B", default: 1, min: -1, max: 2 ** 50, doc: "" };
const level: KeySpec = { type: "enum", default: "a", values: ["a", "b"], doc: "" };

const valueOf = (spec: KeySpec, raw: unknown) => {
  const parsed = parseValue(spec, raw);
  return parsed.ok ? parsed.value : undefined;
};

test("numbers come from yaml or text and must fit their bounds", () => {
  deepEqual(
    [7, "7", " 7 ", "-1", "+5", 100].map((raw) => valueOf(int, raw)),
    [7, 7, 7, -1, 5, 100],
  );
  for (const raw of ["", "7.5", 7.5, "seven", "0x7", 101, -2, true, null, [1], {}, "1e2", NaN, Infinity]) {
    deepEqual(valueOf(int, raw), undefined, String(raw));
  }
  deepEqual(
    [".5", "1e-2", 1, "0"].map((raw) => valueOf(float, raw)),
    [0.5, 0.01, 1, 0],
  );
  for (const raw of ["1.01", "-0.1", "half", "."]) deepEqual(valueOf(float, raw), undefined, raw);
});

test("times and sizes accept their own unit as a bare number and any other by name", () => {
  deepEqual(
    ["90", 90, "90s", "1.5m", "2h", "500ms"].map((raw) => valueOf(seconds, raw)),
    [90, 90, 90, 90, 7200, 0.5],
  );
  deepEqual(
    ["90", "5s", "1m"].map((raw) => valueOf(millis, raw)),
    [90, 5000, 60_000],
  );
  deepEqual(
    ["512", "512m", "512MB", "1g", "1Gi", "1GiB", "1"].map((raw) => valueOf(megabytes, raw)),
    [512, 512, 512, 1024, 1024, 1024, 1],
  );
  deepEqual(
    ["32Gi", "64KB", "10b", 4096, "-1", 1.1e12].map((raw) => valueOf(bytes, raw)),
    [2 ** 35, 65536, 10, 4096, -1, 1.1e12],
  );
  for (const raw of ["5 parsecs", "s", "", "1.5.2s", "3h", "-1"])
    deepEqual(valueOf(seconds, raw), undefined, raw);
  for (const raw of ["1x", "12 Gib its", "1.5", "mb"]) deepEqual(valueOf(bytes, raw), undefined, raw);
});

test("booleans, choices and texts", () => {
  deepEqual(
    ["true", true, "FALSE", "False"].map((raw) => valueOf({ type: "bool", default: true, doc: "" }, raw)),
    [true, true, false, false],
  );
  for (const raw of ["yes", 1, "", null])
    deepEqual(valueOf({ type: "bool", default: true, doc: "" }, raw), undefined);
  deepEqual([valueOf(level, "b"), valueOf(level, "c")], ["b", undefined]);
  deepEqual(valueOf({ type: "string", default: "", doc: "" }, 7), "7");
  deepEqual(valueOf({ type: "string", default: "", doc: "" }, ["a"]), undefined);
});

test("a refusal says what would have been right", () => {
  const expected = (spec: KeySpec) => {
    const parsed = parseValue(spec, {});
    return parsed.ok ? "" : parsed.expected;
  };
  match(expected(int), /a whole number between -1 and 100/);
  match(expected(seconds), /a time between 0 and 7200 s/);
  match(expected(megabytes), /a size between 0 and 1048576 MB/);
  match(expected(level), /one of a, b/);
});
