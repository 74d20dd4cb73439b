import { isRedkiteError, withContext } from "../../../errors/redkite-error.ts";
import type { CompiledFilter } from "../../../expr/compile-filter.ts";
import type { Constant } from "../../../expr/ast.ts";
import type { PartitionId, VChannel } from "../../../model/ids.ts";
import { expiredUpTo, TTL_FIELD_KEY } from "../../../model/expiry.ts";
import type { FilterSource, ReadScope, TemplateValue } from "../../../model/read.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import { UTC } from "../../../model/timestamptz.ts";
import { physicalMs, type Timestamp } from "../../../model/timestamp.ts";
import type { TemplateValue as WireTemplate } from "../../../wire/messages.gen.ts";
import { decodeTemplates } from "../../../wire/plan-template.ts";
import type { ProxyCall } from "../handler.ts";

/** What a read looks at, the same on every shard. */
export interface ReadTarget {
  readonly info: CollectionInfo;
  readonly readAt: Timestamp;
  readonly partitionIds: readonly PartitionId[] | undefined;
  readonly mustBeLoaded?: readonly PartitionId[];
  readonly filter: FilterSource;
  readonly ignoreGrowing: boolean;
}

export function scopeOn(target: ReadTarget, vchannel: VChannel): ReadScope {
  const { info, readAt, partitionIds, mustBeLoaded, filter, ignoreGrowing } = target;
  return {
    collectionId: info.id,
    vchannel,
    partitionIds,
    ...(mustBeLoaded !== undefined && { mustBeLoaded }),
    readAt,
    minBegin: oldestBegin(info, readAt),
    ignoreGrowing,
    schema: info.schema,
    filter: aliveAt(filter, info, readAt),
  };
}

/** A field of the collection may say until when each of its rows lives. */
function aliveAt(filter: FilterSource, info: CollectionInfo, readAt: Timestamp): FilterSource {
  const field = info.properties[TTL_FIELD_KEY];
  if (field === undefined) return filter;
  return { ...filter, aliveAfter: { field, micros: physicalMs(readAt) * 1000n } };
}

/**
 * Rows that began at or below it are expired or truncated. A truncation that comes after the read hides nothing from it: the shard
 * answers if it has the rows still, and refuses otherwise.
 */
function oldestBegin(info: CollectionInfo, readAt: Timestamp): Timestamp {
  const oldest = expiredUpTo(info.properties, readAt);
  return info.truncatedAt <= readAt && info.truncatedAt > oldest ? info.truncatedAt : oldest;
}

/** A filter of a request, checked, and as the shards get it. */
export interface RequestFilter {
  readonly source: FilterSource;
  readonly compiled: CompiledFilter;
}

export const NO_FILTER: FilterSource = { text: "", templates: [], timeZone: UTC };

/** `timeZone` is that of times which name none. Errors carry `context` before Milvus's words: `failed to create query plan: cannot parse expression: ...`. */
export function requestFilter(
  { self }: ProxyCall,
  text: string,
  wireTemplates: ReadonlyMap<string, WireTemplate>,
  info: CollectionInfo,
  timeZone: string,
  context: string,
): RequestFilter {
  try {
    const templates = decodeTemplates(wireTemplates);
    const source = {
      text,
      templates: [...templates].map(([name, constant]) => ({ name, value: templateValue(constant) })),
      timeZone,
    };
    return { source, compiled: self.filters.get(info.id, info.schema, source) };
  } catch (error) {
    throw isRedkiteError(error) ? withContext(error, context) : error;
  }
}

function templateValue(constant: Constant): TemplateValue {
  return constant.kind === "array" ? constant.items.map(templateValue) : constant.value;
}
