import { fieldNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { isVector } from "../../../model/data-type.ts";
import { dynamicField, type CollectionSchema, type FieldSchema } from "../../../model/schema.ts";
import { isLoaded } from "../check/field.ts";

/** The fields that a load request names, else all that the schema does not leave out (`field.skipLoad`). */
export function fieldsToLoad(
  schema: CollectionSchema,
  request: { readonly loadFields: readonly string[]; readonly skipLoadDynamicField: boolean },
): readonly FieldSchema[] {
  const { loadFields: names, skipLoadDynamicField } = request;
  if (names.length === 0) {
    return schema.fields.filter((field) =>
      field.isDynamic ? !skipLoadDynamicField && isLoaded(field) : isLoaded(field),
    );
  }
  const chosen = new Set(
    names.map((name) => {
      const field = schema.fields.find((candidate) => candidate.name === name);
      if (field === undefined) throw fieldNotFound(name);
      return field;
    }),
  );
  const dynamic = dynamicField(schema);
  if (dynamic !== undefined && !skipLoadDynamicField) chosen.add(dynamic);
  checkChosen(schema, chosen, names);
  return [...chosen];
}

function checkChosen(
  schema: CollectionSchema,
  chosen: ReadonlySet<FieldSchema>,
  names: readonly string[],
): void {
  const list = `load field list [${names.join(" ")}] does not contain`;
  const missing = (wanted: (field: FieldSchema) => boolean): FieldSchema | undefined =>
    schema.fields.find((field) => wanted(field) && !chosen.has(field));
  const key = missing((field) => field.isPrimaryKey);
  if (key !== undefined) throw parameterInvalid(`${list} primary key field ${key.name}`);
  if (![...chosen].some((field) => isVector(field.type))) {
    throw parameterInvalid(`${list} vector field`);
  }
  const partitionKey = missing((field) => field.isPartitionKey);
  if (partitionKey !== undefined) {
    throw parameterInvalid(`${list} partition key field ${partitionKey.name}`);
  }
  const clusteringKey = missing((field) => field.isClusteringKey);
  if (clusteringKey !== undefined) {
    throw parameterInvalid(`${list} clustering key field ${clusteringKey.name}`);
  }
}
