import assert from "node:assert/strict";
import { test } from "node:test";
import { randomColumn, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { MetricType } from "../../../src/model/read.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { BuildControl, VectorIndexSpec } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { hitsOf, keyBelow, metricsOf, searchSpec, type PlainHit } from "./search-contract.ts";
import { keyField, makeWorld } from "./segment-fixture.ts";

type Index = VectorIndexSpec["index"];
const rows = 1000;

const dense: readonly Index[] = [
  { kind: "IVF_FLAT", nlist: 16 },
  { kind: "IVF_SQ8", nlist: 16 },
  { kind: "IVF_PQ", nlist: 16, m: 8, nbits: 8 },
  { kind: "SCANN", nlist: 16, refine: "rows" },
  { kind: "IVF_RABITQ", nlist: 16, refine: "rows" },
  { kind: "DISKANN", maxDegree: 24, searchList: 60, codesPerRow: 0.25, cachedPerRow: 0.1 },
];
const copies: readonly Index[] = [
  { kind: "IVF_RABITQ", nlist: 16, refine: "f16" },
  { kind: "IVF_RABITQ", nlist: 16, refine: "u8" },
];
const cases: readonly { readonly field: FieldSchema; readonly indexes: readonly Index[] }[] = [
  {
    field: testField(110, DataType.FloatVector, { nullable: true, dim: 16 }),
    indexes: [...dense, ...copies],
  },
  { field: testField(111, DataType.Float16Vector, { nullable: true, dim: 16 }), indexes: dense },
  { field: testField(112, DataType.BFloat16Vector, { dim: 16 }), indexes: dense },
  {
    field: testField(114, DataType.BinaryVector, { nullable: true, dim: 64 }),
    indexes: [{ kind: "BIN_IVF_FLAT", nlist: 16 }],
  },
];

/** Share of the true ten nearest rows that each kind finds at least when it reads all lists, on data without structure. */
function recallMin({ kind }: Index): number {
  if (kind === "IVF_FLAT" || kind === "BIN_IVF_FLAT") return 1;
  return kind === "IVF_SQ8" ? 0.9 : 0.6;
}

/** Inverted files: exact ones answer as a scan does when they read everything, the others nearly so. */
export function listIndexContract(makeEngine: MakeEngine): void {
  for (const { field, indexes } of cases) {
    test(`lists over ${field.name} find the nearest rows, and k of them whatever the filter`, async () => {
      const engine = makeEngine();
      const fields = [keyField(), field];
      const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows, seed: 71, nulls: 0.1 });
      const queries = randomColumn(Prng.fromSeed(72), { ...field, nullable: false }, 12);
      for (const metric of metricsOf(field.type)) {
        const spec = searchSpec(field, metric, queries, 10);
        const filtered = { ...spec, filter: { program: keyBelow(300), externals: [] } };
        const truth = hitsOf(segment.search(spec, undefined));
        const filteredTruth = hitsOf(segment.search(filtered, undefined));
        for (const index of indexes) {
          const control = newControl();
          const file = await engine.buildVectorIndex(segment, specOf(field, metric, index), control);
          assert.ok((control.progress[0] ?? 0) <= rows && (control.progress[0] ?? 0) > rows * 0.8);
          segment.attachIndex(field.id, file);
          file.close();
          const name = `${index.kind} ${field.name} ${metric}`;
          const whole = hitsOf(segment.search({ ...spec, nprobe: 16, refineRows: 100 }, undefined));
          const share = sharedRows(whole, truth);
          assert.ok(share >= recallMin(index), `${name}: recall ${share}`);
          const few = hitsOf(segment.search({ ...filtered, nprobe: 1 }, undefined));
          assert.deepEqual(
            few.map(({ length }) => length),
            filteredTruth.map(({ length }) => length),
            name,
          );
          assert.ok(
            few.flat().every(({ row }) => row < 300),
            name,
          );
          assert.deepEqual(hitsOf(segment.search({ ...spec, exact: true }, undefined)), truth, name);
          segment.detachIndex(field.id);
        }
      }
      segment.close();
    });
  }

  test("lists of impossible parameters are refused, and builds of them end when they are canceled", async () => {
    const engine = makeEngine();
    const field = testField(110, DataType.FloatVector, { dim: 15 });
    const bits = testField(111, DataType.BinaryVector, { dim: 64 });
    const fields = [keyField(), field, bits];
    const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 100, seed: 73 });
    const wrong: readonly Index[] = [
      { kind: "IVF_FLAT", nlist: 0 },
      { kind: "IVF_SQ8", nlist: 65_537 },
      { kind: "DISKANN", maxDegree: 0, searchList: 60, codesPerRow: 0.25, cachedPerRow: 0.1 },
      { kind: "DISKANN", maxDegree: 8, searchList: 65_537, codesPerRow: 0.25, cachedPerRow: 0.1 },
      { kind: "DISKANN", maxDegree: 8, searchList: 60, codesPerRow: -1, cachedPerRow: 0.1 },
      { kind: "DISKANN", maxDegree: 8, searchList: 60, codesPerRow: 0.25, cachedPerRow: Number.NaN },
      { kind: "IVF_PQ", nlist: 4, m: 4, nbits: 8 },
      { kind: "IVF_PQ", nlist: 4, m: 5, nbits: 9 },
      { kind: "SCANN", nlist: 4, refine: "rows" },
      { kind: "BIN_IVF_FLAT", nlist: 4 },
    ];
    const isInvalid = (error: unknown) => isRedkiteError(error, "parameterInvalid");
    for (const index of wrong) {
      const spec = specOf(field, "L2", index);
      await assert.rejects(async () => engine.buildVectorIndex(segment, spec, newControl()), isInvalid);
    }
    const onBits = specOf(bits, "HAMMING", { kind: "IVF_FLAT", nlist: 4 });
    await assert.rejects(async () => engine.buildVectorIndex(segment, onBits, newControl()), isInvalid);
    const good = specOf(field, "L2", { kind: "IVF_FLAT", nlist: 4 });
    await assert.rejects(
      async () => engine.buildVectorIndex(segment, good, newControl(1)),
      (error) => isRedkiteError(error, "canceled"),
    );
    segment.close();
  });
}

/** How many of the true rows were found; a row as near as the last of them counts too. */
export function sharedRows(
  found: readonly (readonly PlainHit[])[],
  truth: readonly (readonly PlainHit[])[],
): number {
  let shared = 0;
  let all = 0;
  for (const [q, wanted] of truth.entries()) {
    const rowsFound = new Set(found[q]?.map(({ row }) => row));
    all += wanted.length;
    shared += wanted.filter(({ row }) => rowsFound.has(row)).length;
  }
  return shared / all;
}

function specOf({ id, type, dim }: FieldSchema, metric: MetricType, index: Index): VectorIndexSpec {
  return { fieldId: id, type, dim, metric, index, seed: 5 };
}

export function newControl(cancel = 0): BuildControl {
  const word = new Int32Array(new SharedArrayBuffer(4));
  word[0] = cancel;
  return { cancel: { word }, progress: new Int32Array(new SharedArrayBuffer(4)), threads: 2 };
}
