import type { Config } from "../../config/config.ts";

/** What a proxy accepts at most, from the configuration where it has a key, else as in Milvus. */
export interface ProxyLimits {
  /** Bytes in a name. */
  readonly nameBytesMax: number;
  /** Characters in names besides letters, digits and `_`. */
  readonly nameCharsAllowed: string;
  readonly descriptionBytesMax: number;
  readonly fieldsMax: number;
  readonly vectorFieldsMax: number;
  readonly dimensionMax: number;
  readonly shardsMax: number;
  readonly arrayCapacityMax: number;
  readonly varCharBytesMax: number;
  readonly partitionsMax: number;
  readonly indexParamsBytesMax: number;
  readonly mustUsePartitionKey: boolean;
  /** Bytes of one insert or upsert; -1: no limit of its own. */
  readonly insertBytesMax: number;
  readonly topKMax: number;
  readonly nqMax: number;
  /** offset + limit of one read. */
  readonly resultWindowMax: number;
  /** nq * limit of one search; -1: no limit of its own. */
  readonly resultEntriesMax: number;
  /** Bytes of one answer with fields. */
  readonly resultBytesMax: number;
  /** Size that segments are sealed and compacted to. */
  readonly segmentMiB: number;
  /** Requests of one queue class that run or wait. */
  readonly tasksMax: number;
  /** DDL that runs at once, at most one per database. */
  readonly ddlConcurrency: number;
  readonly dmlConcurrency: number;
  readonly dqlConcurrency: number;
  /** How long a DDL may wait and run when the client sets no deadline. */
  readonly ddlTimeoutMs: number;
  /** How long any other request may take when the client sets no deadline. */
  readonly requestTimeoutMs: number;
  readonly cachedCollectionsMax: number;
  readonly clientsMax: number;
  readonly clientIdleMs: number;
  readonly slowRequestMs: number;
  readonly gracefulTimeMs: number;
  /** A read at a timestamp so far ahead is waited for; one beyond is refused. */
  readonly timestampLagMsMax: number;
  readonly retentionMs: number;
  readonly defaultPartitionName: string;
  readonly defaultIndexName: string;
}

export function proxyLimits(config: Config): ProxyLimits {
  return {
    nameBytesMax: config.get("proxy.maxNameLength"),
    nameCharsAllowed: config.get("proxy.nameValidation.allowedChars"),
    descriptionBytesMax: config.get("proxy.maxCollectionDescriptionLength"),
    fieldsMax: config.get("proxy.maxFieldNum"),
    vectorFieldsMax: config.get("proxy.maxVectorFieldNum"),
    dimensionMax: config.get("proxy.maxDimension"),
    shardsMax: config.get("proxy.maxShardNum"),
    arrayCapacityMax: config.get("proxy.maxArrayCapacity"),
    varCharBytesMax: 65_535,
    partitionsMax: config.get("rootCoord.maxPartitionNum"),
    indexParamsBytesMax: config.get("proxy.maxIndexParamsSize"),
    mustUsePartitionKey: config.get("proxy.mustUsePartitionKey"),
    insertBytesMax: config.get("quotaAndLimits.limits.maxInsertSize"),
    topKMax: config.get("quotaAndLimits.limits.topK"),
    nqMax: config.get("quotaAndLimits.limits.nq"),
    resultWindowMax: config.get("quotaAndLimits.limits.maxQueryResultWindow"),
    resultEntriesMax: config.get("proxy.maxResultEntries"),
    resultBytesMax: config.get("quotaAndLimits.limits.maxOutputSize"),
    segmentMiB: config.get("dataCoord.segment.maxSize"),
    tasksMax: config.get("proxy.maxTaskNum"),
    ddlConcurrency: config.get("proxy.ddlConcurrency"),
    dmlConcurrency: 64,
    dqlConcurrency: 64,
    ddlTimeoutMs: 600_000,
    requestTimeoutMs: 60_000,
    cachedCollectionsMax: 10_000,
    clientsMax: config.get("proxy.maxConnectionNum"),
    clientIdleMs: config.get("proxy.connectionClientInfoTTLSeconds") * 1000,
    slowRequestMs: config.get("proxy.slowQuerySpanInSeconds") * 1000,
    timestampLagMsMax: config.get("queryNode.scheduler.maxTimestampLag") * 1000,
    gracefulTimeMs: config.get("common.gracefulTime"),
    retentionMs: config.get("common.retentionDuration") * 1000,
    defaultPartitionName: config.get("common.defaultPartitionName"),
    defaultIndexName: config.get("common.defaultIndexName"),
  };
}
