import { LegacyCode } from "./legacy-code.ts";

/**
 * Every expected error by name. Codes, texts, `retriable` and blame are Milvus's, so that clients, dashboards and
 * habits carry over. Where Milvus marks an error as the user's only at its proxy (names that do not exist), the
 * table says "input" at once: there is no second place that could forget it.
 */
export const ERRORS = {
  serviceNotReady: system(1, "service not ready", { retriable: true, legacy: LegacyCode.NotReadyServe }),
  serviceUnavailable: system(2, "service unavailable", { retriable: true }),
  serviceMemoryLimitExceeded: system(3, "memory limit exceeded", {
    legacy: LegacyCode.InsufficientMemoryToLoad,
  }),
  serviceTooManyRequests: system(4, "too many concurrent requests, queue is full", { retriable: true }),
  serviceInternal: system(5, "service internal error"),
  serviceCrossClusterRouting: system(6, "cross cluster routing"),
  serviceDiskLimitExceeded: system(7, "disk limit exceeded", { legacy: LegacyCode.DiskQuotaExhausted }),
  serviceRateLimit: system(8, "rate limit exceeded", { retriable: true, legacy: LegacyCode.RateLimit }),
  serviceQuotaExceeded: system(9, "quota exceeded", { legacy: LegacyCode.ForceDeny }),
  serviceUnimplemented: system(10, "service unimplemented"),
  serviceTimeTickLongDelay: system(11, "time tick long delay", { legacy: LegacyCode.TimeTickLongDelay }),
  serviceResourceInsufficient: system(12, "service resource insufficient", { retriable: true }),

  collectionNotFound: input(100, "collection not found", { legacy: LegacyCode.CollectionNotExists }),
  collectionNotLoaded: system(101, "collection not loaded"),
  collectionNumLimitExceeded: input(102, "exceeded the limit number of collections"),
  collectionNotFullyLoaded: system(103, "collection not fully loaded", { retriable: true }),
  collectionLoaded: input(104, "collection already loaded"),
  collectionIllegalSchema: input(105, "illegal collection schema"),
  collectionOnRecovering: system(106, "collection on recovering", { retriable: true }),
  collectionVectorClusteringKeyNotAllowed: input(107, "vector clustering key not allowed"),
  collectionReplicateMode: input(108, "can't operate on the collection under standby mode"),
  collectionSchemaMismatch: input(109, "collection schema mismatch", { legacy: LegacyCode.SchemaMismatch }),
  collectionSchemaVersionNotReady: system(110, "collection schema version not ready", {
    retriable: true,
    legacy: LegacyCode.NotReadyServe,
  }),

  partitionNotFound: input(200, "partition not found", { legacy: LegacyCode.MetaFailed }),
  partitionNotLoaded: system(201, "partition not loaded"),
  partitionNotFullyLoaded: system(202, "partition not fully loaded", { retriable: true }),

  generalCapacityExceeded: system(250, "general capacity exceeded"),

  resourceGroupNotFound: input(300, "resource group not found"),
  resourceGroupAlreadyExist: input(301, "resource group already exist, but create with different config"),
  resourceGroupReachLimit: input(302, "resource group num reach limit"),
  resourceGroupIllegalConfig: input(303, "resource group illegal config"),
  resourceGroupNodeNotEnough: system(304, "resource group node not enough"),
  resourceGroupServiceUnavailable: system(305, "resource group service unavailable", { retriable: true }),

  replicaNotFound: system(400, "replica not found", { legacy: LegacyCode.MetaFailed }),
  replicaNotAvailable: system(401, "replica not available", { legacy: LegacyCode.NoReplicaAvailable }),

  channelNotFound: system(500, "channel not found"),
  channelLack: system(501, "channel lacks", { legacy: LegacyCode.MetaFailed }),
  channelReduplicate: system(502, "channel reduplicates"),
  channelNotAvailable: system(503, "channel not available", { legacy: LegacyCode.NoReplicaAvailable }),
  channelCheckpointExceededMaxLag: system(504, "channel checkpoint exceed max lag"),
  channelTSafeStalled: system(505, "channel tsafe stalled", {
    retriable: true,
    legacy: LegacyCode.TimeTickLongDelay,
  }),
  channelDroppedSentinel: system(506, "channel checkpoint is dropped sentinel", {
    legacy: LegacyCode.NoReplicaAvailable,
  }),
  channelMisrouted: system(507, "channel misrouted: not owned by this node", { retriable: true }),

  segmentNotFound: system(600, "segment not found", { legacy: LegacyCode.SegmentNotFound }),
  segmentNotLoaded: system(601, "segment not loaded"),
  segmentLack: system(602, "segment lacks"),
  segmentReduplicate: system(603, "segment reduplicates"),
  segmentLoadFailed: system(604, "segment load failed"),
  segmentRequestResourceFailed: system(605, "segment request resource failed"),

  indexNotFound: system(700, "index not found", { legacy: LegacyCode.IndexNotExist }),
  indexNotSupported: system(701, "index type not supported"),
  indexDuplicate: input(702, "index duplicates"),
  taskDuplicate: system(703, "task duplicates"),

  databaseNotFound: input(800, "database not found"),
  databaseNumLimitExceeded: input(801, "exceeded the limit number of database"),
  databaseInvalidName: input(802, "invalid database name"),

  nodeNotFound: system(901, "node not found"),
  nodeOffline: system(902, "node offline"),
  nodeLack: system(903, "node lacks"),
  nodeNotMatch: system(904, "node not match", { legacy: LegacyCode.NodeIDNotMatch }),
  nodeNotAvailable: system(905, "node not available", { legacy: LegacyCode.NoReplicaAvailable }),
  nodeStateUnexpected: system(906, "node state unexpected"),

  ioKeyNotFound: system(1000, "key not found"),
  ioFailed: system(1001, "IO failed"),
  ioUnexpectedEof: system(1002, "unexpected EOF", { retriable: true }),
  ioTooManyRequests: system(1003, "too many requests", { retriable: true }),
  serializationFailed: system(1004, "data serialization or deserialization failed"),
  ioPermissionDenied: system(1005, "permission denied"),
  ioBucketNotFound: system(1006, "bucket not found"),
  ioInvalidCredentials: system(1007, "invalid credentials"),
  storage: system(1008, "storage internal error"),
  dataIntegrity: system(1009, "data integrity check failed"),
  ioInvalidArgument: system(1010, "invalid argument"),
  ioInvalidRange: system(1011, "invalid range"),
  ioEntityTooLarge: system(1012, "entity too large"),

  parameterInvalid: input(1100, "invalid parameter", { legacy: LegacyCode.IllegalArgument }),
  parameterMissing: input(1101, "missing parameter", { legacy: LegacyCode.IllegalArgument }),
  parameterTooLarge: input(1102, "parameter too large", { legacy: LegacyCode.IllegalArgument }),

  metricNotFound: system(1200, "metric not found"),

  mqTopicNotFound: system(1300, "topic not found"),
  mqTopicNotEmpty: system(1301, "topic not empty"),
  mqInternal: system(1302, "message queue internal error"),
  denyProduceMsg: system(1303, "deny to write the message to mq"),

  privilegeNotAuthenticated: input(1400, "not authenticated", { http: 401 }),
  privilegeNotPermitted: input(1401, "privilege not permitted", { http: 403 }),
  privilegeGroupInvalidName: input(1402, "invalid privilege group name"),

  aliasNotFound: input(1600, "alias not found"),
  aliasCollectionNameConflict: input(1601, "alias and collection name conflict"),
  aliasAlreadyExist: system(1602, "alias already exist"),
  collectionIdOfAliasNotFound: system(1603, "collection id of alias not found"),

  fieldNotFound: input(1700, "field not found"),
  fieldInvalidName: system(1701, "field name invalid"),

  needAuthenticate: input(1800, "user hasn't authenticated", { http: 401 }),
  incorrectParameterFormat: input(1801, "can only accept json format request"),
  missingRequiredParameters: input(1802, "missing required parameters"),
  marshalCollectionSchema: system(1803, "fail to marshal collection schema"),
  invalidInsertData: input(1804, "fail to deal the insert data"),
  invalidSearchResult: system(1805, "fail to parse search result"),
  checkPrimaryKey: system(1806, "please check the primary key and its' type can only in [int, string]"),
  httpRateLimit: system(1807, "request is rejected by limiter", { retriable: true }),

  denyReplicateMessage: system(1900, "deny to use the replicate message in the normal instance"),
  invalidMsgBytes: system(1901, "invalid replicate msg bytes"),
  noAssignSegmentId: system(1902, "no assign segment id"),
  invalidStreamObj: system(1903, "invalid stream object"),

  segcore: system(2000, "segcore error"),
  segcoreUnsupported: system(2001, "segcore unsupported error"),
  segcorePretendFinished: system(2002, "segcore pretend finished"),
  segcoreFollyOtherException: system(2037, "segcore folly other exception"),
  segcoreFollyCancel: system(2038, "segcore Future was canceled"),
  segcoreOutOfRange: system(2039, "segcore out of range"),
  segcoreGcpNativeError: system(2040, "segcore GCP native error"),
  knowhere: system(2099, "knowhere error"),

  importFailed: input(2100, "importing data failed"),
  importSysFailed: system(2101, "importing data failed on server side"),

  inconsistentRequery: system(2200, "inconsistent requery result", { retriable: true }),
  queryPlan: input(2201, "query plan failed"),

  compactionReadDeltaLog: system(2300, "fail to read delta log"),
  illegalCompactionPlan: system(2301, "compaction plan illegal"),
  compactionPlanConflict: system(2302, "compaction plan conflict"),
  clusteringCompactionClusterNotSupport: system(2303, "milvus cluster not support clustering compaction"),
  clusteringCompactionCollectionNotSupport: system(2304, "collection not support clustering compaction"),
  clusteringCompactionCollectionIsCompacting: system(2305, "collection is compacting"),
  clusteringCompactionNotSupportVector: system(2306, "vector field clustering compaction is not supported"),
  clusteringCompactionSubmitTaskFail: system(2307, "fail to submit task", { retriable: true }),
  clusteringCompactionMeta: system(2308, "fail to update meta in clustering compaction", { retriable: true }),
  clusteringCompactionGetCollectionFail: system(2309, "fail to get collection in compaction", {
    retriable: true,
  }),
  compactionResultNotFound: system(2310, "compaction result not found"),
  analyzeTaskNotFound: system(2311, "analyze task not found", { retriable: true }),
  buildCompactionRequestFail: system(2312, "fail to build CompactionRequest", { retriable: true }),
  getCompactionPlanResultFail: system(2313, "fail to get compaction plan", { retriable: true }),
  compactionResult: system(2314, "illegal compaction results"),
  duplicatedCompactionTask: system(2315, "duplicated compaction task"),
  cleanPartitionStatsFail: system(2316, "fail to clean partition Stats", { retriable: true }),
  compactionBlocked: system(2317, "compaction blocked by snapshot protection", { retriable: true }),

  functionFailed: system(2400, "function execution failed"),
  dataNodeSlotExhausted: system(2401, "datanode slot exhausted"),

  kmsKeyRevoked: system(2500, "KMS key has been revoked, access denied"),

  snapshotNotFound: system(2600, "snapshot not found"),
  snapshotPinned: system(2601, "snapshot is pinned"),

  operationNotSupported: system(3000, "unsupported operation"),
  oldSessionExists: system(3001, "old session exists"),

  canceled: system(10000, "context canceled"),
  deadlineExceeded: system(10001, "context deadline exceeded"),
  unexpected: system(65535, "unexpected error"),

  // Ours, under the code of the Milvus error that a client treats the same way. They follow Milvus's own, because
  // the first error of a code is the one that the code alone stands for.
  diskFull: system(7, "disk full", { retriable: true, legacy: LegacyCode.DiskQuotaExhausted }),
  fenced: system(507, "fenced by a newer owner", { retriable: true }),
  writeConflict: system(2, "rows changed since they were read", { retriable: true }),
  corrupted: system(1009, "data integrity check failed"),
  diskFailed: system(1001, "disk failed"),
  fileNotFound: system(1000, "file not found"),
  folderInUse: system(5, "data folder in use"),
  newerData: system(5, "written by a newer release"),
  objectExists: system(1008, "object exists already"),
  objectNotFound: system(1000, "object not found"),
  metaUnavailable: system(2, "metadata store unavailable", { retriable: true }),
  metaUnknownOutcome: system(2, "outcome of the metadata transaction unknown"),
  metaCompacted: system(5, "metadata revision compacted"),
  leaseExpired: system(5, "lease expired"),
  streamUnavailable: system(2, "message stream unavailable", { retriable: true }),
  positionGone: system(1302, "position is behind the truncation point"),
  staleRead: input(1100, "read timestamp is too old", { legacy: LegacyCode.IllegalArgument }),
  notServed: system(10, "service unimplemented"),
  configInvalid: input(1100, "invalid configuration", { legacy: LegacyCode.IllegalArgument }),
} as const satisfies Record<string, ErrorInfo>;

