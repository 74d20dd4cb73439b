import { testField } from "../contract/random-columns.ts";
import { sequentialKeys, batchOf, randomRows, keyField } from "../contract/engine/segment-fixture.ts";
import { Prng } from "../../src/base/prng.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { CHANNEL_EPOCHS, type ChannelEpochRecord } from "../../src/core/catalog/channel-epoch.ts";
import { collectionCodec, indexCodec } from "../../src/core/catalog/schema-codec.ts";
import { encodeDeltaLog, type DeltaPart } from "../../src/format/delta-log.ts";
import { encodeLogRecord, type LogRecord } from "../../src/format/log-record.ts";
import { encodeManifest, type Manifest } from "../../src/format/manifest.ts";
import type { MessageCodec } from "../../src/format/message.ts";
import { DataType } from "../../src/model/data-type.ts";
import {
  collectionId,
  epoch,
  fieldId,
  nodeId,
  partitionId,
  segmentId,
  vchannel,
  type DatabaseId,
  type IndexId,
  type PChannel,
} from "../../src/model/ids.ts";
import type { Column, RowBatch } from "../../src/model/columns.ts";
import type { CollectionInfo, FieldSchema, IndexInfo } from "../../src/model/schema.ts";
import type {
  ChannelMeta,
  DeltaLogMeta,
  SegmentIndexMeta,
  SegmentMeta,
} from "../../src/model/segment-meta.ts";
import { timestamp, type Timestamp } from "../../src/model/timestamp.ts";
import { CHANNELS, DELTA_LOGS, SEGMENTS } from "../../src/roles/datacoord/data-records.ts";
import { SEGMENT_INDEXES } from "../../src/roles/indexcoord/index-records.ts";
import { LOADS } from "../../src/roles/querycoord/query-coord.ts";
import type { LoadRecord } from "../../src/roles/querycoord/loaded-collection.ts";
import type { DatabaseInfo } from "../../src/api/root-coord.ts";
import { sessionCodec, type Session } from "../../src/core/session/sessions.ts";
import { DATABASES, INTENTS, type IntentRecord } from "../../src/roles/rootcoord/root-tables.ts";

/** One value of each kind that is stored, made of fixed numbers: the same bytes every time. */

const CHANNEL = vchannel("by-dev-rootcoord-dml_3_451000000000000001v0");
const at = (value: bigint): Timestamp => timestamp(value);
const NOW = at(462_000_000_000_000_000n);

export const fieldsOfSamples: readonly FieldSchema[] = [
  { ...keyField(), id: fieldId(100), name: "id" },
  testField(101, DataType.VarChar, { nullable: true, maxLength: 256 }),
  testField(102, DataType.FloatVector, { dim: 4 }),
];

export const manifestSample: Manifest = {
  segmentId: segmentId(451_000_000_000_000_010n),
  collectionId: collectionId(451_000_000_000_000_001n),
  partitionId: partitionId(451_000_000_000_000_002n),
  vchannel: CHANNEL,
  rows: 1234,
  schemaVersion: 2,
  groups: [
    { key: "segments/1/2/3/7-1/100.arrow", bytes: 65_536, crc32c: 0x1234_5678, fieldIds: [1, 100] },
    { key: "segments/1/2/3/7-1/102.arrow", bytes: 5_000_000_000, crc32c: 0xffff_ffff, fieldIds: [102] },
  ],
  keyIndex: { key: "segments/1/2/3/7-1/keys.idx", bytes: 4096, crc32c: 1 },
  ends: { key: "segments/1/2/3/7-1/ends", bytes: 24, crc32c: 2, count: 2 },
  stats: [
    { fieldId: 100, nulls: 0, min: scalar({ int: -5n }), max: scalar({ int: 1n << 62n }) },
    { fieldId: 101, nulls: 7, min: scalar({ text: "" }), max: scalar({ text: "日本 🪁" }) },
    { fieldId: 103, nulls: 0, min: scalar({ double: -1.5 }), max: scalar({ double: 1e300 }) },
    { fieldId: 104, nulls: 0, min: scalar({ bool: false }), max: scalar({ bool: true }) },
    { fieldId: 105, nulls: 1234, min: undefined, max: undefined },
  ],
};

function scalar(value: { int?: bigint; double?: number; text?: string; bool?: boolean }) {
  return { int: value.int, double: value.double, text: value.text, bool: value.bool };
}

export const deltaSample: readonly DeltaPart[] = [
  {
    partitionId: undefined,
    keys: sequentialKeys("int64", -3, 7),
    timestamps: BigUint64Array.from({ length: 7 }, (_, i) => NOW + BigInt(i)),
  },
  {
    partitionId: partitionId(451_000_000_000_000_002n),
    keys: sequentialKeys("varchar", 8, 5),
    timestamps: BigUint64Array.from({ length: 5 }, (_, i) => NOW - BigInt(i)),
  },
];

