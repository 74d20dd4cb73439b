import { assert } from "../base/assert.ts";
import { parameterTooLarge } from "../errors/parameter-errors.ts";
import { corrupted } from "../errors/service-errors.ts";
import type { Column, RowBatch } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { columnBytes, columnKind, columnOver, shapeOf, type ColumnBytes } from "./column-buffers.ts";

/** Numbers of docs/internals/row-batch.md. */
export const ROW_BATCH_MAGIC = 0x4252_4b52; // "RKRB", little-endian
export const ROW_BATCH_VERSION = 1;
export const ROW_BATCH_BYTES_MAX = 256 * 1024 * 1024;
const headerBytes = 16;
const descriptorBytes = 64;
const alignment = 64;
const columnsMax = 0xffff;

/**
 * Encodes a batch as docs/internals/row-batch.md says, columns by ascending field id. Equal batches give equal bytes.
 * Throws parameterTooLarge when it would pass 256 MiB.
 */
export function encodeRowBatch(batch: RowBatch): Uint8Array<ArrayBuffer> {
  return encodeRowBatchTo(batch, (bytes) => new Uint8Array(bytes));
}

/** The same in memory of the caller's, of exactly the bytes asked for; what it holds before does not matter. */
export function encodeRowBatchTo<Memory extends Uint8Array>(
  batch: RowBatch,
  allocate: (bytes: number) => Memory,
): Memory {
  assert(batch.columns.size <= columnsMax, `${batch.columns.size} columns in one batch`);
  const columns = [...batch.columns].sort(([a], [b]) => a - b);
  let end = headerBytes + columns.length * descriptorBytes;
  const place = (buffer: Uint8Array | undefined): Placed | undefined => {
    if (buffer === undefined) return undefined;
    const offset = aligned(end);
    end = offset + buffer.length;
    return { offset, buffer };
  };
  const planned = columns.map(([fieldId, column]) => {
    assert(column.rows === batch.rows, `field ${fieldId} has ${column.rows} rows, the batch ${batch.rows}`);
    const bytes = columnBytes(column);
    const validity = place(bytes.validity);
    const offsets = place(bytes.offsets);
    const childOffsets = place(bytes.childOffsets);
    const values = place(bytes.values);
    return {
      fieldId,
      column,
      childRows: bytes.childRows,
      buffers: [validity, offsets, childOffsets, values],
    };
  });
  const total = aligned(end);
  if (total > ROW_BATCH_BYTES_MAX) {
    throw parameterTooLarge(
      `${batch.rows} rows take ${total} bytes, at most ${ROW_BATCH_BYTES_MAX} fit in one batch`,
    );
  }

  const out = allocate(total);
  out.fill(0, 0, Math.min(total, aligned(headerBytes + columns.length * descriptorBytes)));
  const view = new DataView(out.buffer, out.byteOffset, total);
  view.setUint32(0, ROW_BATCH_MAGIC, true);
  view.setUint16(4, ROW_BATCH_VERSION, true);
  view.setUint16(6, columns.length, true);
  view.setUint32(8, batch.rows, true);
  view.setUint32(12, total, true);
  planned.forEach(({ fieldId, column, childRows, buffers }, index) => {
    const at = headerBytes + index * descriptorBytes;
    const shape = shapeOf(column);
    view.setUint32(at, fieldId, true);
    view.setUint8(at + 4, shape.type);
    view.setUint8(at + 5, shape.elementType);
    view.setUint8(at + 6, kindCode(column.kind, shape.elementType));
    view.setUint32(at + 8, shape.dim, true);
    view.setUint32(at + 12, childRows, true);
    buffers.forEach((placed, slot) => {
      if (placed === undefined) return;
      view.setUint32(at + 16 + slot * 8, placed.offset, true);
      view.setUint32(at + 20 + slot * 8, placed.buffer.length, true);
      out.set(placed.buffer, placed.offset);
      const behind = placed.offset + placed.buffer.length;
      out.fill(0, behind, aligned(behind));
    });
  });
  return out;
}

/**
 * A batch whose columns are views of `bytes` (copies where `bytes` does not start at a multiple of 8 in its memory).
 * All lengths, counts and offsets are verified; throws corrupted naming `source`, the offset and what is wrong.
 */
export function decodeRowBatch(bytes: Uint8Array, source = "row batch"): RowBatch {
  const head = decodeHead(bytes, source);
  const columns = new Map<number, Column>();
  for (let index = 0; index < head.count; index++) {
    const at = headerBytes + index * descriptorBytes;
    const { fieldId, column } = decodeColumn({ ...head, at });
    if (columns.has(fieldId)) head.fail(`field ${fieldId} occurs twice`, at);
    columns.set(fieldId, column);
  }
  return { rows: head.rows, columns };
}

