import { collectionIllegalSchema, fieldInvalidName } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { DataType, dataTypeName, isVector } from "../../../model/data-type.ts";
import type { CollectionSchema, FieldSchema } from "../../../model/schema.ts";
import { FunctionType } from "../../../wire/enums.gen.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { checkDefault, checkField, checkType, isLoaded, parameterMissingSentence } from "./field.ts";
import { checkCollectionName, checkDescription } from "./names.ts";

/** Names that the server keeps for itself. */
export const META_FIELD = "$meta";
const reservedNames: readonly string[] = ["RowID", "Timestamp", "__virtual_pk__"];
const systemNames: readonly string[] = ["RowID", "Timestamp", META_FIELD, "$namespace_id"];

/**
 * Checks the schema of a new collection in Milvus's order, so that of several mistakes the same one is reported. Function types, data
 * types and schema features that are not served are refused by name.
 */
export function checkSchema(schema: CollectionSchema, limits: ProxyLimits): void {
  const [firstFunction] = schema.functions;
  if (firstFunction !== undefined) {
    throw notServed(`the function ${firstFunction.name} of type ${functionTypeName(firstFunction.type)}`);
  }
  checkCounts(schema, limits);
  checkCollectionName(schema.name, limits);
  checkDescription(schema.description, limits);
  for (const { name } of schema.fields) {
    if (!reservedNames.includes(name)) continue;
    throw fieldInvalidName(
      name,
      `field name "${name}" is reserved for internal use and cannot be used in user schemas`,
    );
  }
  checkPrimaryKey(schema);
  if (schema.fields.some((field) => field.isDynamic)) {
    throw parameterInvalid("cannot explicitly set a field as a dynamic field");
  }
  checkAutoId(schema);
  for (const field of schema.fields) checkType(field);
}

/** The part that follows the properties in Milvus's order. */
export function checkFields(schema: CollectionSchema, limits: ProxyLimits): void {
  checkClusteringKey(schema);
  for (const field of schema.fields) checkField(field, schema.name, limits);
  const names = new Set<string>();
  for (const { name } of schema.fields) {
    if (names.has(name)) throw parameterInvalid(`duplicated field name ${name} found`);
    names.add(name);
  }
  checkLoadedFields(schema);
  for (const field of schema.fields) checkDefault(field);
  if (schema.fields.some(({ name }) => systemNames.includes(name))) {
    throw parameterInvalid(`schema contains system field: ${systemNames.join(", ")}`, {
      expected: "schema don't contains system field",
      actual: "contains",
    });
  }
}

/** Partitions that the partition key is spread over; 0 without one. */
export function checkPartitionKey(
  schema: CollectionSchema,
  wanted: bigint,
  limits: Pick<ProxyLimits, "partitionsMax" | "mustUsePartitionKey">,
): number {
  const keys = schema.fields.filter((field) => field.isPartitionKey);
  const [key, second] = keys;
  if (key === undefined) {
    if (limits.mustUsePartitionKey) {
      throw parameterMissingSentence(
        "partition key must be set when creating the collection because the mustUsePartitionKey config is true",
      );
    }
    if (wanted !== 0n) {
      throw parameterInvalid("num_partitions should only be specified with partition key field enabled");
    }
    return 0;
  }
  for (const field of keys) {
    if (field === second) {
      throw parameterInvalid(
        `there are more than one partition key, field name = ${key.name}, ${field.name}`,
      );
    }
    checkPartitionKeyField(field);
  }
  if (wanted < 0n) {
    throw parameterInvalid("the specified partitions should be greater than 0 if partition key is used");
  }
  if (wanted > BigInt(limits.partitionsMax)) {
    throw parameterInvalid(
      `partition number (${wanted}) exceeds max configuration (${limits.partitionsMax})`,
    );
  }
  return wanted === 0n ? Math.min(DEFAULT_KEY_PARTITIONS, limits.partitionsMax) : Number(wanted);
}

const DEFAULT_KEY_PARTITIONS = 16;

