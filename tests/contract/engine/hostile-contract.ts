import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { RedkiteError } from "../../../src/errors/redkite-error.ts";
import { keysFrom } from "../../../src/format/column-select.ts";
import { encodeRowBatch } from "../../../src/format/row-batch.ts";
import type { Column } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import { Arithmetic, FilterOp } from "../../../src/model/filter-program.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { SealedSpec } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import {
  doubles,
  filterProgram,
  int64List,
  int64s,
  like,
  text,
  textList,
  textRange,
} from "./filter-builder.ts";
import {
  batchOf,
  EVERYTHING,
  keyField,
  makeWorld,
  randomRows,
  sealedSpec,
  sequentialKeys,
  ts,
} from "./segment-fixture.ts";

const fields = [keyField(), ...fieldsOfEveryType(101)];

/** What bad input may be answered with: never a crash, never another kind of error. */
function assertRefused(error: unknown, name: string): void {
  assert.ok(error instanceof RedkiteError, `${name}: ${String(error)}`);
  const kinds = ["corrupted", "parameterInvalid", "parameterTooLarge", "serviceMemoryLimitExceeded"];
  assert.ok(kinds.includes(error.kind), `${name}: ${error.kind}: ${error.message}`);
  assert.notEqual(error.message, "");
}

function refuses(act: () => unknown, name: string): void {
  assert.throws(act, (error) => (assertRefused(error, name), true), name);
}

