import { bitsetBytes, popcount } from "../base/bitset.ts";
import { corrupted } from "../errors/service-errors.ts";
import { DataType, isDenseVector } from "../model/data-type.ts";
import type { FieldSchema } from "../model/schema.ts";
import {
  ARROW_ALIGNMENT,
  ARROW_MAGIC,
  arrowTyping,
  CONTINUATION,
  FieldSlot,
  FILE_VERSION,
  hasTyping,
  isBoolBitmap,
  MessageHeader,
  METADATA_VERSION_V5,
  MetadataKey,
  storedType,
  storedTypeName,
  storedValueBytes,
  type ArrowRange,
  type StoredType,
} from "./arrow-types.ts";
import { columnKind, isArrayElement } from "./column-buffers.ts";
import { FlatReader } from "./flatbuffers.ts";

/**
 * Reads the metadata of a file of docs/internals/segment-files.md and checks all of it against the file's size; of the buffers only
 * validity is looked at, to check the null counts. Throws corrupted naming `source` and the first thing that is wrong.
 */
export function parseArrowFile(bytes: Uint8Array, source = "Arrow file"): ArrowFile {
  const fail = (problem: string): never => {
    throw corrupted({ file: source, problem });
  };
  const { footer, footerStart } = readFooter(bytes, fail);
  const schema = footer.table(FooterSlot.schema) ?? fail("the footer has no schema");
  const metadata = readKeyValues(schema, SchemaSlot.metadata);
  const version = metadata.get(MetadataKey.version);
  if (version !== FILE_VERSION) {
    fail(`${MetadataKey.version} is ${version ?? "missing"}, only ${FILE_VERSION} can be read`);
  }
  if (schema.i16(SchemaSlot.endianness) !== 0) fail("the file is big-endian");
  if (footer.structs(FooterSlot.dictionaries, 3).length > 0) fail("the file has dictionaries");
  const blocks = footer.structs(FooterSlot.recordBatches, 3);
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1)
    return fail(`the file has ${blocks.length} record batches, not 1`);
  const { batch, body } = readBatch(bytes, block, footerStart, fail);
  const rows = batch.count(BatchSlot.rows);
  if (rows > ROWS_MAX) fail(`${rows} rows are more than ${ROWS_MAX}`);

  const cursor = new BufferCursor(bytes, batch, body, fail);
  const columns = schema.tables(SchemaSlot.fields).map((field) => readColumn(field, rows, cursor, fail));
  cursor.end();
  const ids = new Set(columns.map((column) => column.fieldId));
  if (ids.size !== columns.length) fail("a field id occurs twice");
  return { rows, columns, metadata };
}

/** A column of a file; ranges are absolute. */
export interface ArrowColumn {
  readonly fieldId: number;
  readonly name: string;
  readonly stored: StoredType;
  readonly rows: number;
  readonly nulls: number;
  readonly validity: ArrowRange | undefined;
  readonly offsets: ArrowRange | undefined;
  readonly childOffsets: ArrowRange | undefined;
  readonly childRows: number;
  readonly values: ArrowRange;
  readonly boolBitmap: boolean;
}

/** A column of an opened file, as the engine takes it. */
export interface ArrowBuffers<File> {
  readonly field: FieldSchema;
  readonly file: File;
  readonly validity: ArrowRange | undefined;
  readonly offsets: ArrowRange | undefined;
  readonly childOffsets: ArrowRange | undefined;
  readonly childRows: number;
  readonly values: ArrowRange;
  readonly boolBitmap: boolean;
}

