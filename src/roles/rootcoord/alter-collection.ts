import {
  parseConsistencyLevel,
  type CollectionInfo,
  type FieldSchema,
  type KeyValues,
} from "../../model/schema.ts";

/** Some properties are facts of the collection itself, which the properties do not repeat. */
export function alteredCollection(
  info: CollectionInfo,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): CollectionInfo {
  const { consistency_level: level, "collection.description": description, ...set } = change.set;
  return {
    ...info,
    properties: altered(info.properties, { set, remove: change.remove }),
    consistencyLevel: parseConsistencyLevel(level ?? "") ?? info.consistencyLevel,
    schema: { ...info.schema, description: description ?? info.schema.description },
  };
}

export function alteredField(
  field: FieldSchema,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): FieldSchema {
  const typeParams = altered(field.typeParams, change);
  const number = (name: string, otherwise: number): number =>
    change.set[name] === undefined ? otherwise : Number(change.set[name]);
  return {
    ...field,
    typeParams,
    description: change.set["field.description"] ?? field.description,
    maxLength: number("max_length", field.maxLength),
    maxCapacity: number("max_capacity", field.maxCapacity),
  };
}

export function altered(
  properties: KeyValues,
  change: { readonly set: KeyValues; readonly remove: readonly string[] },
): KeyValues {
  const gone = new Set(change.remove);
  return Object.fromEntries(
    Object.entries({ ...properties, ...change.set }).filter(([key]) => !gone.has(key)),
  );
}

/** Every collection has a timezone: its own, else its database's as of now, as clients of Milvus see it. */
export function withTimezone(properties: KeyValues, ofDatabase: KeyValues): KeyValues {
  if (properties["timezone"] !== undefined) return properties;
  return { ...properties, timezone: ofDatabase["timezone"] ?? "UTC" };
}
