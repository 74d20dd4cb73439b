import type { KeySpec, ValueOf } from "./key-spec.ts";

const PORT = { min: 0, max: 65535 } as const;
const COUNT = { min: 1, max: 1_000_000 } as const;
const RATIO = { min: 0, max: 1 } as const;
const MESSAGE_BYTES = { type: "bytes", unit: "B", min: 65_536, max: 2_147_483_647 } as const;
const DAY_S = 86_400;
const YEAR_S = 365 * DAY_S;

const NO_AUTH =
  "this version does not check passwords and privileges, so the database would be open to everyone who reaches the port";
const NO_TLS = "this version serves plain connections only, so clients would not be protected";
const NO_CIPHER = "this version does not encrypt what it stores, so files would lie open on the disk";
const NO_QUOTA = "this version does not enforce rates and quotas, so the protection would not be there";

/**
 * Every configuration key that this version serves or refuses, under its name in milvus.yaml; the few that are Redkite's
 * own are listed in load-config.test.ts. Types, environment names, the default yaml and docs/configuration.md come from
 * here. Milvus's other keys are accepted without effect, see milvus-keys.gen.ts.
 */
export const KEYS = {
  "localStorage.path": {
    type: "string",
    default: "./redkite-data",
    doc: "The folder that is the database: log, metadata and segments. Created when missing. Option: --data.",
  },
  "common.storageType": {
    type: "enum",
    default: "local",
    values: ["local", "remote", "minio"],
    doc: "Where sealed segments are kept.",
    refusal: 'this version keeps segments in the data folder only; remove the key or set it to "local"',
  },
  "metastore.type": {
    type: "enum",
    default: "sqlite",
    values: ["sqlite", "etcd", "tikv"],
    doc: "Where metadata is kept.",
    refusal: 'this version keeps metadata in SQLite in the data folder; remove the key or set it to "sqlite"',
  },
  "mq.type": {
    type: "enum",
    default: "default",
    values: ["default", "file-wal", "rocksmq", "pulsar", "kafka", "natsmq", "woodpecker"],
    alsoAccepted: ["file-wal"],
    doc: "The log that writes are acknowledged from; `default` is file-wal, the log in the data folder.",
    refusal:
      'this version writes its log to files in the data folder; remove the key or set it to "file-wal"',
  },

  "proxy.ip": {
    type: "string",
    default: "127.0.0.1",
    doc: "The address to listen on; 0.0.0.0 or :: opens the port to every network, without authentication. Option: --host.",
  },
  "proxy.port": {
    ...PORT,
    type: "int",
    default: 19530,
    doc: "Port for gRPC and HTTP/1.1; 0 takes any free one. Option: --port.",
  },
  "proxy.threads": {
    type: "int",
    default: 1,
    min: 1,
    max: 256,
    doc: "Serving threads, each a full proxy and query executor.",
  },
  "metrics.ip": {
    type: "string",
    default: "127.0.0.1",
    doc: "The address of the metrics and health port.",
  },
  "metrics.port": {
    ...PORT,
    type: "int",
    default: 9091,
    doc: "Port for /metrics and /healthz; 0 takes any free one. Option: --metrics-port.",
  },
  "proxy.grpc.serverMaxRecvSize": {
    ...MESSAGE_BYTES,
    default: 268_435_456,
    doc: "The largest request that is accepted.",
  },
  "proxy.grpc.serverMaxSendSize": {
    ...MESSAGE_BYTES,
    default: 268_435_456,
    doc: "The largest answer that is sent.",
  },
  "proxy.grpc.serverMaxInFlight": {
    type: "bytes",
    unit: "B",
    default: 536_870_912,
    min: 1_048_576,
    max: 1_099_511_627_776,
    doc: "Bytes of requests that a process holds at once; more wait before they are read, then are refused as busy.",
  },
  "proxy.maxTaskNum": {
    ...COUNT,
    type: "int",
    default: 1024,
    doc: "Requests of one kind (DDL, DML, DQL) that may be queued; more are refused as busy.",
  },
  "proxy.ddlConcurrency": {
    type: "int",
    default: 16,
    min: 1,
    max: 1024,
    doc: "Schema changes that run at once, at most one per database.",
  },
  "proxy.maxConnectionNum": {
    ...COUNT,
    type: "int",
    default: 10_000,
    doc: "Clients that may be connected at once.",
  },
  "proxy.connectionClientInfoTTLSeconds": {
    type: "duration",
    unit: "s",
    default: DAY_S,
    min: 1,
    max: YEAR_S,
    doc: "How long an idle client's identifier is remembered.",
  },
  "proxy.gracefulStopTimeout": {
    type: "duration",
    unit: "s",
    default: 30,
    min: 1,
    max: 3600,
    doc: "How long running requests may take to finish when the server is asked to stop.",
  },
  "proxy.slowQuerySpanInSeconds": {
    type: "duration",
    unit: "s",
    default: 5,
    min: 0,
    max: 3600,
    doc: "Requests that take longer go to the slow log.",
  },
  "proxy.maxNameLength": {
    type: "int",
    default: 255,
    min: 1,
    max: 65_535,
    doc: "Bytes in the name of a database, collection, partition, field, index or alias.",
  },
  "proxy.nameValidation.allowedChars": {
    type: "string",
    default: "$",
    doc: "Characters allowed in names besides letters, digits and the underscore.",
  },
  "proxy.maxCollectionDescriptionLength": {
    type: "int",
    default: 1024,
    min: 0,
    max: 65_535,
    doc: "Bytes in a collection's description.",
  },
  "proxy.maxFieldNum": {
    type: "int",
    default: 64,
    min: 1,
    max: 1024,
    doc: "Fields of a collection.",
  },
  "proxy.maxVectorFieldNum": {
    type: "int",
    default: 10,
    min: 1,
    max: 64,
    doc: "Vector fields of a collection.",
  },
  "proxy.maxDimension": {
    type: "int",
    default: 32_768,
    min: 1,
    max: 262_144,
    doc: "Dimensions of a vector.",
  },
  "proxy.maxShardNum": {
    type: "int",
    default: 16,
    min: 1,
    max: 256,
    doc: "Shards of a collection.",
  },
  "proxy.maxArrayCapacity": {
    type: "int",
    default: 4096,
    min: 1,
    max: 65_536,
    doc: "Elements of an array field.",
  },
  "proxy.maxIndexParamsSize": {
    type: "bytes",
    unit: "B",
    default: 102_400,
    min: 1024,
    max: 16_777_216,
    doc: "Size of an index's parameters.",
  },
  "proxy.maxResultEntries": {
    type: "int",
    default: -1,
    min: -1,
    max: 1_000_000_000,
    doc: "Hits of one search, queries times limit; -1 leaves it to the other limits.",
  },
  "proxy.mustUsePartitionKey": {
    type: "bool",
    default: false,
    doc: "Refuses new collections without a partition key.",
  },

  "rootCoord.dmlChannelNum": {
    type: "int",
    default: 16,
    min: 1,
    max: 1024,
    doc: "Physical channels of the log; vchannels are spread over them. Fixed when a data folder is created.",
  },
  "rootCoord.maxPartitionNum": {
    type: "int",
    default: 1024,
    min: 1,
    max: 65_536,
    doc: "Partitions of a collection.",
  },
  "rootCoord.maxDatabaseNum": {
    type: "int",
    default: 64,
    min: 1,
    max: 65_536,
    doc: "Databases of a server.",
  },
  "rootCoord.maxGeneralCapacity": {
    type: "int",
    default: 65_536,
    min: 1,
    max: 10_000_000,
    doc: "Sum over all collections of shards times partitions.",
  },
  "quotaAndLimits.limits.maxCollectionNum": {
    type: "int",
    default: 65_536,
    min: 1,
    max: 10_000_000,
    doc: "Collections of a server.",
  },
  "quotaAndLimits.limits.maxCollectionNumPerDB": {
    type: "int",
    default: 65_536,
    min: 1,
    max: 10_000_000,
    doc: "Collections of a database.",
  },
  "quotaAndLimits.limits.topK": {
    type: "int",
    default: 16_384,
    min: 1,
    max: 1_000_000,
    doc: "Hits of one query vector, at most.",
  },
  "quotaAndLimits.limits.nq": {
    type: "int",
    default: 16_384,
    min: 1,
    max: 1_000_000,
    doc: "Query vectors of one search, at most.",
  },
  "quotaAndLimits.limits.maxQueryResultWindow": {
    type: "int",
    default: 16_384,
    min: 1,
    max: 10_000_000,
    doc: "Limit plus offset of one search or query, at most.",
  },
  "quotaAndLimits.limits.maxOutputSize": {
    type: "bytes",
    default: 104_857_600,
    min: 1,
    max: 268_435_456,
    unit: "B",
    doc: "The largest answer of one search or query, in bytes.",
  },
  "quotaAndLimits.limits.maxInsertSize": {
    type: "bytes",
    unit: "B",
    default: -1,
    min: -1,
    max: 2_147_483_647,
    doc: "Bytes of one insert or upsert; -1 leaves it to the message size.",
  },

  "dataCoord.segment.maxSize": {
    type: "bytes",
    unit: "MB",
    default: 1024,
    min: 1,
    max: 65_536,
    doc: "Size of a sealed segment.",
  },
  "dataCoord.segment.sealProportion": {
    ...RATIO,
    type: "float",
    default: 0.25,
    min: 0.001,
    doc: "Share of the maximum size at which a growing segment is sealed; compaction does the rest. More than in Milvus (0.12): fewer segments make searches cheaper.",
  },
  "dataCoord.segment.maxLife": {
    type: "duration",
    unit: "s",
    default: DAY_S,
    min: 1,
    max: YEAR_S,
    doc: "Age at which a growing segment is sealed.",
  },
  "dataCoord.segment.maxIdleTime": {
    type: "duration",
    unit: "s",
    default: 600,
    min: 1,
    max: YEAR_S,
    doc: "Time without writes after which a growing segment of at least minSizeFromIdleToSealed is sealed.",
  },
  "dataCoord.segment.minSizeFromIdleToSealed": {
    type: "bytes",
    unit: "MB",
    default: 16,
    min: 0,
    max: 65_536,
    doc: "Size below which an idle growing segment is left alone.",
  },
  "dataCoord.segment.smallProportion": {
    ...RATIO,
    type: "float",
    default: 0.5,
    doc: "Segments below this share of the maximum size are small: compaction merges them.",
  },
  "dataCoord.enableCompaction": {
    type: "bool",
    default: true,
    doc: "Whether segments are compacted at all.",
  },
  "dataCoord.compaction.enableAutoCompaction": {
    type: "bool",
    default: true,
    doc: "Whether compaction starts by itself; without it only ManualCompaction does.",
  },
  "dataCoord.compaction.mix.triggerInterval": {
    type: "duration",
    unit: "s",
    default: 60,
    min: 1,
    max: DAY_S,
    doc: "How often segments are looked at for compaction.",
  },
  "dataCoord.compaction.single.ratio.threshold": {
    ...RATIO,
    type: "float",
    default: 0.2,
    doc: "Share of deleted rows above which a segment is rewritten.",
  },
  "dataCoord.compaction.single.deltalog.maxnum": {
    type: "int",
    default: 200,
    min: 1,
    max: 100_000,
    doc: "Stored delete logs of a channel above which its segments are rewritten.",
  },
  "dataCoord.enableGarbageCollection": {
    type: "bool",
    default: true,
    doc: "Whether files that nothing names any more are removed.",
  },
  "dataCoord.gc.interval": {
    type: "duration",
    unit: "s",
    default: 3600,
    min: 1,
    max: YEAR_S,
    doc: "How often files are collected.",
  },
  "dataCoord.gc.missingTolerance": {
    type: "duration",
    unit: "s",
    default: DAY_S,
    min: 0,
    max: YEAR_S,
    doc: "Age below which a file that no metadata names is left alone.",
  },
  "dataCoord.gc.dropTolerance": {
    type: "duration",
    unit: "s",
    default: 10_800,
    min: 0,
    max: YEAR_S,
    doc: "How long the files of a dropped segment stay.",
  },
  "dataNode.segment.syncPeriod": {
    type: "duration",
    unit: "s",
    default: 600,
    min: 1,
    max: DAY_S,
    doc: "Age of unflushed rows at which the channel's checkpoint is moved on by flushing them.",
  },
  "indexNode.scheduler.buildParallel": {
    type: "int",
    default: 1,
    min: 1,
    max: 256,
    doc: "Indexes that are built at once.",
  },

  "queryCoord.loadTimeoutSeconds": {
    type: "duration",
    unit: "s",
    default: 600,
    min: 1,
    max: DAY_S,
    doc: "How long loading may make no progress before it fails with its reason.",
  },
  "queryNode.scheduler.maxTimestampLag": {
    type: "duration",
    unit: "s",
    default: DAY_S,
    min: 0,
    max: YEAR_S,
    doc: "How far in the future a read's guarantee timestamp may lie, to be waited for; one beyond it is refused.",
  },

  "common.defaultPartitionName": {
    type: "string",
    default: "_default",
    doc: "Name of the partition that rows go to when none is given.",
  },
  "common.defaultIndexName": {
    type: "string",
    default: "_default_idx",
    doc: "Name of an index that was created without one.",
  },
  "common.gracefulTime": {
    type: "duration",
    unit: "ms",
    default: 5000,
    min: 0,
    max: 3_600_000,
    doc: "How far a Bounded read may lag behind.",
  },
  "common.retentionDuration": {
    type: "duration",
    unit: "s",
    default: 300,
    min: 0,
    max: YEAR_S,
    doc: "How long row versions stay readable at their old timestamps after they were deleted or replaced.",
  },
  "common.session.ttl": {
    type: "duration",
    unit: "s",
    default: 3600,
    min: 1,
    max: 3600,
    doc: "Lease of a node: how long a silent one keeps what it owns. In one process nobody waits for it, and one that got no time to run goes on.",
  },
  "msgChannel.chanNamePrefix.cluster": {
    type: "string",
    default: "by-dev",
    doc: "First part of every channel's name. Fixed when a data folder is created.",
  },

  "log.level": {
    type: "enum",
    default: "info",
    values: ["debug", "info", "warn", "error"],
    reloadable: true,
    doc: "The least severe messages that are logged.",
  },
  "log.format": {
    type: "enum",
    default: "text",
    values: ["text", "json"],
    doc: "One line of text or one JSON object per message.",
  },

  "common.security.authorizationEnabled": {
    type: "bool",
    default: false,
    doc: "Whether clients need a user and a password.",
    refusal: NO_AUTH,
  },
  "common.security.tlsMode": {
    type: "int",
    default: 0,
    min: 0,
    max: 2,
    doc: "0: plain connections; 1: the server proves who it is; 2: clients do, too.",
    refusal: NO_TLS,
  },
  "common.security.internaltlsEnabled": {
    type: "bool",
    default: false,
    doc: "Whether nodes of a cluster talk over TLS.",
    refusal: NO_TLS,
  },
  "tls.serverPemPath": {
    type: "string",
    default: "configs/cert/server.pem",
    alsoAccepted: [""],
    doc: "Certificate of the server.",
    refusal: NO_TLS,
  },
  "tls.serverKeyPath": {
    type: "string",
    default: "configs/cert/server.key",
    alsoAccepted: [""],
    doc: "Private key of the server.",
    refusal: NO_TLS,
  },
  "tls.caPemPath": {
    type: "string",
    default: "configs/cert/ca.pem",
    alsoAccepted: [""],
    doc: "Certificates that clients are checked against.",
    refusal: NO_TLS,
  },
  "cipherPlugin.enableDiskEncryption": {
    type: "bool",
    default: false,
    doc: "Whether stored files are encrypted.",
    refusal: NO_CIPHER,
  },
  "cipherPlugin.soPathGo": {
    type: "string",
    default: "",
    doc: "Library that encrypts what the coordinators and nodes write.",
    refusal: NO_CIPHER,
  },
  "cipherPlugin.soPathCpp": {
    type: "string",
    default: "",
    doc: "Library that encrypts what the engine writes.",
    refusal: NO_CIPHER,
  },
  "quotaAndLimits.forceDenyAllDDL": {
    type: "bool",
    default: false,
    doc: "Refuses every schema change.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.limitWriting.forceDeny": {
    type: "bool",
    default: false,
    doc: "Refuses every write.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.limitReading.forceDeny": {
    type: "bool",
    default: false,
    doc: "Refuses every read.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.ddl.enabled": {
    type: "bool",
    default: false,
    doc: "Limits the rate of schema changes.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.dml.enabled": {
    type: "bool",
    default: false,
    doc: "Limits the rate of writes.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.dql.enabled": {
    type: "bool",
    default: false,
    doc: "Limits the rate of reads.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.indexRate.enabled": {
    type: "bool",
    default: false,
    doc: "Limits the rate of index changes.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.compactionRate.enabled": {
    type: "bool",
    default: false,
    doc: "Limits the rate of manual compactions.",
    refusal: NO_QUOTA,
  },
  "quotaAndLimits.limitWriting.diskProtection.diskQuota": {
    type: "bytes",
    unit: "MB",
    default: -1,
    min: -1,
    max: 1_099_511_627_776,
    doc: "Disk space that the database may take; -1 is unlimited.",
    refusal: NO_QUOTA,
  },
} as const satisfies Record<string, KeySpec>;

export type ConfigKey = keyof typeof KEYS;
export type ConfigValue<K extends ConfigKey> = ValueOf<(typeof KEYS)[K]>;

export const CONFIG_KEYS = Object.keys(KEYS) as readonly ConfigKey[];

export function isConfigKey(name: string): name is ConfigKey {
  return Object.hasOwn(KEYS, name);
}

/** The spec without its literal types, for code that handles every key alike. */
export function specOf(key: ConfigKey): KeySpec {
  return KEYS[key];
}