export interface ArrowFile {
  readonly rows: number;
  readonly columns: readonly ArrowColumn[];
  /** Custom metadata of the schema. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What the engine needs to open a column. Throws corrupted where the file holds another type than the schema says. */
export function columnBuffersOf<File>(
  column: ArrowColumn,
  field: FieldSchema,
  file: File,
  source = "Arrow file",
): ArrowBuffers<File> {
  const wanted = storedType(field);
  const { stored } = column;
  if (stored.type !== wanted.type || stored.elementType !== wanted.elementType || stored.dim !== wanted.dim) {
    throw corrupted({
      file: source,
      problem: `field ${column.fieldId} (${field.name}) is stored as ${typeText(stored)}, the schema says ${typeText(wanted)}`,
    });
  }
  const { validity, offsets, childOffsets, childRows, values, boolBitmap } = column;
  return { field, file, validity, offsets, childOffsets, childRows, values, boolBitmap };
}

/** Rows that one segment holds at most: row numbers and offsets are 31 bits. */
const ROWS_MAX = 2 ** 31 - 1;
const DIM_MAX = 1 << 20;

/** Slots of Arrow's tables (Message.fbs, File.fbs, Schema.fbs). */
const FooterSlot = { version: 0, schema: 1, dictionaries: 2, recordBatches: 3 } as const;
const SchemaSlot = { endianness: 0, fields: 1, metadata: 2 } as const;
const MessageSlot = { version: 0, headerType: 1, header: 2, bodyBytes: 3 } as const;
const BatchSlot = { rows: 0, nodes: 1, buffers: 2, compression: 3 } as const;

type Fail = (problem: string) => never;

function readFooter(bytes: Uint8Array, fail: Fail): { footer: FlatReader; footerStart: number } {
  const tail = 4 + ARROW_MAGIC.length;
  if (bytes.length < 8 + tail) fail(`${bytes.length} bytes are too few for an Arrow file`);
  const isMagic = (at: number) => ARROW_MAGIC.every((byte, i) => bytes[at + i] === byte);
  if (!isMagic(0)) fail("it does not start with ARROW1");
  if (!isMagic(bytes.length - ARROW_MAGIC.length))
    fail("it does not end with ARROW1: it is cut short or overwritten");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const footerBytes = view.getUint32(bytes.length - tail, true);
  const footerStart = bytes.length - tail - footerBytes;
  if (footerStart < 8) fail(`a footer of ${footerBytes} bytes does not fit in ${bytes.length}`);
  const footer = FlatReader.root(bytes.subarray(footerStart, footerStart + footerBytes), fail);
  const version = footer.i16(FooterSlot.version);
  if (version !== METADATA_VERSION_V5) fail(`metadata version ${version + 1} is not V5`);
  return { footer, footerStart };
}

function readBatch(
  bytes: Uint8Array,
  block: readonly number[],
  footerStart: number,
  fail: Fail,
): { batch: FlatReader; body: ArrowRange } {
  const [start = 0, metadataWord = 0, bodyBytes = 0] = block;
  // The upper half of the word is padding.
  const metadataBytes = metadataWord % 2 ** 32;
  const bodyStart = start + metadataBytes;
  if (start < 8 || metadataBytes < 16 || bodyStart + bodyBytes > footerStart) {
    fail(
      `the record batch at ${start} (${metadataBytes} + ${bodyBytes} bytes) does not fit before the footer`,
    );
  }
  if (bodyStart % ARROW_ALIGNMENT !== 0) fail(`the body starts at ${bodyStart}, not at a multiple of 64`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, metadataBytes);
  if (view.getUint32(0, true) !== CONTINUATION || view.getUint32(4, true) !== metadataBytes - 8) {
    fail(`there is no message of ${metadataBytes} bytes at ${start}`);
  }
  const message = FlatReader.root(bytes.subarray(start + 8, bodyStart), fail);
  if (message.i16(MessageSlot.version) !== METADATA_VERSION_V5)
    fail("the record batch is not of metadata version V5");
  if (message.u8(MessageSlot.headerType) !== MessageHeader.recordBatch)
    fail(`the message at ${start} is no record batch`);
  if (message.count(MessageSlot.bodyBytes) !== bodyBytes)
    fail("footer and record batch disagree on the body's size");
  const batch = message.table(MessageSlot.header) ?? fail("the record batch is empty");
  if (batch.has(BatchSlot.compression)) fail("the record batch is compressed");
  return { batch, body: { offset: bodyStart, bytes: bodyBytes } };
}

/** Gives out nodes and buffers in the order in which the schema's tree needs them. */
class BufferCursor {
  readonly #bytes: Uint8Array;
  readonly #nodes: readonly number[][];
  readonly #buffers: readonly number[][];
  readonly #body: ArrowRange;
  readonly #fail: Fail;
  #node = 0;
  #buffer = 0;

  constructor(bytes: Uint8Array, batch: FlatReader, body: ArrowRange, fail: Fail) {
    this.#bytes = bytes;
    this.#nodes = batch.structs(BatchSlot.nodes, 2);
    this.#buffers = batch.structs(BatchSlot.buffers, 2);
    this.#body = body;
    this.#fail = fail;
  }

  node(): { rows: number; nulls: number } {
    const node = this.#nodes[this.#node++] ?? this.#fail(`${this.#nodes.length} field nodes are too few`);
    const [rows = 0, nulls = 0] = node;
    if (nulls > rows) this.#fail(`${nulls} nulls among ${rows} rows`);
    return { rows, nulls };
  }

