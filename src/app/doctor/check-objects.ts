import { equalBytes } from "../../base/bytes.ts";
import { objectKeys } from "../../core/objects/object-keys.ts";
import { SegmentFiles } from "../../core/shard/segment-files.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { parseArrowFile } from "../../format/arrow-parse.ts";
import { decodeDeltaLog } from "../../format/delta-log.ts";
import type { Manifest, StoredFile } from "../../format/manifest.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { DeltaLogMeta, SegmentIndexMeta, SegmentMeta } from "../../model/segment-meta.ts";
import type { Engine, NativeBuffer, SealedSegment } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { collectionName, type Inventory } from "./check-metadata.ts";
import { problemOf, type Findings } from "./findings.ts";

export interface ObjectCounts {
  segments: number;
  deltaLogs: number;
  indexes: number;
  bytes: number;
}

const LOST_SEGMENT =
  "restore the file from a backup; without one its rows are lost: compact or insert them again from their source, or drop the collection";
const LOST_DELTAS =
  "restore the file from a backup; without one, rows that were deleted or replaced may come back: drop the collection, or delete and insert them again";
const LOST_INDEX = "drop the index and create it again: it is built from the rows, which are not concerned";
const ORPHAN = "nothing: files of attempts that came to nothing are removed while the server runs";

/** Reads every byte of every object that metadata names, compares checksums, and opens segments and indexes with the engine. */
export class ObjectCheck {
  readonly #engine: Engine;
  readonly #objects: ObjectStore;
  readonly #files: SegmentFiles;
  readonly #inventory: Inventory;
  readonly #findings: Findings;
  readonly #named = new Set<string>();
  readonly counts: ObjectCounts = { segments: 0, deltaLogs: 0, indexes: 0, bytes: 0 };

  constructor(
    { engine, objects }: { readonly engine: Engine; readonly objects: ObjectStore },
    inventory: Inventory,
    findings: Findings,
  ) {
    this.#engine = engine;
    this.#objects = objects;
    this.#files = new SegmentFiles(engine, objects);
    this.#inventory = inventory;
    this.#findings = findings;
  }

