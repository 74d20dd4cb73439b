import { parameterInvalid } from "../errors/parameter-errors.ts";
import { DataType, dataTypeName, isVector } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import type {
  CollectionSchema,
  FieldSchema,
  FunctionSchema,
  KeyValues,
  ScalarValue,
} from "../model/schema.ts";
import { formatTimestamptz, UTC } from "../model/timestamptz.ts";
import { decode, type Init } from "./codec.ts";
import { fromPairs, toPairs } from "./key-values.ts";
import type {
  CollectionSchema as WireCollection,
  FieldSchema as WireField,
  FunctionSchema as WireFunction,
  StructArrayFieldSchema as WireStruct,
  ValueField,
} from "./messages.gen.ts";
import { geometryText } from "./well-known-text.ts";

/** The schema in the bytes of a CreateCollectionRequest. Ids are those of the client, usually 0. */
export function decodeCollectionSchema(bytes: Uint8Array): CollectionSchema {
  return fromWireSchema(decode("schema.CollectionSchema", bytes));
}

/** Struct arrays become fields of type ArrayOfStruct with children, behind the other fields. */
export function fromWireSchema(wire: WireCollection): CollectionSchema {
  return {
    name: wire.name,
    description: wire.description,
    fields: [...wire.fields.map(fromWireField), ...wire.structArrayFields.map(fromWireStruct)],
    functions: wire.functions.map(fromWireFunction),
    enableDynamicField: wire.enableDynamicField,
    version: wire.version,
  };
}

/** What a schema says on the wire beside the fields; all optional. */
export interface SchemaExtras {
  readonly dbName?: string;
  readonly properties?: KeyValues;
  /** Of defaults that are times; UTC when left out. */
  readonly timeZone?: string;
}

export function toWireSchema(schema: CollectionSchema, extras: SchemaExtras = {}): Init<WireCollection> {
  const timeZone = extras.timeZone ?? UTC;
  const isStruct = (field: FieldSchema): boolean => field.type === DataType.ArrayOfStruct;
  return {
    name: schema.name,
    description: schema.description,
    autoID: schema.fields.some((field) => field.isPrimaryKey && field.autoId),
    fields: schema.fields.filter((field) => !isStruct(field)).map((field) => toWireField(field, timeZone)),
    structArrayFields: schema.fields.filter(isStruct).map(toWireStruct),
    functions: schema.functions.map(toWireFunction),
    enableDynamicField: schema.enableDynamicField,
    version: schema.version,
    dbName: extras.dbName,
    properties: extras.properties && toPairs(extras.properties),
  };
}

export function fromWireField(wire: WireField): FieldSchema {
  const typeParams = fromPairs(wire.typeParams);
  const type = wire.dataType as DataType;
  return {
    id: fieldId(Number(wire.fieldID)),
    name: wire.name,
    description: wire.description,
    type,
    elementType: wire.elementType as DataType,
    isPrimaryKey: wire.isPrimaryKey,
    autoId: wire.autoID,
    isPartitionKey: wire.isPartitionKey,
    isClusteringKey: wire.isClusteringKey,
    isDynamic: wire.isDynamic,
    isFunctionOutput: wire.isFunctionOutput,
    nullable: wire.nullable,
    defaultValue: wire.defaultValue && fromWireDefault(wire.defaultValue, type, wire.name),
    dim: numberParam(typeParams, "dim"),
    maxLength: numberParam(typeParams, "max_length"),
    maxCapacity: numberParam(typeParams, "max_capacity"),
    typeParams,
    children: [],
  };
}

/** `timeZone` is that of a default that is a time. */
export function toWireField(field: FieldSchema, timeZone: string): Init<WireField> {
  return {
    fieldID: BigInt(field.id),
    name: field.name,
    description: field.description,
    dataType: field.type,
    elementType: field.elementType,
    isPrimaryKey: field.isPrimaryKey,
    autoID: field.autoId,
    isPartitionKey: field.isPartitionKey,
    isClusteringKey: field.isClusteringKey,
    isDynamic: field.isDynamic,
    isFunctionOutput: field.isFunctionOutput,
    nullable: field.nullable,
    defaultValue: field.defaultValue && toWireDefault(field.defaultValue, field.type, timeZone),
    typeParams: toPairs(field.typeParams),
  };
}

