import type { CallContext } from "../model/call-context.ts";
import type { CollectionId, SegmentId } from "../model/ids.ts";
import type { CollectionSchema, FieldSchema, IndexInfo, KeyValues } from "../model/schema.ts";
import type { ManifestRef, SegmentIndexMeta, SegmentMeta } from "../model/segment-meta.ts";
import type { Timestamp } from "../model/timestamp.ts";
import type { Component } from "./component.ts";
import { componentMethods } from "./component.ts";
import type { ServiceTable } from "./service-table.ts";

/** Index definitions, and one record per segment, field and index; schedules the builds. */
export interface IndexCoord extends Component {
  /** The proxy has checked the parameters. Repeating with equal parameters succeeds. */
  createIndex(ctx: CallContext, request: CreateIndexRequest): Promise<IndexInfo>;
  alterIndex(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly indexName: string;
      readonly set: KeyValues;
      readonly remove: readonly string[];
    },
  ): Promise<void>;
  /** By index name, or all of a field, or all of the collection. Succeeds when there is none. */
  dropIndex(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly fieldId: number | undefined;
      readonly indexName: string;
    },
  ): Promise<void>;
  /** With progress over the segments flushed at or before `at` (0: all). */
  describeIndex(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly indexName: string; readonly at: Timestamp },
  ): Promise<readonly IndexDescription[]>;
  listIndexes(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly IndexInfo[]>;
  /** Of some segments, for loading and for segment listings. */
  listSegmentIndexes(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly segmentIds: readonly SegmentId[] },
  ): Promise<readonly SegmentIndexMeta[]>;
  /** DataCoord calls it after a commit: new segments want indexes, gone ones do not. */
  segmentsChanged(ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void>;
  /**
   * Builds the indexes of a segment before it begins: readers that go over to it then are not thrown back from an index to a scan. Answers
   * when each is finished, or has failed (and is tried again later). They are kept until `endAhead`.
   */
  buildAhead(ctx: CallContext, request: { readonly segment: SegmentMeta }): Promise<void>;
  /** The segment has begun, or never will: with the next change, indexes of one that DataCoord does not list go. */
  endAhead(ctx: CallContext, request: { readonly segmentId: SegmentId }): Promise<void>;
  /**
   * A reader found the file of a build gone or damaged. Forgets the build, so that the index is built anew; one that is not the current
   * one of the segment (any more) is nothing to anybody. Readers are told of the new one as of any.
   */
  indexLost(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly lost: SegmentIndexMeta },
  ): Promise<void>;
  dropCollection(ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void>;
}

export interface CreateIndexRequest {
  readonly collectionId: CollectionId;
  readonly field: FieldSchema;
  readonly indexName: string;
  readonly userParams: KeyValues;
  /** `index_type` resolved, defaults filled in. */
  readonly params: KeyValues;
  readonly isAuto: boolean;
}

export interface IndexDescription {
  readonly info: IndexInfo;
  readonly indexedRows: bigint;
  readonly totalRows: bigint;
  readonly pendingRows: bigint;
  readonly state: "Unissued" | "InProgress" | "Finished" | "Failed";
  readonly failReason: string;
}

/** Builds index files (R364). */
export interface IndexNode extends Component {
  /** Reads the segment's column, builds, stores the file under the build's own name. Idempotent per build id. */
  build(ctx: CallContext, request: BuildRequest): Promise<BuildResult>;
  cancel(ctx: CallContext, request: { readonly buildId: bigint }): Promise<void>;
}

export interface BuildRequest {
  readonly buildId: bigint;
  readonly collectionId: CollectionId;
  readonly segmentId: SegmentId;
  readonly manifest: ManifestRef;
  readonly schema: CollectionSchema;
  readonly field: FieldSchema;
  readonly params: KeyValues;
  readonly targetKey: string;
}

export interface BuildResult {
  readonly buildId: bigint;
  readonly file: { readonly key: string; readonly crc32c: number; readonly bytes: number };
  readonly rows: number;
}

const yes = { idempotent: true } as const;

export const indexCoordTable: ServiceTable<IndexCoord> = {
  name: "IndexCoord",
  methods: {
    ...componentMethods,
    createIndex: yes,
    alterIndex: yes,
    dropIndex: yes,
    describeIndex: yes,
    listIndexes: yes,
    listSegmentIndexes: yes,
    segmentsChanged: yes,
    buildAhead: yes,
    endAhead: yes,
    indexLost: yes,
    dropCollection: yes,
  },
};

export const indexNodeTable: ServiceTable<IndexNode> = {
  name: "IndexNode",
  methods: { ...componentMethods, build: yes, cancel: yes },
};
