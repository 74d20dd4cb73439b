import { assert } from "../base/assert.ts";
import { bitsetBytes } from "../base/bitset.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import { TIMESTAMP_FIELD } from "../model/ids.ts";
import type { FieldSchema } from "../model/schema.ts";
import { rowBytes } from "./column-buffers.ts";
import type { FlatReader, FlatTable, FlatValue } from "./flatbuffers.ts";

/** Numbers of docs/internals/segment-files.md and of Arrow's Message.fbs and File.fbs, shared with the parser. */
export const ARROW_MAGIC = new TextEncoder().encode("ARROW1");
export const ARROW_ALIGNMENT = 64;
export const METADATA_VERSION_V5 = 4;
export const MessageHeader = { schema: 1, recordBatch: 3 } as const;
export const CONTINUATION = 0xffff_ffff;
export const FILE_VERSION = "1";
export const MetadataKey = {
  version: "redkite.version",
  id: "redkite.id",
  type: "redkite.type",
  element: "redkite.element",
  dim: "redkite.dim",
} as const;

/** Part of a file, in bytes. */
export interface ArrowRange {
  readonly offset: number;
  readonly bytes: number;
}

/** Codes of Arrow's `Type` union (Schema.fbs) for the types of docs/internals/segment-files.md. */
const ArrowType = {
  Int: 2,
  FloatingPoint: 3,
  Binary: 4,
  Utf8: 5,
  Bool: 6,
  List: 12,
  FixedSizeBinary: 15,
  FixedSizeList: 16,
} as const;

/** A column's Arrow type, and the one of its child where it has a child. */
export interface ArrowTyping {
  readonly code: number;
  readonly parameters: FlatTable;
  readonly child: ArrowTyping | undefined;
}

/** What of a Redkite field decides its Arrow type; `Timestamp` is the UInt64 column of begin timestamps. */
export interface StoredType {
  readonly type: DataType | "Timestamp";
  readonly elementType: DataType;
  readonly dim: number;
}

export function arrowTyping({ type, elementType, dim }: StoredType): ArrowTyping {
  switch (type) {
    case "Timestamp":
      return int(64, "unsigned");
    case DataType.Bool:
      return leaf(ArrowType.Bool);
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Timestamptz:
      return int(rowBytes(type, 0) * 8, "signed");
    case DataType.Float:
      return float(precision.single);
    case DataType.Double:
      return float(precision.double);
    case DataType.String:
    case DataType.VarChar:
    case DataType.JSON:
      return leaf(ArrowType.Utf8);
    case DataType.Geometry:
    case DataType.SparseFloatVector:
      return leaf(ArrowType.Binary);
    case DataType.Array:
      return {
        ...leaf(ArrowType.List),
        child: arrowTyping({ type: elementType, elementType: DataType.None, dim: 0 }),
      };
    case DataType.FloatVector:
      return fixedSizeList(dim, float(precision.single));
    case DataType.Float16Vector:
      return fixedSizeList(dim, float(precision.half));
    case DataType.Int8Vector:
      return fixedSizeList(dim, int(8, "signed"));
    case DataType.BFloat16Vector:
    case DataType.BinaryVector:
      return leaf(ArrowType.FixedSizeBinary, [{ kind: "i32", value: rowBytes(type, dim) }]);
    default:
      assert(false, `${dataTypeName(type)} is not stored in files`);
  }
}

/** Redkite's view of a field: what its metadata says and its Arrow type follows from. */
export function storedType(field: FieldSchema): StoredType {
  if (field.id === TIMESTAMP_FIELD) return { type: "Timestamp", elementType: DataType.None, dim: 0 };
  return { type: field.type, elementType: field.elementType, dim: field.dim };
}

export function storedTypeName(type: StoredType["type"]): string {
  return type === "Timestamp" ? type : dataTypeName(type);
}

/** Bytes that a column's values take in a file, which stores Bool as bits; undefined where offsets decide. */
export function storedValueBytes(stored: StoredType, rows: number, childRows: number): number | undefined {
  const { type, elementType, dim } = stored;
  if (type === "Timestamp") return rows * 8;
  const [valueType, count] = type === DataType.Array ? [elementType, childRows] : [type, rows];
  switch (valueType) {
    case DataType.Bool:
      return bitsetBytes(count);
    case DataType.String:
    case DataType.VarChar:
    case DataType.JSON:
    case DataType.Geometry:
    case DataType.SparseFloatVector:
      return undefined;
    default:
      return count * rowBytes(valueType, dim);
  }
}

/** Whether Bool values, of a column or of its elements, lie in the file as a bitmap. */
export function isBoolBitmap({ type, elementType }: StoredType): boolean {
  return type === DataType.Bool || (type === DataType.Array && elementType === DataType.Bool);
}

/** Whether a `Field` table of a file has this type, child included. */
export function hasTyping(field: FlatReader, typing: ArrowTyping): boolean {
  const parameters = field.table(FieldSlot.type);
  if (field.u8(FieldSlot.typeCode) !== typing.code || parameters === undefined) return false;
  if (!typing.parameters.every((value, slot) => hasValue(parameters, slot, value))) return false;
  const children = field.tables(FieldSlot.children);
  if (typing.child === undefined) return children.length === 0;
  const [child] = children;
  return child !== undefined && children.length === 1 && hasTyping(child, typing.child);
}

/** Slots of the `Field` table. */
export const FieldSlot = {
  name: 0,
  nullable: 1,
  typeCode: 2,
  type: 3,
  dictionary: 4,
  children: 5,
  metadata: 6,
} as const;

const precision = { half: 0, single: 1, double: 2 } as const;

function leaf(code: number, parameters: FlatTable = []): ArrowTyping {
  return { code, parameters, child: undefined };
}

function int(bits: number, sign: "signed" | "unsigned"): ArrowTyping {
  return leaf(ArrowType.Int, [
    { kind: "i32", value: bits },
    { kind: "u8", value: sign === "signed" ? 1 : 0 },
  ]);
}

function float(value: number): ArrowTyping {
  return leaf(ArrowType.FloatingPoint, [{ kind: "i16", value }]);
}

function fixedSizeList(size: number, child: ArrowTyping): ArrowTyping {
  return { code: ArrowType.FixedSizeList, parameters: [{ kind: "i32", value: size }], child };
}

function hasValue(table: FlatReader, slot: number, value: FlatValue | undefined): boolean {
  switch (value?.kind) {
    case "u8":
      return table.u8(slot) === value.value;
    case "i16":
      return table.i16(slot) === value.value;
    case "i32":
      return table.i32(slot) === value.value;
    default:
      return false;
  }
}