function fromWireStruct(wire: WireStruct): FieldSchema {
  const typeParams = fromPairs(wire.typeParams);
  return {
    id: fieldId(Number(wire.fieldID)),
    name: wire.name,
    description: wire.description,
    type: DataType.ArrayOfStruct,
    elementType: DataType.Struct,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    isFunctionOutput: false,
    nullable: wire.nullable,
    defaultValue: undefined,
    dim: 0,
    maxLength: 0,
    maxCapacity: numberParam(typeParams, "max_capacity"),
    typeParams,
    children: wire.fields.map(fromWireField),
  };
}

function toWireStruct(field: FieldSchema): Init<WireStruct> {
  return {
    fieldID: BigInt(field.id),
    name: field.name,
    description: field.description,
    nullable: field.nullable,
    typeParams: toPairs(field.typeParams),
    fields: field.children.map((child) => toWireField(child, UTC)),
  };
}

/** Function types whose wire numbers the model keeps. */
function fromWireFunction(wire: WireFunction): FunctionSchema {
  return {
    id: wire.id,
    name: wire.name,
    description: wire.description,
    type: wire.type,
    inputFieldIds: wire.inputFieldIds.map((id) => fieldId(Number(id))),
    inputFieldNames: wire.inputFieldNames,
    outputFieldIds: wire.outputFieldIds.map((id) => fieldId(Number(id))),
    outputFieldNames: wire.outputFieldNames,
    params: fromPairs(wire.params),
  };
}

function toWireFunction(schema: FunctionSchema): Init<WireFunction> {
  return {
    id: schema.id,
    name: schema.name,
    description: schema.description,
    type: schema.type,
    inputFieldIds: schema.inputFieldIds.map(BigInt),
    inputFieldNames: schema.inputFieldNames,
    outputFieldIds: schema.outputFieldIds.map(BigInt),
    outputFieldNames: schema.outputFieldNames,
    params: toPairs(schema.params),
  };
}

/** 0 where the parameter is missing or no whole number: whoever needs it says so and quotes `typeParams`. */
function numberParam(params: KeyValues, key: string): number {
  const text = params[key] ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The member of a ValueField that a default of each type travels in, and Milvus's name for that member. */
const defaultMembers = {
  boolData: { name: "DataType_Bool", types: [DataType.Bool] },
  intData: { name: "DataType_Int", types: [DataType.Int8, DataType.Int16, DataType.Int32] },
  longData: { name: "DataType_Int64", types: [DataType.Int64] },
  floatData: { name: "DataType_Float", types: [DataType.Float] },
  doubleData: { name: "DataType_Double", types: [DataType.Double] },
  stringData: {
    name: "DataType_VarChar",
    types: [DataType.VarChar, DataType.Timestamptz, DataType.Geometry],
  },
  bytesData: { name: "DataType_JSON", types: [DataType.JSON] },
  timestamptzData: { name: "DataType_Timestamptz", types: [DataType.Timestamptz] },
} as const satisfies Partial<
  Record<keyof ValueField, { readonly name: string; readonly types: readonly DataType[] }>
>;

type DefaultMember = keyof typeof defaultMembers;

function fromWireDefault(wire: ValueField, type: DataType, fieldName: string): ScalarValue | undefined {
  const member = (Object.keys(defaultMembers) as DefaultMember[]).find((key) => wire[key] !== undefined);
  if (member === undefined) return undefined;
  const { name, types } = defaultMembers[member];
  if (!(types as readonly DataType[]).includes(type)) {
    if (type === DataType.JSON || type === DataType.Array || isVector(type)) {
      throw parameterInvalid(`type not support default_value, type:${dataTypeName(type)}, name:${fieldName}`);
    }
    throw parameterInvalid(
      `type (${dataTypeName(type)}) of field (${fieldName}) is not equal to the type(${name}) of default_value`,
    );
  }
  const value = wire[member];
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "bigint":
      return { kind: "int", value };
    case "number":
      return member === "intData" ? { kind: "int", value: BigInt(value) } : { kind: "float", value };
    case "string":
      return { kind: "string", value };
    default:
      return value && { kind: "bytes", value };
  }
}

function toWireDefault(value: ScalarValue, type: DataType, timeZone: string): Init<ValueField> {
  switch (value.kind) {
    case "bool":
      return { boolData: value.value };
    case "int":
      if (type === DataType.Int64) return { longData: value.value };
      return type === DataType.Timestamptz
        ? { stringData: formatTimestamptz(value.value, timeZone) }
        : { intData: Number(value.value) };
    case "float":
      return type === DataType.Double ? { doubleData: value.value } : { floatData: value.value };
    case "string":
      return { stringData: value.value };
    case "bytes":
      return type === DataType.Geometry
        ? { stringData: geometryText(value.value) }
        : { bytesData: value.value };
  }
}
