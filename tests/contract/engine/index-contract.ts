import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, randomColumn, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { isValid, type Column } from "../../../src/model/columns.ts";
import { DataType, isDenseVector } from "../../../src/model/data-type.ts";
import { Comparison, FilterOp } from "../../../src/model/filter-program.ts";
import type { MetricType } from "../../../src/model/read.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { BuildControl, Engine, VectorIndexSpec } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { bool, doubles, filterProgram, int64List, int64s, text, textRange } from "./filter-builder.ts";
import { hitsOf, keyBelow, metricsOf, searchSpec, type PlainHit } from "./search-contract.ts";
import {
  columnOf,
  EVERYTHING,
  keyField,
  KEY_FIELD,
  makeWorld,
  seenAt,
  sequentialKeys,
  type World,
} from "./segment-fixture.ts";

const denseFields = [
  testField(110, DataType.FloatVector, { nullable: true, dim: 16 }),
  testField(111, DataType.Float16Vector, { nullable: true, dim: 16 }),
  testField(112, DataType.BFloat16Vector, { nullable: true, dim: 16 }),
  testField(113, DataType.Int8Vector, { nullable: true, dim: 16 }),
  testField(114, DataType.BinaryVector, { nullable: true, dim: 64 }),
];
const rows = 1200;
/** Share of the true ten nearest rows that a graph of these parameters finds at least, on data without structure. */
const RECALL_MIN = 0.9;

