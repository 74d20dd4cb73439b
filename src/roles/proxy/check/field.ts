import { parameterInvalid, parameterOutOfRange } from "../../../errors/parameter-errors.ts";
import { RedkiteError } from "../../../errors/redkite-error.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { DataType, dataTypeName, isVector } from "../../../model/data-type.ts";
import type { FieldSchema } from "../../../model/schema.ts";
import type { ProxyLimits } from "../proxy-limits.ts";
import { byteLength, checkFieldName } from "./names.ts";
import { checkWarmupPolicy, parseBool } from "./properties.ts";

/** Types that Milvus has and this version does not. */
const notServedTypes: ReadonlySet<DataType> = new Set([
  DataType.Text,
  DataType.ArrayOfVector,
  DataType.ArrayOfStruct,
  DataType.Struct,
]);

const elementTypes: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
]);

/** Refuses types that do not exist, or not here. */
export function checkType(field: FieldSchema): void {
  if (field.type === DataType.String) {
    throw parameterInvalid("string data type not supported yet, please use VarChar type instead");
  }
  if (field.type === DataType.None) throw parameterInvalid("data type None is not valid");
  if (notServedTypes.has(field.type)) {
    throw notServed(`the data type ${dataTypeName(field.type)} of field ${field.name}`);
  }
  if (!Object.values(DataType).includes(field.type)) {
    throw parameterInvalid("", {
      expected: "Invalid field",
      actual: `field data type: ${field.type} is not supported`,
    });
  }
  if (field.type === DataType.Array) checkElementType(field);
}

/** Name and type parameters of one field. */
export function checkField(field: FieldSchema, collection: string, limits: ProxyLimits): void {
  checkFieldName(field.name, limits);
  if (isVector(field.type)) checkDimension(field, limits);
  const holdsText =
    field.type === DataType.VarChar ||
    (field.type === DataType.Array && field.elementType === DataType.VarChar);
  if (holdsText) checkMaxLength(field, collection, limits);
  if (field.type === DataType.Array) checkMaxCapacity(field, collection, limits);
  const warmup = field.typeParams["warmup"];
  if (warmup !== undefined) checkWarmupPolicy(warmup);
  if (
    field.typeParams["enable_match"] !== undefined &&
    parseBool(field.typeParams["enable_match"]) === true
  ) {
    throw notServed(`text match (enable_match of field ${field.name})`);
  }
}

/** Nullable and default value against the field's role and type. */
export function checkDefault(field: FieldSchema): void {
  const named = `type:${dataTypeName(field.type)}, name:${field.name}`;
  if (field.nullable && field.isPrimaryKey)
    throw parameterInvalid(`primary field not support null, ${named}`);
  const value = field.defaultValue;
  if (value === undefined) return;
  if (field.isPrimaryKey) throw parameterInvalid(`primary field not support default_value, ${named}`);
  if (field.type === DataType.Array || field.type === DataType.JSON || isVector(field.type)) {
    throw parameterInvalid(`type not support default_value, ${named}`);
  }
  if (value.kind === "int") checkIntegerDefault(field.type, value.value);
  if (value.kind === "string" && byteLength(value.value) > field.maxLength) {
    const problem = `the length (${byteLength(value.value)}) of string exceeds max length (${field.maxLength})`;
    throw parameterInvalid(problem, {
      expected: "valid length string",
      actual: "string length exceeds max length",
    });
  }
}

/** Whether the field is loaded with its collection (`field.skipLoad`). */
export function isLoaded(field: FieldSchema): boolean {
  const text = field.typeParams["field.skipLoad"];
  if (text === undefined) return true;
  const skipped = parseBool(text);
  if (skipped === undefined) {
    throw parameterInvalid(`strconv.ParseBool: parsing "${text}": invalid syntax`);
  }
  return !skipped;
}

