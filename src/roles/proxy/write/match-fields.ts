import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import type { CollectionSchema, FieldSchema } from "../../../model/schema.ts";
import type { FieldData } from "../../../wire/messages.gen.ts";
import { META_FIELD } from "../check/schema.ts";

/**
 * Which field each part of a request is for. Parts that belong to no field, or to one that the server fills, are refused in Milvus's
 * words. Undeclared keys travel as one part, marked dynamic, whatever its name.
 */
export interface MatchedFields {
  readonly given: ReadonlyMap<FieldSchema, FieldData>;
  /** Declared fields that the request has nothing for and the server can fill: nullable, with a default, dynamic, auto id. */
  readonly absent: readonly FieldSchema[];
}

export type KeySource =
  /** The request must bring it. */
  | "request"
  /** The server makes it, the request must not bring it. */
  | "server";

export function matchFields(
  fieldsData: readonly FieldData[],
  schema: CollectionSchema,
  keySource: KeySource,
): MatchedFields {
  const byName = partsByName(fieldsData, schema);
  const given = new Map<FieldSchema, FieldData>();
  const absent: FieldSchema[] = [];
  for (const field of schema.fields) {
    const data = byName.get(field.name);
    if (data !== undefined) given.set(field, data);
    else if (maySupply(field, keySource)) absent.push(field);
    else throw missing(field);
  }
  const serverKey = keySource === "server" ? 1 : 0;
  const actual = byName.size + absent.filter(({ isPrimaryKey }) => !isPrimaryKey).length + serverKey;
  const expected = schema.fields.length;
  if (actual !== expected) throw parameterInvalid("more fieldData has pass in", { expected, actual });
  for (const field of given.keys()) if (field.isFunctionOutput) throw notServed("functions");
  return { given, absent };
}

/** The parts of a partial update: any fields, the primary key among them. */
export function matchSomeFields(
  fieldsData: readonly FieldData[],
  schema: CollectionSchema,
): ReadonlyMap<FieldSchema, FieldData> {
  const byName = partsByName(fieldsData, schema);
  const given = new Map<FieldSchema, FieldData>();
  for (const [name, data] of byName) {
    const field = schema.fields.find((one) => one.name === name);
    if (field === undefined) throw parameterInvalid(`fieldName ${name} not exist in collection schema`);
    given.set(field, data);
  }
  return given;
}

/** Rows that are new need these fields, which the server cannot make up. */
export function checkNewRows(given: ReadonlyMap<FieldSchema, unknown>, schema: CollectionSchema): void {
  for (const field of schema.fields)
    if (!given.has(field) && !maySupply(field, "request")) throw missing(field);
}

function partsByName(
  fieldsData: readonly FieldData[],
  schema: CollectionSchema,
): ReadonlyMap<string, FieldData> {
  const parts = new Map<string, FieldData>();
  for (const data of fieldsData) {
    const name = data.isDynamic && schema.enableDynamicField ? META_FIELD : data.fieldName;
    if (name === META_FIELD && !schema.enableDynamicField) {
      throw parameterInvalid(`without dynamic schema enabled, the field name cannot be set to ${META_FIELD}`);
    }
    if (parts.has(name)) throw parameterInvalid(`duplicated field ${name} found`);
    parts.set(name, data);
  }
  return parts;
}

function maySupply(field: FieldSchema, keySource: KeySource): boolean {
  if (field.isPrimaryKey) return keySource === "server";
  return field.isDynamic || field.nullable || field.defaultValue !== undefined;
}

function missing(field: FieldSchema): Error {
  return parameterInvalid(`fieldSchema(${field.name}) has no corresponding fieldData pass in`);
}