export function indexContract(makeEngine: MakeEngine): void {
  for (const field of denseFields) {
    test(`a graph over ${field.name} finds nearly all of the nearest rows, and k of them whatever the filter`, async () => {
      const world = await vectorWorld(makeEngine(), field);
      const { engine, segment, columns } = world;
      const queries = randomColumn(Prng.fromSeed(51), { ...field, nullable: false }, 25);
      for (const metric of metricsOf(field.type)) {
        const truth = hitsOf(segment.search(searchSpec(field, metric, queries, 10), undefined));
        const control = newControl();
        const index = await engine.buildVectorIndex(segment, hnsw(field, metric), control);
        // Rows without a vector may count as done or not.
        const [done = 0] = control.progress;
        assert.ok(
          done >= rowsWithVector(columnOf(columns, field.id)).length && done <= rows,
          `${done} rows done`,
        );
        segment.attachIndex(field.id, index);
        index.close();
        const spec = { ...searchSpec(field, metric, queries, 10), ef: 120 };
        const found = hitsOf(segment.search(spec, undefined));
        const name = `${field.name} ${metric}`;
        const recall = scoreRecall(found, truth, metric);
        assert.ok(recall >= RECALL_MIN, `${name}: recall ${recall}`);
        assertSound(found, columnOf(columns, field.id), name);
        assert.deepEqual(
          hitsOf(segment.search({ ...spec, exact: true }, undefined)),
          truth,
          `${name}: exact`,
        );

        for (const limit of [3, 60, 600]) {
          const filter = { program: keyBelow(limit), externals: [] };
          const filtered = hitsOf(segment.search({ ...spec, filter }, undefined));
          const withVector = rowsWithVector(columnOf(columns, field.id)).filter((row) => row < limit).length;
          for (const hits of filtered)
            assert.equal(hits.length, Math.min(10, withVector), `${name} below ${limit}`);
          assert.ok(
            filtered.flat().every(({ row }) => row < limit),
            `${name} below ${limit}`,
          );
        }
        segment.detachIndex(field.id);
        assert.deepEqual(hitsOf(segment.search(spec, undefined)), truth, `${name}: without the index`);
      }
      segment.close();
    });
  }

  test("a graph never gives rows that were deleted or began later", async () => {
    const field = denseFields[0] ?? assert.fail();
    const { engine, segment } = await vectorWorld(makeEngine(), field);
    const index = await engine.buildVectorIndex(segment, hnsw(field, "L2"), newControl());
    segment.attachIndex(field.id, index);
    index.close();
    segment.applyDeletes(sequentialKeys("int64", 0, 600), new BigUint64Array(600).fill(100_000n));
    const queries = randomColumn(Prng.fromSeed(52), { ...field, nullable: false }, 10);
    const spec = searchSpec(field, "L2", queries, 20);
    const after = hitsOf(segment.search({ ...spec, visibility: seenAt(100_000) }, undefined));
    assert.ok(after.flat().length === 200 && after.flat().every(({ row }) => row >= 600));
    const early = seenAt(100);
    const begun = segment.retrieve(
      { visibility: early, filter: undefined, limit: -1, order: "row" },
      undefined,
    );
    const before = hitsOf(segment.search({ ...spec, visibility: early }, undefined));
    assert.ok(before.flat().every(({ row }) => begun.includes(row)));
    segment.close();
  });

  test("range and group searches over a graph keep their rules", async () => {
    const field = denseFields[0] ?? assert.fail();
    const { engine, segment } = await vectorWorld(makeEngine(), field);
    const queries = randomColumn(Prng.fromSeed(53), { ...field, nullable: false }, 8);
    const spec = { ...searchSpec(field, "L2", queries, 30), ef: 120 };
    const radius = hitsOf(segment.search(spec, undefined))[0]?.[15]?.score ?? assert.fail();
    const inRange = { ...spec, range: { radius, rangeFilter: undefined } };
    const truth = hitsOf(segment.search(inRange, undefined));
    const index = await engine.buildVectorIndex(segment, hnsw(field, "L2"), newControl());
    segment.attachIndex(field.id, index);
    index.close();
    const found = hitsOf(segment.search(inRange, undefined));
    assert.ok(found.flat().every(({ score }) => score < radius));
    assert.ok(scoreRecall(found, truth, "L2") >= RECALL_MIN);
    const grouped = { ...spec, k: 4, groupBy: { fieldId: GROUP_FIELD, groupSize: 2 } };
    const groups = segment.column(GROUP_FIELD, rows);
    for (const hits of hitsOf(segment.search(grouped, undefined))) {
      const counts = Map.groupBy(hits, ({ row }) =>
        groups.kind === "fixed" ? groups.values[row] : undefined,
      );
      assert.equal(counts.size, 4);
      for (const group of counts.values()) assert.equal(group.length, 2);
    }
    segment.close();
  });

  test("a FLAT index over any vectors changes no hit", async () => {
    const engine = makeEngine();
    const fields = [keyField(), ...fieldsOfEveryType(101)];
    const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 150, seed: 54 });
    const vectors = fields.filter(
      (field) => isDenseVector(field.type) || field.type === DataType.SparseFloatVector,
    );
    for (const field of vectors) {
      const [metric = "L2"] = metricsOf(field.type);
      const queries = randomColumn(Prng.fromSeed(55), { ...field, nullable: false }, 5);
      const spec = searchSpec(field, metric, queries, 10);
      const truth = hitsOf(segment.search(spec, undefined));
      const { id, type, dim } = field;
      const build: VectorIndexSpec = { fieldId: id, type, dim, metric, index: { kind: "FLAT" }, seed: 1 };
      const index = await engine.buildVectorIndex(segment, build, newControl());
      segment.attachIndex(id, index);
      index.close();
      assert.deepEqual(hitsOf(segment.search(spec, undefined)), truth, field.name);
    }
    segment.close();
  });

  test("one thread and a seed build the same graph again", async () => {
    const field = denseFields[0] ?? assert.fail();
    const { engine, segment } = await vectorWorld(makeEngine(), field);
    const files = [];
    for (let round = 0; round < 2; round++) {
      const index = await engine.buildVectorIndex(segment, hnsw(field, "COSINE"), newControl());
      files.push(index.bytes.slice());
      index.close();
    }
    assert.deepEqual(files[0], files[1]);
    segment.close();
  });

  test("builds end when they are canceled, and refuse what they cannot index", async () => {
    const engine = makeEngine();
    const field = denseFields[0] ?? assert.fail();
    const fields = [
      keyField(),
      field,
      testField(115, DataType.SparseFloatVector),
      testField(116, DataType.JSON),
      testField(117, DataType.BinaryVector, { dim: 8 }),
    ];
    const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 60, seed: 56 });
    const canceled = newControl(1);
    const isCanceled = (error: unknown) => isRedkiteError(error, "canceled");
    await assert.rejects(
      async () => engine.buildVectorIndex(segment, hnsw(field, "L2"), canceled),
      isCanceled,
    );
    const isInvalid = (error: unknown) => isRedkiteError(error, "parameterInvalid");
    const good = hnsw(field, "L2");
    const wrong: VectorIndexSpec[] = [
      { ...good, fieldId: 999 },
      { ...good, fieldId: KEY_FIELD },
      { ...good, dim: 17 },
      { ...good, type: DataType.Int8Vector },
      { ...good, fieldId: 115, type: DataType.SparseFloatVector, dim: 0, metric: "IP" },
      { ...good, fieldId: 117, type: DataType.BinaryVector, dim: 8, metric: "SUPERSTRUCTURE" },
    ];
    for (const spec of wrong) {
      await assert.rejects(async () => engine.buildVectorIndex(segment, spec, newControl()), isInvalid);
    }
    for (const fieldId of [999, 110, 116]) {
      const spec = { fieldId, kind: "sorted" } as const;
      await assert.rejects(async () => engine.buildScalarIndex(segment, spec, newControl()), isInvalid);
    }
    segment.close();
  });

  test("damaged indexes and those of another field are refused, and searches go on without them", async () => {
    const field = denseFields[0] ?? assert.fail();
    const { engine, segment } = await vectorWorld(makeEngine(), field);
    const index = await engine.buildVectorIndex(segment, hnsw(field, "L2"), newControl());
    assert.throws(() => segment.attachIndex(KEY_FIELD, index));
    assert.throws(() => segment.attachIndex(999, index));
    const bytes = index.bytes.slice();
    const refuse = (damaged: Uint8Array, name: string) => {
      const buffer = engine.allocate(damaged.length);
      buffer.bytes.set(damaged);
      assert.throws(
        () => segment.attachIndex(field.id, buffer),
        (error) => isRedkiteError(error),
        name,
      );
      buffer.close();
    };
    refuse(new Uint8Array(0), "nothing");
    refuse(bytes.subarray(0, 20), "a part");
    refuse(new Uint8Array(4096).fill(7), "other bytes");
    refuse(
      bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
      "another magic",
    );
    index.close();
    const queries = randomColumn(Prng.fromSeed(57), { ...field, nullable: false }, 1);
    assert.equal(hitsOf(segment.search(searchSpec(field, "L2", queries, 5), undefined))[0]?.length, 5);
    segment.close();
  });

  for (const kind of ["sorted", "bitmap"] as const) {
    test(`${kind} indexes of scalar fields change no answer of a filter`, async () => {
      const engine = makeEngine();
      const fields = [keyField(), ...fieldsOfEveryType(101)];
      const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 700, seed: 58 });
      const read = (programs: typeof scalarFilters) =>
        programs.map(({ type, operation }) => {
          const field = fields.find((candidate) => candidate.type === type && !candidate.isPrimaryKey);
          const program = filterProgram([{ ...operation, field: field?.id ?? 0 }]);
          return [
            ...segment.retrieve(
              { visibility: EVERYTHING, filter: { program, externals: [] }, limit: -1, order: "row" },
              undefined,
            ),
          ];
        });
      const before = read(scalarFilters);
      for (const field of fields.filter(({ type }) => scalarFilters.some((filter) => filter.type === type))) {
        const index = await engine.buildScalarIndex(segment, { fieldId: field.id, kind }, newControl());
        segment.attachIndex(field.id, index);
        index.close();
      }
      assert.deepEqual(read(scalarFilters), before);
      assert.ok(
        before.every((found) => found.length > 0 && found.length < 700),
        JSON.stringify(before.map((b) => b.length)),
      );
      segment.close();
    });
  }
}