  /** A buffer of exactly `bytes` bytes, or of any size where undefined. */
  buffer(bytes: number | undefined, what: string): ArrowRange {
    const found = this.#buffers[this.#buffer++] ?? this.#fail(`${this.#buffers.length} buffers are too few`);
    const [offset = 0, length = 0] = found;
    if (bytes !== undefined && length !== bytes) this.#fail(`${what}: ${length} bytes instead of ${bytes}`);
    if (offset + length > this.#body.bytes) {
      this.#fail(`${what}: ${length} bytes at ${offset} lie outside of a body of ${this.#body.bytes}`);
    }
    if (offset % ARROW_ALIGNMENT !== 0) this.#fail(`${what}: starts at ${offset}, not at a multiple of 64`);
    return { offset: this.#body.offset + offset, bytes: length };
  }

  validity(rows: number, nulls: number, what: string): ArrowRange | undefined {
    const range = this.buffer(nulls === 0 ? undefined : bitsetBytes(rows), `${what}: validity`);
    if (range.bytes === 0) return undefined;
    if (range.bytes !== bitsetBytes(rows))
      this.#fail(`${what}: validity of ${range.bytes} bytes for ${rows} rows`);
    const valid = popcount(this.#bytes.subarray(range.offset, range.offset + range.bytes), rows);
    if (valid !== rows - nulls) this.#fail(`${what}: ${rows - valid} nulls instead of ${nulls}`);
    return range;
  }

  end(): void {
    const isWhole = this.#node === this.#nodes.length && this.#buffer === this.#buffers.length;
    if (!isWhole) this.#fail("the record batch has more nodes or buffers than the schema's columns");
  }
}

function readColumn(field: FlatReader, rows: number, cursor: BufferCursor, fail: Fail): ArrowColumn {
  const name = field.string(FieldSlot.name);
  const metadata = readKeyValues(field, FieldSlot.metadata);
  const what = `column ${JSON.stringify(name)}`;
  const stored = readStoredType(metadata, (problem) => fail(`${what}: ${problem}`));
  const typing = arrowTyping(stored);
  if (field.has(FieldSlot.dictionary)) fail(`${what}: it is dictionary-encoded`);
  if (!hasTyping(field, typing)) fail(`${what}: its Arrow type is not that of ${typeText(stored)}`);

  const node = cursor.node();
  if (node.rows !== rows) fail(`${what}: ${node.rows} rows instead of ${rows}`);
  const validity = cursor.validity(rows, node.nulls, what);
  const isList = stored.type === DataType.Array;
  const kind = stored.type === "Timestamp" ? "fixed" : columnKind(stored.type);
  const offsets = kind === "fixed" ? undefined : cursor.buffer((rows + 1) * 4, `${what}: offsets`);
  let childRows = 0;
  let childOffsets: ArrowRange | undefined;
  if (typing.child !== undefined) {
    const child = cursor.node();
    if (!isList && child.rows !== rows * stored.dim)
      fail(`${what}: ${child.rows} elements instead of ${rows * stored.dim}`);
    if (child.nulls !== 0) fail(`${what}: an element is null`);
    if (child.rows > ROWS_MAX && isList) fail(`${what}: ${child.rows} elements`);
    cursor.validity(child.rows, 0, what);
    if (isList) childRows = child.rows;
    if (isList && columnKind(stored.elementType) === "bytes") {
      childOffsets = cursor.buffer((childRows + 1) * 4, `${what}: element offsets`);
    }
  }
  const values = cursor.buffer(storedValueBytes(stored, rows, childRows), `${what}: values`);
  return {
    fieldId: readInteger(metadata.get(MetadataKey.id), 2 ** 31 - 1) ?? fail(`${what}: no ${MetadataKey.id}`),
    name,
    stored,
    rows,
    nulls: node.nulls,
    validity,
    offsets,
    childOffsets,
    childRows,
    values,
    boolBitmap: isBoolBitmap(stored),
  };
}

function readStoredType(metadata: ReadonlyMap<string, string>, fail: Fail): StoredType {
  const name = metadata.get(MetadataKey.type) ?? fail(`no ${MetadataKey.type}`);
  if (name === "Timestamp") return { type: name, elementType: DataType.None, dim: 0 };
  const type = typeByName(name) ?? fail(`${MetadataKey.type} ${name} is not known`);
  if (columnKind(type) === undefined) fail(`${MetadataKey.type} ${name} is not stored in files`);
  const element = metadata.get(MetadataKey.element);
  const elementType =
    element === undefined ? DataType.None : (typeByName(element) ?? fail(`element type ${element}`));
  if (type === DataType.Array ? !isArrayElement(elementType) : elementType !== DataType.None) {
    fail(`${name} cannot have elements of type ${element ?? "none"}`);
  }
  const text = metadata.get(MetadataKey.dim);
  const dim = text === undefined ? 0 : (readInteger(text, DIM_MAX) ?? fail(`dimension ${text}`));
  const isDimensioned = isDenseVector(type)
    ? dim > 0 && (type !== DataType.BinaryVector || dim % 8 === 0)
    : dim === 0;
  if (!isDimensioned) fail(`${name} cannot have dimension ${dim}`);
  return { type, elementType, dim };
}

function typeByName(name: string): DataType | undefined {
  return Object.hasOwn(DataType, name) ? DataType[name as keyof typeof DataType] : undefined;
}

function readInteger(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function readKeyValues(table: FlatReader, slot: number): ReadonlyMap<string, string> {
  return new Map(table.tables(slot).map((pair) => [pair.string(0), pair.string(1)]));
}

function typeText({ type, elementType, dim }: StoredType): string {
  const element = elementType === DataType.None ? "" : ` of ${storedTypeName(elementType)}`;
  return `${storedTypeName(type)}${element}${dim > 0 ? `(${dim})` : ""}`;
}
