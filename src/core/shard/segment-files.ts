import { ByteFormatError } from "../../base/bytes.ts";
import { runAtMost } from "../../base/run-at-most.ts";
import type { RedkiteError } from "../../errors/redkite-error.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { objectNotFound } from "../../errors/storage-errors.ts";
import { layoutArrowFile } from "../../format/arrow-layout.ts";
import { columnBuffersOf, parseArrowFile } from "../../format/arrow-parse.ts";
import {
  decodeManifest,
  encodeManifest,
  storeScalar,
  type FileGroup,
  type Manifest,
  type StoredFile,
} from "../../format/manifest.ts";
import { DataType, isVector } from "../../model/data-type.ts";
import {
  TIMESTAMP_FIELD,
  type CollectionId,
  type PartitionId,
  type SegmentId,
  type VChannel,
} from "../../model/ids.ts";
import { type CollectionSchema, type FieldSchema, plainField, primaryKeyField } from "../../model/schema.ts";
import type { ManifestRef } from "../../model/segment-meta.ts";
import type { ColumnBuffers, Engine, NativeBuffer, SealedSegment, Segment } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

/** Where and as what a segment is written. */
export interface SegmentIdentity {
  readonly segmentId: SegmentId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
  /** Id and epoch of the task that writes: two attempts never share a name. */
  readonly task: string;
}

/** Ends of row versions to store with the segment, rows ascending. */
export interface StoredEnds {
  readonly rows: Uint32Array;
  readonly timestamps: BigUint64Array;
}

/** Reads and writes the files of segments (docs/internals/segment-files.md, manifest.md). */
export class SegmentFiles {
  readonly #engine: Engine;
  readonly #objects: ObjectStore;

  constructor(engine: Engine, objects: ObjectStore) {
    this.#engine = engine;
    this.#objects = objects;
  }

  /**
   * Writes all rows of a segment that nothing is appended to any more, one Arrow file per field group, its key index, its ends, and
   * last the manifest. Durable on return; nobody sees it before metadata names the manifest.
   */
  async write(
    segment: Segment,
    schema: CollectionSchema,
    ends: StoredEnds,
    identity: SegmentIdentity,
  ): Promise<ManifestRef & { readonly totalBytes: number }> {
    const folder = `segments/${identity.collectionId}/${identity.partitionId}/${identity.segmentId}/${identity.task}`;
    // A small segment's time goes into syncs, which side by side cost little more than one; a large one's into memory.
    const atOnce = segment.memoryBytes > AT_ONCE_BYTES_MAX ? 1 : AT_ONCE_MAX;
    const groups = await runAtMost(atOnce, groupFields(schema), async (group) =>
      this.#writeGroup(segment, group, folder),
    );
    const keyIndex = this.#engine.buildKeyIndex(segment);
    try {
      const keys = await this.#put(`${folder}/keys.idx`, [keyIndex.bytes]);
      const storedEnds =
        ends.rows.length === 0 ? undefined : await this.#put(`${folder}/ends`, [encodeEnds(ends)]);
      const manifest: Manifest = {
        segmentId: identity.segmentId,
        collectionId: identity.collectionId,
        partitionId: identity.partitionId,
        vchannel: identity.vchannel,
        rows: segment.rows,
        schemaVersion: schema.version,
        groups,
        keyIndex: keys,
        ends: storedEnds === undefined ? undefined : { ...storedEnds, count: ends.rows.length },
        stats: schema.fields.flatMap((field) => {
          const stats = segment.fieldStats(field.id);
          return stats === undefined
            ? []
            : [
                {
                  fieldId: field.id,
                  nulls: stats.nulls,
                  min: storeScalar(stats.min),
                  max: storeScalar(stats.max),
                },
              ];
        }),
      };
      const stored = await this.#put(`${folder}/manifest`, [encodeManifest(manifest)]);
      const files: readonly StoredFile[] = [
        ...groups,
        manifest.keyIndex,
        ...(manifest.ends === undefined ? [] : [manifest.ends]),
        stored,
      ];
      return { ...stored, totalBytes: files.reduce((sum, file) => sum + file.bytes, 0) };
    } finally {
      keyIndex.close();
    }
  }