/** A row batch of three columns; floats come from a seed. */
export function batchSample(rows = 6): Uint8Array {
  return batchOf(randomRows(Prng.fromSeed("samples"), fieldsOfSamples, sequentialKeys("int64", 1, rows)));
}

/** A time and a shape, one row with neither: types that came after the other samples, whose bytes stay as they are. */
export function timesAndShapes(): RowBatch {
  const validity = Uint8Array.of(0b101);
  const point = Uint8Array.fromHex("01010000000000000000003e400000000000002440");
  const line = Uint8Array.fromHex(
    "01020000000200000000000000000000000000000000000000000000000000f03f000000000000f0bf",
  );
  const times: Column = {
    kind: "fixed",
    type: DataType.Timestamptz,
    dim: 0,
    rows: 3,
    values: BigInt64Array.of(1_735_689_600_123_456n, 0n, -62_135_596_800_000_000n),
    validity,
  };
  const shapes: Column = {
    kind: "bytes",
    type: DataType.Geometry,
    rows: 3,
    offsets: Int32Array.of(0, point.length, point.length, point.length + line.length),
    bytes: concatBytes([point, line]),
    validity,
  };
  return {
    rows: 3,
    columns: new Map<number, Column>([
      [100, times],
      [101, shapes],
    ]),
  };
}

export function logRecordSamples(): readonly LogRecord[] {
  const head = { timestamp: NOW, epoch: epoch(3n) };
  return [
    {
      ...head,
      type: "rows",
      collectionId: collectionId(451_000_000_000_000_001n),
      schemaVersion: 1,
      session: nodeId(4n),
      sequence: 77n,
      deletes: [
        { partitionId: undefined, keys: sequentialKeys("int64", 10, 3) },
        { partitionId: partitionId(9n), keys: sequentialKeys("varchar", 10, 4) },
      ],
      inserts: [
        { partitionId: partitionId(9n), segmentId: segmentId(12n), rows: 6, batch: batchSample(6) },
        { partitionId: partitionId(10n), segmentId: segmentId(13n), rows: 2, batch: batchSample(2) },
      ],
      skipped: [0, 2],
    },
    {
      ...head,
      type: "ddl",
      collectionId: collectionId(451_000_000_000_000_001n),
      intentId: 5n,
      kind: "dropPartition",
      schemaVersion: 1,
      partitionId: partitionId(9n),
    },
    { ...head, type: "epoch", owner: nodeId(4n) },
  ];
}

export const logRecordBytes = (record: LogRecord): Uint8Array => concatBytes(encodeLogRecord(record));

export const collectionSample: CollectionInfo = {
  id: collectionId(451_000_000_000_000_001n),
  databaseId: 1n as DatabaseId,
  databaseName: "default",
  name: "books",
  aliases: ["shelf", "bücher"],
  schema: {
    name: "books",
    description: "what is read",
    fields: [
      ...fieldsOfSamples,
      testField(103, DataType.Int32, { nullable: true, defaultValue: { kind: "int", value: -7n } }),
      testField(104, DataType.Double, { defaultValue: { kind: "float", value: 0.25 } }),
      testField(105, DataType.Bool, { defaultValue: { kind: "bool", value: true } }),
      testField(106, DataType.VarChar, { defaultValue: { kind: "string", value: "none" } }),
      testField(107, DataType.JSON, {
        isDynamic: true,
        defaultValue: { kind: "bytes", value: Uint8Array.of(0x7b, 0x7d) },
      }),
      testField(108, DataType.Array, {
        elementType: DataType.Int64,
        typeParams: { max_capacity: "64" },
        children: [testField(109, DataType.Int64)],
      }),
    ],
    functions: [
      {
        id: 1n,
        name: "f",
        description: "",
        type: 1,
        inputFieldIds: [fieldId(101)],
        inputFieldNames: ["f101"],
        outputFieldIds: [fieldId(102)],
        outputFieldNames: ["f102"],
        params: { k: "v" },
      },
    ],
    enableDynamicField: true,
    version: 2,
    lastFieldId: undefined,
  },
  vchannels: [CHANNEL],
  pchannels: ["by-dev-rootcoord-dml_3" as PChannel],
  partitions: [
    { id: partitionId(2n), name: "_default", state: "Created", createdAt: NOW, droppedAt: undefined },
    { id: partitionId(3n), name: "old", state: "Dropping", createdAt: NOW, droppedAt: at(NOW + 5n) },
  ],
  partitionKeyPartitions: 16,
  consistencyLevel: "Bounded",
  properties: { "collection.ttl.seconds": "3600" },
  state: "Created",
  createdAt: NOW,
  updatedAt: at(NOW + 1n),
  truncatedAt: at(0n),
  hashVersion: 1,
};

