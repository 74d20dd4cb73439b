import assert from "node:assert/strict";
import { test } from "node:test";
import { hitsOf, metricsOf, searchSpec } from "../../tests/contract/engine/search-contract.ts";
import {
  EVERYTHING,
  keyField,
  makeWorld,
  sealedSpec,
  seenAt,
  sequentialKeys,
} from "../../tests/contract/engine/segment-fixture.ts";
import { fieldsOfEveryType, randomColumn } from "../../tests/contract/random-columns.ts";
import { Prng } from "../base/prng.ts";
import { columnBytes } from "../format/column-buffers.ts";
import { isVector } from "../model/data-type.ts";
import type { Engine, NativeBuffer, SealedSpec } from "../ports/engine.ts";
import { NativeEngine } from "./native-engine.ts";
import { ReferenceEngine } from "./reference-engine.ts";

const fields = [keyField("varchar"), ...fieldsOfEveryType(101)];

/** The same files in the memory of another engine, as if it had mapped them. */
function moved(spec: SealedSpec, engine: Engine): SealedSpec {
  const copies = new Map<NativeBuffer, NativeBuffer>();
  const move = <T extends { readonly file: NativeBuffer }>(part: T): T => {
    const copy = copies.get(part.file) ?? engine.allocate(part.file.byteLength);
    if (!copies.has(part.file)) copy.bytes.set(part.file.bytes);
    copies.set(part.file, copy);
    return { ...part, file: copy };
  };
  return {
    ...spec,
    columns: spec.columns.map(move),
    timestamps: move(spec.timestamps),
    keyIndex: move(spec.keyIndex),
    ends: spec.ends && move(spec.ends),
  };
}

const engines = () => [new ReferenceEngine(), new NativeEngine({ threads: 1, deterministic: true })] as const;

test("a segment that one engine wrote opens with the other and gives the same answers", async () => {
  for (const [writer, reader] of [engines(), [...engines()].reverse()]) {
    if (writer === undefined || reader === undefined) assert.fail("two engines");
    const { segment, rows } = await makeWorld(writer, { fields, kind: "growing", rows: 130, seed: 71 });
    segment.applyDeletes(sequentialKeys("varchar", 10, 30), new BigUint64Array(30).fill(500n));
    const { spec, close } = await sealedSpec(writer, segment, fields);
    const copy = reader.openSealed(moved(spec, reader));
    close();
    for (const field of fields) {
      assert.deepEqual(
        columnBytes(copy.column(field.id, rows)),
        columnBytes(segment.column(field.id, rows)),
        field.name,
      );
      assert.deepEqual({ ...copy.fieldStats(field.id) }, { ...segment.fieldStats(field.id) }, field.name);
    }
    const keys = sequentialKeys("varchar", 5, 200);
    for (const visibility of [EVERYTHING, seenAt(40), seenAt(499), seenAt(500, 20)]) {
      assert.deepEqual(copy.lookup(keys, visibility), segment.lookup(keys, visibility));
      const spec = { visibility, filter: undefined, limit: 50, order: "key" } as const;
      assert.deepEqual(copy.retrieve(spec, undefined), segment.retrieve(spec, undefined));
    }
    assert.deepEqual(copy.latestVersions(keys), segment.latestVersions(keys));
    assert.deepEqual(copy.ends(), segment.ends());
    for (const field of fields.filter(({ type }) => isVector(type))) {
      const queries = randomColumn(Prng.fromSeed(72), { ...field, nullable: false }, 3);
      for (const metric of metricsOf(field.type)) {
        const search = searchSpec(field, metric, queries, 8);
        const [ours, theirs] = [copy, segment].map((opened) =>
          hitsOf(opened.search(search, undefined)).flat(),
        );
        assert.equal(ours?.length, theirs?.length);
        ours?.forEach(({ score }, i) => {
          const other = theirs?.[i]?.score ?? NaN;
          assert.ok(
            Math.abs(score - other) <= 1e-5 * (1 + Math.abs(other)),
            `${field.name} ${metric}: ${score}, ${other}`,
          );
        });
      }
    }
    copy.close();
    segment.close();
  }
});