/** A field that is added to an existing collection. */
export function checkAddedField(schema: CollectionSchema, field: FieldSchema, limits: ProxyLimits): void {
  if (schema.fields.length >= limits.fieldsMax) {
    throw parameterInvalid(`The number of fields has reached the maximum value ${limits.fieldsMax}`);
  }
  if (schema.fields.some(({ name }) => name === field.name)) {
    throw parameterInvalid(`duplicated field name ${field.name}`);
  }
  checkType(field);
  if (systemNames.includes(field.name) || reservedNames.includes(field.name)) {
    throw parameterInvalid(`not support to add system field, field name = ${field.name}`);
  }
  if (field.isDynamic) {
    throw parameterInvalid(`not support to add dynamic field, field name = ${field.name}`);
  }
  if (field.isPrimaryKey) {
    throw parameterInvalid(`not support to add pk field, field name = ${field.name}`);
  }
  if (field.autoId) {
    throw parameterInvalid(`only primary field can speficy AutoID with true, field name = ${field.name}`);
  }
  if (field.isPartitionKey) {
    throw parameterInvalid(`not support to add partition key field, field name  = ${field.name}`);
  }
  if (field.isClusteringKey && schema.fields.some((other) => other.isClusteringKey)) {
    throw parameterInvalid(`already has another clustering key field, field name: ${field.name}`);
  }
  if (isVector(field.type)) {
    if (vectorFields(schema).length >= limits.vectorFieldsMax) {
      throw parameterInvalid(`maximum vector field's number should be limited to ${limits.vectorFieldsMax}`);
    }
    if (field.type !== DataType.SparseFloatVector && Object.keys(field.typeParams).length === 0) {
      throw parameterInvalid(`vector field must have dimension specified, field name = ${field.name}`);
    }
  }
  if (!field.nullable) {
    throw parameterInvalid(`added field must be nullable, please check it, field name = ${field.name}`);
  }
  checkField(field, schema.name, limits);
  checkDefault(field);
}

function checkCounts(schema: CollectionSchema, limits: ProxyLimits): void {
  if (schema.fields.length > limits.fieldsMax) {
    throw parameterInvalid(`maximum field's number should be limited to ${limits.fieldsMax}`);
  }
  const vectors = vectorFields(schema).length;
  if (vectors > limits.vectorFieldsMax) {
    throw parameterInvalid(`maximum vector field's number should be limited to ${limits.vectorFieldsMax}`);
  }
  const mayHoldVectors = schema.fields.some((field) => field.type === DataType.ArrayOfStruct);
  if (vectors === 0 && !mayHoldVectors) {
    throw parameterInvalid("schema does not contain vector field");
  }
}

function checkPrimaryKey({ fields }: CollectionSchema): void {
  let key: FieldSchema | undefined;
  for (const field of fields) {
    if (!field.isPrimaryKey) continue;
    if (key !== undefined) {
      throw parameterInvalid(`there are more than one primary key, field name = ${key.name}, ${field.name}`);
    }
    if (field.type !== DataType.Int64 && field.type !== DataType.VarChar) {
      throw parameterInvalid("the data type of primary key should be Int64 or VarChar");
    }
    key = field;
  }
  if (key === undefined) throw parameterMissingSentence("primary key is not specified");
}

function checkAutoId({ fields }: CollectionSchema): void {
  let first: FieldSchema | undefined;
  for (const field of fields) {
    if (!field.autoId) continue;
    if (first !== undefined) {
      throw parameterInvalid(
        `only one field can speficy AutoID with true, field name = ${first.name}, ${field.name}`,
      );
    }
    first = field;
    if (!field.isPrimaryKey) {
      throw parameterInvalid(`only primary field can speficy AutoID with true, field name = ${field.name}`);
    }
  }
}

function checkPartitionKeyField(field: FieldSchema): void {
  if (field.isPrimaryKey) {
    throw parameterInvalid("the partition key field must not be primary field");
  }
  if (field.nullable) throw parameterInvalid("partition key field not support nullable");
  if (field.type !== DataType.Int64 && field.type !== DataType.VarChar) {
    throw parameterInvalid("the data type of partition key should be Int64 or VarChar");
  }
}

const clusteringKeyTypes: ReadonlySet<DataType> = new Set([
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
]);

function checkClusteringKey(schema: CollectionSchema): void {
  let first: FieldSchema | undefined;
  for (const field of schema.fields) {
    if (!field.isClusteringKey) continue;
    if (isVector(field.type)) {
      throw notServed(`a vector field (${field.name}) as clustering key`);
    }
    if (!clusteringKeyTypes.has(field.type)) {
      throw collectionIllegalSchema(
        schema.name,
        `clustering key field ${field.name} has unsupported data type ${dataTypeName(field.type)}`,
      );
    }
    if (first !== undefined) {
      throw collectionIllegalSchema(
        schema.name,
        `there are more than one clustering key, field name = ${first.name}, ${field.name}`,
      );
    }
    first = field;
  }
}

function checkLoadedFields({ fields }: CollectionSchema): void {
  let vectors = 0;
  for (const field of fields) {
    if (isLoaded(field)) {
      if (isVector(field.type)) vectors++;
      continue;
    }
    const role = field.isPrimaryKey
      ? "Primary key"
      : field.isPartitionKey
        ? "Partition Key"
        : field.isClusteringKey
          ? "Clustering Key"
          : undefined;
    if (role !== undefined) {
      throw parameterInvalid(`${role} field ${field.name} cannot skip loading`);
    }
  }
  if (vectors === 0) {
    throw parameterInvalid("cannot config all vector field(s) skip loading");
  }
}

function vectorFields({ fields }: CollectionSchema): FieldSchema[] {
  return fields.filter((field) => isVector(field.type));
}

function functionTypeName(type: number): string {
  const known = Object.entries(FunctionType).find(([, value]) => value === type);
  return known?.[0] ?? String(type);
}
