import assert from "node:assert/strict";
import { test } from "node:test";
import { testField } from "../../../tests/contract/random-columns.ts";
import {
  batchOf,
  EVERYTHING,
  keyField,
  randomRows,
  sequentialKeys,
  ts,
} from "../../../tests/contract/engine/segment-fixture.ts";
import { MemoryObjectStore } from "../../adapters/objects/memory.ts";
import { Prng } from "../../base/prng.ts";
import { NativeEngine } from "../../engine/native-engine.ts";
import { encodeManifest, type Manifest } from "../../format/manifest.ts";
import { DataType } from "../../model/data-type.ts";
import { collectionId, partitionId, segmentId, vchannel } from "../../model/ids.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import type { ManifestRef } from "../../model/segment-meta.ts";
import { SegmentFiles, type StoredEnds } from "./segment-files.ts";

const fields = [
  keyField(),
  testField(101, DataType.VarChar, { nullable: true }),
  testField(102, DataType.Int32),
  testField(103, DataType.FloatVector, { dim: 4 }),
];
const schemaOf = (of: readonly FieldSchema[], version = 0): CollectionSchema => ({
  name: "books",
  description: "",
  fields: of,
  functions: [],
  enableDynamicField: false,
  version,
});
const schema = schemaOf(fields);
const noEnds: StoredEnds = { rows: new Uint32Array(0), timestamps: new BigUint64Array(0) };
const identity = {
  segmentId: segmentId(3n),
  collectionId: collectionId(1n),
  partitionId: partitionId(2n),
  vchannel: vchannel("dml_0_1v0"),
  task: "7-1",
};

async function written(rows = 50, ends = noEnds) {
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const bytesBefore = engine.memoryBytes();
  const objects = new MemoryObjectStore();
  const files = new SegmentFiles(engine, objects);
  const segment = engine.createGrowing({ fields, rowsMax: rows, seed: 1 });
  segment.append(batchOf(randomRows(Prng.fromSeed(9), fields, sequentialKeys("int64", 0, rows))), ts(10));
  const ref = await files.write(segment, schema, ends, identity);
  return { engine, bytesBefore, objects, files, segment, ref };
}

/** The stored object with bytes changed, under the same key. */
async function spoil(
  objects: MemoryObjectStore,
  key: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const bytes = await objects.get(key);
  await objects.remove(key);
  await objects.put(key, [change(bytes)]);
}

test("a written segment opens with the same rows, columns and timestamps", async () => {
  const { files, segment, ref, engine, bytesBefore } = await written();
  const manifest = await files.readManifest(ref);
  assert.equal(manifest.rows, 50);
  assert.deepEqual(
    manifest.groups.map((group) => group.fieldIds),
    [[1, 100], [101, 102], [103]],
  );
  const sealed = await files.open(manifest, schema, "all");
  const rows = Int32Array.from({ length: 50 }, (_, i) => i);
  for (const { id } of fields) assert.deepEqual(sealed.take(id, rows), segment.take(id, rows));
  assert.deepEqual(sealed.takeTimestamps(rows), segment.takeTimestamps(rows));
  assert.deepEqual(sealed.takeKeys(rows), segment.takeKeys(rows));
  sealed.close();
  segment.close();
  assert.equal(engine.memoryBytes(), bytesBefore, "nothing is left open");
});

test("statistics of the manifest are those of the rows", async () => {
  const { files, segment, ref } = await written();
  const { stats } = await files.readManifest(ref);
  const key = stats.find(({ fieldId }) => fieldId === 100);
  assert.deepEqual([key?.min?.int, key?.max?.int, key?.nulls], [0n, 49n, 0]);
  const text = stats.find(({ fieldId }) => fieldId === 101);
  assert.equal(text?.nulls, segment.fieldStats(101)?.nulls);
  assert.equal(
    stats.some(({ fieldId }) => fieldId === 103),
    false,
    "vectors have no order",
  );
});

test("ends of versions are stored with the segment", async () => {
  const ends = { rows: Uint32Array.of(3, 7, 49), timestamps: BigUint64Array.of(20n, 30n, 40n) };
  const { files, ref } = await written(50, ends);
  const manifest = await files.readManifest(ref);
  assert.equal(manifest.ends?.count, 3);
  const sealed = await files.open(manifest, schema);
  assert.deepEqual(sealed.ends(), ends);
  assert.equal(sealed.count({ visibility: EVERYTHING, filter: undefined }, undefined), 47);
  sealed.close();
});

