/** The deprecated status codes (common.proto ErrorCode) that old clients still read, with their wire numbers. */
export const LegacyCode = {
  Success: 0,
  UnexpectedError: 1,
  CollectionNotExists: 4,
  IllegalArgument: 5,
  MetaFailed: 15,
  IndexNotExist: 25,
  NoReplicaAvailable: 46,
  SegmentNotFound: 47,
  ForceDeny: 48,
  RateLimit: 49,
  NodeIDNotMatch: 50,
  InsufficientMemoryToLoad: 52,
  DiskQuotaExhausted: 54,
  TimeTickLongDelay: 55,
  NotReadyServe: 56,
  SchemaMismatch: 62,
} as const;

export type LegacyCode = (typeof LegacyCode)[keyof typeof LegacyCode];
