import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { hitsOf, searchSpec } from "../contract/engine/search-contract.ts";
import { sharedRows } from "../contract/engine/list-index-contract.ts";
import { randomColumn } from "../contract/random-columns.ts";
import { describeFile } from "../../src/app/stored/describe-file.ts";
import { Prng } from "../../src/base/prng.ts";
import { NativeEngine } from "../../src/engine/native-engine.ts";
import { buildSample, INDEX_SAMPLES, sampleSegment } from "./index-samples.ts";

for (const sample of INDEX_SAMPLES) {
  const { file, field, metric, recallMin } = sample;
  const location = path.join(import.meta.dirname, "format", file);

  test(`${file} opens, and is searched by width and recall target`, async () => {
    const engine = new NativeEngine({ threads: 1, deterministic: true });
    const segment = await sampleSegment(engine, field);
    const queries = randomColumn(Prng.fromSeed(92), field, 12);
    const spec = { ...searchSpec(field, metric, queries, 10), ...sample.search };
    const truth = hitsOf(segment.search({ ...spec, exact: true }, undefined));
    assert.ok(truth.flat().length > 12);
    const bytes = await readFile(location);
    if (sample.isSameEverywhere === true) {
      const built = await buildSample(engine, segment, sample);
      assert.deepEqual(Buffer.from(built.bytes), bytes);
      built.close();
    }
    const index = engine.allocate(bytes.length);
    index.bytes.set(bytes);
    segment.attachIndex(field.id, index);
    index.close();
    for (const width of [{ ef: 200, nprobe: 15 }, { recallTarget: 0.95 }]) {
      const share = sharedRows(hitsOf(segment.search({ ...spec, ...width }, undefined)), truth);
      assert.ok(share >= recallMin, `${JSON.stringify(width)}: recall ${share}`);
    }
    segment.close();
  });

  test(`${file} is shown as text`, async () => {
    const lines = await Array.fromAsync(describeFile(location));
    const [kind = "", version] = file.split(/-index-|[-.]/u);
    const head = lines.slice(0, 2).join("\n").toLowerCase();
    assert.match(head, new RegExp(`^file: "${kind}[a-z_]* index"\nversion: ${version}$`, "u"));
    for (const line of lines) assert.doesNotMatch(line, /DAMAGED|unknown|NaN/u);
    const damaged = lines.find((line) => line.startsWith("damagedBlocks"));
    assert.equal(damaged ?? "damagedBlocks: []", "damagedBlocks: []");
  });
}
