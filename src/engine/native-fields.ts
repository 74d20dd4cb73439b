import { assert } from "../base/assert.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { Column, FixedColumn, BytesColumn } from "../model/columns.ts";
import { DataType, isVariableLength } from "../model/data-type.ts";
import type { FieldSchema, ScalarValue } from "../model/schema.ts";
import type { ColumnParts, FieldParts } from "./native.ts";

/** What a column's arrays need besides themselves. */
export interface ColumnType {
  readonly type: DataType;
  readonly elementType: DataType;
  readonly dim: number;
}

/** Fields as the addon takes them. */
export function fieldParts(fields: readonly FieldSchema[]): FieldParts {
  return fields.flatMap((field) => [
    field.id,
    field.type,
    field.type === DataType.Array ? field.elementType : 0,
    field.dim,
    field.nullable ? 1 : 0,
    field.isPrimaryKey ? 1 : 0,
    field.defaultValue === undefined ? undefined : defaultBytes(field, field.defaultValue),
  ]);
}

/** One value as it lies in a column of the field's type. */
function defaultBytes(field: FieldSchema, value: ScalarValue): Uint8Array {
  if (value.kind === "string") return new TextEncoder().encode(value.value);
  if (value.kind === "bytes") return value.value;
  const bytes = new DataView(new ArrayBuffer(8));
  const number = Number(value.value);
  switch (field.type) {
    case DataType.Bool:
      bytes.setUint8(0, value.value ? 1 : 0);
      return new Uint8Array(bytes.buffer, 0, 1);
    case DataType.Int8:
      bytes.setInt8(0, number);
      return new Uint8Array(bytes.buffer, 0, 1);
    case DataType.Int16:
      bytes.setInt16(0, number, true);
      return new Uint8Array(bytes.buffer, 0, 2);
    case DataType.Int32:
      bytes.setInt32(0, number, true);
      return new Uint8Array(bytes.buffer, 0, 4);
    case DataType.Int64:
    case DataType.Timestamptz:
      bytes.setBigInt64(0, BigInt(value.value), true);
      return new Uint8Array(bytes.buffer);
    case DataType.Float:
      bytes.setFloat32(0, number, true);
      return new Uint8Array(bytes.buffer, 0, 4);
    case DataType.Double:
      bytes.setFloat64(0, number, true);
      return new Uint8Array(bytes.buffer);
    default:
      throw parameterInvalid(`default value of field ${field.name} is a ${value.kind}`);
  }
}

/** A column over the arrays that the addon made. */
export function columnFrom(column: ColumnType, rows: number, parts: ColumnParts): Column {
  const [validity, offsets, childOffsets, values, childRows] = parts;
  if (column.type === DataType.Array) {
    assert(offsets !== undefined, "a list has offsets");
    const type = column.elementType;
    const child: FixedColumn | BytesColumn =
      childOffsets === undefined
        ? { kind: "fixed", type, dim: 0, rows: childRows, values, validity: undefined }
        : bytesColumn(type, childRows, childOffsets, values, undefined);
    return { kind: "list", type: column.type, rows, offsets, child, validity };
  }
  if (!isVariableLength(column.type)) {
    return { kind: "fixed", type: column.type, dim: column.dim, rows, values, validity };
  }
  assert(offsets !== undefined, "a column of bytes has offsets");
  return bytesColumn(column.type, rows, offsets, values, validity);
}

function bytesColumn(
  type: DataType,
  rows: number,
  offsets: Int32Array,
  bytes: ColumnParts[3],
  validity: Uint8Array | undefined,
): BytesColumn {
  assert(bytes instanceof Uint8Array, "bytes are a Uint8Array");
  return { kind: "bytes", type, rows, offsets, bytes, validity };
}
