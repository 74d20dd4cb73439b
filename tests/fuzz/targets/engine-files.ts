import { fieldsOfEveryType, randomColumn, testField } from "../../contract/random-columns.ts";
import {
  bool,
  doubles,
  filterProgram,
  int64List,
  int64s,
  like,
  text,
  textList,
  textRange,
} from "../../contract/engine/filter-builder.ts";
import { searchSpec } from "../../contract/engine/search-contract.ts";
import {
  EVERYTHING,
  encodeSegment,
  keyField,
  makeWorld,
  randomRows,
  batchOf,
  sealedSpec,
  sequentialKeys,
  ts,
} from "../../contract/engine/segment-fixture.ts";
import { perInput, type FuzzTarget, type OpenFuzzTarget } from "../fuzz-target.ts";
import { mutate } from "../mutate.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { NativeEngine } from "../../../src/engine/native-engine.ts";
import { columnBuffersOf, parseArrowFile } from "../../../src/format/arrow-parse.ts";
import { DataType, isVector } from "../../../src/model/data-type.ts";
import { Comparison, FilterOp } from "../../../src/model/filter-program.ts";
import { TIMESTAMP_FIELD } from "../../../src/model/ids.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type {
  BuildControl,
  NativeBuffer,
  SealedSpec,
  Segment,
  VectorIndexSpec,
} from "../../../src/ports/engine.ts";

/**
 * Stored files and programs through the native engine: each is opened and then read to its end, because damage that opening lets
 * through must be harmless later. A crash ends this process, which the parent reports with the input's number.
 */
export const ENGINE_TARGETS: readonly FuzzTarget[] = [
  { name: "arrow-file", shortInputs: 5_000, open: arrowFile },
  { name: "key-index", shortInputs: 10_000, open: keyIndex },
  { name: "ends-file", shortInputs: 10_000, open: endsFile },
  { name: "hnsw-file", shortInputs: 10_000, open: async (seed) => vectorIndex("HNSW", seed) },
  { name: "ivf-file", shortInputs: 10_000, open: async (seed) => vectorIndex("IVF", seed) },
  { name: "disk-index-file", shortInputs: 10_000, open: async (seed) => vectorIndex("DISKANN", seed) },
  { name: "minhash-file", shortInputs: 10_000, open: async (seed) => vectorIndex("MINHASH", seed) },
  { name: "flat-file", shortInputs: 10_000, open: async (seed) => vectorIndex("FLAT", seed) },
  { name: "scalar-index", shortInputs: 10_000, open: scalarIndex },
  { name: "filter-program", shortInputs: 20_000, open: filterPrograms },
  { name: "engine-batch", shortInputs: 10_000, open: rowBatches },
];

const ROWS = 150;
const everyField: readonly FieldSchema[] = [keyField(), ...fieldsOfEveryType(101)];
const newEngine = (): NativeEngine => new NativeEngine({ threads: 1, deterministic: true });

function refusedOr(act: () => void): "accepted" | "refused" {
  try {
    act();
    return "accepted";
  } catch (error) {
    // An assertion or a TypeError is a bug of ours, whatever the bytes say.
    if (isRedkiteError(error)) return "refused";
    throw error;
  }
}

function within<T>(engine: NativeEngine, bytes: Uint8Array, use: (buffer: NativeBuffer) => T): T {
  const buffer = engine.allocate(bytes.length);
  try {
    buffer.bytes.set(bytes);
    return use(buffer);
  } finally {
    buffer.close();
  }
}

/** Everything a reader may ask of a segment. */
function readAll(segment: Segment, fields: readonly FieldSchema[]): void {
  const rows = segment.retrieve(
    { visibility: EVERYTHING, filter: undefined, limit: 20, order: "key" },
    undefined,
  );
  segment.takeTimestamps(rows);
  segment.takeKeys(rows);
  segment.latestVersions(sequentialKeys("int64", -2, 8));
  segment.lookup(sequentialKeys("int64", -2, 8), EVERYTHING);
  segment.endedRows(EVERYTHING.at);
  segment.ends();
  for (const field of fields) {
    segment.take(field.id, rows);
    segment.column(field.id, segment.rows);
    segment.fieldStats(field.id);
    segment.columnSizes(field.id);
  }
}