/** One column of a batch, or undefined when it lacks it: the others are not looked at. */
export function decodeRowBatchColumn(
  bytes: Uint8Array,
  fieldId: number,
  source = "row batch",
): Column | undefined {
  const head = decodeHead(bytes, source);
  for (let index = 0; index < head.count; index++) {
    const at = headerBytes + index * descriptorBytes;
    if (head.view.getUint32(at, true) === fieldId) return decodeColumn({ ...head, at }).column;
  }
  return undefined;
}

function decodeHead(data: Uint8Array, source: string): BatchHead {
  const fail: Fail = (problem, offset) => {
    throw corrupted({ file: source, problem, offset });
  };
  if (data.length < headerBytes) fail(`${data.length} bytes are less than the header's ${headerBytes}`, 0);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const magic = view.getUint32(0, true);
  if (magic !== ROW_BATCH_MAGIC) fail(`the magic is 0x${magic.toString(16)}, not RKRB`, 0);
  const version = view.getUint16(4, true);
  if (version !== ROW_BATCH_VERSION) {
    fail(`version ${version} is not known, only ${ROW_BATCH_VERSION} can be read`, 4);
  }
  const count = view.getUint16(6, true);
  const rows = view.getUint32(8, true);
  const total = view.getUint32(12, true);
  if (total !== data.length) fail(`the header says ${total} bytes, there are ${data.length}`, 12);
  if (total > ROW_BATCH_BYTES_MAX) fail(`${total} bytes are more than ${ROW_BATCH_BYTES_MAX}`, 12);
  const bodyStart = headerBytes + count * descriptorBytes;
  if (bodyStart > total) fail(`${count} column descriptors do not fit in ${total} bytes`, 6);
  return { data, view, count, rows, bodyStart, fail };
}

/** Rows of an encoded batch by its header alone, for admission and logs; nothing else is looked at. */
export function rowBatchRows(bytes: Uint8Array): number {
  if (bytes.length < headerBytes) {
    throw corrupted({ file: "row batch", problem: `${bytes.length} bytes are less than the header` });
  }
  return new DataView(bytes.buffer, bytes.byteOffset, headerBytes).getUint32(8, true);
}

interface Placed {
  readonly offset: number;
  readonly buffer: Uint8Array;
}

type Fail = (problem: string, offset: number) => never;

interface BatchHead {
  readonly data: Uint8Array;
  readonly view: DataView;
  readonly count: number;
  readonly rows: number;
  readonly bodyStart: number;
  readonly fail: Fail;
}

interface DescriptorInput extends BatchHead {
  readonly at: number;
}

function decodeColumn(input: DescriptorInput): { fieldId: number; column: Column } {
  const { data, view, at, rows, bodyStart, fail } = input;
  const fieldId = view.getUint32(at, true);
  const type = view.getUint8(at + 4) as DataType;
  const elementType = view.getUint8(at + 5) as DataType;
  const kind = columnKind(type);
  const problemIn = (problem: string): never => fail(`field ${fieldId}: ${problem}`, at);
  if (kind === undefined) return problemIn(`type ${type} is not stored in batches`);
  if (view.getUint8(at + 6) !== kindCode(kind, elementType)) {
    problemIn(`kind ${view.getUint8(at + 6)} does not go with type ${type}`);
  }
  if (type !== DataType.Array && elementType !== DataType.None)
    problemIn(`element type ${elementType} without an Array`);

  const buffer = (slot: number): Uint8Array | undefined => {
    const offset = view.getUint32(at + 16 + slot * 8, true);
    const length = view.getUint32(at + 20 + slot * 8, true);
    if (offset === 0 && length === 0) return undefined;
    if (offset % alignment !== 0)
      problemIn(`a buffer starts at ${offset}, not at a multiple of ${alignment}`);
    if (offset < bodyStart || offset + length > data.length) {
      problemIn(
        `a buffer of ${length} bytes at ${offset} lies outside of the body [${bodyStart}, ${data.length})`,
      );
    }
    const part = data.subarray(offset, offset + length);
    return part.byteOffset % 8 === 0 ? part : part.slice();
  };
  const buffers: ColumnBytes = {
    validity: buffer(0),
    offsets: buffer(1),
    childOffsets: buffer(2),
    childRows: view.getUint32(at + 12, true),
    values: buffer(3) ?? data.subarray(0, 0),
  };
  if (kind === "fixed" && buffers.offsets !== undefined) problemIn("a fixed column has offsets");
  if (kind !== "list" && buffers.childRows !== 0) problemIn(`${buffers.childRows} child rows without a list`);
  const needsChildOffsets = kind === "list" && columnKind(elementType) === "bytes";
  if (!needsChildOffsets && buffers.childOffsets !== undefined)
    problemIn("child offsets without a list of bytes");
  const dim = view.getUint32(at + 8, true);
  return { fieldId, column: columnOver({ type, elementType, dim, rows }, buffers, problemIn) };
}

function kindCode(kind: Column["kind"], elementType: DataType): number {
  if (kind === "fixed") return 0;
  if (kind === "bytes") return 1;
  return columnKind(elementType) === "bytes" ? 3 : 2;
}

function aligned(offset: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
