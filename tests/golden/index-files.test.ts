import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { hitsOf, searchSpec } from "../contract/engine/search-contract.ts";
import { keyField, makeWorld } from "../contract/engine/segment-fixture.ts";
import { sharedRows } from "../contract/engine/list-index-contract.ts";
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
