import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { DataType } from "../../../model/data-type.ts";
import type { FieldSchema } from "../../../model/schema.ts";
import { parseTimestamptz } from "../../../model/timestamptz.ts";
import { geometryFromText, GeometryTextError } from "../../../wire/well-known-text.ts";

/** The field with its default as columns hold it: clients write those of times and geometries as text. */
export function withStoredDefault(field: FieldSchema, timeZone: string): FieldSchema {
  const { type, defaultValue } = field;
  if (defaultValue?.kind !== "string") return field;
  switch (type) {
    case DataType.Timestamptz:
      return {
        ...field,
        defaultValue: { kind: "int", value: parseTimestamptz(defaultValue.value, timeZone) },
      };
    case DataType.Geometry:
      return { ...field, defaultValue: { kind: "bytes", value: geometryOf(defaultValue.value) } };
    default:
      return field;
  }
}

function geometryOf(text: string): Uint8Array {
  try {
    return geometryFromText(text);
  } catch (error) {
    if (!(error instanceof GeometryTextError)) throw error;
    throw parameterInvalid(`invalid default value for geometry field: ${error.message}`);
  }
}