  async run(): Promise<ObjectCounts> {
    for (const segment of this.#inventory.segments) await this.#checkSegment(segment);
    for (const log of this.#inventory.deltaLogs) await this.#checkDeltaLog(log);
    await this.#findOrphans();
    return this.counts;
  }

  async #checkSegment(meta: SegmentMeta): Promise<void> {
    if (meta.manifest === undefined) return;
    this.#named.add(meta.manifest.key);
    // What has ended is kept for readers that were still at it; garbage collection may be half through with it.
    if (meta.state !== "Flushed") return this.#nameFolder(meta.manifest.key);
    const concerns = `${collectionName(this.#inventory, meta.collectionId)}, segment ${meta.id}`;
    const manifest = await this.#attempt(meta.manifest.key, concerns, LOST_SEGMENT, async () =>
      this.#readManifest(meta),
    );
    if (manifest === undefined) return this.#nameFolder(meta.manifest.key);
    this.counts.segments += 1;
    const intact = await this.#checkFiles(manifest, concerns);
    const schema = this.#inventory.collections.get(meta.collectionId)?.schema;
    if (!intact || schema === undefined) return;
    const segment = await this.#attempt(meta.manifest.key, concerns, LOST_SEGMENT, async () =>
      this.#openSegment(manifest, schema),
    );
    if (segment === undefined) return;
    try {
      await this.#checkIndexes(meta, segment, concerns);
    } finally {
      segment.close();
    }
  }

  async #readManifest(meta: SegmentMeta): Promise<Manifest> {
    const { manifest: ref } = meta;
    if (ref === undefined) throw new TypeError(`segment ${meta.id} has no manifest`);
    const manifest = await this.#files.readManifest(ref);
    this.counts.bytes += ref.bytes;
    const same =
      manifest.segmentId === meta.id &&
      manifest.collectionId === meta.collectionId &&
      manifest.partitionId === meta.partitionId &&
      manifest.vchannel === meta.vchannel &&
      manifest.rows === meta.rows;
    if (!same) {
      const found = `segment ${manifest.segmentId} of ${manifest.vchannel} with ${manifest.rows} rows`;
      const wanted = `segment ${meta.id} of ${meta.vchannel} with ${meta.rows} rows`;
      throw corrupted({ file: ref.key, problem: `it is of ${found}, metadata says ${wanted}` });
    }
    return manifest;
  }

  /** Each file by itself, so that every damaged one is named. */
  async #checkFiles(manifest: Manifest, concerns: string): Promise<boolean> {
    let intact = true;
    const check = async (file: StoredFile, look: (bytes: Uint8Array) => void): Promise<void> => {
      this.#named.add(file.key);
      const done = await this.#attempt(file.key, concerns, LOST_SEGMENT, async () => {
        await this.#withObject(file, (buffer) => look(buffer.bytes));
        return true;
      });
      intact &&= done === true;
    };
    for (const group of manifest.groups) {
      await check(group, (bytes) => {
        const { rows } = parseArrowFile(bytes, group.key);
        if (rows !== manifest.rows) {
          throw corrupted({
            file: group.key,
            problem: `it has ${rows} rows, the manifest says ${manifest.rows}`,
          });
        }
      });
    }
    await check(manifest.keyIndex, () => undefined);
    const { ends } = manifest;
    if (ends !== undefined) await check(ends, (bytes) => checkEnds(bytes, ends.count, manifest));
    return intact;
  }

  async #openSegment(manifest: Manifest, schema: CollectionSchema): Promise<SealedSegment> {
    const segment = await this.#files.open(manifest, schema);
    try {
      await this.#checkKeyIndex(segment, manifest.keyIndex);
      return segment;
    } catch (error) {
      segment.close();
      throw error;
    }
  }

  /** Its bytes follow from the key column alone. */
  async #checkKeyIndex(segment: SealedSegment, file: StoredFile): Promise<void> {
    const rebuilt = this.#engine.buildKeyIndex(segment);
    try {
      await this.#withObject(file, (buffer) => {
        if (equalBytes(buffer.bytes, rebuilt.bytes)) return;
        throw corrupted({ file: file.key, problem: "it is not the index of the key column beside it" });
      });
    } finally {
      rebuilt.close();
    }
  }

  async #checkIndexes(meta: SegmentMeta, segment: SealedSegment, concerns: string): Promise<void> {
    for (const record of this.#inventory.segmentIndexes) {
      if (record.segmentId !== meta.id || record.file === undefined) continue;
      this.#named.add(record.file.key);
      const { file } = record;
      const index = `${concerns}, index ${this.#indexName(record)}`;
      const done = await this.#attempt(file.key, index, LOST_INDEX, async () => {
        await this.#withObject(file, (buffer) => {
          segment.attachIndex(record.fieldId, buffer);
          segment.detachIndex(record.fieldId);
        });
        return true;
      });
      if (done === true) this.counts.indexes += 1;
    }
  }

  async #checkDeltaLog(log: DeltaLogMeta): Promise<void> {
    this.#named.add(log.key);
    const channel = this.#inventory.channels.find(({ vchannel }) => vchannel === log.vchannel);
    const name = channel === undefined ? "" : `${collectionName(this.#inventory, channel.collectionId)}, `;
    const concerns = `${name}channel ${log.vchannel}`;
    if (channel?.dropped === true) return;
    const done = await this.#attempt(log.key, concerns, LOST_DELTAS, async () => {
      await this.#withObject(log, (buffer) => {
        const entries = decodeDeltaLog(buffer.bytes).reduce((sum, part) => sum + part.timestamps.length, 0);
        if (entries === log.entries) return;
        throw corrupted({
          file: log.key,
          problem: `it has ${entries} entries, metadata says ${log.entries}`,
        });
      });
      return true;
    });
    if (done === true) this.counts.deltaLogs += 1;
  }

  async #withObject(
    file: { readonly key: string; readonly bytes: number; readonly crc32c: number },
    look: (buffer: NativeBuffer) => void,
  ): Promise<void> {
    const buffer = await this.#objects.open(file.key);
    try {
      this.counts.bytes += buffer.byteLength;
      if (buffer.byteLength !== file.bytes) {
        throw corrupted({
          file: file.key,
          problem: `it has ${buffer.byteLength} bytes instead of ${file.bytes}`,
        });
      }
      const found = this.#engine.crc32c(buffer.bytes);
      if (found !== file.crc32c) {
        const [is, was] = [hex(found), hex(file.crc32c)];
        throw corrupted({ file: file.key, problem: `its checksum is ${is}, but ${was} when it was written` });
      }
      look(buffer);
    } finally {
      buffer.close();
    }
  }

  /** Undefined when it failed: the finding is made then. */
  async #attempt<T>(
    key: string,
    concerns: string,
    remedy: string,
    run: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const missing = isRedkiteError(error, "objectNotFound");
      const problem = missing ? "the file is missing" : problemOf(error);
      // The error knows better where several files are read at once.
      const file = isRedkiteError(error, "corrupted") ? (error.fields["file"] ?? key) : key;
      this.#findings.damage({ file: `objects/${file}`, concerns, problem, remedy });
      return undefined;
    }
  }

  /** Everything beside an object belongs to it, whatever it is. */
  #nameFolder(key: string): void {
    this.#named.add(key.slice(0, key.lastIndexOf("/") + 1));
  }

  #indexName({ indexId }: SegmentIndexMeta): string {
    return this.#inventory.indexes.find(({ id }) => id === indexId)?.name ?? String(indexId);
  }

  async #findOrphans(): Promise<void> {
    for (const record of this.#inventory.segmentIndexes) {
      if (record.file !== undefined) this.#named.add(record.file.key);
    }
    for await (const key of objectKeys(this.#objects, "")) {
      if (this.#named.has(key) || this.#named.has(key.slice(0, key.lastIndexOf("/") + 1))) continue;
      const problem = "no metadata names it";
      this.#findings.note({ file: `objects/${key}`, concerns: undefined, problem, remedy: ORPHAN });
    }
  }
}

/** uint32 row [n], padded to 8 bytes, uint64 end [n]. */
function checkEnds(bytes: Uint8Array, count: number, manifest: Manifest): void {
  const file = manifest.ends?.key ?? "ends";
  const rowBytes = Math.ceil((count * 4) / 8) * 8;
  if (bytes.length !== rowBytes + count * 8) {
    throw corrupted({ file, problem: `${bytes.length} bytes do not hold ${count} ends` });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0, previous = -1; i < count; i++) {
    const row = view.getUint32(i * 4, true);
    if (row <= previous || row >= manifest.rows) {
      throw corrupted({
        file,
        offset: i * 4,
        problem: `row ${row} behind row ${previous} of ${manifest.rows} rows`,
      });
    }
    previous = row;
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
