import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatTimestamptz,
  isTimeZone,
  parseTimestamptz,
  shiftTimestamptz,
  timeParts,
} from "./timestamptz.ts";

const micros = (iso: string) => BigInt(Date.parse(iso)) * 1000n;

test("times are read with an offset, with a blank for the T, and in the zone when they have none", () => {
  for (const [text, zone, iso] of [
    ["2025-01-02T03:04:05Z", "UTC", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05+08:00", "UTC", "2025-01-01T19:04:05Z"],
    ["2025-01-02 03:04:05+08", "UTC", "2025-01-01T19:04:05Z"],
    ["2025-01-02 03:04:05-07:30", "Asia/Shanghai", "2025-01-02T10:34:05Z"],
    ["2025-01-02 03:04:05", "UTC", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05", "Asia/Shanghai", "2025-01-01T19:04:05Z"],
    ["2025-07-02T03:04:05", "America/New_York", "2025-07-02T07:04:05Z"],
    ["1969-12-31T23:59:59Z", "UTC", "1969-12-31T23:59:59Z"],
    ["0000-01-01T00:00:00Z", "UTC", "0000-01-01T00:00:00Z"],
    ["9999-12-31T23:59:59Z", "UTC", "9999-12-31T23:59:59Z"],
    ["2024-02-29T00:00:00Z", "UTC", "2024-02-29T00:00:00Z"],
  ] as const) {
    assert.equal(parseTimestamptz(text, zone), micros(iso), text);
  }
});

test("microseconds are kept and what is smaller is cut off", () => {
  assert.equal(parseTimestamptz("1970-01-01T00:00:00.1234567Z", "UTC"), 123_456n);
  assert.equal(parseTimestamptz("1969-12-31T23:59:59.5Z", "UTC"), -500_000n);
});

test("what is no time is refused with its text", () => {
  for (const text of [
    "",
    "yesterday",
    "2025-13-01T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2025-01-01T24:00:00Z",
    "2025-01-01T00:00:60Z",
    "2025-01-01",
    "2025-01-01T00:00:00+08",
    "2025-01-01t00:00:00Z",
  ]) {
    assert.throws(() => parseTimestamptz(text, "UTC"), {
      message: new RegExp(`invalid timestamp string: '${text.replace("+", "\\+")}'`),
    });
  }
  assert.throws(() => parseTimestamptz("2025-01-01T00:00:00+15:00", "UTC"), /UTC offset hour 15 is out of/);
  assert.throws(() => parseTimestamptz("2025-01-01T00:00:00", "No/Where"), /'No\/Where' is no time zone/);
});

test("times are shown in the zone, with no more digits than they need", () => {
  const time = micros("2025-01-02T03:04:05Z");
  assert.equal(formatTimestamptz(time, "UTC"), "2025-01-02T03:04:05Z");
  assert.equal(formatTimestamptz(time + 120_000n, "UTC"), "2025-01-02T03:04:05.12Z");
  assert.equal(formatTimestamptz(time + 1n, "Asia/Shanghai"), "2025-01-02T11:04:05.000001+08:00");
  assert.equal(formatTimestamptz(time, "America/New_York"), "2025-01-01T22:04:05-05:00");
  assert.equal(formatTimestamptz(-1n, "UTC"), "1969-12-31T23:59:59.999999Z");
});

test("what is shown is read again as the same time, whatever the year", () => {
  for (let year = 1; year < 9999; year += 7) {
    const time = micros(`${String(year).padStart(4, "0")}-03-01T00:00:00Z`) - 1n;
    assert.equal(parseTimestamptz(formatTimestamptz(time, "UTC"), "UTC"), time);
    if (year > 1900) assert.equal(parseTimestamptz(formatTimestamptz(time, "Europe/Berlin"), "UTC"), time);
  }
});

test("the parts of a time are those of the zone's clocks", () => {
  const { year, month, day, hour } = timeParts(micros("2024-12-31T20:00:00Z"), "Asia/Shanghai");
  assert.deepEqual([year, month, day, hour], [2025, 1, 1, 4]);
});

test("months are steps in the calendar, and days that a month does not have run over", () => {
  const shifted = (iso: string, months: number, more = 0n) =>
    formatTimestamptz(shiftTimestamptz(micros(iso), months, more), "UTC");
  assert.equal(shifted("2025-01-15T10:00:00Z", 1), "2025-02-15T10:00:00Z");
  assert.equal(shifted("2025-01-31T10:00:00Z", 1), "2025-03-03T10:00:00Z");
  assert.equal(shifted("2025-01-31T10:00:00Z", -14, 1_000_000n), "2023-12-01T10:00:01Z");
  assert.equal(shifted("1960-02-29T00:00:00Z", 12 * 4), "1964-02-29T00:00:00Z");
});

test("zones are IANA names, not offsets", () => {
  assert.deepEqual(["UTC", "Asia/Shanghai", "+08:00", "", "Mars/Olympus"].map(isTimeZone), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
