import assert from "node:assert/strict";
import { test } from "node:test";
import { testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type {
  Engine,
  MinHashSearch,
  SearchSpec,
  Segment,
  VectorIndexSpec,
} from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { newControl } from "./list-index-contract.ts";
import { dense, hitsOf, keyBelow, searchSpec, segmentOf, type PlainHit } from "./search-contract.ts";
import { keyField, sealedCopy, seenAt, sequentialKeys } from "./segment-fixture.ts";

const ELEMENTS = 24;
const ROWS = 300;
const QUERIES = 4;

/** Signatures and MINHASH_LSH: scans, the index and the reference agree on what a band and an estimate are. */
export function minHashContract(makeEngine: MakeEngine): void {
  for (const elementBytes of [1, 2, 3, 4, 8]) {
    test(`signatures of ${elementBytes}-byte elements are compared exactly, with and without an index`, async () => {
      const all = world(makeEngine(), elementBytes);
      const { engine, field, growing } = all;
      const queries = dense(field, all.asked);
      const sealed = await sealedCopy(engine, growing, [keyField(), field]);
      const model = (spec: SearchSpec, visible: (row: number) => boolean): PlainHit[][] =>
        plainHits(all, spec, visible);
      const everything = () => true;
      for (const bands of [1, 5, 8, 24, 1000]) {
        const file = await engine.buildVectorIndex(sealed, specOf(field, elementBytes, bands), newControl());
        sealed.attachIndex(field.id, file);
        file.close();
        for (const estimate of [true, false]) {
          const minHash: MinHashSearch = { elementBytes, bands, estimate };
          const name = `${elementBytes} bytes, ${bands} bands, estimate ${estimate}`;
          const spec: SearchSpec = { ...searchSpec(field, "MHJACCARD", queries, 10), minHash };
          const truth = model(spec, everything);
          assert.deepEqual(hitsOf(growing.search(spec, undefined)), truth, `${name}: growing`);
          assert.deepEqual(
            hitsOf(sealed.search({ ...spec, exact: true }, undefined)),
            truth,
            `${name}: exact`,
          );
          const found = hitsOf(sealed.search(spec, undefined));
          if (!estimate) assert.deepEqual(found, truth, `${name}: indexed`);
          assertSound(found, truth, all, minHash);
          const few = { ...spec, filter: { program: keyBelow(7), externals: [] } };
          const fewTruth = model(few, (row) => row < 7);
          assert.deepEqual(hitsOf(sealed.search(few, undefined)), fewTruth, `${name}: few rows`);
          const range = { radius: 0.2, rangeFilter: 0.9 };
          const inRange = hitsOf(growing.search({ ...spec, range }, undefined));
          assert.deepEqual(inRange, model({ ...spec, range }, everything), `${name}: range`);
          // An index over other bands or elements is not one for this search, which scans.
          const others = { ...spec, minHash: { ...minHash, bands: bands === 5 ? 6 : 5 } };
          assert.deepEqual(hitsOf(sealed.search(others, undefined)), model(others, everything), name);
        }
        sealed.detachIndex(field.id);
      }
      sealed.close();
      growing.close();
    });
  }

  test("deleted rows are no hits of a signature search, and another row takes their place", async () => {
    const { engine, field, growing, asked } = world(makeEngine(), 4);
    const queries = dense(field, asked);
    const sealed = await sealedCopy(engine, growing, [keyField(), field]);
    const file = await engine.buildVectorIndex(sealed, specOf(field, 4, 8), newControl());
    sealed.attachIndex(field.id, file);
    file.close();
    const minHash = { elementBytes: 4, bands: 8, estimate: true };
    const spec = { ...searchSpec(field, "MHJACCARD", queries, 5), minHash, visibility: seenAt(100_000) };
    const before = hitsOf(sealed.search(spec, undefined));
    const best = before[0]?.[0]?.row ?? assert.fail();
    sealed.applyDeletes(sequentialKeys("int64", best, 1), BigUint64Array.of(50_000n));
    const after = hitsOf(sealed.search(spec, undefined));
    assert.equal(after[0]?.length, 5);
    assert.ok(after.flat().every(({ row }) => row !== best));
    sealed.close();
    growing.close();
  });

  test("signatures that do not fit the field are refused, and builds over them", async () => {
    const { engine, field, growing, asked } = world(makeEngine(), 4);
    const spec = searchSpec(field, "MHJACCARD", dense(field, asked), 5);
    const isInvalid = (error: unknown): boolean => isRedkiteError(error, "parameterInvalid");
    const wrong: readonly (MinHashSearch | undefined)[] = [
      undefined,
      { elementBytes: 0, bands: 4, estimate: true },
      { elementBytes: 5, bands: 4, estimate: true },
      { elementBytes: 64, bands: 4, estimate: false },
      { elementBytes: 4, bands: 0, estimate: false },
    ];
    for (const minHash of wrong)
      assert.throws(() => growing.search(minHash ? { ...spec, minHash } : spec, undefined), isInvalid);
    const good = specOf(field, 4, 8);
    const builds: readonly VectorIndexSpec[] = [
      specOf(field, 5, 8),
      specOf(field, 0, 8),
      specOf(field, 4, 0),
      { ...good, metric: "HAMMING" },
      { ...good, index: { kind: "BIN_IVF_FLAT", nlist: 4 } },
      { ...good, index: { kind: "HNSW", m: 8, efConstruction: 40 } },
    ];
    for (const build of builds)
      await assert.rejects(async () => engine.buildVectorIndex(growing, build, newControl()), isInvalid);
    await assert.rejects(
      async () => engine.buildVectorIndex(growing, good, newControl(1)),
      (error) => isRedkiteError(error, "canceled"),
    );
    growing.close();
  });
}

interface World {
  readonly engine: Engine;
  readonly field: FieldSchema;
  readonly growing: Segment;
  /** Queries, one after the other. */
  readonly asked: Uint8Array;
  /** Which elements are equal, by query and row. */
  readonly same: readonly (readonly (readonly boolean[])[])[];
}

function specOf({ id, type, dim }: FieldSchema, elementBytes: number, bands: number): VectorIndexSpec {
  const index = { kind: "MINHASH_LSH", elementBytes, bands } as const;
  return { fieldId: id, type, dim, metric: "MHJACCARD", index, seed: 5 };
}

/** Hits of an index: k of them, best first, with their own scores, and none that cannot be missed missing. */
function assertSound(
  found: readonly PlainHit[][],
  truth: readonly PlainHit[][],
  all: World,
  minHash: MinHashSearch,
): void {
  found.forEach((hits, q) => {
    const wanted = truth[q] ?? [];
    assert.equal(hits.length, wanted.length);
    assert.equal(new Set(hits.map(({ row }) => row)).size, hits.length);
    hits.forEach(({ row, score }, i) => {
      assert.equal(score, similarity(all.same[q]?.[row] ?? [], minHash));
      const before = hits[i - 1] ?? { row: -1, score: Infinity };
      assert.ok(before.score > score || (before.score === score && before.row < row));
    });
    // A row with fewer unequal elements than there are bands has one band without any.
    const surely = wanted.filter(
      ({ score }) => (1 - score) * ELEMENTS < Math.min(minHash.bands, ELEMENTS) - 0.5,
    );
    assert.deepEqual(
      hits.slice(0, surely.length).map(({ score }) => score),
      surely.map(({ score }) => score),
    );
  });
}

/** Rows in families: each is its family's signature but for some elements, queries too. */
function world(engine: Engine, elementBytes: number): World {
  const random = Prng.fromSeed(81);
  const bytes = ELEMENTS * elementBytes;
  const field = testField(110, DataType.BinaryVector, { dim: bytes * 8 });
  const families = Array.from({ length: 40 }, () =>
    Uint8Array.from({ length: bytes }, () => random.int(256)),
  );
  const members = (count: number): Uint8Array => {
    const all = new Uint8Array(count * bytes);
    for (let row = 0; row < count; row++) {
      const own = all.subarray(row * bytes, (row + 1) * bytes);
      own.set(random.pick(families));
      for (let changes = random.int(ELEMENTS); changes > 0; changes--) {
        const at = random.int(ELEMENTS) * elementBytes;
        for (let b = 0; b < elementBytes; b++) own[at + b] = random.int(256);
      }
    }
    return all;
  };
  const rows = members(ROWS);
  const growing = segmentOf(engine, field, dense(field, rows));
  const asked = members(QUERIES);
  const indices = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);
  const same = indices(QUERIES).map((q) =>
    indices(ROWS).map((row) => equalElements(rows, asked, elementBytes, q, row)),
  );
  return { engine, field, growing, asked, same };
}

