import assert from "node:assert/strict";
import { test } from "node:test";
import { randomColumn, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { columnBytes, fixedValuesOver } from "../../../src/format/column-buffers.ts";
import { gatherColumn, keyAt } from "../../../src/format/column-select.ts";
import { isValid, type Column } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import { Comparison, FilterOp } from "../../../src/model/filter-program.ts";
import type { MetricType } from "../../../src/model/read.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { SearchHits, SearchSpec, Segment } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { filterProgram, int64s } from "./filter-builder.ts";
import {
  batchOf,
  columnOf,
  EVERYTHING,
  keyField,
  KINDS,
  makeWorld,
  randomRows,
  sealedCopy,
  seenAt,
  sequentialKeys,
  ts,
} from "./segment-fixture.ts";
import { isLargerBetter, isPlainHit, plainScore, plainVector } from "./vector-model.ts";

const vectorFields = [
  testField(110, DataType.FloatVector, { nullable: true, dim: 13 }),
  testField(111, DataType.Float16Vector, { nullable: true, dim: 8 }),
  testField(112, DataType.BFloat16Vector, { nullable: true, dim: 33 }),
  testField(113, DataType.Int8Vector, { nullable: true, dim: 20 }),
  testField(114, DataType.BinaryVector, { nullable: true, dim: 72 }),
  testField(115, DataType.SparseFloatVector, { nullable: true }),
];
const groupFields = [
  testField(120, DataType.Int64, { nullable: true }),
  testField(121, DataType.VarChar, { nullable: true }),
  testField(122, DataType.Bool, { nullable: true }),
];
const fields = [keyField(), ...vectorFields, ...groupFields];

/** Those that an index can be built for. */
export function metricsOf(type: DataType): readonly MetricType[] {
  if (type === DataType.BinaryVector) return ["HAMMING", "JACCARD"];
  return type === DataType.SparseFloatVector ? ["IP"] : ["L2", "IP", "COSINE"];
}

export function searchContract(makeEngine: MakeEngine): void {
  for (const kind of KINDS) {
    test(`every vector type and metric finds the nearest rows of a ${kind} segment`, async () => {
      const { segment, columns } = await makeWorld(makeEngine(), { fields, kind, rows: 180, seed: 31 });
      segment.applyDeletes(sequentialKeys("int64", 20, 40), new BigUint64Array(40).fill(2_000n));
      const filter = { program: keyBelow(150), externals: [] };
      for (const field of vectorFields) {
        const queries = randomColumn(Prng.fromSeed(32), { ...field, nullable: false }, 4);
        for (const metric of metricsOf(field.type)) {
          for (const k of [1, 10, 500]) {
            const spec = { ...searchSpec(field, metric, queries, k), visibility: seenAt(2_000), filter };
            const hits = segment.search(spec, undefined);
            const isCandidate = (row: number) => row < 150 && (row < 20 || row >= 60);
            const column = columnOf(columns, field.id);
            const scoreAt = plainScorer(metric, queries, column);
            checkNearest({ hits, spec, column, isCandidate, scoreAt });
          }
        }
      }
      segment.close();
    });
  }

  test("hits and scores do not depend on where the rows lie, nor on how many queries come together", async () => {
    const engine = makeEngine();
    const { segment, columns } = await makeWorld(engine, { fields, kind: "growing", rows: 90, seed: 33 });
    const sealed = await sealedCopy(engine, segment, fields);
    for (const field of vectorFields) {
      const queries = randomColumn(Prng.fromSeed(34), { ...field, nullable: false }, 9);
      for (const metric of metricsOf(field.type)) {
        const spec = searchSpec(field, metric, queries, 7);
        const together = hitsOf(segment.search(spec, undefined));
        assert.deepEqual(hitsOf(sealed.search(spec, undefined)), together);
        assert.deepEqual(hitsOf(await sealed.searchAsync(spec, undefined)), together);
        const single = Array.from({ length: 9 }, (_, q) => {
          const one = gatherColumn(queries, [q]);
          return hitsOf(segment.search(searchSpec(field, metric, one, 7), undefined)).flat();
        });
        assert.deepEqual(single, together, `${field.name} ${metric}`);
      }
    }
    assert.equal(columns.size, fields.length);
    sealed.close();
    segment.close();
  });

  test("equal scores come by ascending row, scores of whole numbers are exact", () => {
    const engine = makeEngine();
    const prng = Prng.fromSeed(35);
    const field = testField(110, DataType.FloatVector, { dim: 3 });
    const values = Float32Array.from({ length: 900 }, () => prng.between(-2, 2));
    const column = dense(field, values);
    const segment = segmentOf(engine, field, column);
    const queries = dense(field, Float32Array.of(1, 0, -2, 0, 2, 1));
    for (const metric of ["L2", "IP"] as const) {
      for (const k of [1, 17, 300]) {
        const hits = hitsOf(segment.search(searchSpec(field, metric, queries, k), undefined));
        hits.forEach((found, q) => {
          const expected = Array.from({ length: 300 }, (_, row) => ({
            row,
            score: plainScore(metric, plainVector(queries, q), plainVector(column, row)),
          })).sort((a, b) => (metric === "L2" ? a.score - b.score : b.score - a.score) || a.row - b.row);
          assert.deepEqual(found, expected.slice(0, k));
        });
      }
    }
    segment.close();
  });

  test("a zero vector has cosine 0 with every other, two empty bit sets have Jaccard distance 1", () => {
    const engine = makeEngine();
    const floats = testField(110, DataType.FloatVector, { dim: 2 });
    const rows = dense(floats, Float32Array.of(0, 0, 1, 1, -1, -1));
    const segment = segmentOf(engine, floats, rows);
    const search = (query: Float32Array) =>
      hitsOf(segment.search(searchSpec(floats, "COSINE", dense(floats, query), 3), undefined))[0];
    assert.deepEqual(
      search(Float32Array.of(0, 0)),
      [0, 1, 2].map((row) => ({ row, score: 0 })),
    );
    assert.deepEqual(
      search(Float32Array.of(2, 2))?.map(({ row }) => row),
      [1, 0, 2],
    );
    assert.equal(search(Float32Array.of(2, 2))?.[1]?.score, 0);
    segment.close();
    const bits = testField(110, DataType.BinaryVector, { dim: 8 });
    const binary = segmentOf(engine, bits, dense(bits, Uint8Array.of(0, 3, 1)));
    const empty = searchSpec(bits, "JACCARD", dense(bits, Uint8Array.of(0)), 3);
    assert.deepEqual(
      hitsOf(binary.search(empty, undefined))[0],
      [0, 1, 2].map((row) => ({ row, score: 1 })),
    );
    const one = searchSpec(bits, "JACCARD", dense(bits, Uint8Array.of(1)), 3);
    assert.deepEqual(hitsOf(binary.search(one, undefined))[0], [
      { row: 2, score: 0 },
      { row: 1, score: 0.5 },
      { row: 0, score: 1 },
    ]);
    binary.close();
  });

  for (const kind of KINDS) {
    test(`rows of a ${kind} segment that are not inside a relation are no hits`, async () => {
      const bits = testField(110, DataType.BinaryVector, { nullable: true, dim: 8 });
      const group = testField(120, DataType.Bool);
      const world = { fields: [keyField(), bits, group], kind, rows: 300, seed: 51 };
      const { segment, columns } = await makeWorld(makeEngine(), world);
      const queries = dense(bits, Uint8Array.of(0, 255, 3, 0b1010_0110, 64));
      const column = columnOf(columns, bits.id);
      for (const metric of ["SUBSTRUCTURE", "SUPERSTRUCTURE"] as const) {
        for (const k of [1, 10, 300]) {
          const plain = searchSpec(bits, metric, queries, k);
          const spec = { ...plain, filter: { program: keyBelow(250), externals: [] } };
          const hits = segment.search(spec, undefined);
          const scoreAt = plainScorer(metric, queries, column);
          checkNearest({ hits, spec, column, isCandidate: (row) => row < 250, scoreAt });
          assert.deepEqual(hitsOf(await segment.searchAsync(spec, undefined)), hitsOf(hits));
        }
        const all = hitsOf(segment.search(searchSpec(bits, metric, queries, 300), undefined));
        const nothing = all[metric === "SUBSTRUCTURE" ? 0 : 1] ?? assert.fail();
        const valid = Array.from({ length: 300 }, (_, row) => row).filter((row) =>
          isValid(column.validity, row),
        );
        assert.deepEqual(
          nothing.map(({ row }) => row),
          valid,
          "every row is inside the widest relation",
        );
        const spec = searchSpec(bits, metric, queries, 300);
        const within = segment.search({ ...spec, range: { radius: 0.5, rangeFilter: 0 } }, undefined);
        assert.deepEqual(hitsOf(within), all);
        const beyond = segment.search({ ...spec, range: { radius: 2, rangeFilter: 0.5 } }, undefined);
        assert.equal(beyond.rows.length, 0);
        const groupBy = { fieldId: group.id, groupSize: 2 };
        const grouped = hitsOf(segment.search({ ...spec, k: 2, groupBy }, undefined));
        assert.equal(grouped[metric === "SUBSTRUCTURE" ? 0 : 1]?.length, 4);
      }
      segment.close();
    });
  }

  test("sparse rows that share nothing with the query are no hits", () => {
    const engine = makeEngine();
    const field = testField(110, DataType.SparseFloatVector);
    const column = sparse([
      [
        [1, 1],
        [7, 2],
      ],
      [[2, 5]],
      [],
      [
        [7, 0.5],
        [4_000_000_000, 3],
      ],
      [[1, -3]],
    ]);
    const segment = segmentOf(engine, field, column);
    const queries = sparse([
      [
        [1, 1],
        [7, 2],
      ],
      [],
      [[4_000_000_000, 1]],
      [[3, 1]],
    ]);
    assert.deepEqual(hitsOf(segment.search(searchSpec(field, "IP", queries, 5), undefined)), [
      [
        { row: 0, score: 5 },
        { row: 3, score: 1 },
      ],
      [],
      [{ row: 3, score: 3 }],
      [],
    ]);
    segment.close();
  });

  test("a range keeps what lies between its bounds, the radius excluded and the other included", () => {
    const engine = makeEngine();
    const field = testField(110, DataType.FloatVector, { dim: 1 });
    const segment = segmentOf(engine, field, dense(field, Float32Array.of(0, 1, 2, 3, 4, 5)));
    const query = dense(field, Float32Array.of(1));
    const rowsIn = (metric: MetricType, radius: number, rangeFilter: number | undefined, k = 10) =>
      hitsOf(
        segment.search({ ...searchSpec(field, metric, query, k), range: { radius, rangeFilter } }, undefined),
      )[0]?.map(({ row }) => row);
    // Squared distances of the rows: 1 0 1 4 9 16; inner products: 0 1 2 3 4 5.
    assert.deepEqual(rowsIn("L2", 9, undefined), [1, 0, 2, 3]);
    assert.deepEqual(rowsIn("L2", 9, 1), [0, 2, 3]);
    assert.deepEqual(rowsIn("L2", 9, 1, 2), [0, 2]);
    assert.deepEqual(rowsIn("L2", 0, undefined), []);
    assert.deepEqual(rowsIn("IP", 2, undefined), [5, 4, 3]);
    assert.deepEqual(rowsIn("IP", 2, 4), [4, 3]);
    assert.deepEqual(rowsIn("IP", 5, undefined), []);
    segment.close();
    // A bound is single precision: 0.1 means the score that shows as 0.1.
    const tenth = segmentOf(engine, field, dense(field, Float32Array.of(0.1)));
    const spec = { ...searchSpec(field, "IP", query, 1), range: { radius: 0.1, rangeFilter: undefined } };
    assert.deepEqual(hitsOf(tenth.search(spec, undefined)), [[]]);
    const upTo = { ...spec, range: { radius: 0, rangeFilter: 0.1 } };
    assert.equal(hitsOf(tenth.search(upTo, undefined))[0]?.length, 1);
    tenth.close();
  });

  for (const kind of KINDS) {
    test(`groups hold at most their size, and k counts groups, in a ${kind} segment`, async () => {
      const { segment, columns } = await makeWorld(makeEngine(), { fields, kind, rows: 160, seed: 36 });
      const field = vectorFields[0] ?? assert.fail();
      const column = columnOf(columns, field.id);
      const queries = randomColumn(Prng.fromSeed(37), { ...field, nullable: false }, 3);
      for (const groupField of groupFields) {
        const groups = columnOf(columns, groupField.id);
        for (const [k, groupSize] of [
          [1, 1],
          [5, 1],
          [3, 4],
          [100, 2],
        ] as const) {
          const spec = {
            ...searchSpec(field, "L2", queries, k),
            groupBy: { fieldId: groupField.id, groupSize },
          };
          const hits = hitsOf(segment.search(spec, undefined));
          const all = hitsOf(segment.search(searchSpec(field, "L2", queries, 160), undefined));
          const expected = all.map((ranked) =>
            pickGroups(ranked, (row) => groupName(groups, row), k, groupSize),
          );
          assert.deepEqual(hits, expected, `${groupField.name}, ${k} groups of ${groupSize}`);
          // The same groups by numbers that the caller made up, here of all rows but the last ones, which have 0.
          const names = Array.from({ length: 150 }, (_, row) => groupName(groups, row));
          const numbers = Int32Array.from(names, (name) => names.indexOf(name) - 1);
          const given = { ...spec, groupBy: { groups: numbers, groupSize } };
          const byNumber = all.map((ranked) =>
            pickGroups(ranked, (row) => String(numbers[row] ?? 0), k, groupSize),
          );
          assert.deepEqual(hitsOf(segment.search(given, undefined)), byNumber);
          assert.deepEqual(hitsOf(await segment.searchAsync(given, undefined)), byNumber);
        }
      }
      assert.equal(column.rows, 160);
      segment.close();
    });
  }

  test("statistics say how many rows were visible and compared", async () => {
    const { segment, columns } = await makeWorld(makeEngine(), {
      fields,
      kind: "sealed",
      rows: 100,
      seed: 38,
    });
    const field = vectorFields[0] ?? assert.fail();
    const column = columnOf(columns, field.id);
    const queries = randomColumn(Prng.fromSeed(39), { ...field, nullable: false }, 2);
    const filter = { program: keyBelow(40), externals: [] };
    const { stats } = segment.search({ ...searchSpec(field, "L2", queries, 3), filter }, undefined);
    const vectors = Array.from({ length: 40 }, (_, row) => row).filter((row) =>
      isValid(column.validity, row),
    ).length;
    assert.equal(stats.path, "flat");
    assert.equal(stats.distances, vectors * 2);
    assert.ok(stats.visibleRows >= vectors && stats.visibleRows <= 40, `${stats.visibleRows} visible rows`);
    const nothing = { ...searchSpec(field, "L2", queries, 3), visibility: seenAt(0) };
    const empty = segment.search(nothing, undefined);
    assert.equal(empty.stats.path, "empty");
    assert.deepEqual([...empty.starts], [0, 0, 0]);
    segment.close();
  });

  test("a raised flag ends searches and scans with the error canceled", async () => {
    const { segment } = await makeWorld(makeEngine(), { fields, kind: "growing", rows: 50, seed: 40 });
    const field = vectorFields[0] ?? assert.fail();
    const spec = searchSpec(
      field,
      "L2",
      randomColumn(Prng.fromSeed(41), { ...field, nullable: false }, 1),
      3,
    );
    const raised = { word: new Int32Array(new SharedArrayBuffer(4)).fill(1) };
    const lowered = { word: new Int32Array(new SharedArrayBuffer(4)) };
    const isCanceled = (error: unknown) => isRedkiteError(error, "canceled");
    const read = { visibility: EVERYTHING, filter: { program: keyBelow(3), externals: [] } };
    assert.throws(() => segment.search(spec, raised), isCanceled);
    await assert.rejects(async () => segment.searchAsync(spec, raised), isCanceled);
    assert.throws(() => segment.retrieve({ ...read, limit: -1, order: "row" }, raised), isCanceled);
    assert.throws(() => segment.count(read, raised), isCanceled);
    assert.equal(segment.count(read, lowered), 3);
    assert.equal(hitsOf(segment.search(spec, lowered))[0]?.length, 3);
    segment.close();
  });

  test("searches that make no sense are refused with what was wrong", async () => {
    const { segment } = await makeWorld(makeEngine(), { fields, kind: "growing", rows: 10, seed: 42 });
    const field = vectorFields[0] ?? assert.fail();
    const good = searchSpec(
      field,
      "L2",
      randomColumn(Prng.fromSeed(43), { ...field, nullable: false }, 2),
      3,
    );
    const sparseField = vectorFields[5] ?? assert.fail();
    const sparseGood = searchSpec(sparseField, "IP", sparse([[[1, 1]], [[2, 1]]]), 3);
    const wrong: [string, SearchSpec][] = [
      ["an unknown field", { ...good, fieldId: 999 }],
      ["a scalar field", { ...good, fieldId: 120 }],
      ["a metric of other types", { ...good, metric: "HAMMING" }],
      ["too few query bytes", { ...good, queries: good.queries.subarray(4) }],
      ["more queries than bytes", { ...good, nq: 3 }],
      ["no queries", { ...good, nq: 0, queries: new Uint8Array(0) }],
      ["k of 0", { ...good, k: 0 }],
      ["a k beyond all bounds", { ...good, k: 2 ** 30 }],
      ["a group size of 0", { ...good, groupBy: { fieldId: 120, groupSize: 0 } }],
      ["a size of 0 of given groups", { ...good, groupBy: { groups: new Int32Array(160), groupSize: 0 } }],
      ["groups by an unknown field", { ...good, groupBy: { fieldId: 999, groupSize: 1 } }],
      ["L2 of sparse vectors", { ...sparseGood, metric: "L2" }],
      ["sparse queries without offsets", { ...sparseGood, queryOffsets: undefined }],
      ["sparse offsets that fall", { ...sparseGood, queryOffsets: Int32Array.of(0, 16, 8) }],
      ["sparse offsets inside a pair", { ...sparseGood, queryOffsets: Int32Array.of(0, 4, 16) }],
      ["sparse offsets behind the end", { ...sparseGood, queryOffsets: Int32Array.of(0, 8, 24) }],
    ];
    for (const [name, spec] of wrong) {
      assert.throws(
        () => segment.search(spec, undefined),
        (error) => isRedkiteError(error, "parameterInvalid"),
        name,
      );
    }
    segment.close();
  });
}

export interface PlainHit {
  readonly row: number;
  readonly score: number;
}

export function searchSpec(field: FieldSchema, metric: MetricType, queries: Column, k: number): SearchSpec {
  const { values, offsets } = columnBytes(queries);
  return {
    fieldId: field.id,
    metric,
    nq: queries.rows,
    queries: values,
    queryOffsets: offsets === undefined ? undefined : new Int32Array(offsets.slice().buffer),
    k,
    visibility: EVERYTHING,
    filter: undefined,
    ef: 64,
    exact: false,
    range: undefined,
    groupBy: undefined,
  };
}

export function hitsOf(hits: SearchHits): PlainHit[][] {
  return Array.from({ length: hits.starts.length - 1 }, (_, q) => {
    const [start = 0, end = 0] = hits.starts.subarray(q, q + 2);
    return Array.from({ length: end - start }, (_, i) => ({
      row: hits.rows[start + i] ?? -1,
      score: hits.scores[start + i] ?? NaN,
    }));
  });
}

/** Rows with keys below `limit`; keys are the row numbers. */
export function keyBelow(limit: number) {
  const constant = int64s(BigInt(limit));
  return filterProgram([{ opcode: FilterOp.Compare, field: 100, comparison: Comparison.Lt, constant }]);
}

function plainScorer(metric: MetricType, queries: Column, column: Column): NearestCheck["scoreAt"] {
  return (q, row) => plainScore(metric, plainVector(queries, q), plainVector(column, row));
}

export interface NearestCheck {
  readonly hits: SearchHits;
  readonly spec: SearchSpec;
  readonly column: Column;
  readonly isCandidate: (row: number) => boolean;
  /** In double precision. */
  readonly scoreAt: (query: number, row: number) => number;
}

/** Hits are k best candidates, best first, each with its score; rounding may swap rows that lie closer than it. */
export function checkNearest({ hits, spec, column, isCandidate, scoreAt }: NearestCheck): void {
  const sign = isLargerBetter(spec.metric) ? -1 : 1;
  hitsOf(hits).forEach((found, q) => {
    const scores = new Map<number, number>();
    for (let row = 0; row < column.rows; row++) {
      if (!isCandidate(row) || !isValid(column.validity, row)) continue;
      const score = scoreAt(q, row);
      if (isPlainHit(column.type, spec.metric, score)) scores.set(row, score);
    }
    const name = `field ${spec.fieldId} ${spec.metric} k ${spec.k} query ${q}`;
    assert.equal(found.length, Math.min(spec.k, scores.size), name);
    assert.equal(new Set(found.map(({ row }) => row)).size, found.length, `${name}: a row twice`);
    const ranked = [...scores.values()].sort((a, b) => sign * (a - b));
    found.forEach(({ row, score }, i) => {
      const exact = scores.get(row) ?? assert.fail(`${name}: row ${row} is no candidate`);
      const slack = 1e-5 * (1 + Math.abs(exact));
      assert.ok(Math.abs(score - exact) <= slack, `${name}: row ${row} has ${score}, not ${exact}`);
      const best = ranked[i] ?? NaN;
      assert.ok(Math.abs(best - exact) <= 2 * slack, `${name}: hit ${i} is ${exact}, the best is ${best}`);
      const previous = found[i - 1];
      if (previous === undefined) return;
      const isOrdered = previous.score === score ? previous.row < row : sign * (previous.score - score) < 0;
      assert.ok(isOrdered, `${name}: hits ${i - 1} and ${i} are out of order`);
    });
  });
}

function pickGroups(
  ranked: readonly PlainHit[],
  group: (row: number) => string,
  k: number,
  size: number,
): PlainHit[] {
  const best = [...new Set(ranked.map(({ row }) => group(row)))].slice(0, k);
  const chosen = best.flatMap((name) => ranked.filter(({ row }) => group(row) === name).slice(0, size));
  return ranked.filter((hit) => chosen.includes(hit));
}

function groupName(column: Column, row: number): string {
  if (!isValid(column.validity, row)) return "null";
  if (column.kind === "bytes")
    return `"${String(column.bytes.subarray(column.offsets[row], column.offsets[row + 1]))}"`;
  return column.kind === "fixed" ? String(column.values[row]) : "";
}

export function dense(field: FieldSchema, values: Float32Array | Uint8Array): Column {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const width = field.type === DataType.BinaryVector ? field.dim / 8 : field.dim * 4;
  return {
    kind: "fixed",
    type: field.type,
    dim: field.dim,
    rows: bytes.length / width,
    values: fixedValuesOver(field.type, bytes),
    validity: undefined,
  };
}

export function sparse(rows: readonly (readonly (readonly [index: number, value: number])[])[]): Column {
  const offsets = Int32Array.from([0, ...rows.map((_, i) => rows.slice(0, i + 1).flat().length * 8)]);
  const pairs = rows.flat();
  const bytes = new Uint8Array(pairs.length * 8);
  const view = new DataView(bytes.buffer);
  pairs.forEach(([index, value], i) => {
    view.setUint32(i * 8, index, true);
    view.setFloat32(i * 8 + 4, value, true);
  });
  return {
    kind: "bytes",
    type: DataType.SparseFloatVector,
    rows: rows.length,
    offsets,
    bytes,
    validity: undefined,
  };
}

/** A growing segment of keys 0, 1, 2, ... and the given vectors. */
export function segmentOf(engine: ReturnType<MakeEngine>, field: FieldSchema, column: Column): Segment {
  const segment = engine.createGrowing({ fields: [keyField(), field], rowsMax: column.rows, seed: 1 });
  const keys = randomRows(Prng.fromSeed(1), [keyField()], sequentialKeys("int64", 0, column.rows));
  segment.append(batchOf(new Map([...keys, [field.id, column]])), ts(1));
  assert.equal(keyAt(segment.takeKeys(Int32Array.of(column.rows - 1)), 0), BigInt(column.rows - 1));
  return segment;
}
