import assert from "node:assert/strict";
import { test } from "node:test";
import {
  batchOf,
  keyField,
  randomRows,
  sequentialKeys,
  ts,
} from "../../../tests/contract/engine/segment-fixture.ts";
import { testField } from "../../../tests/contract/random-columns.ts";
import { Prng } from "../../base/prng.ts";
import { NativeEngine } from "../../engine/native-engine.ts";
import { ReferenceEngine } from "../../engine/reference-engine.ts";
import type { Column } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import { fieldId } from "../../model/ids.ts";
import { composeTimestamp, TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import { countUnseen, keptRows } from "./gone-rows.ts";

const ROWS = 60;
const UNTIL = fieldId(101);
const fields = [keyField(), testField(101, DataType.Timestamptz, { nullable: true })];
const schema = { name: "c", description: "", fields, functions: [], enableDynamicField: false, version: 0 };

/** Milliseconds as timestamps; times in fields are in microseconds. */
const atMs = (ms: number): Timestamp => composeTimestamp(BigInt(ms), 0n);

interface Version {
  readonly begin: Timestamp;
  readonly end: Timestamp | undefined;
  /** Milliseconds; undefined where it is null. */
  readonly until: number | undefined;
}

const random = Prng.fromSeed(3);
const versions: readonly Version[] = Array.from({ length: ROWS }, (_, row) => ({
  begin: atMs(100 + row),
  end: random.chance(0.4) ? atMs(200 + random.int(100)) : undefined,
  until: random.chance(0.8) ? 200 + random.int(100) : undefined,
}));

function segmentOf(engine: NativeEngine | ReferenceEngine) {
  const segment = engine.createGrowing({ fields, rowsMax: ROWS, seed: 1 });
  for (const [row, { begin, until }] of versions.entries()) {
    const times: Column = {
      kind: "fixed",
      type: DataType.Timestamptz,
      dim: 0,
      rows: 1,
      values: BigInt64Array.of(BigInt(until ?? 0) * 1000n),
      validity: Uint8Array.of(until === undefined ? 0 : 1),
    };
    const keys = sequentialKeys("int64", row, 1);
    segment.append(batchOf(new Map([...randomRows(random, fields, keys), [UNTIL, times]])), begin);
  }
  for (const [row, { end }] of versions.entries())
    if (end !== undefined) segment.applyDeletes(sequentialKeys("int64", row, 1), BigUint64Array.of(end));
  return segment;
}

for (const engine of [new NativeEngine({ threads: 1, deterministic: true }), new ReferenceEngine()]) {
  test(`${engine.info.name}: of the versions that ended, began or expired early enough none is kept, all others are`, () => {
    const segment = segmentOf(engine);
    for (const dropEndedUpTo of [ts(0), atMs(200), atMs(250), atMs(299), atMs(500)]) {
      for (const dropBegunUpTo of [TIMESTAMP_ZERO, atMs(99), atMs(130), atMs(159)]) {
        for (const expiryField of [undefined, UNTIL]) {
          const lives = ({ begin, end, until }: Version): boolean =>
            !(end !== undefined && end <= dropEndedUpTo) &&
            !(dropBegunUpTo > TIMESTAMP_ZERO && begin <= dropBegunUpTo) &&
            !(expiryField !== undefined && until !== undefined && atMs(until) <= dropEndedUpTo);
          assert.deepEqual(
            [...keptRows(segment, schema, { dropEndedUpTo, dropBegunUpTo, expiryField })],
            versions.flatMap((version, row) => (lives(version) ? [row] : [])),
          );
        }
      }
    }
    segment.close();
  });

  test(`${engine.info.name}: what ended or expired is counted once, whatever ends later`, () => {
    const segment = segmentOf(engine);
    for (const at of [ts(0), atMs(200), atMs(250), atMs(500)]) {
      const ended = versions.filter(({ end }) => end !== undefined && end <= at);
      const expired = versions.filter(
        ({ end, until }) => end === undefined && until !== undefined && atMs(until) <= at,
      );
      assert.equal(countUnseen(segment, schema, { at, expiryField: UNTIL }), ended.length + expired.length);
    }
    segment.close();
  });
}