export type ErrorKind = keyof typeof ERRORS;

export type Blame = "input" | "system";

export interface ErrorInfo {
  /** Milvus's code (pkg/util/merr), what current clients read. */
  readonly code: number;
  readonly legacyCode: LegacyCode;
  readonly message: string;
  /** Whether the same request may succeed later. Never true for blame "input". */
  readonly retriable: boolean;
  readonly blame: Blame;
  /** Status line of a REST answer. Milvus answers 200 with the code in the body, except for authentication. */
  readonly httpStatus: number;
}

/** The kind that a code from the wire stands for: Milvus's own error of that code, else `unexpected`. */
export function errorKindOfCode(code: number): ErrorKind {
  for (const [kind, info] of Object.entries(ERRORS)) {
    if (info.code === code) return kind as ErrorKind;
  }
  return "unexpected";
}

export function isErrorKind(name: string): name is ErrorKind {
  return Object.hasOwn(ERRORS, name);
}

interface Extras {
  readonly retriable?: boolean;
  readonly legacy?: LegacyCode;
  readonly http?: number;
}

function system(code: number, message: string, extras: Extras = {}): ErrorInfo {
  return define("system", code, message, extras);
}

function input(code: number, message: string, extras: Extras = {}): ErrorInfo {
  return define("input", code, message, extras);
}

function define(blame: Blame, code: number, message: string, extras: Extras): ErrorInfo {
  return {
    code,
    legacyCode: extras.legacy ?? LegacyCode.UnexpectedError,
    message,
    retriable: extras.retriable ?? false,
    blame,
    httpStatus: extras.http ?? 200,
  };
}
