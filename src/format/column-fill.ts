import { assert } from "../base/assert.ts";
import { newBitset } from "../base/bitset.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { BytesColumn, Column, FixedColumn } from "../model/columns.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import type { FieldSchema, ScalarValue } from "../model/schema.ts";
import { columnKind, fixedValuesOver, rowBytes } from "./column-buffers.ts";

/** What rows that never had the field hold: its default where it has one, else null. */
export function missingColumn(field: FieldSchema, rows: number): Column {
  return field.defaultValue === undefined
    ? nullColumn(field, rows)
    : constantColumn(field, field.defaultValue, rows);
}

/** `rows` nulls. */
export function nullColumn(field: FieldSchema, rows: number): Column {
  const validity = rows === 0 ? undefined : newBitset(rows);
  const kind = columnKind(field.type);
  if (kind === undefined)
    throw parameterInvalid(`field ${field.name}: type ${dataTypeName(field.type)} is not stored`);
  switch (kind) {
    case "fixed":
      return { ...emptySlots(field.type, field.dim, rows), validity };
    case "bytes":
      return { ...emptyTexts(field.type, rows), validity };
    case "list": {
      const child =
        columnKind(field.elementType) === "bytes"
          ? emptyTexts(field.elementType, 0)
          : emptySlots(field.elementType, 0, 0);
      return { kind, type: field.type, rows, offsets: new Int32Array(rows + 1), child, validity };
    }
  }
}

/** A column of no rows. */
export function emptyColumn(field: FieldSchema): Column {
  return nullColumn(field, 0);
}

/** `rows` times the same value. Throws parameterInvalid where the value does not fit the field's type. */
export function constantColumn(field: FieldSchema, value: ScalarValue, rows: number): Column {
  const wrong = () =>
    parameterInvalid(
      `field ${field.name} of type ${dataTypeName(field.type)} cannot hold a ${value.kind} value`,
    );
  if (columnKind(field.type) === "bytes") {
    const text =
      value.kind === "string"
        ? new TextEncoder().encode(value.value)
        : value.kind === "bytes"
          ? value.value
          : undefined;
    if (text === undefined || field.type === DataType.SparseFloatVector) throw wrong();
    return repeatText(field.type, text, rows);
  }
  const { values, ...rest } = emptySlotsOf(field, rows, wrong);
  switch (field.type) {
    case DataType.Bool:
      if (value.kind !== "bool") throw wrong();
      assert(values instanceof Uint8Array, "Bool values are bytes");
      return { ...rest, values: values.fill(value.value ? 1 : 0) };
    case DataType.Int64:
    case DataType.Timestamptz:
      if (value.kind !== "int") throw wrong();
      assert(values instanceof BigInt64Array, "Int64 values are bigint");
      return { ...rest, values: values.fill(value.value) };
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32: {
      if (value.kind !== "int") throw wrong();
      const filled = fillNumbers(values, Number(value.value));
      if (rows > 0 && Number(filled[0]) !== Number(value.value)) throw wrong();
      return { ...rest, values: filled };
    }
    case DataType.Float:
    case DataType.Double:
      if (value.kind !== "float" && value.kind !== "int") throw wrong();
      return { ...rest, values: fillNumbers(values, Number(value.value)) };
    default:
      throw wrong();
  }
}

function emptySlotsOf(field: FieldSchema, rows: number, wrong: () => Error): FixedColumn {
  if (columnKind(field.type) !== "fixed") throw wrong();
  return emptySlots(field.type, field.dim, rows);
}

function emptySlots(type: DataType, dim: number, rows: number): FixedColumn {
  const values = fixedValuesOver(type, new Uint8Array(rows * rowBytes(type, dim)));
  return { kind: "fixed", type, dim, rows, values, validity: undefined };
}

function emptyTexts(type: DataType, rows: number): BytesColumn {
  return {
    kind: "bytes",
    type,
    rows,
    offsets: new Int32Array(rows + 1),
    bytes: new Uint8Array(0),
    validity: undefined,
  };
}

function repeatText(type: DataType, text: Uint8Array, rows: number): BytesColumn {
  const bytes = new Uint8Array(text.length * rows);
  const offsets = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    bytes.set(text, row * text.length);
    offsets[row + 1] = (row + 1) * text.length;
  }
  return { kind: "bytes", type, rows, offsets, bytes, validity: undefined };
}

function fillNumbers(values: FixedColumn["values"], value: number): FixedColumn["values"] {
  assert(!(values instanceof BigInt64Array), "numbers do not fill Int64 values");
  return values.fill(value);
}
