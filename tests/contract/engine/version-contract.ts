import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../src/base/prng.ts";
import { columnOfKeys, keysFrom } from "../../../src/format/column-select.ts";
import type { Keys } from "../../../src/model/columns.ts";
import { TIMESTAMP_MAX } from "../../../src/model/timestamp.ts";
import type { Engine, GrowingSegment, Segment, Visibility } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import {
  batchOf,
  EVERYTHING,
  keyField,
  KEY_FIELD,
  sealedCopy,
  seenAt,
  sequentialKeys,
  ts,
} from "./segment-fixture.ts";

export function versionContract(makeEngine: MakeEngine): void {
  for (const kind of ["int64", "varchar"] as const) {
    test(`random histories of ${kind} keys read as a list of versions does, growing and sealed`, async () => {
      for (let seed = 0; seed < 12; seed++) await checkHistory(makeEngine(), kind, seed);
    });
  }

  test("a read sees what began at or before its timestamp and has not ended at it", () => {
    const segment = twoVersions(makeEngine());
    const rowsSeen = (visibility: Visibility) => [
      ...segment.retrieve({ visibility, filter: undefined, limit: -1, order: "row" }, undefined),
    ];
    assert.deepEqual(rowsSeen(seenAt(9)), []);
    assert.deepEqual(rowsSeen(seenAt(10)), [0]);
    assert.deepEqual(rowsSeen(seenAt(19)), [0]);
    assert.deepEqual(rowsSeen(seenAt(20)), [1]);
    assert.deepEqual(rowsSeen(seenAt(29)), [1]);
    assert.deepEqual(rowsSeen(seenAt(30)), []);
    assert.deepEqual(rowsSeen(seenAt(15, 9)), [0]);
    assert.deepEqual(rowsSeen(seenAt(15, 10)), []);
    assert.deepEqual(rowsSeen(EVERYTHING), []);
    segment.close();
  });

  test("a delete ends versions that began before it; one that ended earlier stays as it is", () => {
    const segment = makeEngine().createGrowing({ fields: [keyField()], rowsMax: 10, seed: 1 });
    const key = keysFrom("int64", [7n]);
    const keys = keysFrom("int64", [7n, 8n]);
    appendKeys(segment, key, 10);
    appendKeys(segment, key, 20);
    assert.deepEqual([...segment.applyDeletes(keys, BigUint64Array.of(10n, 50n))], [0]);
    assert.deepEqual([...segment.applyDeletes(keys, BigUint64Array.of(20n, 50n))], [1]);
    assert.deepEqual([...segment.applyDeletes(keys, BigUint64Array.of(20n, 50n))], [0]);
    assert.deepEqual([...segment.ends().timestamps], [20n]);
    assert.deepEqual([...segment.applyDeletes(keys, BigUint64Array.of(90n, 50n))], [1]);
    assert.deepEqual([...segment.ends().timestamps], [20n, 90n]);
    assert.equal(segment.endedRows(ts(19)), 0);
    assert.equal(segment.endedRows(ts(20)), 1);
    assert.equal(segment.endedRows(TIMESTAMP_MAX), 2);
    assert.deepEqual([...segment.latestVersions(keys)], [90n, 0n]);
    segment.close();
  });

  test("many keys are deleted at once, each at its own timestamp", () => {
    const segment = makeEngine().createGrowing({ fields: [keyField()], rowsMax: 100, seed: 1 });
    appendKeys(segment, sequentialKeys("int64", 0, 70), 10);
    const times = BigUint64Array.from({ length: 70 }, (_, i) => (i % 3 === 0 ? 5n : BigInt(100 + i)));
    const ended = segment.applyDeletes(sequentialKeys("int64", 0, 70), times);
    assert.equal(ended.length, 9);
    for (let i = 0; i < 70; i++) assert.equal(((ended[i >> 3] ?? 0) >> (i & 7)) & 1, i % 3 === 0 ? 0 : 1);
    assert.equal(segment.count({ visibility: seenAt(99), filter: undefined }, undefined), 70);
    assert.equal(segment.count({ visibility: EVERYTHING, filter: undefined }, undefined), 24);
    segment.close();
  });

  test("retrieval by key gives the smallest keys first, by storage order the first rows", () => {
    const engine = makeEngine();
    const numbers = [5n, -3n, 9n, 0n, -(1n << 63n), (1n << 63n) - 1n];
    const texts = ["b", "a", "", "ab", "é", "z", "\u{10000}", "\uffff"];
    for (const [kind, values, sorted] of [
      ["int64", numbers, [4, 1, 3, 0, 2, 5]],
      // By bytes: U+FFFF comes before U+10000, unlike in UTF-16.
      ["varchar", texts, [2, 1, 3, 0, 5, 4, 7, 6]],
    ] as const) {
      const segment = engine.createGrowing({ fields: [keyField(kind)], rowsMax: 10, seed: 1 });
      appendKeys(segment, keysFrom(kind, values), 1);
      const get = (order: "key" | "row", limit: number) => [
        ...segment.retrieve({ visibility: EVERYTHING, filter: undefined, limit, order }, undefined),
      ];
      assert.deepEqual(get("key", -1), sorted);
      assert.deepEqual(get("key", 3), sorted.slice(0, 3));
      assert.deepEqual(get("key", 100), sorted);
      assert.deepEqual(get("row", 2), [0, 1]);
      assert.deepEqual(get("row", 0), []);
      segment.close();
    }
  });

  test("string keys that are nothing, long, or share all but a byte are told apart", () => {
    const segment = makeEngine().createGrowing({ fields: [keyField("varchar")], rowsMax: 20, seed: 1 });
    const values = [
      "",
      "a",
      "aa",
      "x".repeat(200),
      "x".repeat(199) + "y",
      "12345678",
      "123456789",
      "\0",
      "\0\0",
    ];
    const keys = keysFrom("varchar", values);
    appendKeys(segment, keys, 1);
    assert.deepEqual(
      [...segment.lookup(keys, EVERYTHING)],
      values.map((_, i) => i),
    );
    assert.deepEqual([...segment.lookup(keysFrom("varchar", ["b", "x".repeat(201)]), EVERYTHING)], [-1, -1]);
    segment.close();
  });
}

