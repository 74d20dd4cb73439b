import type { RecordKind } from "../../core/catalog/catalog.ts";
import { indexCodec } from "../../core/catalog/schema-codec.ts";
import { defineMessage, field, nested, optional } from "../../format/message.ts";
import type { IndexInfo } from "../../model/schema.ts";
import type { SegmentIndexMeta } from "../../model/segment-meta.ts";

export const INDEXES: RecordKind<IndexInfo> = { prefix: "index/definition/", codec: indexCodec };

type IndexFile = NonNullable<SegmentIndexMeta["file"]>;
const indexFile = defineMessage<IndexFile>("IndexFile", {
  key: field(1, "string"),
  crc32c: field(2, "uint32"),
  bytes: field(3, "double"),
});

/** One record per segment and index. */
export const SEGMENT_INDEXES: RecordKind<SegmentIndexMeta> = {
  prefix: "index/segment/",
  codec: defineMessage<SegmentIndexMeta>("SegmentIndexMeta", {
    segmentId: field(1, "uint64"),
    indexId: field(2, "uint64"),
    fieldId: field(3, "uint32"),
    buildId: field(4, "uint64"),
    state: field(5, "string"),
    failReason: field(6, "string"),
    rows: field(7, "uint32"),
    file: optional(8, nested(indexFile)),
  }),
};