const compareTo = (comparison: number, constant: ReturnType<typeof int64s>) => ({
  opcode: FilterOp.Compare,
  comparison,
  constant,
});
const scalarFilters = [
  { type: DataType.Bool, operation: { opcode: FilterOp.Bool } },
  { type: DataType.Bool, operation: compareTo(Comparison.Ne, bool(true)) },
  { type: DataType.Int8, operation: compareTo(Comparison.Gt, int64s(5n)) },
  { type: DataType.Int16, operation: compareTo(Comparison.Eq, int64s(3n)) },
  { type: DataType.Int32, operation: compareTo(Comparison.Ne, int64s(3n)) },
  { type: DataType.Int64, operation: { opcode: FilterOp.In, constant: int64List([1n, 4n, -9n, 77n]) } },
  { type: DataType.Int64, operation: { opcode: FilterOp.Range, flags: 1, constant: int64s(-3n, 12n) } },
  { type: DataType.Float, operation: compareTo(Comparison.Le, doubles(-3)) },
  { type: DataType.Double, operation: { opcode: FilterOp.Range, flags: 3, constant: doubles(-2, 9.5) } },
  { type: DataType.VarChar, operation: compareTo(Comparison.Lt, text("kite")) },
  {
    type: DataType.VarChar,
    operation: { opcode: FilterOp.Range, flags: 2, constant: textRange("a", "kite") },
  },
];

