import type { RecordKind } from "../../core/catalog/catalog.ts";
import { defineMessage, field, nested, optional, repeated } from "../../format/message.ts";
import type {
  ChannelMeta,
  Checkpoint,
  DeltaLogMeta,
  EmptiedPartition,
  ManifestRef,
  SegmentMeta,
} from "../../model/segment-meta.ts";

const manifestRef = defineMessage<ManifestRef>("ManifestRef", {
  key: field(1, "string"),
  crc32c: field(2, "uint32"),
  bytes: field(3, "double"),
});

const checkpoint = defineMessage<Checkpoint>("Checkpoint", {
  position: field(1, "uint64"),
  timestamp: field(2, "uint64"),
  epoch: field(3, "uint64"),
});

export const SEGMENTS: RecordKind<SegmentMeta> = {
  prefix: "data/segment/",
  codec: defineMessage<SegmentMeta>("SegmentMeta", {
    id: field(1, "uint64"),
    collectionId: field(2, "uint64"),
    partitionId: field(3, "uint64"),
    vchannel: field(4, "string"),
    state: field(5, "string"),
    rows: field(6, "uint32"),
    bytes: field(7, "double"),
    createdAtMs: field(8, "double"),
    startPosition: optional(9, "uint64"),
    flushedPosition: field(10, "uint64"),
    minTimestamp: field(11, "uint64"),
    maxTimestamp: field(12, "uint64"),
    deletesAppliedTo: field(13, "uint64"),
    compactedAt: field(14, "uint64"),
    compactedFrom: repeated(15, "uint64"),
    compactedInto: repeated(16, "uint64"),
    historyFrom: field(17, "uint64"),
    schemaVersion: field(18, "uint32"),
    manifest: optional(19, nested(manifestRef)),
    droppedAtMs: optional(20, "double"),
  }),
};

const emptiedPartition = defineMessage<EmptiedPartition>("EmptiedPartition", {
  partitionId: field(1, "uint64"),
  historyFrom: field(2, "uint64"),
});

export const CHANNELS: RecordKind<ChannelMeta> = {
  prefix: "data/channel/",
  codec: defineMessage<ChannelMeta>("ChannelMeta", {
    vchannel: field(1, "string"),
    collectionId: field(2, "uint64"),
    epoch: field(3, "uint64"),
    owner: optional(4, "uint64"),
    checkpoint: field(5, nested(checkpoint)),
    dropped: field(6, "bool"),
    emptied: repeated(7, nested(emptiedPartition)),
  }),
};

export const DELTA_LOGS: RecordKind<DeltaLogMeta> = {
  prefix: "data/delta/",
  codec: defineMessage<DeltaLogMeta>("DeltaLogMeta", {
    id: field(1, "uint64"),
    vchannel: field(2, "string"),
    key: field(3, "string"),
    crc32c: field(4, "uint32"),
    bytes: field(5, "double"),
    entries: field(6, "uint32"),
    from: field(7, "uint64"),
    to: field(8, "uint64"),
  }),
};
