import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { columnKind, isArrayElement } from "../../format/column-buffers.ts";
import { DataType, dataTypeName, isDenseVector } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";

/** Throws parameterInvalid for a field that a segment cannot hold. */
export function checkField(field: FieldSchema): void {
  const type = dataTypeName(field.type);
  if (columnKind(field.type) === undefined)
    throw parameterInvalid(`field ${field.name}: type ${type} is not stored`);
  if (field.type === DataType.Array && !isArrayElement(field.elementType)) {
    throw parameterInvalid(`field ${field.name}: an array cannot hold ${dataTypeName(field.elementType)}`);
  }
  if (!isDenseVector(field.type)) return;
  const max = field.type === DataType.BinaryVector ? DIM_MAX * 8 : DIM_MAX;
  const isWhole = field.type !== DataType.BinaryVector || field.dim % 8 === 0;
  if (!Number.isInteger(field.dim) || field.dim < 1 || field.dim > max || !isWhole) {
    throw parameterInvalid(`dimension of field ${field.name} of type ${type}`, {
      expected: `1 to ${max}`,
      actual: field.dim,
    });
  }
}

const DIM_MAX = 32_768;
