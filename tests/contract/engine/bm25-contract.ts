import assert from "node:assert/strict";
import { test } from "node:test";
import { testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import type { Column } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { Bm25Search, SearchSpec, Segment, VectorIndexSpec } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { newControl } from "./list-index-contract.ts";
import { checkNearest, hitsOf, keyBelow, searchSpec, segmentOf, sparse } from "./search-contract.ts";
import { keyField, sealedCopy, seenAt, sequentialKeys } from "./segment-fixture.ts";
import { plainVector } from "./vector-model.ts";

const field = testField(115, DataType.SparseFloatVector);
const ROWS = 200;

/** As Milvus's defaults, without saturation, without lengths, and averages that follow the data or are far off. */
const ASKED: readonly Bm25Search[] = [
  { k1: 1.2, b: 0.75, avgdl: 30 },
  { k1: 1.2, b: 0.75, avgdl: 29 },
  { k1: 1.2, b: 0.75, avgdl: 4000 },
  { k1: 1.2, b: 0.75, avgdl: 0.5 },
  { k1: 0, b: 0.75, avgdl: 30 },
  { k1: 3, b: 0, avgdl: 30 },
  { k1: 2, b: 1, avgdl: 60 },
];

/** BM25 over rows of term frequencies: scans and the reference agree, whatever is asked. */
export function bm25Contract(makeEngine: MakeEngine): void {
  test("rows of term frequencies are ranked by BM25, growing and sealed, filtered and with deletes", async () => {
    const engine = makeEngine();
    const column = documents(ROWS, 61);
    const queries = weights(4, 62);
    const growing = segmentOf(engine, field, column);
    const sealed = await sealedCopy(engine, growing, [keyField(), field]);
    const check = (segment: Segment, spec: SearchSpec, isCandidate: (row: number) => boolean) => {
      const scoreAt = (q: number, row: number) => plainBm25(spec, queries, q, column, row);
      checkNearest({ hits: segment.search(spec, undefined), spec, column, isCandidate, scoreAt });
    };
    const indexed = await sealedCopy(engine, growing, [keyField(), field]);
    const file = await engine.buildVectorIndex(indexed, indexSpec({ k1: 1.2, b: 0.75 }), newControl());
    indexed.attachIndex(field.id, file);
    file.close();
    for (const segment of [growing, sealed, indexed]) {
      for (const bm25 of ASKED) {
        for (const k of [1, 10, ROWS]) {
          const spec = { ...searchSpec(field, "BM25", queries, k), bm25 };
          check(segment, spec, () => true);
          if (segment === indexed) check(segment, { ...spec, exact: true }, () => true);
          const filter = { program: keyBelow(75), externals: [] };
          check(segment, { ...spec, filter }, (row) => row < 75);
        }
      }
      segment.applyDeletes(sequentialKeys("int64", 20, 40), new BigUint64Array(40).fill(2_000n));
      const seen = { ...searchSpec(field, "BM25", queries, 10), visibility: seenAt(2_000) };
      for (const bm25 of ASKED) check(segment, { ...seen, bm25 }, (row) => row < 20 || row >= 60);
      segment.close();
    }
  });

  test("BM25 counts terms as it says: none, some, too many, and the length of the row", () => {
    const column = sparse([
      [[1, 1]],
      [],
      [
        [1, 1],
        [2, 3],
      ],
      [[1, 2 ** 40]],
      [
        [1, 0],
        [2, -4],
        [3, NaN],
      ],
      [[1, 1]],
      [[9, 1]],
    ]);
    const segment = segmentOf(makeEngine(), field, column);
    const bm25 = { k1: 1, b: 0.5, avgdl: 2 };
    const queries = sparse([
      [
        [1, 1],
        [2, 0],
      ],
      [[2, 2]],
      [[3, 1]],
      [],
      [[9, -1]],
    ]);
    const spec = { ...searchSpec(field, "BM25", queries, 10), bm25 };
    const [ones, twos, ...others] = hitsOf(segment.search(spec, undefined));
    // 2 / (1 + 0.5 + 0.25), twice; 2 / (1 + 0.5 + 1); 2 tf / (tf + 0.5 + tf / 4) for 2^31 terms.
    const single = Math.fround(2 / 1.75);
    assert.deepEqual(
      ones?.map(({ row }) => row),
      [3, 0, 5, 2],
    );
    for (const [i, score] of [1.6, single, single, 0.8].entries())
      assert.ok(Math.abs((ones[i]?.score ?? NaN) - score) < 1e-6, `hit ${i}`);
    assert.equal(ones[1]?.score, ones[2]?.score);
    assert.deepEqual(
      twos?.map(({ row }) => row),
      [2],
    );
    assert.deepEqual(others, [[], [], []]);
    const range = { radius: 0.8, rangeFilter: 1.5 };
    const inRange = hitsOf(segment.search({ ...spec, range }, undefined))[0] ?? assert.fail();
    assert.deepEqual(
      inRange.map(({ row }) => row).filter((row) => row !== 2),
      [0, 5],
    );
    segment.close();
  });

  test("an index of one metric is none for searches by the other, which scan", async () => {
    const engine = makeEngine();
    const growing = segmentOf(engine, field, documents(ROWS, 65));
    const sealed = await sealedCopy(engine, growing, [keyField(), field]);
    const queries = weights(4, 66);
    const bm25 = ASKED[0] ?? assert.fail();
    const specs = [searchSpec(field, "IP", queries, 10), { ...searchSpec(field, "BM25", queries, 10), bm25 }];
    const truth = specs.map((spec) => hitsOf(growing.search(spec, undefined)));
    assert.ok(truth.flat(2).length > 40);
    for (const spec of [
      indexSpec({ k1: 1.2, b: 0.75 }),
      { ...indexSpec(undefined), metric: "IP" as const },
    ]) {
      const file = await engine.buildVectorIndex(sealed, spec, newControl());
      sealed.attachIndex(field.id, file);
      file.close();
      assert.deepEqual(
        specs.map((one) => hitsOf(sealed.search(one, undefined))),
        truth,
      );
      sealed.detachIndex(field.id);
    }
    sealed.close();
    growing.close();
  });

  test("BM25 without its numbers, with numbers out of range is refused, in searches and builds", async () => {
    const engine = makeEngine();
    const segment = segmentOf(engine, field, documents(20, 63));
    const spec = searchSpec(field, "BM25", weights(1, 64), 5);
    const good = ASKED[0] ?? assert.fail();
    const wrong: readonly (Bm25Search | undefined)[] = [
      undefined,
      { ...good, k1: -0.1 },
      { ...good, k1: 3.1 },
      { ...good, b: 1.1 },
      { ...good, b: NaN },
      { ...good, avgdl: -1 },
      { ...good, avgdl: Infinity },
    ];
    const isInvalid = (error: unknown): boolean => isRedkiteError(error, "parameterInvalid");
    for (const bm25 of wrong)
      assert.throws(() => segment.search(bm25 ? { ...spec, bm25 } : spec, undefined), isInvalid);
    for (const bm25 of [undefined, { k1: 3.5, b: 0.5 }, { k1: 1, b: -1 }])
      await assert.rejects(engine.buildVectorIndex(segment, indexSpec(bm25), newControl()), isInvalid);
    segment.close();
  });
}

function indexSpec(bm25: Pick<Bm25Search, "k1" | "b"> | undefined): VectorIndexSpec {
  const index = { kind: "SPARSE_INVERTED_INDEX", ...(bm25 && { bm25 }) } as const;
  return { fieldId: field.id, type: field.type, dim: field.dim, metric: "BM25", index, seed: 1 };
}

/** Rows of counted terms, few of which are common; some rows are empty, some count one term very often. */
function documents(rows: number, seed: number): Column {
  const prng = Prng.fromSeed(seed);
  return sparse(
    Array.from({ length: rows }, (_, row) => {
      if (row % 37 === 5) return [];
      const counts = new Map<number, number>();
      for (let i = prng.between(1, 30); i > 0; i--) {
        const term = drawTerm(prng);
        counts.set(term, (counts.get(term) ?? 0) + (row % 50 === 3 ? 1000 : 1));
      }
      return [...counts].sort(([a], [b]) => a - b);
    }),
  );
}

function weights(queries: number, seed: number): Column {
  const prng = Prng.fromSeed(seed);
  return sparse(
    Array.from({ length: queries }, () => {
      const terms = new Set(Array.from({ length: prng.between(1, 8) }, () => drawTerm(prng)));
      return [...terms].sort((a, b) => a - b).map((term) => [term, prng.between(1, 40) / 8] as const);
    }),
  );
}

function drawTerm(prng: Prng): number {
  return Math.floor(200 * (prng.between(0, 1000) / 1001) ** 3) * 5;
}

function plainBm25({ bm25 }: SearchSpec, queries: Column, q: number, column: Column, row: number): number {
  const { k1, b, avgdl } = bm25 ?? assert.fail();
  const terms = plainVector(column, row);
  const length = [...terms.values()].reduce((total, tf) => total + tf, 0);
  const norm = k1 * (1 - b + (b * length) / Math.max(1, avgdl));
  return [...plainVector(queries, q)].reduce((score, [term, weight]) => {
    const tf = terms.get(term) ?? 0;
    return tf === 0 ? score : score + (weight * tf * (k1 + 1)) / (tf + norm);
  }, 0);
}
