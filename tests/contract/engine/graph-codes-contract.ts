import assert from "node:assert/strict";
import { test } from "node:test";
import { randomColumn, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { DataType } from "../../../src/model/data-type.ts";
import type { MetricType } from "../../../src/model/read.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { VectorIndexSpec } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import { newControl, sharedRows } from "./list-index-contract.ts";
import { hitsOf, keyBelow, metricsOf, searchSpec } from "./search-contract.ts";
import { keyField, makeWorld } from "./segment-fixture.ts";

type Index = VectorIndexSpec["index"];
const rows = 800;
const links = { m: 16, efConstruction: 100 };

/** With the share of the true ten nearest rows that each finds at least, on data without structure. */
const cases: readonly { readonly index: Index; readonly recall: number }[] = [
  { index: { kind: "HNSW_SQ", ...links, refine: "none" }, recall: 0.85 },
  { index: { kind: "HNSW_SQ", ...links, refine: "rows" }, recall: 0.95 },
  { index: { kind: "HNSW_PQ", ...links, subs: 8, nbits: 8, levels: 1, refine: "none" }, recall: 0.4 },
  { index: { kind: "HNSW_PQ", ...links, subs: 16, nbits: 4, levels: 1, refine: "rows" }, recall: 0.9 },
  { index: { kind: "HNSW_PRQ", ...links, subs: 4, nbits: 8, levels: 4, refine: "none" }, recall: 0.5 },
  { index: { kind: "HNSW_PRQ", ...links, subs: 4, nbits: 8, levels: 2, refine: "rows" }, recall: 0.9 },
  { index: { kind: "HNSW_SQ", ...links, refine: "f16" }, recall: 0.95 },
  { index: { kind: "HNSW_PQ", ...links, subs: 16, nbits: 4, levels: 1, refine: "bf16" }, recall: 0.85 },
  { index: { kind: "HNSW_PRQ", ...links, subs: 4, nbits: 8, levels: 2, refine: "u8" }, recall: 0.85 },
];
/** How far scores may be from those of the rows, against the score or 1. */
const SCORE_ERRORS = { rows: 1e-5, f16: 2e-3, bf16: 2e-2, u8: 2e-2 } as const;
/** Rows of half the width become floats before they are coded: one metric shows that they do. */
const types = [
  [DataType.FloatVector, metricsOf(DataType.FloatVector)],
  [DataType.Float16Vector, ["COSINE"]],
  [DataType.BFloat16Vector, ["L2"]],
] as const;

/** Graphs over codes: nearly the nearest rows, and k of them whatever the filter; with refinement the scores are those of the rows or their copy. */
export function graphCodesContract(makeEngine: MakeEngine): void {
  for (const [type, metrics] of types) {
    const field = testField(110, type, { nullable: true, dim: 16 });
    test(`graphs over codes of ${field.name} find the nearest rows, and k of them whatever the filter`, async () => {
      const engine = makeEngine();
      const fields = [keyField(), field];
      const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows, seed: 81, nulls: 0.1 });
      const queries = randomColumn(Prng.fromSeed(82), { ...field, nullable: false }, 12);
      for (const metric of metrics) {
        const spec = { ...searchSpec(field, metric, queries, 10), ef: 150 };
        const filtered = { ...spec, filter: { program: keyBelow(200), externals: [] } };
        const exact = { ...spec, exact: true };
        const truth = hitsOf(segment.search(exact, undefined));
        const filteredTruth = hitsOf(segment.search({ ...filtered, exact: true }, undefined));
        for (const { index, recall } of cases) {
          const name = `${index.kind} ${field.name} ${metric}`;
          const file = await engine.buildVectorIndex(segment, specOf(field, metric, index), newControl());
          segment.attachIndex(field.id, file);
          file.close();
          const found = hitsOf(segment.search({ ...spec, refineRows: 150 }, undefined));
          const share = sharedRows(found, truth);
          assert.ok(share >= recall, `${name}: recall ${share}`);
          if ("refine" in index && index.refine !== "none") {
            const share = SCORE_ERRORS[index.refine];
            const scores = new Map(
              truth.flatMap((hits, q) => hits.map((hit) => [`${q} ${hit.row}`, hit.score])),
            );
            for (const [q, hits] of found.entries()) {
              for (const { row, score } of hits) {
                const wanted = scores.get(`${q} ${row}`) ?? score;
                assert.ok(Math.abs(score - wanted) <= share * Math.max(1, Math.abs(wanted)), name);
              }
            }
          }
          const few = hitsOf(segment.search(filtered, undefined));
          assert.deepEqual(
            few.map(({ length }) => length),
            filteredTruth.map(({ length }) => length),
            name,
          );
          assert.ok(
            few.flat().every(({ row }) => row < 200),
            name,
          );
          assert.deepEqual(hitsOf(segment.search(exact, undefined)), truth, name);
          segment.detachIndex(field.id);
        }
      }
      segment.close();
    });
  }

  test("codes of impossible parameters are refused, and builds of them end when they are canceled", async () => {
    const engine = makeEngine();
    const field = testField(110, DataType.FloatVector, { dim: 15 });
    const bits = testField(111, DataType.BinaryVector, { dim: 64 });
    const fields = [keyField(), field, bits];
    const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 200, seed: 83 });
    const product = { kind: "HNSW_PRQ", ...links, subs: 5, nbits: 8, levels: 2, refine: "none" } as const;
    const wrong: readonly (readonly [FieldSchema, MetricType, Index])[] = [
      [field, "L2", { ...product, subs: 4 }],
      [field, "L2", { ...product, subs: 0 }],
      [field, "L2", { ...product, nbits: 9 }],
      [field, "L2", { ...product, levels: 17 }],
      [bits, "HAMMING", product],
      [bits, "HAMMING", { kind: "HNSW_SQ", ...links, refine: "rows" }],
    ];
    for (const [on, metric, index] of wrong) {
      await assert.rejects(
        async () => engine.buildVectorIndex(segment, specOf(on, metric, index), newControl()),
        (error) => isRedkiteError(error, "parameterInvalid"),
        `${index.kind} over ${on.name}`,
      );
    }
    await assert.rejects(
      async () => engine.buildVectorIndex(segment, specOf(field, "L2", product), newControl(1)),
      (error) => isRedkiteError(error, "canceled"),
    );
    segment.close();
  });
}

function specOf({ id, type, dim }: FieldSchema, metric: MetricType, index: Index): VectorIndexSpec {
  return { fieldId: id, type, dim, metric, index, seed: 5 };
}
