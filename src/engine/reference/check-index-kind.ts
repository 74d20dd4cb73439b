import { assertNever } from "../../base/assert.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { DataType, dataTypeName, isDenseVector } from "../../model/data-type.ts";
import type { VectorIndexSpec } from "../../ports/engine.ts";

/** Throws parameterInvalid when an index of this kind cannot be built over the spec's type. */
export function checkIndexKind({ index, fieldId, type }: VectorIndexSpec): void {
  if (!suits(index.kind, type))
    throw parameterInvalid(`${index.kind} over field ${fieldId} of type ${dataTypeName(type)}`);
}

function suits(kind: VectorIndexSpec["index"]["kind"], type: DataType): boolean {
  switch (kind) {
    case "FLAT":
      return true;
    case "HNSW":
      return isDenseVector(type);
    case "SPARSE_INVERTED_INDEX":
      return type === DataType.SparseFloatVector;
    default:
      return assertNever(kind);
  }
}
