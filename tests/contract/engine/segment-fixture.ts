import { randomColumn, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { layoutArrowFile } from "../../../src/format/arrow-layout.ts";
import { columnBuffersOf, parseArrowFile } from "../../../src/format/arrow-parse.ts";
import {
  concatColumns,
  gatherColumn,
  keysFrom,
  keysOf,
  columnOfKeys,
} from "../../../src/format/column-select.ts";
import { encodeRowBatch } from "../../../src/format/row-batch.ts";
import { keyCount, type Column, type Keys } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import { TIMESTAMP_FIELD } from "../../../src/model/ids.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import { TIMESTAMP_MAX, timestamp, type Timestamp } from "../../../src/model/timestamp.ts";
import type { Engine, SealedSegment, SealedSpec, Segment, Visibility } from "../../../src/ports/engine.ts";

export const KEY_FIELD = 100;

export const keyField = (kind: Keys["kind"] = "int64"): FieldSchema =>
  testField(KEY_FIELD, kind === "int64" ? DataType.Int64 : DataType.VarChar, { isPrimaryKey: true });

/** Sees everything that was ever appended and has not ended. */
export const EVERYTHING: Visibility = { at: TIMESTAMP_MAX, minBegin: timestamp(0n) };

export const ts = (value: number | bigint): Timestamp => timestamp(BigInt(value));
export const seenAt = (at: number | bigint, minBegin: number | bigint = 0): Visibility => ({
  at: ts(at),
  minBegin: ts(minBegin),
});

export type Columns = ReadonlyMap<number, Column>;

/** Random columns of the fields; the key column holds `keys`. */
export function randomRows(prng: Prng, fields: readonly FieldSchema[], keys: Keys, nulls = 0.2): Columns {
  const rows = keyCount(keys);
  return new Map(
    fields.map((field) => [
      field.id,
      field.id === KEY_FIELD ? columnOfKeys(keys) : randomColumn(prng, field, rows, nulls),
    ]),
  );
}

/** Keys 0, 1, 2, ... from `first`, as numbers or as texts. */
export function sequentialKeys(kind: Keys["kind"], first: number, count: number): Keys {
  return keysFrom(
    kind,
    Array.from({ length: count }, (_, i) => (kind === "int64" ? BigInt(first + i) : `key-${first + i}`)),
  );
}

export function batchOf(columns: Columns): Uint8Array {
  const rows = [...columns.values()][0]?.rows ?? 0;
  return encodeRowBatch({ rows, columns });
}

export function concatRows(parts: readonly Columns[]): Columns {
  const ids = [...(parts[0]?.keys() ?? [])];
  return new Map(ids.map((id) => [id, concatColumns(parts.flatMap((part) => part.get(id) ?? []))] as const));
}

export function columnOf(columns: Columns, fieldId: number): Column {
  const column = columns.get(fieldId);
  if (column === undefined) throw new Error(`no column ${fieldId}`);
  return column;
}

export function keysAt(columns: Columns, rows: ArrayLike<number>): Keys {
  return keysOf(gatherColumn(columnOf(columns, KEY_FIELD), rows));
}

export const KINDS = ["growing", "sealed"] as const;
export type SegmentKind = (typeof KINDS)[number];

export interface World {
  readonly engine: Engine;
  readonly fields: readonly FieldSchema[];
  /** What was appended, in order. */
  readonly columns: Columns;
  readonly rows: number;
  readonly segment: Segment;
}

export interface WorldSpec {
  readonly fields: readonly FieldSchema[];
  readonly kind: SegmentKind;
  readonly rows: number;
  readonly seed: number;
  readonly nulls?: number;
}

/** A segment of random rows, appended in batches at timestamps 10, 20, 30, ... */
export async function makeWorld(engine: Engine, spec: WorldSpec): Promise<World> {
  const prng = Prng.fromSeed(spec.seed);
  const kind = spec.fields.some((field) => field.isPrimaryKey && field.type === DataType.VarChar)
    ? "varchar"
    : "int64";
  const parts: Columns[] = [];
  for (let first = 0; first < spec.rows;) {
    const count = Math.min(prng.between(1, 40), spec.rows - first);
    parts.push(randomRows(prng, spec.fields, sequentialKeys(kind, first, count), spec.nulls));
    first += count;
  }
  const growing = engine.createGrowing({ fields: spec.fields, rowsMax: spec.rows + 1, seed: spec.seed });
  parts.forEach((part, i) => growing.append(batchOf(part), ts((i + 1) * 10)));
  const segment = spec.kind === "growing" ? growing : await sealedCopy(engine, growing, spec.fields);
  if (segment !== growing) growing.close();
  return { engine, fields: spec.fields, columns: concatRows(parts), rows: spec.rows, segment };
}

const timestampField: FieldSchema = {
  ...testField(0, DataType.Int64),
  id: TIMESTAMP_FIELD,
  name: "Timestamp",
};

/** The segment's field file: all fields and the begin timestamps in one Arrow file. The caller closes the buffer. */
export async function encodeSegment(engine: Engine, segment: Segment, fields: readonly FieldSchema[]) {
  const { rows } = segment;
  const noBuffers = { validity: 0, offsets: 0, childOffsets: 0, childRows: 0, values: rows * 8 };
  const layout = layoutArrowFile(
    [
      ...fields.map((field) => ({ field, rows, sizes: segment.columnSizes(field.id) })),
      { field: timestampField, rows, sizes: noBuffers },
    ],
    {},
  );
  const file = engine.allocate(layout.totalBytes);
  const isField = (fieldId: number) => fieldId !== TIMESTAMP_FIELD;
  await segment.encodeColumns(
    file,
    layout.placements.filter(({ fieldId }) => isField(fieldId)),
  );
  const begins = layout.placements.find(({ fieldId }) => !isField(fieldId));
  segment.encodeTimestamps(file, begins?.values ?? 0);
  layout.finish(file.bytes);
  return file;
}

/** Everything needed to open the segment again; `close` closes the buffers. */
export async function sealedSpec(
  engine: Engine,
  segment: Segment,
  fields: readonly FieldSchema[],
  missing: readonly FieldSchema[] = [],
): Promise<{ readonly spec: SealedSpec; readonly close: () => void }> {
  const file = await encodeSegment(engine, segment, fields);
  const { columns } = parseArrowFile(file.bytes);
  const begins = columns.find((column) => column.fieldId === TIMESTAMP_FIELD);
  if (begins === undefined) throw new Error("the file has no begin timestamps");
  const index = engine.buildKeyIndex(segment);
  const ends = segment.ends();
  const endsFile = engine.allocate(endsBytes(ends.rows.length));
  endsFile.bytes.set(new Uint8Array(ends.rows.buffer, ends.rows.byteOffset, ends.rows.byteLength), 0);
  const times = new Uint8Array(
    ends.timestamps.buffer,
    ends.timestamps.byteOffset,
    ends.timestamps.byteLength,
  );
  endsFile.bytes.set(times, endsFile.byteLength - times.length);
  const whole = (buffer: { readonly byteLength: number }) => ({ offset: 0, bytes: buffer.byteLength });
  const spec: SealedSpec = {
    rows: segment.rows,
    columns: columns.flatMap((column) => {
      const field = fields.find(({ id }) => id === column.fieldId);
      return field === undefined ? [] : [columnBuffersOf(column, field, file)];
    }),
    timestamps: { file, range: begins.values },
    keyIndex: { file: index, range: whole(index) },
    ends:
      ends.rows.length === 0
        ? undefined
        : { file: endsFile, range: whole(endsFile), count: ends.rows.length },
    missing,
  };
  const close = () => [file, index, endsFile].forEach((buffer) => buffer.close());
  return { spec, close };
}

/** The segment as it is after a flush. The buffers are closed before anything is read: a segment holds what it needs. */
export async function sealedCopy(
  engine: Engine,
  segment: Segment,
  fields: readonly FieldSchema[],
  missing: readonly FieldSchema[] = [],
): Promise<SealedSegment> {
  const { spec, close } = await sealedSpec(engine, segment, fields, missing);
  try {
    return engine.openSealed(spec);
  } finally {
    close();
  }
}

function endsBytes(count: number): number {
  return Math.ceil((count * 4) / 8) * 8 + count * 8;
}
