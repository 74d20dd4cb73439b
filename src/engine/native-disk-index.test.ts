import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { newControl } from "../../tests/contract/engine/list-index-contract.ts";
import { hitsOf, searchSpec } from "../../tests/contract/engine/search-contract.ts";
import { keyField, makeWorld } from "../../tests/contract/engine/segment-fixture.ts";
import { randomColumn, testField } from "../../tests/contract/random-columns.ts";
import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { DataType } from "../model/data-type.ts";
import type { VectorIndexSpec } from "../ports/engine.ts";
import { createBufferFactory } from "./native-buffer.ts";
import { NativeEngine } from "./native-engine.ts";

const field = testField(110, DataType.FloatVector, { dim: 64 });
const spec: VectorIndexSpec = {
  fieldId: field.id,
  type: field.type,
  dim: field.dim,
  metric: "L2",
  index: { kind: "DISKANN", maxDegree: 24, searchList: 60, codesPerRow: 0.25, cachedPerRow: 0 },
  seed: 5,
};

const descriptorsOf = (file: string): number =>
  readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(file);
    } catch {
      // The descriptor of the listing itself.
      return false;
    }
  }).length;

const onLinux = { skip: process.platform !== "linux" };

test("a mapped DISKANN index reads its blocks from the file, and lets go of it", onLinux, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "redkite-disk-index-"));
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const fields = [keyField(), field];
  const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 3000, seed: 71 });
  try {
    const built = await engine.buildVectorIndex(segment, spec, newControl());
    const queries = randomColumn(Prng.fromSeed(72), field, 5);
    const search = searchSpec(field, "L2", queries, 10);
    segment.attachIndex(field.id, built);
    const inMemory = hitsOf(segment.search(search, undefined));
    const file = path.join(folder, "index");
    writeFileSync(file, built.bytes, { flush: true });
    const mapped = createBufferFactory().mapFile(file);
    segment.attachIndex(field.id, mapped);
    mapped.close();
    assert.equal(descriptorsOf(file), 1);
    assert.deepEqual(hitsOf(segment.search(search, undefined)), inMemory);
    // What lies behind the part in memory is asked from the file, each time.
    truncateSync(file, built.byteLength / 2);
    assert.throws(
      () => segment.search(search, undefined),
      (error) => isRedkiteError(error, "corrupted") && /DISKANN index: block/.test(error.message),
    );
    built.close();
    segment.detachIndex(field.id);
    assert.equal(descriptorsOf(file), 0);
  } finally {
    segment.close();
    rmSync(folder, { recursive: true });
  }
});
