import { assert } from "../../base/assert.ts";
import { Deferred } from "../../base/deferred.ts";
import { channelNotAvailable } from "../../errors/meta-errors.ts";
import { keysOf } from "../../format/column-select.ts";
import type { DdlRecord, LogRecord, RowsRecord } from "../../format/log-record.ts";
import { decodeRowBatch, decodeRowBatchColumn, encodeRowBatch } from "../../format/row-batch.ts";
import type { Keys } from "../../model/columns.ts";
import { keyCount } from "../../model/columns.ts";
import {
  epoch as toEpoch,
  type CollectionId,
  type Epoch,
  type PartitionId,
  type SegmentId,
  type VChannel,
} from "../../model/ids.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import { primaryKeyField } from "../../model/schema.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { Engine, GrowingSegment, Segment } from "../../ports/engine.ts";
import { DeltaBuffer } from "./delta-buffer.ts";
import { RecentWrites } from "./recent-writes.ts";
import { SegmentRef } from "./segment-ref.ts";
import {
  ShardView,
  type GrowingEntry,
  type History,
  type SealedEntry,
  type ShardSegment,
} from "./shard-view.ts";

/**
 * What one process knows of a vchannel: its sealed segments, its growing rows, and which row versions have ended; brought
 * forward by applying the records of the log in order. The data node (to flush) and the query node (to search) of
 * one process share it.
 *
 * Invariants: every record at or before `appliedPosition` is applied, none behind it. A version of a key ends when a later row or delete of
 * its key is applied, in whatever segment it lies (D18). Applying a record twice changes nothing. Nothing here is durable: after a
 * crash it is rebuilt from a target (files, ends, delta logs) and a replay.
 */
export class ShardState {
  readonly vchannel: VChannel;
  readonly collectionId: CollectionId;
  /** Ends that hit rows in files, for the owner to store. Only an owner drains it. */
  readonly deltas = new DeltaBuffer();
  /** Answers of the batches in the log, whoever owned the channel: a repeated one gets the first one's. */
  readonly recent: RecentWrites;
  readonly #engine: Engine;
  readonly #growingRowsMax: number;
  readonly #seed: number;
  readonly #growing = new Map<SegmentId, GrowingEntry>();
  readonly #sealed = new Map<SegmentId, SealedEntry>();
  /** Growing segments whose ends have been written down: later ends must reach a delta log. */
  readonly #snapshotted = new Set<SegmentId>();
  readonly #gone: Set<SegmentId>;
  readonly #listeners = new Set<RecordListener>();
  readonly #endListeners: ((reason: Error) => void)[] = [];
  /** Reads below it miss rows that a dropped partition (undefined: a truncation) took with it. */
  readonly #historyFrom: Map<PartitionId | undefined, Timestamp>;
  /** The same for compactions that left no segment: what is not in any `historyFrom` of one. */
  #emptied: History;
  #schema: CollectionSchema;
  #position: bigint;
  #timestamp: Timestamp;
  #closed: Timestamp;
  /** Epochs in force behind positions, ascending; the last is the current one. */
  #epochs: { readonly after: bigint; readonly epoch: Epoch }[];
  #version: bigint;
  #view: ShardView<ShardSegment> | undefined;
  #viewVersion = 1n;
  readonly #watchers = new Set<() => void>();
  #waiters: Waiter[] = [];
  #failure: Error | undefined;

  constructor(engine: Engine, spec: ShardSpec) {
    this.#engine = engine;
    this.vchannel = spec.vchannel;
    this.collectionId = spec.collectionId;
    this.#growingRowsMax = spec.growingRowsMax;
    this.recent = new RecentWrites(spec.recentWritesMax, spec.startTimestamp);
    this.#seed = spec.seed;
    this.#schema = spec.schema;
    this.#position = spec.startPosition;
    this.#timestamp = spec.startTimestamp;
    this.#closed = spec.startTimestamp;
    this.#epochs = [{ after: spec.startPosition, epoch: spec.epoch }];
    this.#version = spec.version;
    this.#gone = new Set(spec.gone);
    this.#historyFrom = new Map(spec.history);
    this.#emptied = spec.emptied;
    for (const entry of spec.sealed) this.#sealed.set(entry.id, entry);
  }

