import { keyAt } from "../format/column-select.ts";
import type { Column, Keys } from "../model/columns.ts";
import { isValid } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import { type FieldSchema, plainField } from "../model/schema.ts";
import type { Init } from "../wire/codec.ts";
import type { FieldData, IDs, SearchResultData } from "../wire/messages.gen.ts";
import { packStrings, unpackStrings } from "../wire/packed-bytes.ts";
import { seenVectors, vectorField, VECTORS, wireVectors, type VectorKind } from "./vectors.ts";

export type SimKey = bigint | string;

/** One row as a client of the simulation means it. */
export interface SimRow {
  readonly key: SimKey;
  /** Unique over the whole run: tells which write a row seen later comes from. */
  readonly stamp: bigint;
  readonly age: bigint | undefined;
  readonly tag: string;
  /** As `VECTORS` has it for the collection's kind. */
  readonly vector: readonly number[];
  /** Values of fields added later, by name; absent where the writer gave none. */
  readonly extras: Readonly<Record<string, bigint | undefined>>;
}

/** What a row looked like when it was read. */
export type SeenRow = Omit<SimRow, "vector"> & { readonly vector: readonly number[] | undefined };

export const FIELD = { key: 100, stamp: 101, age: 102, tag: 103, vector: 104 } as const;

export function simFields(keyType: "int64" | "varchar", vectorKind: VectorKind): readonly FieldSchema[] {
  const key = keyType === "int64" ? plain("id", DataType.Int64) : bounded("id");
  return [
    { ...key, isPrimaryKey: true },
    plain("stamp", DataType.Int64),
    { ...plain("age", DataType.Int64), nullable: true },
    bounded("tag"),
    vectorField(vectorKind),
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

/** A row that has no value has the field's default: the wire knows no other null. */
export function extraOf(row: SimRow, field: FieldSchema): bigint | undefined {
  const standard = field.defaultValue?.kind === "int" ? field.defaultValue.value : undefined;
  return row.extras[field.name] ?? standard;
}

/** The named fields of rows, as an insert or upsert brings them. */
export function wireFields(
  rows: readonly SimRow[],
  names: readonly string[],
  vectorKind: VectorKind,
): Init<FieldData>[] {
  return names.map((fieldName) => {
    switch (fieldName) {
      case "id":
        return typeof rows[0]?.key === "string"
          ? texts(
              fieldName,
              rows.map(({ key }) => String(key)),
            )
          : integers(
              fieldName,
              rows.map(({ key }) => BigInt(key)),
            );
      case "stamp":
        return integers(
          fieldName,
          rows.map(({ stamp }) => stamp),
        );
      case "tag":
        return texts(
          fieldName,
          rows.map(({ tag }) => tag),
        );
      case "vector":
        return {
          type: VECTORS[vectorKind].type,
          fieldName,
          vectors: wireVectors(
            vectorKind,
            rows.map(({ vector }) => vector),
          ),
        };
      default:
        return nullable(
          fieldName,
          rows.map((row) => (fieldName === "age" ? row.age : row.extras[fieldName])),
        );
    }
  });
}

/** The rows of an answer: key, stamp, age and tag, the vector where it was asked for, and everything else as extras. */
export function seenRows(fieldsData: readonly FieldData[]): readonly SeenRow[] {
  const columns = new Map(fieldsData.map((data) => [data.fieldName, data]));
  const keys = keysIn(columns.get("id"));
  const stamps = integersIn(columns.get("stamp"));
  const ages = integersIn(columns.get("age"));
  const tags = textsIn(columns.get("tag"));
  const vectors = seenVectors(columns.get("vector")?.vectors);
  const extras = [...columns].filter(([name]) => name.startsWith("extra"));
  const extraValues = extras.map(([name, data]) => [name, integersIn(data)] as const);
  return keys.map((key, i) => ({
    key,
    stamp: stamps[i] ?? 0n,
    age: ages[i],
    tag: tags[i] ?? "",
    vector: vectors?.[i],
    extras: Object.fromEntries(extraValues.map(([name, values]) => [name, values[i]])),
  }));
}

export interface SeenHit {
  readonly key: SimKey;
  readonly score: number;
  readonly stamp: bigint;
}

export function seenHits({ ids, scores, fieldsData }: SearchResultData): readonly SeenHit[] {
  const stamps = integersIn(fieldsData.find(({ fieldName }) => fieldName === "stamp"));
  return keysOfIds(ids).map((key, i) => ({ key, score: scores[i] ?? NaN, stamp: stamps[i] ?? 0n }));
}

export function keysOfIds(ids: IDs | undefined): readonly SimKey[] {
  if (ids?.intId !== undefined) return [...ids.intId.data];
  return ids?.strId === undefined ? [] : unpackStrings(ids.strId.data);
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

/** A key as a literal of the filter language. */
export function literal(key: SimKey): string {
  return typeof key === "string" ? `"${key}"` : String(key);
}

function keysIn(data: FieldData | undefined): readonly SimKey[] {
  const strings = data?.scalars?.stringData?.data;
  return strings === undefined ? [...(data?.scalars?.longData?.data ?? [])] : unpackStrings(strings);
}

function integersIn(data: FieldData | undefined): readonly (bigint | undefined)[] {
  const values = [...(data?.scalars?.longData?.data ?? [])];
  const valid = data?.validData ?? new Uint8Array(0);
  return valid.length === 0 ? values : values.map((value, i) => (valid[i] === 1 ? value : undefined));
}

function textsIn(data: FieldData | undefined): readonly string[] {
  const strings = data?.scalars?.stringData?.data;
  return strings === undefined ? [] : unpackStrings(strings);
}

function integers(fieldName: string, values: readonly bigint[]): Init<FieldData> {
  return { type: DataType.Int64, fieldName, scalars: { longData: { data: BigInt64Array.from(values) } } };
}

/** Only rows that have a value bring one. */
function nullable(fieldName: string, values: readonly (bigint | undefined)[]): Init<FieldData> {
  const present = values.filter((value) => value !== undefined);
  const validData = Uint8Array.from(values, (value) => (value === undefined ? 0 : 1));
  return { ...integers(fieldName, present), validData };
}

function texts(fieldName: string, values: readonly string[]): Init<FieldData> {
  return { type: DataType.VarChar, fieldName, scalars: { stringData: { data: packStrings(values) } } };
}

function bounded(name: string): FieldSchema {
  return { ...plain(name, DataType.VarChar), maxLength: 64, typeParams: { max_length: "64" } };
}

function plain(name: string, type: FieldSchema["type"]): FieldSchema {
  return plainField(fieldId(0), name, type);
}
