import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import { plainField, type CollectionSchema } from "../model/schema.ts";
import { checkFilter, compileFilter } from "./compile-filter.ts";
import { evaluator } from "./evaluate.ts";
import { printPredicate } from "./print.ts";

const schema: CollectionSchema = {
  name: "events",
  description: "",
  fields: [
    plainField(fieldId(100), "id", DataType.Int64, { isPrimaryKey: true }),
    plainField(fieldId(101), "at", DataType.Timestamptz, { nullable: true }),
    plainField(fieldId(102), "place", DataType.Geometry, { nullable: true }),
  ],
  functions: [],
  enableDynamicField: false,
  version: 0,
};

const micros = (iso: string) => BigInt(Date.parse(iso)) * 1000n;

function holds(text: string, at: bigint | null, timeZone = "UTC"): boolean | null {
  const { ast } = compileFilter(text, schema, { timeZone });
  return evaluator(ast)((field) => (field === 101 ? at : 1n));
}

test("a time field compares with a time, on either side", () => {
  const at = micros("2025-01-01T00:00:00Z");
  assert.equal(holds('at > ISO "2024-12-31T23:59:59Z"', at), true);
  assert.equal(holds("at >= iso '2025-01-01T08:00:00+08:00'", at), true);
  assert.equal(holds('ISO "2025-01-01T00:00:00Z" < at', at), false);
  assert.equal(holds('at == ISO "2025-01-01 00:00:00"', at), true);
  assert.equal(holds('not (at != ISO "2025-01-01T00:00:00Z") and id == 1', at), true);
  assert.equal(holds('at > ISO "2025-01-01T00:00:00Z"', null), null);
  assert.equal(holds("at is null", null), true);
});

test("a time without an offset is in the zone of the filter", () => {
  const at = micros("2025-01-01T00:00:00Z");
  assert.equal(holds('at == ISO "2025-01-01T08:00:00"', at, "Asia/Shanghai"), true);
  assert.equal(holds('at == ISO "2025-01-01T08:00:00"', at), false);
});

test("an interval moves the field: hours by their length, months in the calendar", () => {
  const at = micros("2025-01-31T00:00:00Z");
  assert.equal(holds('at + INTERVAL "PT1H30M" == ISO "2025-01-31T01:30:00Z"', at), true);
  assert.equal(holds('at - interval "P1DT5S" == ISO "2025-01-29T23:59:55Z"', at), true);
  assert.equal(holds('at + INTERVAL "P1M" == ISO "2025-03-03T00:00:00Z"', at), true);
  assert.equal(holds('ISO "2023-12-31T00:00:00Z" <= at - INTERVAL "P1Y1M"', at), true);
  assert.equal(holds('not (at + INTERVAL "P1M" > ISO "2025-03-03T00:00:00Z")', at), true);
  assert.equal(holds('at + INTERVAL "P1M" > ISO "2025-03-03T00:00:00Z"', null), null);
});

test("lengths without months run in the engine, months do not", () => {
  const of = (text: string) => compileFilter(text, schema).externals.length;
  assert.equal(of('at + INTERVAL "P3D" > ISO "2025-01-01T00:00:00Z"'), 0);
  assert.equal(of('at + INTERVAL "P3M" > ISO "2025-01-01T00:00:00Z"'), 1);
});

test("a shifted field is printed as it parses", () => {
  for (const text of [
    'at + INTERVAL "P14M" > ISO "2025-01-01T00:00:00Z"',
    'at - INTERVAL "P1MT5S" <= ISO "2025-01-01T00:00:00.25Z"',
  ]) {
    assert.equal(printPredicate(checkFilter(text, schema)), text);
  }
});

test("other comparisons with times are refused in Milvus's words", () => {
  for (const [text, says] of [
    ['id > ISO "2025-01-01T00:00:00Z"', /field 'id' is not a timestamptz datatype/],
    ['at > ISO "soon"', /invalid timestamp string: 'soon'. Does not match any known format/],
    ['at + INTERVAL "1 day" > ISO "2025-01-01T00:00:00Z"', /invalid ISO 8601 duration: 1 day/],
    ['at + INTERVAL "P99999Y" > ISO "2025-01-01T00:00:00Z"', /longer than 10000 years/],
    ['at + 5 > ISO "2025-01-01T00:00:00Z"', /compared with a field, or a field \+ or - an interval/],
    ["at > 5", /comparisons between Timestamptz and Int64 are not supported/],
    ['at in [ISO "2025-01-01T00:00:00Z"]', /ISO and INTERVAL are only served in comparisons/],
    ['place == "POINT (1 2)"', /comparisons between Geometry and VarChar are not supported/],
    ['st_within(place, "POINT (1 2)")', /st_within is not served/],
  ] as const) {
    assert.throws(() => checkFilter(text, schema), says, text);
  }
});
