import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { hitsOf, searchSpec } from "../contract/engine/search-contract.ts";
import { keyField, makeWorld } from "../contract/engine/segment-fixture.ts";
import { newControl, sharedRows } from "../contract/engine/list-index-contract.ts";
import { randomColumn, testField } from "../contract/random-columns.ts";
import { Prng } from "../../src/base/prng.ts";
import { DataType } from "../../src/model/data-type.ts";
import { NativeEngine } from "../../src/engine/native-engine.ts";

/** Index files over the same 600 rows, as releases wrote them. Version 1 had measured no widths, and answers recall targets all the same. */
const FILES = ["hnsw-index-1.bin", "hnsw-index-2.bin", "ivf-index-1.bin", "ivf-index-2.bin"];

for (const name of FILES) {
  test(`${name} opens, and is searched by ef, nprobe and recall target`, async () => {
    const field = testField(110, DataType.FloatVector, { dim: 8 });
    const engine = new NativeEngine({ threads: 1, deterministic: true });
    const { segment } = await makeWorld(engine, {
      fields: [keyField(), field],
      kind: "sealed",
      rows: 600,
      seed: 91,
    });
    const spec = searchSpec(field, "L2", randomColumn(Prng.fromSeed(92), field, 12), 10);
    const truth = hitsOf(segment.search(spec, undefined));
    const bytes = await readFile(path.join(import.meta.dirname, "format", name));
    const file = engine.allocate(bytes.length);
    file.bytes.set(bytes);
    segment.attachIndex(field.id, file);
    file.close();
    for (const width of [{ ef: 200, nprobe: 15 }, { recallTarget: 0.95 }]) {
      const found = segment.search({ ...spec, ...width }, undefined);
      assert.ok(sharedRows(hitsOf(found), truth) >= 0.9, JSON.stringify(width));
    }
    segment.close();
  });
}

test("minhash-index-1.bin opens, is what is built today, and finds the rows that share a band", async () => {
  const field = testField(110, DataType.BinaryVector, { dim: 32 });
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const { segment } = await makeWorld(engine, {
    fields: [keyField(), field],
    kind: "sealed",
    rows: 600,
    seed: 91,
  });
  const bytes = await readFile(path.join(import.meta.dirname, "format", "minhash-index-1.bin"));
  const index = { kind: "MINHASH_LSH", elementBytes: 1, bands: 4 } as const;
  const { id: fieldId, type, dim } = field;
  const spec = { fieldId, type, dim, metric: "MHJACCARD", index, seed: 1 } as const;
  const built = await engine.buildVectorIndex(segment, spec, newControl());
  assert.deepEqual(Buffer.from(built.bytes), bytes);
  built.close();
  const file = engine.allocate(bytes.length);
  file.bytes.set(bytes);
  segment.attachIndex(field.id, file);
  file.close();
  const minHash = { elementBytes: 1, bands: 4, estimate: false };
  const queries = randomColumn(Prng.fromSeed(92), field, 12);
  const search = { ...searchSpec(field, "MHJACCARD", queries, 50), minHash };
  const found = segment.search(search, undefined);
  const truth = hitsOf(segment.search({ ...search, exact: true }, undefined));
  assert.ok(truth.flat().length > 12 && found.stats.path === "lists");
  assert.deepEqual(hitsOf(found), truth);
  segment.close();
});