async function arrowFile(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const { segment } = await makeWorld(engine, { fields: everyField, kind: "growing", rows: ROWS, seed: 5 });
  const file = await encodeSegment(engine, segment, everyField);
  const valid = file.bytes.slice();
  const index = engine.buildKeyIndex(segment);
  const { columns } = parseArrowFile(valid);
  const starts = columns.flatMap(({ validity, offsets, childOffsets }) =>
    [validity, offsets, childOffsets].flatMap((range) =>
      range === undefined ? [] : [[range.offset, range.offset + range.bytes] as const],
    ),
  );
  const bodyStart = Math.min(...columns.map(({ values }) => values.offset));
  const bodyEnd = Math.max(...columns.map(({ values }) => values.offset + values.bytes));
  // Schema and batch before the body, footer behind it; of the body what other bytes are found by.
  const hot = [[0, bodyStart], [bodyEnd, valid.length], [bodyEnd, valid.length], ...starts] as const;
  const queries = randomColumn(Prng.fromSeed(1), testField(118, DataType.FloatVector, { dim: 5 }), 1);
  const vector = everyField.find(({ type }) => type === DataType.FloatVector) ?? keyField();
  const open = (bytes: Uint8Array): void =>
    within(engine, bytes, (buffer) => {
      const parsed = parseArrowFile(buffer.bytes);
      const begins = parsed.columns.find(({ fieldId }) => fieldId === TIMESTAMP_FIELD);
      const spec: SealedSpec = {
        rows: parsed.rows,
        columns: parsed.columns.flatMap((column) => {
          const field = everyField.find(({ id }) => id === column.fieldId);
          return field === undefined ? [] : [columnBuffersOf(column, field, buffer)];
        }),
        timestamps: { file: buffer, range: begins?.values ?? { offset: 0, bytes: 0 } },
        keyIndex: { file: index, range: { offset: 0, bytes: index.byteLength } },
        ends: undefined,
        missing: everyField.filter(({ id }) => !parsed.columns.some(({ fieldId }) => fieldId === id)),
      };
      const sealed = engine.openSealed(spec);
      try {
        readAll(sealed, everyField);
        sealed.search(searchSpec(vector, "L2", queries, 3), undefined);
      } finally {
        sealed.close();
      }
    });
  open(valid);
  return {
    ...perInput("arrow-file", seed, (random) => refusedOr(() => open(mutate(random, valid, { hot })))),
    otherBytes: () => engine.memoryBytes(),
  };
}

async function keyIndex(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const fields = [keyField()];
  const { segment } = await makeWorld(engine, { fields, kind: "growing", rows: ROWS, seed: 5 });
  segment.applyDeletes(
    sequentialKeys("int64", 3, 5),
    BigUint64Array.from({ length: 5 }, () => 1n << 60n),
  );
  const { spec } = await sealedSpec(engine, segment, fields);
  const valid = spec.keyIndex.file.bytes.slice();
  const hot = [[0, 64]] as const;
  return {
    ...perInput("key-index", seed, (random) =>
      refusedOr(() =>
        within(engine, mutate(random, valid, { hot }), (file) => {
          const range = { offset: 0, bytes: file.byteLength };
          const sealed = engine.openSealed({ ...spec, keyIndex: { file, range } });
          readAll(sealed, fields);
          sealed.applyDeletes(
            sequentialKeys("int64", 0, 9),
            BigUint64Array.from({ length: 9 }, () => 1n << 61n),
          );
          sealed.close();
        }),
      ),
    ),
    otherBytes: () => engine.memoryBytes(),
  };
}

async function endsFile(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const fields = [keyField()];
  const { segment } = await makeWorld(engine, { fields, kind: "growing", rows: ROWS, seed: 5 });
  segment.applyDeletes(
    sequentialKeys("int64", 3, 25),
    BigUint64Array.from({ length: 25 }, () => 1n << 60n),
  );
  const { spec } = await sealedSpec(engine, segment, fields);
  const valid = spec.ends?.file.bytes.slice() ?? new Uint8Array(0);
  const count = spec.ends?.count ?? 0;
  return {
    ...perInput("ends-file", seed, (random) =>
      refusedOr(() =>
        within(engine, mutate(random, valid), (file) => {
          const range = { offset: 0, bytes: file.byteLength };
          const claimed = random.chance(0.9) ? count : random.pick([0, 1, count - 1, count + 1, 0xffff_ffff]);
          const sealed = engine.openSealed({ ...spec, ends: { file, range, count: claimed } });
          readAll(sealed, fields);
          sealed.close();
        }),
      ),
    ),
    otherBytes: () => engine.memoryBytes(),
  };
}