test("fields that came later read as default or null, and fields that went are left out", async () => {
  const { files, ref } = await written();
  const manifest = await files.readManifest(ref);
  const later = schemaOf(
    [
      ...fields.filter(({ id }) => id !== 101),
      testField(110, DataType.Int64, { nullable: true, defaultValue: { kind: "int", value: 7n } }),
      testField(111, DataType.VarChar, { nullable: true }),
    ],
    1,
  );
  const sealed = await files.open(manifest, later);
  const added = sealed.take(110, Int32Array.of(0, 49));
  assert.deepEqual(added.kind === "fixed" && [...added.values], [7n, 7n]);
  assert.equal(sealed.fieldStats(111)?.nulls, 50);
  assert.throws(() => sealed.take(101, Int32Array.of(0)), { kind: "parameterInvalid" });
  sealed.close();
});

test("two attempts never share a name", async () => {
  const { files, segment, objects } = await written();
  await assert.rejects(files.write(segment, schema, noEnds, identity), { kind: "objectExists" });
  const again = await files.write(segment, schema, noEnds, { ...identity, task: "8-1" });
  assert.match(again.key, /\/8-1\//);
  assert.equal((await objects.list("segments/", { limit: 100 })).length, 10);
});

test("damage to each file is named with the file", async () => {
  const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1);
  const ends = { rows: Uint32Array.of(3), timestamps: BigUint64Array.of(20n) };
  for (const name of ["manifest", "keys.idx", "ends", "100.arrow", "101.arrow", "103.arrow"]) {
    for (const [how, change] of [
      ["flipped", flip(8)],
      ["cut", cut],
    ] as const) {
      const { files, objects, ref } = await written(50, ends);
      const intact = await files.readManifest(ref);
      await spoil(objects, ref.key.replace(/manifest$/, name), change);
      const open = async (): Promise<void> => {
        const manifest = name === "manifest" ? await files.readManifest(ref) : intact;
        (await files.open(manifest, schema, "all")).close();
      };
      const message = new RegExp(name.replace(".", "\\."));
      await assert.rejects(open, { kind: "corrupted", message }, `${name} ${how}`);
    }
  }
});

test("a column file that decays is found without being opened", async () => {
  const { files, objects, ref } = await written();
  const manifest = await files.readManifest(ref);
  await files.verifyGroups(manifest);
  const key = manifest.groups.at(-1)?.key ?? assert.fail("no column file");
  const whole = await objects.get(key);
  for (const [bytes, problem] of [
    [whole.with(9, (whole[9] ?? 0) ^ 1), /checksum [0-9a-f]{8} instead of/],
    [whole.subarray(1), /bytes instead of/],
  ] as const) {
    await objects.remove(key);
    await objects.put(key, [bytes]);
    await assert.rejects(files.verifyGroups(manifest), { kind: "corrupted", message: problem });
  }
  await objects.remove(key);
  await assert.rejects(files.verifyGroups(manifest), { kind: "objectNotFound" });
});

test("a missing file is named, and nothing stays open", async () => {
  const { files, objects, ref, engine, segment, bytesBefore } = await written();
  const manifest = await files.readManifest(ref);
  await objects.remove(manifest.keyIndex.key);
  segment.close();
  await assert.rejects(files.open(manifest, schema), { kind: "objectNotFound", message: /keys\.idx/ });
  assert.equal(engine.memoryBytes(), bytesBefore);
});

test("a manifest that does not fit its files is refused", async () => {
  const { files, objects, ref, engine } = await written();
  const manifest = await files.readManifest(ref);
  const [keys] = manifest.groups;
  assert.ok(keys !== undefined);
  const wrong: [RegExp, Manifest][] = [
    [/50 rows instead of 49/, { ...manifest, rows: 49 }],
    [/no file holds the begin timestamps/, { ...manifest, groups: manifest.groups.slice(1) }],
    [/no file holds the begin timestamps/, { ...manifest, groups: [] }],
    [/keys\.idx/, { ...manifest, groups: [{ ...manifest.keyIndex, fieldIds: [100] }, ...manifest.groups] }],
  ];
  for (const [message, given] of wrong)
    await assert.rejects(files.open(given, schema), { kind: "corrupted", message });
  const bytes = encodeManifest(manifest).subarray(0, 40);
  const short: ManifestRef = { key: "short", bytes: bytes.length, crc32c: engine.crc32c(bytes) };
  await objects.put("short", [bytes]);
  await assert.rejects(files.readManifest(short), { kind: "corrupted", message: /short/ });
});
