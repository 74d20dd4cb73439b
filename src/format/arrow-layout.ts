import { assert } from "../base/assert.ts";
import { popcount } from "../base/bitset.ts";
import { DataType, dataTypeName, isDenseVector } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import {
  ARROW_ALIGNMENT,
  ARROW_MAGIC,
  arrowTyping,
  CONTINUATION,
  FILE_VERSION,
  isBoolBitmap,
  MessageHeader,
  METADATA_VERSION_V5,
  MetadataKey,
  storedType,
  storedTypeName,
  storedValueBytes,
  type ArrowRange,
  type ArrowTyping,
  type StoredType,
} from "./arrow-types.ts";
import { encodeFlatbuffer, type FlatTable } from "./flatbuffers.ts";

/**
 * Lays out an Arrow IPC file (docs/internals/segment-files.md) around columns of the given sizes, so that the engine
 * copies buffers straight into place. `metadata` becomes custom metadata of the schema.
 */
export function layoutArrowFile(
  inputs: readonly ArrowInput[],
  metadata: Readonly<Record<string, string>>,
): ArrowLayout {
  const rows = inputs[0]?.rows ?? 0;
  for (const { field, rows: count } of inputs) {
    assert(count === rows, `field ${field.id} has ${count} rows, the first one ${rows}`);
  }
  const columns = inputs.map((input) => planColumn(input));
  const schema = schemaTable(inputs, metadata);
  const schemaMessage = message(
    encodeFlatbuffer(messageTable(MessageHeader.schema, schema, 0)),
    8,
    headStart,
  );
  const batchStart = headStart + schemaMessage.length;

  // Metadata has the same size whatever its numbers are, so a first encoding tells where the body starts.
  const draft = encodeFlatbuffer(batchMessage(rows, columns, 0, 0));
  const batchBytes = message(draft, ARROW_ALIGNMENT, batchStart).length;
  const bodyStart = batchStart + batchBytes;
  let end = bodyStart;
  const place = (buffer: PlannedBuffer): void => {
    if (buffer.bytes === undefined) return;
    buffer.offset = end;
    end = Math.ceil((end + buffer.bytes) / ARROW_ALIGNMENT) * ARROW_ALIGNMENT;
  };
  for (const column of columns) {
    for (const buffer of [column.validity, column.offsets, column.childOffsets, column.values]) place(buffer);
  }
  const bodyBytes = end - bodyStart;
  const footer = encodeFlatbuffer(footerTable(schema, { batchStart, batchBytes, bodyBytes }));
  const footerStart = end + 8;
  const totalBytes = footerStart + footer.length + 4 + ARROW_MAGIC.length;

  return {
    totalBytes,
    placements: columns.map(placementOf),
    finish(file) {
      assert(file.length === totalBytes, `${file.length} bytes for a file of ${totalBytes}`);
      for (const column of columns) countNulls(column, rows, file);
      const view = new DataView(file.buffer, file.byteOffset, file.length);
      file.set(ARROW_MAGIC, 0);
      file.set(schemaMessage, headStart);
      const batch = encodeFlatbuffer(batchMessage(rows, columns, bodyStart, bodyBytes));
      file.set(message(batch, ARROW_ALIGNMENT, batchStart), batchStart);
      view.setUint32(end, CONTINUATION, true);
      view.setUint32(end + 4, 0, true);
      file.set(footer, footerStart);
      view.setUint32(footerStart + footer.length, footer.length, true);
      file.set(ARROW_MAGIC, totalBytes - ARROW_MAGIC.length);
    },
  };
}

/** Byte sizes of a column's buffers in memory; 0 for one that it does not have. As the engine gives them. */
export interface ArrowSizes {
  readonly validity: number;
  readonly offsets: number;
  readonly childOffsets: number;
  readonly childRows: number;
  readonly values: number;
}

/** Where a column's buffers go in a file, as the engine takes it. */
export interface ArrowPlacement {
  readonly fieldId: number;
  readonly validity: number | undefined;
  readonly offsets: number | undefined;
  readonly childOffsets: number | undefined;
  readonly values: number;
  /** Bool values are packed to bits. */
  readonly boolBitmap: boolean;
}

export interface ArrowInput {
  /** The field with id TIMESTAMP_FIELD stands for the begin timestamps: UInt64, whatever its type says. */
  readonly field: FieldSchema;
  readonly rows: number;
  readonly sizes: ArrowSizes;
}

/** A file planned but not written. */
export interface ArrowLayout {
  readonly totalBytes: number;
  /**
   * Where each column goes (absolute offsets, multiples of 64), in the order of the input: those of fields for
   * Engine.encodeColumns, the one of TIMESTAMP_FIELD for Engine.encodeTimestamps.
   */
  readonly placements: readonly ArrowPlacement[];
  /**
   * Writes everything that is not a column: magic, metadata, footer. To be called after the columns are in place,
   * because Arrow wants null counts, which are taken from the validity bitmaps. `file` was zeroed before.
   */
  finish(file: Uint8Array): void;
}

/** Behind the magic and its padding. */
const headStart = 8;

/** `bytes` undefined: the buffer does not exist, in the file or in the metadata. Its offset is absolute. */
interface PlannedBuffer {
  readonly bytes: number | undefined;
  offset: number;
}

interface PlannedColumn {
  readonly stored: StoredType;
  readonly fieldId: number;
  readonly childRows: number;
  readonly validity: PlannedBuffer;
  readonly offsets: PlannedBuffer;
  readonly childOffsets: PlannedBuffer;
  readonly values: PlannedBuffer;
  nulls: number;
}