const fuzzedIndexes = {
  HNSW: [
    { kind: "HNSW", m: 8, efConstruction: 40 },
    { kind: "HNSW_SQ", m: 8, efConstruction: 40, refine: "none" },
    { kind: "HNSW_PQ", m: 8, efConstruction: 40, subs: 8, nbits: 8, levels: 1, refine: "rows" },
    { kind: "HNSW_PRQ", m: 8, efConstruction: 40, subs: 4, nbits: 4, levels: 3, refine: "none" },
    { kind: "HNSW_SQ", m: 8, efConstruction: 40, refine: "u8" },
  ],
  FLAT: [{ kind: "FLAT" }],
  DISKANN: [{ kind: "DISKANN", maxDegree: 8, searchList: 20, codesPerRow: 0.25, cachedPerRow: 0.1 }],
  IVF: [
    { kind: "IVF_FLAT", nlist: 6 },
    { kind: "IVF_SQ8", nlist: 6 },
    { kind: "IVF_PQ", nlist: 6, m: 8, nbits: 8 },
    { kind: "SCANN", nlist: 6, refine: "rows" },
    { kind: "IVF_RABITQ", nlist: 6, refine: "none" },
    { kind: "IVF_RABITQ", nlist: 6, refine: "f16" },
    { kind: "BIN_IVF_FLAT", nlist: 6 },
  ],
  MINHASH: [
    { kind: "MINHASH_LSH", elementBytes: 1, bands: 4 },
    { kind: "MINHASH_LSH", elementBytes: 1, bands: 2 },
  ],
} as const satisfies Record<string, readonly VectorIndexSpec["index"][]>;

async function vectorIndex(kind: keyof typeof fuzzedIndexes, seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const vectors = [
    testField(110, DataType.FloatVector, { nullable: true, dim: 16 }),
    testField(111, DataType.Int8Vector, { dim: 16 }),
    testField(112, DataType.BinaryVector, { dim: 64 }),
  ];
  const { segment } = await makeWorld(engine, {
    fields: [keyField(), ...vectors],
    kind: "sealed",
    rows: 300,
    seed: 5,
    nulls: 0.1,
  });
  const samples = await Promise.all(
    vectors.map(async (field, i) => {
      const own = (["L2", "COSINE", "HAMMING"] as const)[i] ?? "L2";
      const metric = kind === "MINHASH" ? ("MHJACCARD" as const) : own;
      const queries = randomColumn(Prng.fromSeed(3), { ...field, nullable: false }, 2);
      const search = { ...searchSpec(field, metric, queries, 5), ef: 20 };
      const binary = field.type === DataType.BinaryVector;
      const kinds = fuzzedIndexes[kind].filter(
        (index) =>
          index.kind === "HNSW" ||
          index.kind === "FLAT" ||
          (index.kind === "BIN_IVF_FLAT" || index.kind === "MINHASH_LSH") === binary,
      );
      return Promise.all(
        kinds.map(async (index) => {
          const spec = { fieldId: field.id, type: field.type, dim: field.dim, metric, index, seed: 7 };
          const bytes = (await engine.buildVectorIndex(segment, spec, newControl())).bytes.slice();
          if (index.kind !== "MINHASH_LSH") return { field, bytes, search };
          const { elementBytes, bands } = index;
          return {
            field,
            bytes,
            search: { ...search, minHash: { elementBytes, bands, estimate: bands > 2 } },
          };
        }),
      );
    }),
  ).then((lists) => lists.flat());
  return {
    ...perInput(`${kind}-file`, seed, (random) => {
      const { field, bytes, search } = random.pick(samples);
      // The small head decides where everything lies; without its checksum repaired nothing behind it is ever looked at.
      const links = bytes.length - random.int(Math.min(bytes.length, 40_000));
      const damaged = mutate(random, bytes, {
        hot: [
          [0, 256],
          [0, 128],
          [links, bytes.length],
        ],
      });
      if (random.chance(0.9)) repairHeadChecksum(engine, damaged);
      return refusedOr(() =>
        within(engine, damaged, (file) => {
          segment.attachIndex(field.id, file);
          try {
            segment.search(search, undefined);
            const program = filterProgram([
              { opcode: FilterOp.Compare, comparison: Comparison.Lt, field: 100, constant: int64s(40n) },
            ]);
            segment.search({ ...search, filter: { program, externals: [] } }, undefined);
          } finally {
            segment.detachIndex(field.id);
          }
        }),
      );
    }),
    otherBytes: () => engine.memoryBytes(),
  };
}

/** docs/internals/hnsw-index-file.md, ivf-index-file.md, minhash-index-file.md: the CRC of bytes 0 to 251 lies behind them. A FLAT file has none. */
function repairHeadChecksum(engine: NativeEngine, bytes: Uint8Array): void {
  if (bytes.length < 256 || !["RKHN", "RKIV", "RKMH"].includes(String.fromCharCode(...bytes.subarray(0, 4))))
    return;
  const crc = engine.crc32c(bytes.subarray(0, 252));
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(252, crc, true);
}