/** Which elements of a query and a row are equal. */
function equalElements(
  rows: Uint8Array,
  asked: Uint8Array,
  elementBytes: number,
  query: number,
  row: number,
): readonly boolean[] {
  const width = ELEMENTS * elementBytes;
  return Array.from({ length: ELEMENTS }, (_, element) => {
    const at = element * elementBytes;
    for (let i = at; i < at + elementBytes; i++)
      if (asked[query * width + i] !== rows[row * width + i]) return false;
    return true;
  });
}

/** By the definition: the share of elements that are equal, or whether all those of a band are. */
function similarity(same: readonly boolean[], { bands, estimate }: MinHashSearch): number {
  if (estimate) return Math.fround(same.filter(Boolean).length / ELEMENTS);
  const count = Math.min(bands, ELEMENTS);
  const length = Math.floor(ELEMENTS / count);
  for (let band = 0; band < count; band++)
    if (same.slice(band * length, (band + 1) * length).every(Boolean)) return 1;
  return 0;
}

function plainHits({ same }: World, spec: SearchSpec, isVisible: (row: number) => boolean): PlainHit[][] {
  const minHash = spec.minHash ?? assert.fail();
  const { radius = -Infinity, rangeFilter = Infinity } = spec.range ?? {};
  return Array.from({ length: QUERIES }, (_, q) =>
    Array.from({ length: ROWS }, (_unused, row) => ({
      row,
      score: similarity(same[q]?.[row] ?? [], minHash),
    }))
      .filter(({ row, score }) => isVisible(row) && (minHash.estimate || score === 1))
      .filter(({ score }) => score > Math.fround(radius) && score <= Math.fround(rangeFilter))
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, spec.k),
  );
}