function planColumn({ field, rows, sizes }: ArrowInput): PlannedColumn {
  const stored = storedType(field);
  const some = (bytes: number): PlannedBuffer => ({ bytes: bytes === 0 ? undefined : bytes, offset: 0 });
  return {
    stored,
    fieldId: field.id,
    childRows: sizes.childRows,
    validity: some(sizes.validity),
    offsets: some(sizes.offsets),
    childOffsets: some(sizes.childOffsets),
    values: { bytes: storedValueBytes(stored, rows, sizes.childRows) ?? sizes.values, offset: 0 },
    nulls: 0,
  };
}

function placementOf(column: PlannedColumn): ArrowPlacement {
  const offset = ({ bytes, offset }: PlannedBuffer) => (bytes === undefined ? undefined : offset);
  return {
    fieldId: column.fieldId,
    validity: offset(column.validity),
    offsets: offset(column.offsets),
    childOffsets: offset(column.childOffsets),
    values: column.values.offset,
    boolBitmap: isBoolBitmap(column.stored),
  };
}

function countNulls(column: PlannedColumn, rows: number, file: Uint8Array): void {
  const { bytes, offset } = column.validity;
  if (bytes !== undefined) column.nulls = rows - popcount(file.subarray(offset, offset + bytes), rows);
}

/** A message as it lies in the file, padded so that what follows starts at a multiple of `alignment`. */
function message(flatbuffer: Uint8Array, alignment: number, start: number): Uint8Array {
  const end = Math.ceil((start + 8 + flatbuffer.length) / alignment) * alignment;
  const bytes = new Uint8Array(end - start);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, bytes.length - 8, true);
  bytes.set(flatbuffer, 8);
  return bytes;
}

function messageTable(header: number, table: FlatTable, bodyBytes: number): FlatTable {
  return [
    { kind: "i16", value: METADATA_VERSION_V5 },
    { kind: "u8", value: header },
    { kind: "table", value: table },
    { kind: "i64", value: bodyBytes },
  ];
}

function schemaTable(inputs: readonly ArrowInput[], metadata: Readonly<Record<string, string>>): FlatTable {
  const fields = inputs.map(({ field, sizes }) => {
    const stored = storedType(field);
    const name = stored.type === "Timestamp" ? "Timestamp" : field.name;
    const nullable = field.nullable || sizes.validity > 0;
    return fieldTable(name, nullable, arrowTyping(stored), fieldMetadata(field, stored));
  });
  return [
    { kind: "i16", value: 0 },
    { kind: "tables", value: fields },
    { kind: "tables", value: keyValues({ [MetadataKey.version]: FILE_VERSION, ...metadata }) },
  ];
}

function fieldTable(
  name: string,
  nullable: boolean,
  typing: ArrowTyping,
  metadata: Readonly<Record<string, string>>,
): FlatTable {
  const children = typing.child === undefined ? [] : [fieldTable("item", false, typing.child, {})];
  return [
    { kind: "string", value: name },
    { kind: "u8", value: nullable ? 1 : 0 },
    { kind: "u8", value: typing.code },
    { kind: "table", value: typing.parameters },
    undefined,
    { kind: "tables", value: children },
    { kind: "tables", value: keyValues(metadata) },
  ];
}

function fieldMetadata(field: FieldSchema, stored: StoredType): Record<string, string> {
  return {
    [MetadataKey.id]: String(field.id),
    [MetadataKey.type]: storedTypeName(stored.type),
    ...(stored.type === DataType.Array && { [MetadataKey.element]: dataTypeName(stored.elementType) }),
    ...(stored.type !== "Timestamp" &&
      isDenseVector(stored.type) && { [MetadataKey.dim]: String(stored.dim) }),
  };
}

function keyValues(values: Readonly<Record<string, string>>): FlatTable[] {
  return Object.entries(values).map(([key, value]) => [
    { kind: "string", value: key },
    { kind: "string", value },
  ]);
}

function batchMessage(
  rows: number,
  columns: readonly PlannedColumn[],
  bodyStart: number,
  bodyBytes: number,
): FlatTable {
  const nodes: number[] = [];
  const ranges: ArrowRange[] = [];
  const buffer = ({ bytes, offset }: PlannedBuffer) => {
    ranges.push(
      bytes === undefined ? { offset: 0, bytes: 0 } : { offset: Math.max(0, offset - bodyStart), bytes },
    );
  };
  const none: PlannedBuffer = { bytes: undefined, offset: 0 };
  for (const column of columns) {
    const { stored } = column;
    nodes.push(rows, column.nulls);
    buffer(column.validity);
    if (column.offsets.bytes !== undefined) buffer(column.offsets);
    if (arrowTyping(stored).child !== undefined) {
      nodes.push(stored.type === DataType.Array ? column.childRows : rows * stored.dim, 0);
      buffer(none);
      if (column.childOffsets.bytes !== undefined) buffer(column.childOffsets);
    }
    buffer(column.values);
  }
  const batch: FlatTable = [
    { kind: "i64", value: rows },
    { kind: "structs", words: 2, value: nodes.map(BigInt) },
    {
      kind: "structs",
      words: 2,
      value: ranges.flatMap(({ offset, bytes }) => [BigInt(offset), BigInt(bytes)]),
    },
  ];
  return messageTable(MessageHeader.recordBatch, batch, bodyBytes);
}

function footerTable(
  schema: FlatTable,
  block: { readonly batchStart: number; readonly batchBytes: number; readonly bodyBytes: number },
): FlatTable {
  // A Block is i64 offset, i32 metadata bytes, 4 bytes of padding, i64 body bytes.
  const words = [BigInt(block.batchStart), BigInt(block.batchBytes), BigInt(block.bodyBytes)];
  return [
    { kind: "i16", value: METADATA_VERSION_V5 },
    { kind: "table", value: schema },
    { kind: "structs", words: 3, value: [] },
    { kind: "structs", words: 3, value: words },
  ];
}