async function scalarIndex(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const fields = everyField.filter(
    ({ type }) => type !== DataType.Array && type !== DataType.JSON && !isVector(type),
  );
  const { segment } = await makeWorld(engine, { fields, kind: "sealed", rows: ROWS, seed: 5 });
  const samples = await Promise.all(
    fields.flatMap((field) =>
      (["sorted", "bitmap"] as const).map(async (kind) => {
        const index = await engine.buildScalarIndex(segment, { fieldId: field.id, kind }, newControl());
        return { field, bytes: index.bytes.slice() };
      }),
    ),
  );
  return {
    ...perInput("scalar-index", seed, (random) => {
      const { field, bytes } = random.pick(samples);
      return refusedOr(() =>
        within(engine, mutate(random, bytes, { hot: [[0, 64]] }), (file) => {
          segment.attachIndex(field.id, file);
          try {
            for (const operation of comparisonsOf(field.type)) {
              const program = filterProgram([{ ...operation, field: field.id }]);
              segment.count({ visibility: EVERYTHING, filter: { program, externals: [] } }, undefined);
            }
          } finally {
            segment.detachIndex(field.id);
          }
        }),
      );
    }),
    otherBytes: () => engine.memoryBytes(),
  };
}

function comparisonsOf(type: DataType) {
  const compare = (comparison: number, constant: ReturnType<typeof int64s>) => ({
    opcode: FilterOp.Compare,
    comparison,
    constant,
  });
  switch (type) {
    case DataType.Bool:
      return [compare(Comparison.Eq, bool(true)), compare(Comparison.Ne, bool(true))];
    case DataType.VarChar:
      return [
        compare(Comparison.Lt, text("kite")),
        { opcode: FilterOp.Range, flags: 3, constant: textRange("a", "z") },
        { opcode: FilterOp.In, constant: textList(["a", "kite"]) },
        { opcode: FilterOp.Like, constant: like("a%") },
      ];
    case DataType.Float:
    case DataType.Double:
      return [
        compare(Comparison.Ge, doubles(-3)),
        { opcode: FilterOp.Range, flags: 1, constant: doubles(-2, 9) },
      ];
    default:
      return [
        compare(Comparison.Eq, int64s(3n)),
        compare(Comparison.Ne, int64s(3n)),
        { opcode: FilterOp.In, constant: int64List([1n, 4n, 9n]) },
        { opcode: FilterOp.Range, flags: 2, constant: int64s(-3n, 12n) },
      ];
  }
}

async function filterPrograms(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const { segment } = await makeWorld(engine, { fields: everyField, kind: "sealed", rows: ROWS, seed: 5 });
  const programs = everyField.flatMap((field) =>
    isVector(field.type) || field.type === DataType.JSON || field.type === DataType.Array
      ? [filterProgram([{ opcode: FilterOp.IsNull, field: field.id }])]
      : comparisonsOf(field.type).map((operation) =>
          filterProgram([
            { ...operation, field: field.id },
            { opcode: FilterOp.IsNull, target: 1, field: field.id },
            { opcode: FilterOp.Not, target: 1, a: 1 },
            { opcode: FilterOp.And, target: 0, a: 0, b: 1 },
          ]),
        ),
  );
  return {
    ...perInput("filter-program", seed, (random) => {
      const bytes = mutate(random, random.pick(programs).bytes, {
        hot: [
          [0, 16],
          [16, 100],
        ],
        other: random.pick(programs).bytes,
      });
      const filter = { program: { bytes, externals: 0 }, externals: [] };
      return refusedOr(() => void segment.count({ visibility: EVERYTHING, filter }, undefined));
    }),
    otherBytes: () => engine.memoryBytes(),
  };
}

async function rowBatches(seed: number): Promise<OpenFuzzTarget> {
  const engine = newEngine();
  const valid = batchOf(randomRows(Prng.fromSeed(61), everyField, sequentialKeys("int64", 0, 9)));
  let segment = engine.createGrowing({ fields: everyField, rowsMax: 20_000, seed: 1 });
  return {
    ...perInput("engine-batch", seed, (random) => {
      if (segment.rows > 15_000) {
        segment.close();
        segment = engine.createGrowing({ fields: everyField, rowsMax: 20_000, seed: 1 });
      }
      const before = segment.rows;
      const outcome = refusedOr(() =>
        segment.append(
          mutate(random, valid, {
            hot: [
              [0, 16],
              [16, 16 + everyField.length * 64],
            ],
          }),
          ts(before + 1),
        ),
      );
      if (outcome === "refused" && segment.rows !== before) throw new Error("a refused batch left rows");
      const last = Int32Array.from({ length: segment.rows - before }, (_, i) => before + i);
      if (last.length > 0 && last.length < 100) for (const field of everyField) segment.take(field.id, last);
      return outcome;
    }),
    otherBytes: () => 0,
  };
}

function newControl(): BuildControl {
  const word = () => new Int32Array(new SharedArrayBuffer(4));
  return { cancel: { word: word() }, progress: word(), threads: 1 };
}