export function hostileContract(makeEngine: MakeEngine): void {
  test("a damaged row batch is refused as a whole or taken as a whole", () => {
    const engine = makeEngine();
    const prng = Prng.fromSeed(61);
    const valid = batchOf(randomRows(prng, fields, sequentialKeys("int64", 0, 9)));
    const segment = engine.createGrowing({ fields, rowsMax: 100_000, seed: 1 });
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const batch = valid.slice(0, prng.chance(0.05) ? prng.int(valid.length) : valid.length);
      for (let change = prng.between(1, 3); change > 0; change--) {
        const at = prng.chance(0.7) ? prng.int(16 + fields.length * 64) : prng.int(valid.length);
        if (at < batch.length) batch[at] = prng.int(256);
      }
      const before = segment.rows;
      try {
        segment.append(batch, ts(round + 1));
      } catch (error) {
        assertRefused(error, `round ${round}`);
        assert.equal(segment.rows, before);
        refused++;
      }
    }
    assert.ok(refused > 300, `${refused} refused`);
    // What was taken can be read to its end.
    for (const field of fields) assert.equal(segment.column(field.id, segment.rows).rows, segment.rows);
    assert.equal(segment.count({ visibility: EVERYTHING, filter: undefined }, undefined), segment.rows);
    segment.close();
  });

  test("batches that do not fit the segment's fields are refused", () => {
    const engine = makeEngine();
    const own = [keyField(), testField(101, DataType.FloatVector, { dim: 4 }), arrayField(DataType.Int32)];
    const segment = engine.createGrowing({ fields: own, rowsMax: 100, seed: 1 });
    const rowsOf = (given: readonly FieldSchema[]) =>
      randomRows(Prng.fromSeed(62), given, sequentialKeys("int64", 0, 3));
    const wrong: [string, readonly FieldSchema[]][] = [
      ["a vector of another dimension", [keyField(), testField(101, DataType.FloatVector, { dim: 5 })]],
      ["another type", [keyField(), testField(101, DataType.Int8Vector, { dim: 4 })]],
      ["arrays of other elements", [keyField(), arrayField(DataType.Int64)]],
      ["a field that the segment does not have", [keyField(), testField(999, DataType.Int64)]],
      ["no keys", [testField(101, DataType.FloatVector, { dim: 4 })]],
    ];
    for (const [name, given] of wrong) refuses(() => segment.append(batchOf(rowsOf(given)), ts(1)), name);
    const nullKey: Column = {
      kind: "fixed",
      type: DataType.Int64,
      dim: 0,
      rows: 2,
      values: BigInt64Array.of(1n, 0n),
      validity: Uint8Array.of(1),
    };
    refuses(
      () => segment.append(encodeRowBatch({ rows: 2, columns: new Map([[100, nullKey]]) }), ts(1)),
      "a null key",
    );
    assert.equal(segment.rows, 0);
    segment.close();
  });

  test("segments that cannot exist are refused", () => {
    const engine = makeEngine();
    const good = { fields: [keyField()], rowsMax: 10, seed: 1 };
    refuses(() => engine.createGrowing({ ...good, rowsMax: 0 }), "no rows");
    refuses(() => engine.createGrowing({ ...good, rowsMax: 2 ** 31 }), "too many rows");
    refuses(() => engine.createGrowing({ ...good, fields: [testField(101, DataType.Int64)] }), "no key");
    refuses(() => engine.createGrowing({ ...good, fields: [keyField(), keyField()] }), "a field twice");
    refuses(
      () => engine.createGrowing({ ...good, fields: [keyField(), testField(101, DataType.FloatVector)] }),
      "no dimension",
    );
    const odd = testField(101, DataType.BinaryVector, { dim: 12 });
    refuses(() => engine.createGrowing({ ...good, fields: [keyField(), odd] }), "half a byte");
    refuses(
      () => engine.createGrowing({ ...good, fields: [keyField(), arrayField(DataType.JSON)] }),
      "an array of JSON",
    );
    refuses(() => engine.allocate(-1), "less than nothing");
    refuses(() => engine.allocate(2 ** 52), "more than there is");
  });

  test("damaged filter programs are refused or run, and the segment is none the worse", async () => {
    const engine = makeEngine();
    const prng = Prng.fromSeed(63);
    const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: 70, seed: 64 });
    const valid = everyOperation();
    const bitmap = { isTrue: new BigUint64Array(2), isFalse: new BigUint64Array(2) };
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = valid.bytes.slice(0, prng.chance(0.05) ? prng.int(valid.bytes.length) : undefined);
      for (let change = prng.between(1, 3); change > 0; change--)
        bytes[prng.int(bytes.length)] = prng.int(256);
      const filter = { program: { bytes, externals: 1 }, externals: [bitmap] };
      try {
        const found = segment.retrieve(
          { visibility: EVERYTHING, filter, limit: -1, order: "row" },
          undefined,
        );
        assert.ok(found.length <= 70);
      } catch (error) {
        assertRefused(error, `round ${round}`);
        refused++;
      }
    }
    assert.ok(refused > 1000, `${refused} refused`);
    const none = { program: valid, externals: [] };
    refuses(() => segment.count({ visibility: EVERYTHING, filter: none }, undefined), "no bitmap");
    assert.equal(segment.count({ visibility: EVERYTHING, filter: undefined }, undefined), 70);
    segment.close();
  });

  test("files whose ranges, sizes, offsets or index do not fit are refused when opened", async () => {
    const engine = makeEngine();
    const { segment } = await makeWorld(engine, { fields, kind: "growing", rows: 40, seed: 65 });
    segment.applyDeletes(sequentialKeys("int64", 0, 5), new BigUint64Array(5).fill(900n));
    const { spec, close } = await sealedSpec(engine, segment, fields);
    const copyOf = (bytes: Uint8Array) => {
      const buffer = engine.allocate(bytes.length);
      buffer.bytes.set(bytes);
      return buffer;
    };
    const wrong: [string, SealedSpec][] = [
      ["more rows than the columns have", { ...spec, rows: 41 }],
      ["fewer rows", { ...spec, rows: 39 }],
      ["a field twice", { ...spec, columns: [...spec.columns, ...spec.columns.slice(1, 2)] }],
      ["no key column", { ...spec, columns: spec.columns.slice(1) }],
      [
        "timestamps outside of the file",
        withTimestamps(spec, { offset: spec.timestamps.file.byteLength, bytes: 320 }),
      ],
      ["too few timestamps", withTimestamps(spec, { ...spec.timestamps.range, bytes: 312 })],
      ["half of a key index", { ...spec, keyIndex: { ...spec.keyIndex, range: { offset: 0, bytes: 100 } } }],
      [
        "a key index at an offset",
        { ...spec, keyIndex: { ...spec.keyIndex, range: { offset: 64, bytes: 400 } } },
      ],
    ];
    spec.columns.forEach((column, i) => {
      const change = (name: string, changed: typeof column): [string, SealedSpec] => [
        `${column.field.name}: ${name}`,
        { ...spec, columns: spec.columns.map((other, j) => (i === j ? changed : other)) },
      ];
      const { values, offsets, file } = column;
      wrong.push(
        change("values behind the end", { ...column, values: { ...values, offset: file.byteLength } }),
      );
      wrong.push(change("values before the start", { ...column, values: { ...values, offset: -64 } }));
      wrong.push(change("too few values", { ...column, values: { ...values, bytes: values.bytes - 1 } }));
      wrong.push(change("a huge size", { ...column, values: { ...values, bytes: 2 ** 40 } }));
      if (offsets === undefined) return;
      wrong.push(change("too few offsets", { ...column, offsets: { ...offsets, bytes: offsets.bytes - 4 } }));
      wrong.push(change("no offsets", { ...column, offsets: undefined }));
    });
    const damagedIndex = (at: number) => {
      const buffer = copyOf(spec.keyIndex.file.bytes);
      buffer.bytes[at] = (buffer.bytes[at] ?? 0) ^ 0xff;
      return { ...spec, keyIndex: { ...spec.keyIndex, file: buffer } };
    };
    for (const [name, at] of [
      ["magic", 0],
      ["version", 4],
      ["kind", 6],
      ["rows", 8],
      ["row", 387],
    ] as const) {
      wrong.push([`a key index with another ${name}`, damagedIndex(at)]);
    }
    const ends = spec.ends ?? assert.fail("five rows have ended");
    const badEnds = copyOf(ends.file.bytes);
    badEnds.bytes[16] = 200;
    wrong.push(["an end of a row that is not there", { ...spec, ends: { ...ends, file: badEnds } }]);
    wrong.push(["more ends than bytes", { ...spec, ends: { ...ends, count: 6 } }]);
    for (const [name, bad] of wrong) refuses(() => engine.openSealed(bad), name);

    const good = engine.openSealed(spec);
    assert.equal(good.rows, 40);
    assert.equal(good.endedRows(ts(900)), 5);
    good.close();
    close();
    segment.close();
  });

  test("offsets that fall are found when a file is opened", async () => {
    const engine = makeEngine();
    const { segment } = await makeWorld(engine, { fields, kind: "growing", rows: 40, seed: 66 });
    const { spec, close } = await sealedSpec(engine, segment, fields);
    for (const column of spec.columns) {
      const { offsets, file } = column;
      if (offsets === undefined) continue;
      const view = new DataView(file.bytes.buffer, file.bytes.byteOffset);
      const at = offsets.offset + 20 * 4;
      const kept = view.getInt32(at, true);
      view.setInt32(at, 0x7fff_0000, true);
      refuses(() => engine.openSealed(spec), column.field.name);
      view.setInt32(at, kept, true);
    }
    engine.openSealed(spec).close();
    close();
    segment.close();
  });

  test("rows, fields and keys that are not there are refused", async () => {
    const engine = makeEngine();
    const { segment, rows } = await makeWorld(engine, { fields, kind: "growing", rows: 20, seed: 67 });
    for (const bad of [Int32Array.of(-1), Int32Array.of(rows), Int32Array.of(0, 0x7fff_ffff)]) {
      refuses(() => segment.take(105, bad), "take");
      refuses(() => segment.takeKeys(bad), "takeKeys");
      refuses(() => segment.takeTimestamps(bad), "takeTimestamps");
    }
    refuses(() => segment.take(999, Int32Array.of(0)), "a field");
    refuses(() => segment.column(999, 1), "a column");
    refuses(() => segment.column(105, rows + 1), "more rows");
    refuses(() => segment.fieldStats(999), "statistics");
    refuses(() => segment.columnSizes(999), "sizes");
    const names = keysFrom("varchar", ["a"]);
    refuses(() => segment.lookup(names, EVERYTHING), "keys of another kind");
    refuses(() => segment.latestVersions(names), "keys of another kind");
    refuses(() => segment.applyDeletes(names, BigUint64Array.of(1n)), "keys of another kind");
    refuses(
      () => segment.applyDeletes(sequentialKeys("int64", 0, 2), BigUint64Array.of(1n)),
      "too few timestamps",
    );
    const target = engine.createGrowing({ fields, rowsMax: 100, seed: 1 });
    refuses(() => target.appendFrom(segment, Int32Array.of(rows)), "rows of another segment");
    assert.equal(target.rows, 0);
    target.close();
    segment.close();
  });

  test("columns are never written outside of their buffer", async () => {
    const engine = makeEngine();
    const { segment } = await makeWorld(engine, {
      fields: [keyField()],
      kind: "growing",
      rows: 20,
      seed: 68,
    });
    const target = engine.allocate(200);
    const place = {
      fieldId: 100,
      validity: undefined,
      offsets: undefined,
      childOffsets: undefined,
      boolBitmap: false,
    };
    for (const values of [64, 200, -8, 2 ** 40]) {
      await assert.rejects(
        async () => segment.encodeColumns(target, [{ ...place, values }]),
        (error) => (assertRefused(error, `at ${values}`), true),
      );
      refuses(() => segment.encodeTimestamps(target, values), `timestamps at ${values}`);
    }
    await segment.encodeColumns(target, [{ ...place, values: 40 }]);
    target.close();
    segment.close();
  });

  test("a closed handle can be closed again and used for nothing else", async () => {
    const engine = makeEngine();
    const { segment } = await makeWorld(engine, { fields: [keyField()], kind: "growing", rows: 5, seed: 69 });
    const handle = segment.share();
    segment.close();
    segment.close();
    const read = { visibility: EVERYTHING, filter: undefined };
    assert.throws(() => segment.count(read, undefined));
    assert.throws(() => segment.take(100, Int32Array.of(0)));
    assert.throws(() => segment.applyDeletes(sequentialKeys("int64", 0, 1), BigUint64Array.of(9n)));
    assert.throws(() => segment.share());
    assert.throws(() => engine.attach(handle), "nobody holds the segment open any more");
    assert.throws(() => engine.attach(987_654_321n));
    const buffer = engine.allocate(10);
    buffer.close();
    buffer.close();
  });
}

