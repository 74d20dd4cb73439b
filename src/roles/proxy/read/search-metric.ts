import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { RedkiteError } from "../../../errors/redkite-error.ts";
import { DataType } from "../../../model/data-type.ts";
import { METRIC_TYPES, type MetricType } from "../../../model/read.ts";
import type { CollectionInfo, FieldSchema, IndexInfo } from "../../../model/schema.ts";
import type { ProxyCall } from "../handler.ts";

/** The metric of a search: that of the field's index; a request may repeat it, nothing else. BM25 is for the output of a BM25 function alone. */
export function searchMetric(
  index: IndexInfo | undefined,
  field: FieldSchema,
  requested: string,
): MetricType {
  const own = index && metricOfIndex(index);
  if (requested === "") {
    if (index === undefined) throw noIndex(field);
    return own ?? defaultMetric(field.type);
  }
  const metric = METRIC_TYPES.find((name) => name === requested.toUpperCase());
  if (own === undefined && metric !== undefined && metric !== "BM25") return metric;
  if (own !== undefined && own === metric) return own;
  throw parameterInvalid("metric type not match", {
    expected: own ?? defaultMetric(field.type),
    actual: requested,
  });
}

export async function indexOfField(
  call: ProxyCall,
  info: CollectionInfo,
  field: FieldSchema,
): Promise<IndexInfo | undefined> {
  const indexes = await call.metaCache.indexes(call.ctx, info.id);
  return indexes.find(({ fieldId, droppedAt }) => fieldId === field.id && droppedAt === undefined);
}

/** A field that was added to a loaded collection, or was not loaded with it: nobody has said what its distances are. */
function noIndex({ name }: FieldSchema): RedkiteError {
  return parameterInvalid(`field index of the field: ${name} is not loaded, please reload the collection`);
}

function metricOfIndex({ params, userParams }: IndexInfo): MetricType | undefined {
  const name = (params["metric_type"] ?? userParams["metric_type"] ?? "").toUpperCase();
  return METRIC_TYPES.find((metric) => metric === name);
}

/** Of an index that names none, as Milvus's AUTOINDEX. */
function defaultMetric(type: DataType): MetricType {
  if (type === DataType.BinaryVector) return "HAMMING";
  return type === DataType.SparseFloatVector ? "IP" : "COSINE";
}
