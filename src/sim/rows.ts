import { encodeRowBatch } from "../format/row-batch.ts";
import { keyAt, keysFrom, keysOf } from "../format/column-select.ts";
import { isValid, type Column, type Keys } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import type { FieldSchema } from "../model/schema.ts";

export type SimKey = bigint | string;

/** One row as a client of the simulation means it. */
export interface SimRow {
  readonly key: SimKey;
  /** Unique over the whole run: tells which write a row seen later comes from. */
  readonly stamp: bigint;
  readonly age: bigint | undefined;
  readonly tag: string;
  /** Small integers, so that every engine computes the same distances. */
  readonly vector: readonly number[];
  /** Values of fields added later, by name; absent where the writer did not know them. */
  readonly extras: Readonly<Record<string, bigint | undefined>>;
}

export const FIELD = { key: 100, stamp: 101, age: 102, tag: 103, vector: 104 } as const;
export const DIM = 4;

export function simFields(keyType: "int64" | "varchar"): readonly FieldSchema[] {
  const key =
    keyType === "int64" ? plain("id", DataType.Int64) : { ...plain("id", DataType.VarChar), maxLength: 64 };
  return [
    { ...key, id: fieldId(FIELD.key), isPrimaryKey: true },
    { ...plain("stamp", DataType.Int64), id: fieldId(FIELD.stamp) },
    { ...plain("age", DataType.Int64), id: fieldId(FIELD.age), nullable: true },
    { ...plain("tag", DataType.VarChar), id: fieldId(FIELD.tag), maxLength: 64 },
    { ...plain("vector", DataType.FloatVector), id: fieldId(FIELD.vector), dim: DIM },
  ];
}

/** A field that a collection gains while it is in use. */
export function extraField(name: string, defaultValue: bigint | undefined): FieldSchema {
  return {
    ...plain(name, DataType.Int64),
    nullable: true,
    defaultValue: defaultValue === undefined ? undefined : { kind: "int", value: defaultValue },
  };
}

/** Columns for all fields of the schema; an extra that a row lacks takes the field's default, as a proxy fills it in. */
export function encodeRows(rows: readonly SimRow[], fields: readonly FieldSchema[]): Uint8Array {
  const columns = new Map<number, Column>();
  for (const field of fields) columns.set(field.id, columnOf(rows, field));
  return encodeRowBatch({ rows: rows.length, columns });
}

export function extraOf(row: SimRow, field: FieldSchema): bigint | undefined {
  if (field.name in row.extras) return row.extras[field.name];
  return field.defaultValue?.kind === "int" ? field.defaultValue.value : undefined;
}

export function keysOfRows(rows: readonly SimRow[]): Keys {
  return keysFrom(
    typeof rows[0]?.key === "string" ? "varchar" : "int64",
    rows.map((row) => row.key),
  );
}

export function keyList(keys: Keys): readonly SimKey[] {
  const count = keys.kind === "int64" ? keys.values.length : keys.offsets.length - 1;
  return Array.from({ length: count }, (_, i) => keyAt(keys, i));
}

export function integersOf(column: Column): readonly (bigint | undefined)[] {
  if (column.kind !== "fixed") throw new TypeError(`a column of kind ${column.kind} where integers belong`);
  return Array.from({ length: column.rows }, (_, i) => {
    if (!isValid(column.validity, i)) return undefined;
    const value = column.values[i] ?? 0n;
    return typeof value === "bigint" ? value : BigInt(value);
  });
}

export function textsOf(column: Column): readonly string[] {
  return keyList(keysOf(column)).map(String);
}

function columnOf(rows: readonly SimRow[], field: FieldSchema): Column {
  const integers = (values: readonly (bigint | undefined)[]): Column => ({
    kind: "fixed",
    type: DataType.Int64,
    dim: 0,
    rows: rows.length,
    values: BigInt64Array.from(values, (value) => value ?? 0n),
    validity: field.nullable ? bitmap(values.map((value) => value !== undefined)) : undefined,
  });
  switch (field.name) {
    case "id":
      return field.type === DataType.Int64
        ? integers(rows.map(({ key }) => key as bigint))
        : texts(rows.map(({ key }) => key as string));
    case "stamp":
      return integers(rows.map(({ stamp }) => stamp));
    case "age":
      return integers(rows.map(({ age }) => age));
    case "tag":
      return texts(rows.map(({ tag }) => tag));
    case "vector":
      return {
        kind: "fixed",
        type: DataType.FloatVector,
        dim: DIM,
        rows: rows.length,
        values: Float32Array.from(rows.flatMap(({ vector }) => vector)),
        validity: undefined,
      };
    default:
      return integers(rows.map((row) => extraOf(row, field)));
  }
}

function texts(values: readonly string[]): Column {
  const keys = keysFrom("varchar", values);
  if (keys.kind !== "varchar") throw new TypeError("texts are varchar");
  return {
    kind: "bytes",
    type: DataType.VarChar,
    rows: values.length,
    offsets: keys.offsets,
    bytes: keys.bytes,
    validity: undefined,
  };
}

function bitmap(bits: readonly boolean[]): Uint8Array | undefined {
  if (bits.every(Boolean)) return undefined;
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  return bytes;
}

function plain(name: string, type: FieldSchema["type"]): FieldSchema {
  return {
    id: fieldId(0),
    name,
    description: "",
    type,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    isFunctionOutput: false,
    nullable: false,
    defaultValue: undefined,
    dim: 0,
    maxLength: 0,
    maxCapacity: 0,
    typeParams: {},
    children: [],
  };
}