  /** Verified against the checksum that metadata holds. */
  async readManifest(ref: ManifestRef): Promise<Manifest> {
    const bytes = await this.#objects.get(ref.key);
    this.#verify(ref, bytes);
    return parse(ref.key, () => decodeManifest(bytes));
  }

  /**
   * Opens the segment by mapping its files; `verify: "all"` checks every byte against its checksum, `"small"` all but the
   * field groups, whose layout is checked in any case. Fields that the schema has gained since read as default or null.
   */
  async open(
    manifest: Manifest,
    schema: CollectionSchema,
    verify: "small" | "all" = "small",
  ): Promise<SealedSegment> {
    const opened: NativeBuffer[] = [];
    const openFile = async (file: StoredFile, check: boolean): Promise<NativeBuffer> => {
      const buffer = await this.#objects.open(file.key);
      opened.push(buffer);
      if (buffer.byteLength !== file.bytes) {
        throw corrupted({ file: file.key, problem: `${buffer.byteLength} bytes instead of ${file.bytes}` });
      }
      if (check) this.#verify(file, buffer.bytes);
      return buffer;
    };
    try {
      const fields = new Map(schema.fields.map((field) => [field.id as number, field]));
      const columns: ColumnBuffers[] = [];
      let timestamps: ColumnBuffers | undefined;
      for (const group of manifest.groups) {
        const file = await openFile(group, verify === "all");
        for (const column of parseArrowFile(file.bytes, group.key).columns) {
          if (column.rows !== manifest.rows) {
            throw corrupted({
              file: group.key,
              problem: `field ${column.fieldId} has ${column.rows} rows instead of ${manifest.rows}`,
            });
          }
          const field = column.fieldId === TIMESTAMP_FIELD ? timestampField : fields.get(column.fieldId);
          if (field === undefined) continue; // dropped from the schema since
          const buffers = columnBuffersOf(column, field, file, group.key);
          if (column.fieldId === TIMESTAMP_FIELD) timestamps = buffers;
          else columns.push(buffers);
        }
      }
      if (timestamps === undefined) {
        throw corrupted({
          file: manifest.groups[0]?.key ?? "segment",
          problem: "no file holds the begin timestamps",
        });
      }
      const keyIndex = await openFile(manifest.keyIndex, true);
      const ends = manifest.ends && { file: await openFile(manifest.ends, true), count: manifest.ends.count };
      const present = new Set<number>(columns.map((column) => column.field.id));
      return this.#engine.openSealed({
        rows: manifest.rows,
        columns,
        timestamps: { file: timestamps.file, range: timestamps.values },
        keyIndex: { file: keyIndex, range: { offset: 0, bytes: keyIndex.byteLength } },
        ends: ends && {
          file: ends.file,
          range: { offset: 0, bytes: ends.file.byteLength },
          count: ends.count,
        },
        missing: schema.fields.filter((field) => !present.has(field.id)),
      });
    } finally {
      // The segment holds what it needs of them.
      for (const buffer of opened) buffer.close();
    }
  }

  /**
   * Compares every byte of the field groups with its checksum, which opening by mapping does not. Reads in pieces, after each of which
   * `pause` runs. Fails with `corrupted`, naming the file.
   */
  async verifyGroups({ groups }: Manifest, pause?: () => Promise<void>): Promise<void> {
    for (const group of groups) await this.verifyFile(group, pause);
  }

  /** The same of one file, an index for example. */
  async verifyFile({ key, bytes, crc32c }: StoredFile, pause?: () => Promise<void>): Promise<void> {
    const found = (await this.#objects.stat(key))?.bytes;
    if (found === undefined) throw objectNotFound(key);
    if (found !== bytes) throw corrupted({ file: key, problem: `${found} bytes instead of ${bytes}` });
    let crc = 0;
    for (let offset = 0; offset < bytes; offset += PIECE_BYTES) {
      const range = { offset, bytes: Math.min(PIECE_BYTES, bytes - offset) };
      crc = this.#engine.crc32c(await this.#objects.get(key, range), crc);
      await pause?.();
    }
    if (crc !== crc32c) throw wrongChecksum({ key, crc32c }, crc);
  }

  async #writeGroup(segment: Segment, fields: readonly FieldSchema[], folder: string): Promise<FileGroup> {
    const withTimestamps = fields[0]?.isPrimaryKey === true;
    const layout = layoutArrowFile(
      [
        ...(withTimestamps
          ? [
              {
                field: timestampField,
                rows: segment.rows,
                sizes: { validity: 0, offsets: 0, childOffsets: 0, childRows: 0, values: segment.rows * 8 },
              },
            ]
          : []),
        ...fields.map((field) => ({ field, rows: segment.rows, sizes: segment.columnSizes(field.id) })),
      ],
      {},
    );
    const target = this.#engine.allocate(layout.totalBytes);
    try {
      const placements = layout.placements.filter((placement) => placement.fieldId !== TIMESTAMP_FIELD);
      const timestampsAt = layout.placements.find((placement) => placement.fieldId === TIMESTAMP_FIELD);
      await segment.encodeColumns(target, placements);
      if (timestampsAt !== undefined) segment.encodeTimestamps(target, timestampsAt.values);
      layout.finish(target.bytes);
      const stored = await this.#put(`${folder}/${fields[0]?.id ?? 0}.arrow`, [target.bytes]);
      return { ...stored, fieldIds: layout.placements.map((placement) => placement.fieldId) };
    } finally {
      target.close();
    }
  }

  async #put(key: string, chunks: readonly Uint8Array[]): Promise<StoredFile> {
    let crc = 0;
    let bytes = 0;
    for (const chunk of chunks) {
      crc = this.#engine.crc32c(chunk, crc);
      bytes += chunk.length;
    }
    await this.#objects.put(key, chunks);
    return { key, bytes, crc32c: crc };
  }

  #verify(file: { readonly key: string; readonly crc32c: number }, bytes: Uint8Array): void {
    const found = this.#engine.crc32c(bytes);
    if (found !== file.crc32c) throw wrongChecksum(file, found);
  }
}