interface Version {
  readonly key: number;
  readonly begin: bigint;
  end: bigint;
}

/** Appends, upserts and deletes few keys at rising timestamps, and compares reads at all times with a plain list. */
async function checkHistory(engine: Engine, kind: Keys["kind"], seed: number): Promise<void> {
  const prng = Prng.fromSeed(seed);
  const names = (keys: readonly number[]) =>
    keysFrom(
      kind,
      keys.map((key) => (kind === "int64" ? BigInt(key * 7 - 30) : `k${key}`)),
    );
  const growing = engine.createGrowing({ fields: [keyField(kind)], rowsMax: 2000, seed });
  const versions: Version[] = [];
  let now = 0n;
  const remove = (segment: Segment, keys: readonly number[], at: bigint) => {
    const ended = segment.applyDeletes(names(keys), new BigUint64Array(keys.length).fill(at));
    keys.forEach((key, i) => {
      const hit = versions.filter((version) => version.key === key && version.begin < at && version.end > at);
      for (const version of hit) version.end = at;
      assert.equal(
        ((ended[i >> 3] ?? 0) >> (i & 7)) & 1,
        hit.length > 0 ? 1 : 0,
        `seed ${seed}: delete of ${key} at ${at}`,
      );
    });
  };
  const distinct = () => [...new Set(Array.from({ length: prng.between(1, 12) }, () => prng.int(25)))];
  for (let step = 0; step < 60; step++) {
    now += BigInt(prng.between(1, 5));
    const keys = distinct();
    if (prng.chance(0.6)) {
      appendKeys(growing, names(keys), now);
      for (const key of keys) versions.push({ key, begin: now, end: TIMESTAMP_MAX });
      if (prng.chance(0.8)) remove(growing, keys, now);
    } else {
      remove(growing, keys, now);
    }
    if (step % 10 === 9) checkReads(growing, versions, names, prng, now);
  }
  const sealed = await sealedCopy(engine, growing, [keyField(kind)]);
  growing.close();
  checkReads(sealed, versions, names, prng, now);
  for (let step = 0; step < 10; step++) {
    now += 3n;
    remove(sealed, distinct(), now);
  }
  checkReads(sealed, versions, names, prng, now);
  sealed.close();
}

function checkReads(
  segment: Segment,
  versions: readonly Version[],
  names: (keys: readonly number[]) => Keys,
  prng: Prng,
  now: bigint,
): void {
  const all = Array.from({ length: 26 }, (_, key) => key);
  assert.equal(segment.rows, versions.length);
  for (let round = 0; round < 8; round++) {
    const at = ts(prng.chance(0.2) ? TIMESTAMP_MAX : prng.int(Number(now) + 2));
    const minBegin = ts(prng.chance(0.5) ? 0 : prng.int(Number(now)));
    const visibility = { at, minBegin };
    const isVisible = (version: Version) =>
      version.begin <= at && version.begin > minBegin && (version.end > at || version.end === TIMESTAMP_MAX);
    const rows = versions.flatMap((version, row) => (isVisible(version) ? [row] : []));
    const read = { visibility, filter: undefined };
    assert.deepEqual([...segment.retrieve({ ...read, limit: -1, order: "row" }, undefined)], rows);
    assert.equal(segment.count(read, undefined), rows.length);
    const newest = all.map((key) => rows.findLast((row) => versions[row]?.key === key) ?? -1);
    assert.deepEqual([...segment.lookup(names(all), visibility)], newest);
    const ended = versions.filter((version) => version.end !== TIMESTAMP_MAX && version.end <= at).length;
    assert.equal(segment.endedRows(at), ended);
  }
  const latest = all.map((key) =>
    versions
      .filter((version) => version.key === key)
      .flatMap(({ begin, end }) => (end === TIMESTAMP_MAX ? [begin] : [begin, end]))
      .reduce((max, time) => (time > max ? time : max), 0n),
  );
  assert.deepEqual([...segment.latestVersions(names(all))], latest);
  const endedRows = versions.flatMap(({ end }, row) => (end === TIMESTAMP_MAX ? [] : [row]));
  const ends = segment.ends();
  assert.deepEqual([...ends.rows], endedRows);
  assert.deepEqual(
    [...ends.timestamps],
    endedRows.map((row) => versions[row]?.end),
  );
}

/** One key: a version that began at 10 and ended at 20 by another, which ended at 30. */
function twoVersions(engine: Engine): Segment {
  const segment = engine.createGrowing({ fields: [keyField()], rowsMax: 10, seed: 1 });
  const key = keysFrom("int64", [7n]);
  appendKeys(segment, key, 10);
  appendKeys(segment, key, 20);
  segment.applyDeletes(key, BigUint64Array.of(20n));
  segment.applyDeletes(key, BigUint64Array.of(30n));
  return segment;
}

function appendKeys(segment: GrowingSegment, keys: Keys, at: number | bigint): void {
  segment.append(batchOf(new Map([[KEY_FIELD, columnOfKeys(keys)]])), ts(at));
}