const segmentSample: SegmentMeta = {
  id: segmentId(12n),
  collectionId: collectionId(451_000_000_000_000_001n),
  partitionId: partitionId(2n),
  vchannel: CHANNEL,
  state: "Flushed",
  rows: 1234,
  bytes: 5e9,
  createdAtMs: 1_790_000_000_000,
  startPosition: 64n,
  flushedPosition: 1n << 40n,
  minTimestamp: NOW,
  maxTimestamp: at(NOW + 9n),
  deletesAppliedTo: at(NOW + 4n),
  compactedAt: at(0n),
  compactedFrom: [segmentId(10n), segmentId(11n)],
  compactedInto: [],
  historyFrom: at(0n),
  schemaVersion: 1,
  manifest: { key: "segments/1/2/3/7-1/manifest", crc32c: 0xdead_beef, bytes: 700 },
  droppedAtMs: undefined,
};
const channelSample: ChannelMeta = {
  vchannel: CHANNEL,
  collectionId: collectionId(451_000_000_000_000_001n),
  epoch: epoch(3n),
  owner: nodeId(4n),
  checkpoint: { position: 99n, timestamp: NOW, epoch: epoch(2n) },
  dropped: false,
  emptied: [{ partitionId: partitionId(12n), historyFrom: at(NOW + 1n) }],
};
const deltaMetaSample: DeltaLogMeta = {
  id: 31n,
  vchannel: CHANNEL,
  key: "deltas/1/31-3",
  crc32c: 7,
  bytes: 640,
  entries: 12,
  from: NOW,
  to: at(NOW + 9n),
};
const segmentIndexSample: SegmentIndexMeta = {
  segmentId: segmentId(12n),
  indexId: 40n,
  fieldId: 102,
  buildId: 41n,
  state: "Finished",
  failReason: "",
  rows: 1234,
  file: { key: "indexes/12/41", crc32c: 9, bytes: 123_456 },
};
const indexSample: IndexInfo = {
  id: 40n as IndexId,
  collectionId: collectionId(451_000_000_000_000_001n),
  fieldId: fieldId(102),
  name: "by_vector",
  userParams: { index_type: "AUTOINDEX" },
  params: { index_type: "HNSW", M: "16" },
  isAuto: true,
  createdAt: NOW,
  droppedAt: undefined,
};
const databaseSample: DatabaseInfo = {
  id: 1n as DatabaseId,
  name: "default",
  properties: { "database.max.collections": "5" },
  createdAt: NOW,
};
const epochSample: ChannelEpochRecord = { vchannel: CHANNEL, epoch: 3n, owner: 4n };
const loadSample: LoadRecord = {
  collectionId: collectionId(451_000_000_000_000_001n),
  wholeCollection: false,
  partitionIds: [partitionId(2n)],
  replicas: 1,
  fieldIds: [fieldId(100), fieldId(102)],
};
const sessionSample: Session = { role: "querynode", nodeId: nodeId(4n), address: "10.0.0.1:21123" };
const intentSample: IntentRecord = {
  id: 5n,
  collectionId: collectionId(451_000_000_000_000_001n),
  kind: "alterSchema",
  timestamp: NOW,
  partitionId: 0n,
  after: collectionCodec.encode(collectionSample),
};

export interface MetadataSample {
  readonly name: string;
  readonly codec: MessageCodec<object>;
  readonly value: object;
}

/** A value of each kind of metadata record, the wide ones first. */
export const METADATA_SAMPLES: readonly MetadataSample[] = [
  sample("collection", collectionCodec, collectionSample),
  sample("segment", SEGMENTS.codec, segmentSample),
  sample("channel", CHANNELS.codec, channelSample),
  sample("delta log", DELTA_LOGS.codec, deltaMetaSample),
  sample("segment index", SEGMENT_INDEXES.codec, segmentIndexSample),
  sample("index", indexCodec, indexSample),
  sample("database", DATABASES.codec, databaseSample),
  sample("channel epoch", CHANNEL_EPOCHS.codec, epochSample),
  sample("load", LOADS.codec, loadSample),
  sample("intent", INTENTS.codec, intentSample),
  sample("session", sessionCodec, sessionSample),
];

/** Codecs of different values in one list: a sample is only ever given to its own. */
function sample<T extends object>(name: string, codec: MessageCodec<T>, value: T): MetadataSample {
  return { name, codec, value };
}

export const manifestBytes = (): Uint8Array => encodeManifest(manifestSample);
export const deltaLogBytes = (): Uint8Array => encodeDeltaLog(deltaSample);