/** Key and timestamps together (every reader needs both), the other scalars together, each vector alone. */
function groupFields(schema: CollectionSchema): readonly (readonly FieldSchema[])[] {
  const key = primaryKeyField(schema);
  const scalars = schema.fields.filter((field) => field !== key && !isVector(field.type));
  const vectors = schema.fields.filter((field) => isVector(field.type));
  return [[key], ...(scalars.length > 0 ? [scalars] : []), ...vectors.map((field) => [field])];
}

/** The begin timestamps as a column of the key's group: an Int64 field whose bits are the unsigned timestamp. */
const timestampField = plainField(TIMESTAMP_FIELD, "Timestamp", DataType.Int64);

function encodeEnds(ends: StoredEnds): Uint8Array {
  const rowBytes = Math.ceil((ends.rows.length * 4) / 8) * 8;
  const out = new Uint8Array(rowBytes + ends.timestamps.length * 8);
  new Uint32Array(out.buffer, 0, ends.rows.length).set(ends.rows);
  new BigUint64Array(out.buffer, rowBytes, ends.timestamps.length).set(ends.timestamps);
  return out;
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ByteFormatError)
      throw corrupted({ file, offset: error.offset, problem: error.message, cause: error });
    throw error;
  }
}

/** Field groups of a segment up to this size are written side by side, so many at once. */
const AT_ONCE_BYTES_MAX = 8 << 20;
const AT_ONCE_MAX = 4;

function wrongChecksum(file: { readonly key: string; readonly crc32c: number }, found: number): RedkiteError {
  return corrupted({ file: file.key, problem: `checksum ${hex(found)} instead of ${hex(file.crc32c)}` });
}

const PIECE_BYTES = 1 << 20;
const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