  get appliedPosition(): bigint {
    return this.#position;
  }

  /** Timestamp of the last record applied. */
  get appliedTimestamp(): Timestamp {
    return this.#timestamp;
  }

  /** No record at or below it is still to come. */
  get closedTimestamp(): Timestamp {
    return this.#closed;
  }

  get epoch(): Epoch {
    return this.#epochs.at(-1)?.epoch ?? toEpoch(0n);
  }

  /** The epoch in force behind a position not before the start. */
  epochAt(position: bigint): Epoch {
    return this.#epochs.findLast(({ after }) => after <= position)?.epoch ?? toEpoch(0n);
  }

  /** Positions before it are never asked for again. */
  forgetBefore(position: bigint): void {
    while (this.#epochs.length > 1 && (this.#epochs[1]?.after ?? 0n) <= position) this.#epochs.shift();
  }

  get schema(): CollectionSchema {
    return this.#schema;
  }

  get targetVersion(): bigint {
    return this.#version;
  }

  growing(): Iterable<GrowingEntry> {
    return this.#growing.values();
  }

  sealed(): Iterable<SealedEntry> {
    return this.#sealed.values();
  }

  /** The sealed segment as it is now; another one of the same id may have taken its place. */
  findSealed(id: SegmentId): SealedEntry | undefined {
    return this.#sealed.get(id);
  }

  /** The current segments. The caller releases the view. */
  view(): ShardView<ShardSegment> {
    this.#view ??= new ShardView([...this.#sealed.values(), ...this.#growing.values()]);
    return new ShardView(this.#view.segments);
  }

  /** Changes with the set of segments, the schema and what history is left: with all of a view that is not in its segments. */
  get viewVersion(): bigint {
    return this.#viewVersion;
  }

  /**
   * Called after every change of `closedTimestamp` or `viewVersion`, and when the state stops; before anybody who waits for the record
   * behind the change goes on. Returns how to stop.
   */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Called with every record that counts, after it was applied. Returns how to stop. */
  listen(listener: RecordListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told once when no further record will come: the state failed, was closed, or another one was opened instead. */
  onEnd(listener: (reason: Error) => void): void {
    if (this.#failure !== undefined) listener(this.#failure);
    else this.#endListeners.push(listener);
  }

  /** The schema that a record needs is not known yet: give it before applying the record. */
  needsSchema(record: LogRecord): number | undefined {
    return record.type !== "epoch" && record.schemaVersion > this.#schema.version
      ? record.schemaVersion
      : undefined;
  }

  setSchema(schema: CollectionSchema): void {
    if (schema.version <= this.#schema.version) return;
    const known = new Set(this.#schema.fields.map((field) => field.id));
    const gained = schema.fields.filter((field) => !known.has(field.id));
    this.#schema = schema;
    for (const segment of this.#allSegments()) for (const field of gained) segment.addMissingField(field);
    this.#viewVersion += 1n;
    this.#tellWatchers();
  }

  /** Applies the next record of the log. Records of a deposed owner count for nothing. */
  apply(record: LogRecord, position: bigint): void {
    assert(position > this.#position, () => `record at ${position} applied after ${this.#position}`);
    const counts = record.epoch >= this.epoch;
    if (counts) {
      if (record.epoch > this.epoch) this.#epochs.push({ after: position, epoch: record.epoch });
      if (record.type === "rows") this.#applyRows(record, position);
      else if (record.type === "ddl") this.#applyDdl(record);
      if (record.timestamp > this.#timestamp) this.#timestamp = record.timestamp;
      // A change under way at a take-over has taken its timestamp, and may come behind the epoch record, which is newer.
      if (record.type !== "epoch" && this.#timestamp > this.#closed) this.#closed = this.#timestamp;
    }
    this.#position = position;
    this.#tellWatchers();
    for (const listener of this.#listeners) listener(record, position, counts);
    this.#wake();
  }

  /** Resolves when every record up to the position is applied. */
  async waitApplied(position: bigint, signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#position >= position) return;
    signal.throwIfAborted();
    const done = new Deferred<void>();
    const waiter: Waiter = { position, done };
    this.#waiters.push(waiter);
    const abort = (): void => done.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await done.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  /** Reads of a partition (undefined: of any) at an older timestamp would miss rows. */
  get history(): History {
    return this.#historyFrom;
  }

  /** Reads of a partition at an older timestamp would miss rows that compactions dropped without leaving a segment. */
  get emptied(): History {
    return this.#emptied;
  }

  /** Whether row versions that ended behind the timestamp are gone: what has changed since is not known in full. */
  hasForgottenSince(at: Timestamp): boolean {
    const oldest = (history: History): boolean => [...history.values()].some((from) => from > at);
    if (oldest(this.#historyFrom) || oldest(this.#emptied)) return true;
    return [...this.#sealed.values()].some(({ meta }) => meta.historyFrom > at);
  }

  /** The owner said that no record at or below `at` lies behind the position; it is applied. */
  close(at: Timestamp, position: bigint): void {
    assert(this.#position >= position, "closed before applied");
    if (at <= this.#closed) return;
    this.#closed = at;
    this.#tellWatchers();
  }

  /** The log cannot be read on: whoever waits learns why. */
  fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    for (const { done } of this.#waiters) done.reject(error);
    for (const listener of this.#endListeners.splice(0)) listener(this.#failure);
  }

  /** Newest begin or end of each key in this vchannel; 0 where the key never was. Shape [keys]. */
  latestVersions(keys: Keys): BigUint64Array {
    const newest = new BigUint64Array(keyCount(keys));
    for (const segment of this.#allSegments()) {
      const versions = segment.latestVersions(keys);
      for (let i = 0; i < newest.length; i++) {
        const version = versions[i] ?? 0n;
        if (version > (newest[i] ?? 0n)) newest[i] = version;
      }
    }
    return newest;
  }

  /**
   * Remembers that a growing segment's ends are written down as of now, and returns them: ends that come later
   * are collected in `deltas`.
   */
  snapshotEnds(id: SegmentId): { readonly entry: GrowingEntry; readonly deletesAppliedTo: Timestamp } {
    const entry = this.#growing.get(id);
    assert(entry !== undefined, `segment ${id} is not growing here`);
    this.#snapshotted.add(id);
    return { entry, deletesAppliedTo: this.#timestamp };
  }

  /**
   * Goes over to another set of sealed segments in one step: no read sees a row twice or not at all. `added` are open and hold
   * the deletes of their files; ends that came later are carried over from the segments that they replace, and those go with it.
   */
  replace(change: TargetChange): void {
    for (const { entry, replaces } of change.added) {
      for (const id of replaces) {
        const predecessor = this.#sealed.get(id) ?? this.#growing.get(id);
        assert(predecessor !== undefined, `segment ${entry.id} replaces ${id}, which is not here`);
        carryEnds(predecessor.ref.segment, entry.ref.segment, entry.meta.deletesAppliedTo);
      }
    }
    const before = [...this.#sealed.values(), ...this.#growing.values()];
    const replaced = change.added.flatMap(({ entry, replaces }) => replaces.filter((id) => id !== entry.id));
    for (const id of [...change.removed, ...replaced]) {
      this.#sealed.delete(id);
      this.#growing.delete(id);
      this.#snapshotted.delete(id);
      this.#gone.add(id);
    }
    for (const { entry } of change.added) {
      // The schema may have gained fields while it was being opened.
      for (const field of this.#schema.fields) entry.ref.segment.addMissingField(field);
      this.#growing.delete(entry.id);
      this.#snapshotted.delete(entry.id);
      this.#gone.delete(entry.id);
      this.#sealed.set(entry.id, entry);
    }
    this.#version = change.version;
    this.#emptied = change.emptied;
    this.#dropView();
    const after = new Set<ShardSegment>([...this.#sealed.values(), ...this.#growing.values()]);
    for (const entry of before) if (!after.has(entry)) entry.ref.release();
    this.#tellWatchers();
  }

  stop(): void {
    this.fail(this.#failure ?? channelNotAvailable(this.vchannel, "the shard was closed"));
    this.#dropView();
    for (const entry of [...this.#sealed.values(), ...this.#growing.values()]) entry.ref.release();
    this.#sealed.clear();
    this.#growing.clear();
    this.#tellWatchers();
    this.#watchers.clear();
  }

  #applyRows(record: RowsRecord, position: bigint): void {
    const { session, sequence, timestamp, skipped } = record;
    this.recent.add(session, sequence, { timestamp, skipped });
    for (const { partitionId, keys } of record.deletes) this.#end(partitionId, keys, record.timestamp);
    const keyField = primaryKeyField(this.#schema).id;
    for (const part of record.inserts) {
      const column = decodeRowBatchColumn(part.batch, keyField);
      assert(column !== undefined, "an insert without its key column was acknowledged");
      this.#end(undefined, keysOf(column), record.timestamp);
      if (this.#holdsAlready(part.segmentId, position)) continue;
      const entry = this.#growingEntry(part.segmentId, part.partitionId, position, record);
      entry.ref.segment.append(
        record.schemaVersion < entry.schema.version ? withoutGone(part.batch, entry.schema) : part.batch,
        record.timestamp,
      );
    }
  }

  #applyDdl(record: DdlRecord): void {
    if (record.kind === "dropPartition") {
      this.#historyFrom.set(record.partitionId, record.timestamp);
      this.#viewVersion += 1n;
      this.#dropGrowing((entry) => entry.partitionId === record.partitionId);
    } else if (record.kind === "truncate") {
      this.#historyFrom.set(undefined, record.timestamp);
      this.#viewVersion += 1n;
      // Rows behind the change may have come already when it is met a second time.
      this.#dropGrowing((entry) => entry.ref.segment.maxTimestamp <= record.timestamp);
    }
  }

  /** Growing rows that no read at or after the change sees; older reads keep their views. */
  #dropGrowing(matches: (entry: GrowingEntry) => boolean): void {
    const dropped = [...this.#growing.values()].filter(matches);
    if (dropped.length === 0) return;
    // They are not gone: a later owner may place rows behind the change in the same segment.
    for (const entry of dropped) {
      this.#growing.delete(entry.id);
      this.#snapshotted.delete(entry.id);
    }
    this.#dropView();
    for (const entry of dropped) entry.ref.release();
    this.#tellWatchers();
  }

  /** Rows that a replay meets although they are in files already, or whose segment is gone. */
  #holdsAlready(id: SegmentId, position: bigint): boolean {
    if (this.#gone.has(id)) return true;
    const sealed = this.#sealed.get(id);
    return sealed !== undefined && position <= sealed.meta.flushedPosition;
  }

  #growingEntry(id: SegmentId, partitionId: PartitionId, position: bigint, record: RowsRecord): GrowingEntry {
    const known = this.#growing.get(id);
    if (known !== undefined) return known;
    const segment = this.#engine.createGrowing({
      fields: this.#schema.fields,
      rowsMax: this.#growingRowsMax,
      seed: this.#seed ^ Number(id & 0x7fff_ffffn),
    });
    const entry: GrowingEntry = {
      kind: "growing",
      id,
      partitionId,
      ref: new SegmentRef<GrowingSegment>(segment),
      schema: this.#schema,
      startPosition: position,
      minTimestamp: record.timestamp,
    };
    this.#growing.set(id, entry);
    this.#dropView();
    return entry;
  }

  #end(partitionId: PartitionId | undefined, keys: Keys, at: Timestamp): void {
    const count = keyCount(keys);
    if (count === 0) return;
    const timestamps = new BigUint64Array(count).fill(at);
    const range = rangeOf(keys);
    let stored: Uint8Array | undefined;
    for (const entry of this.#sealed.values()) {
      if (partitionId !== undefined && entry.partitionId !== partitionId) continue;
      if (range !== undefined && entry.keyRange !== undefined && outside(range, entry.keyRange)) continue;
      stored = union(stored, entry.ref.segment.applyDeletes(keys, timestamps));
    }
    for (const entry of this.#growing.values()) {
      if (partitionId !== undefined && entry.partitionId !== partitionId) continue;
      const hits = entry.ref.segment.applyDeletes(keys, timestamps);
      if (this.#snapshotted.has(entry.id)) stored = union(stored, hits);
    }
    if (stored !== undefined) this.deltas.add(partitionId, keys, stored, at);
  }

  *#allSegments(): Iterable<Segment> {
    for (const entry of this.#sealed.values()) yield entry.ref.segment;
    for (const entry of this.#growing.values()) yield entry.ref.segment;
  }

  #dropView(): void {
    this.#view?.release();
    this.#view = undefined;
    this.#viewVersion += 1n;
  }

  #tellWatchers(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #wake(): void {
    for (const { position, done } of this.#waiters) if (position <= this.#position) done.resolve();
  }
}

export interface ShardSpec {
  readonly vchannel: VChannel;
  readonly collectionId: CollectionId;
  readonly schema: CollectionSchema;
  readonly startPosition: bigint;
  readonly startTimestamp: Timestamp;
  readonly epoch: Epoch;
  readonly version: bigint;
  /** Open, with all stored deletes applied; the state takes them over. */
  readonly sealed: readonly SealedEntry[];
  readonly gone: readonly SegmentId[];
  readonly history: History;
  readonly emptied: History;
  readonly growingRowsMax: number;
  readonly recentWritesMax: number;
  readonly seed: number;
}

export interface TargetChange {
  readonly version: bigint;
  readonly emptied: History;
  readonly added: readonly { readonly entry: SealedEntry; readonly replaces: readonly SegmentId[] }[];
  readonly removed: readonly SegmentId[];
}

/** `counts` is false for records of a deposed owner. */
export type RecordListener = (record: LogRecord, position: bigint, counts: boolean) => void;

interface Waiter {
  readonly position: bigint;
  readonly done: Deferred<void>;
}

/** Which segments a new one takes the place of: itself while it grew, or those that were compacted into it. */
export function predecessorsOf(meta: SegmentMeta): readonly SegmentId[] {
  return meta.compactedFrom.length > 0 ? meta.compactedFrom : [meta.id];
}

function carryEnds(from: Segment, to: Segment, after: Timestamp): void {
  const ends = from.ends();
  const rows: number[] = [];
  const timestamps: bigint[] = [];
  for (let i = 0; i < ends.rows.length; i++) {
    const at = ends.timestamps[i] ?? TIMESTAMP_ZERO;
    if (at <= after) continue;
    rows.push(ends.rows[i] ?? 0);
    timestamps.push(at);
  }
  if (rows.length > 0) to.applyDeletes(from.takeKeys(Int32Array.from(rows)), BigUint64Array.from(timestamps));
}

interface KeyRange {
  readonly min: bigint;
  readonly max: bigint;
}

function rangeOf(keys: Keys): KeyRange | undefined {
  if (keys.kind !== "int64") return undefined;
  let min = keys.values[0] ?? 0n;
  let max = min;
  for (const key of keys.values) {
    if (key < min) min = key;
    else if (key > max) max = key;
  }
  return { min, max };
}

function outside(a: KeyRange, b: KeyRange): boolean {
  return a.max < b.min || a.min > b.max;
}

function union(a: Uint8Array | undefined, b: Uint8Array): Uint8Array {
  if (a === undefined) return b;
  for (let i = 0; i < a.length; i++) a[i] = (a[i] ?? 0) | (b[i] ?? 0);
  return a;
}

/** A batch from before a field was taken from the schema, as a segment from after that takes it. */
function withoutGone(batch: Uint8Array, schema: CollectionSchema): Uint8Array {
  const { rows, columns } = decodeRowBatch(batch);
  const known = new Set<number>(schema.fields.map((field) => field.id));
  const kept = [...columns].filter(([id]) => known.has(id));
  return kept.length === columns.size ? batch : encodeRowBatch({ rows, columns: new Map(kept) });
}