function arrayField(elementType: DataType): FieldSchema {
  return testField(102, DataType.Array, { elementType });
}

function withTimestamps(spec: SealedSpec, range: SealedSpec["timestamps"]["range"]): SealedSpec {
  return { ...spec, timestamps: { ...spec.timestamps, range } };
}

/** A program that uses every opcode, as a start for mutations. */
function everyOperation() {
  const leaves = [
    { opcode: FilterOp.Const, a: 1 },
    { opcode: FilterOp.Compare, field: 105, constant: int64s(3n) },
    { opcode: FilterOp.Compare, field: 108, constant: text("kite") },
    { opcode: FilterOp.Range, field: 107, flags: 3, constant: doubles(-3, 3) },
    { opcode: FilterOp.Range, field: 108, flags: 1, constant: textRange("a", "z") },
    { opcode: FilterOp.In, field: 104, constant: int64List([1n, 2n]) },
    { opcode: FilterOp.In, field: 108, constant: textList(["a", "kite"]) },
    { opcode: FilterOp.Like, field: 108, constant: like("%a_b%") },
    { opcode: FilterOp.IsNull, field: 109 },
    { opcode: FilterOp.Arith, field: 103, arithmetic: Arithmetic.Mod, constant: int64s(3n, 1n) },
    { opcode: FilterOp.CompareFields, field: 104, second: 106 },
    { opcode: FilterOp.External, field: 0 },
    { opcode: FilterOp.Bool, field: 101 },
  ];
  const folded = leaves.flatMap((leaf, i) => [
    { ...leaf, target: 1 },
    i === 0 ? { opcode: FilterOp.Not, a: 1 } : { opcode: FilterOp.Or, a: 0, b: 1 },
  ]);
  return filterProgram([...folded, { opcode: FilterOp.And, a: 0, b: 1 }], 1);
}
