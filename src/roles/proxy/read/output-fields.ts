import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import type { Column } from "../../../model/columns.ts";
import {
  dynamicField,
  fieldByName,
  primaryKeyField,
  type CollectionSchema,
  type FieldSchema,
} from "../../../model/schema.ts";
import type { Init } from "../../../wire/codec.ts";
import { encodeFieldData } from "../../../wire/field-data-encode.ts";
import type { FieldData } from "../../../wire/messages.gen.ts";
import { packBytes, packedAt } from "../../../wire/packed-bytes.ts";
import type { TimeFormat } from "../../../wire/text-columns.ts";
import { keepJsonKeys } from "./json-entries.ts";

/** What a read returns of each row. */
export interface OutputFields {
  /** Declared fields, without duplicates; the dynamic field where one of its keys is wanted. */
  readonly fields: readonly FieldSchema[];
  /** As the answer lists them. */
  readonly names: readonly string[];
  /** Keys of the dynamic field that are wanted; undefined for all. */
  readonly dynamicKeys: ReadonlySet<string> | undefined;
  readonly countRows: boolean;
}

const AGGREGATE = /^(sum|count|avg|min|max)\s*\(\s*([\w*]*)\s*\)$/i;

/** `*` stands for all fields and all dynamic keys. Errors name the field, in Milvus's words. */
export function outputFields(requested: readonly string[], schema: CollectionSchema): OutputFields {
  const fields = new Set<FieldSchema>();
  const names = new Set<string>();
  const dynamicKeys = new Set<string>();
  let wholeDynamic = false;
  let countRows = false;
  for (const given of requested) {
    const name = given.trim();
    const declared = fieldByName(schema, name);
    if (name === "*") {
      for (const field of schema.fields) {
        fields.add(field);
        names.add(field.name);
      }
      wholeDynamic = true;
    } else if (declared !== undefined) {
      fields.add(declared);
      names.add(name);
      wholeDynamic ||= declared.isDynamic;
    } else if (isAggregate(name, schema)) {
      countRows = true;
      names.add(name);
    } else {
      fields.add(dynamicFieldOf(name, schema));
      names.add(name);
      dynamicKeys.add(dynamicKey(name, schema));
    }
  }
  return {
    fields: [...fields],
    names: [...names],
    dynamicKeys: wholeDynamic ? undefined : dynamicKeys,
    countRows,
  };
}

/** True for `count(*)`; other aggregates are refused. */
function isAggregate(name: string, schema: CollectionSchema): boolean {
  const match = AGGREGATE.exec(name);
  if (match === null) return false;
  const operator = (match[1] ?? "").toLowerCase();
  const target = match[2] ?? "";
  if (target === "*") {
    if (operator !== "count")
      throw parameterInvalid(`${operator}(*) is not supported, only count(*) is allowed`);
    return true;
  }
  if (fieldByName(schema, target) === undefined)
    throw parameterInvalid(`target field ${target} for aggregation:${operator} does not exist`);
  throw notServed(`the aggregation ${name}`);
}

function dynamicFieldOf(name: string, schema: CollectionSchema): FieldSchema {
  const field = dynamicField(schema);
  if (field === undefined) throw parameterInvalid(`field ${name} not exist`);
  return field;
}

/** `key` or `$meta["key"]`; deeper paths are not served, by Milvus neither. */
function dynamicKey(name: string, schema: CollectionSchema): string {
  if (/^[A-Za-z_]\w*$/.test(name)) return name;
  const inside = /^(\$meta)\[(?:"([^"\\]+)"|'([^'\\]+)')\]$/.exec(name);
  const key = inside?.[2] ?? inside?.[3];
  if (key === undefined || dynamicField(schema) === undefined)
    throw parameterInvalid(`parse output field name failed: ${name}`);
  return key;
}

/** The same with the primary key in it, first. */
export function withPrimaryKey(output: OutputFields, schema: CollectionSchema): OutputFields {
  const key = primaryKeyField(schema);
  return output.fields.includes(key) ? output : { ...output, fields: [key, ...output.fields] };
}

/** The columns of `output.fields` as an answer carries them. */
export function encodeOutput(
  output: OutputFields,
  columns: readonly Column[],
  times: TimeFormat,
): Init<FieldData>[] {
  return output.fields.map((field, i) => {
    const column = columns[i];
    if (column === undefined) throw new TypeError(`no column for field ${field.name}`);
    return encodeFieldData(field.isDynamic ? onlyKeys(column, output.dynamicKeys) : column, field, times);
  });
}

function onlyKeys(column: Column, keys: ReadonlySet<string> | undefined): Column {
  if (keys === undefined || column.kind !== "bytes") return column;
  const rows = Array.from({ length: column.rows }, (_, row) => keepJsonKeys(packedAt(column, row), keys));
  return { ...column, ...packBytes(rows) };
}