function checkElementType({ elementType, name }: FieldSchema): void {
  if (elementTypes.has(elementType)) return;
  if (elementType === DataType.String) {
    throw parameterInvalid("string data type not supported yet, please use VarChar type instead");
  }
  if (elementType === DataType.None) {
    throw parameterInvalid("element data type None is not valid");
  }
  if (elementType === DataType.Text || elementType === DataType.Timestamptz) {
    throw notServed(`the element type ${dataTypeName(elementType)} of field ${name}`);
  }
  throw parameterInvalid(`element type ${dataTypeName(elementType)} is not supported`);
}

function checkDimension(field: FieldSchema, { dimensionMax }: ProxyLimits): void {
  const text = field.typeParams["dim"];
  if (field.type === DataType.SparseFloatVector) {
    if (text !== undefined) {
      throw parameterInvalid(
        `dim should not be specified for sparse vector field ${field.name}(${field.id})`,
      );
    }
    return;
  }
  if (text === undefined) {
    throw parameterInvalid(
      `dimension is not defined in field type params of field ${field.name}, check type param \`dim\` for vector field`,
    );
  }
  const dim = integerParam(text);
  if (dim <= 1) {
    throw parameterInvalid(`invalid dimension: ${dim}. should be in range 2 ~ ${dimensionMax}`);
  }
  const invalid = `invalid dimension: ${dim} of field ${field.name}.`;
  if (field.type === DataType.BinaryVector) {
    if (dim % 8 !== 0) {
      throw parameterInvalid(`${invalid} binary vector dimension should be multiple of 8. `);
    }
    if (dim > dimensionMax * 8) {
      throw parameterInvalid(`${invalid} binary vector dimension should be in range 2 ~ ${dimensionMax * 8}`);
    }
  } else if (dim > dimensionMax) {
    throw parameterInvalid(`${invalid} float vector dimension should be in range 2 ~ ${dimensionMax}`);
  }
}

function checkMaxLength(field: FieldSchema, collection: string, limits: ProxyLimits): void {
  const text = field.typeParams["max_length"];
  if (text === undefined) {
    throw parameterMissingSentence(
      `type param(max_length) should be specified for the field(${field.name}) of collection ${collection}`,
    );
  }
  const length = integerParam(text);
  if (length <= 0 || length > limits.varCharBytesMax) {
    throw parameterInvalid(
      `the maximum length specified for the field(${field.name}) should be in (0, ${limits.varCharBytesMax}], but got ${length} instead`,
    );
  }
}

function checkMaxCapacity(field: FieldSchema, collection: string, limits: ProxyLimits): void {
  const text = field.typeParams["max_capacity"];
  if (text === undefined) {
    throw parameterMissingSentence(
      `type param(max_capacity) should be specified for array field ${field.name} of collection ${collection}`,
    );
  }
  if (!/^[+-]?\d+$/.test(text)) {
    throw parameterInvalid(`the value for max_capacity of field ${field.name} must be an integer`);
  }
  const capacity = Number(text);
  if (capacity <= 0 || capacity > limits.arrayCapacityMax) {
    throw parameterInvalid(
      `the maximum capacity specified for a Array should be in (0, ${limits.arrayCapacityMax}]`,
    );
  }
}

function checkIntegerDefault(type: DataType, value: bigint): void {
  const bits = type === DataType.Int8 ? 7n : type === DataType.Int16 ? 15n : undefined;
  if (bits === undefined) return;
  const lower = -(1n << bits);
  const upper = (1n << bits) - 1n;
  if (value < lower || value > upper) {
    throw parameterOutOfRange({ lower, upper, actual: value, message: "default value out of range" });
  }
}

/** A whole number as Go reads it, with its message for anything else. */
function integerParam(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw parameterInvalid(`strconv.ParseInt: parsing "${text}": invalid syntax`);
}

/** `sentence: missing parameter`: Milvus names no parameter here. */
export function parameterMissingSentence(sentence: string): RedkiteError {
  return new RedkiteError("parameterMissing", `${sentence}: missing parameter`);
}