const sparseField = testField(115, DataType.SparseFloatVector, { nullable: true });

/** Inverted lists are exact: what is found is what a scan finds. */
export function sparseIndexContract(makeEngine: MakeEngine): void {
  test("inverted lists over a sparse field answer as a scan does, under filters too", async () => {
    const { engine, segment } = await vectorWorld(makeEngine(), sparseField);
    const queries = randomColumn(Prng.fromSeed(51), { ...sparseField, nullable: false }, 25);
    const spec = searchSpec(sparseField, "IP", queries, 10);
    const filtered = { ...spec, filter: { program: keyBelow(300), externals: [] } };
    const truth = [spec, filtered].map((one) => hitsOf(segment.search(one, undefined)));
    const sparse = { ...hnsw(sparseField, "IP"), index: { kind: "SPARSE_INVERTED_INDEX" } as const };
    const index = await engine.buildVectorIndex(segment, sparse, newControl());
    segment.attachIndex(sparseField.id, index);
    index.close();
    assert.deepEqual(
      [spec, filtered].map((one) => hitsOf(segment.search(one, undefined))),
      truth,
    );
    assert.ok(truth.flat(2).length > 100);
    const half = hitsOf(segment.search({ ...spec, dropRatio: 0.5 }, undefined));
    assert.equal(half.length, 25);
    segment.close();
  });

  test("an index of a kind that the field's type does not have is refused", async () => {
    const { engine, segment } = await vectorWorld(makeEngine(), sparseField);
    await assert.rejects(engine.buildVectorIndex(segment, hnsw(sparseField, "IP"), newControl()), {
      kind: "parameterInvalid",
    });
    segment.close();
    const [dense] = denseFields;
    assert.ok(dense !== undefined);
    const world = await vectorWorld(makeEngine(), dense);
    const wrong = { ...hnsw(dense, "IP"), index: { kind: "SPARSE_INVERTED_INDEX" } as const };
    await assert.rejects(world.engine.buildVectorIndex(world.segment, wrong, newControl()), {
      kind: "parameterInvalid",
    });
    world.segment.close();
  });
}

const GROUP_FIELD = 120;

async function vectorWorld(engine: Engine, field: FieldSchema): Promise<World> {
  const group = testField(GROUP_FIELD, DataType.Int8);
  return makeWorld(engine, {
    fields: [keyField(), field, group],
    kind: "sealed",
    rows,
    seed: 50,
    nulls: 0.1,
  });
}

function hnsw(field: FieldSchema, metric: MetricType): VectorIndexSpec {
  const index = { kind: "HNSW", m: 16, efConstruction: 100 } as const;
  return { fieldId: field.id, type: field.type, dim: field.dim, metric, index, seed: 7 };
}

function newControl(raised: 0 | 1 = 0): BuildControl {
  const word = () => new Int32Array(new SharedArrayBuffer(4));
  return { cancel: { word: word().fill(raised) }, progress: word(), threads: 1 };
}

/** By score and not by row, so that rows at equal distance count as each other. */
function scoreRecall(found: readonly PlainHit[][], truth: readonly PlainHit[][], metric: MetricType): number {
  let hit = 0;
  let wanted = 0;
  truth.forEach((exact, q) => {
    const worst = exact.at(-1)?.score ?? 0;
    const isAsGood = ({ score }: PlainHit) =>
      metric === "IP" || metric === "COSINE" ? score >= worst - 1e-5 : score <= worst + 1e-5;
    hit += Math.min(exact.length, found[q]?.filter(isAsGood).length ?? 0);
    wanted += exact.length;
  });
  return wanted === 0 ? 1 : hit / wanted;
}

function assertSound(found: readonly PlainHit[][], column: Column, name: string): void {
  for (const hits of found) {
    assert.equal(hits.length, 10, name);
    assert.equal(new Set(hits.map(({ row }) => row)).size, 10, `${name}: a row twice`);
    assert.ok(
      hits.every(({ row }) => isValid(column.validity, row)),
      `${name}: a null vector`,
    );
  }
}

function rowsWithVector(column: Column): number[] {
  return Array.from({ length: column.rows }, (_, row) => row).filter((row) => isValid(column.validity, row));
}
