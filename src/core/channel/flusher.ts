import { Mutex } from "../../base/mutex.ts";
import { runAtMost } from "../../base/run-at-most.ts";
import { encodeDeltaLog, type DeltaPart } from "../../format/delta-log.ts";
import type { SegmentId } from "../../model/ids.ts";
import type { Checkpoint, DeltaLogMeta, ManifestRef } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { Engine } from "../../ports/engine.ts";
import type { Faults } from "../../ports/faults.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { SegmentFiles, StoredEnds } from "../shard/segment-files.ts";
import type { ShardState } from "../shard/shard-state.ts";
import type { GrowingEntry } from "../shard/shard-view.ts";

/** A flushed segment as DataCoord commits it. */
export interface FlushOutput {
  readonly id: SegmentId;
  readonly rows: number;
  readonly bytes: number;
  readonly startPosition: bigint;
  readonly flushedPosition: bigint;
  readonly minTimestamp: Timestamp;
  readonly maxTimestamp: Timestamp;
  readonly deletesAppliedTo: Timestamp;
  readonly historyFrom: Timestamp;
  readonly schemaVersion: number;
  readonly manifest: ManifestRef | undefined;
}

export interface FlushCommit {
  readonly attempt: bigint;
  readonly segments: readonly FlushOutput[];
  readonly deltaLogs: readonly DeltaLogMeta[];
  readonly checkpoint: Checkpoint;
}

export interface FlusherDeps {
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly files: SegmentFiles;
  readonly faults: Faults;
  readonly allocId: () => Promise<bigint>;
  /** Only the attempt begun last can be committed; until then nobody takes its files for left-overs. */
  readonly begin: () => Promise<bigint>;
  /** One metadata transaction; rejects with `fenced` when the epoch is stale. */
  readonly commit: (commit: FlushCommit) => Promise<void>;
}

/**
 * Writes what a vchannel holds in memory: sealed segments, the ends of older versions, the checkpoint. One flush at a time.
 * After a crash at any point the same rows are still behind the committed checkpoint, and the files of the attempt lie under a name that no
 * other attempt uses.
 */
export class Flusher {
  readonly #deps: FlusherDeps;
  readonly #state: ShardState;
  readonly #mutex = new Mutex();
  #checkpoint: bigint;

  constructor(deps: FlusherDeps, state: ShardState) {
    this.#deps = deps;
    this.#state = state;
    this.#checkpoint = state.appliedPosition;
  }

  /**
   * Segments that get no more rows and whose rows are all applied; with none, stores deltas and moves the checkpoint. Returns what was
   * committed; undefined when there was nothing to do.
   */
  async flush(segmentIds: readonly SegmentId[]): Promise<FlushCommit | undefined> {
    return this.#mutex.run(async () => this.#flush(segmentIds));
  }

  async #flush(segmentIds: readonly SegmentId[]): Promise<FlushCommit | undefined> {
    const state = this.#state;
    // From here on, ends that hit these segments are collected as deltas; those before are in the snapshot.
    const position = state.appliedPosition;
    const at = state.appliedTimestamp;
    const growing = new Set([...state.growing()].map((entry) => entry.id));
    const snapshots = segmentIds
      .filter((id) => growing.has(id))
      .map((id): Snapshot => {
        const { entry, deletesAppliedTo } = state.snapshotEnds(id);
        entry.ref.retain();
        return { entry, deletesAppliedTo, ends: entry.ref.segment.ends() };
      });
    const parts = state.deltas.take();
    const checkpoint = this.#checkpointBelow(position, at, new Set(segmentIds));
    if (parts.length === 0 && segmentIds.length === 0 && checkpoint.position <= this.#checkpoint)
      return undefined;
    try {
      const attempt = await this.#deps.begin();
      const task = `${attempt}-${state.epoch}`;
      const empty = segmentIds.filter((id) => !growing.has(id)).map((id) => emptyOutput(id, position, at));
      const written = await runAtMost(SEGMENTS_AT_ONCE, snapshots, async (snapshot) =>
        this.#writeSegment(snapshot, task, position),
      );
      const segments = [...empty, ...written];
      const deltaLogs = parts.length === 0 ? [] : [await this.#writeDeltas(parts, at, task)];
      await this.#deps.faults.point("flush.before-commit");
      const commit = { attempt, segments, deltaLogs, checkpoint };
      await this.#deps.commit(commit);
      this.#checkpoint = checkpoint.position;
      state.forgetBefore(checkpoint.position);
      await this.#deps.faults.point("flush.after-commit");
      return commit;
    } catch (error) {
      state.deltas.putBack(parts);
      throw error;
    } finally {
      for (const { entry } of snapshots) entry.ref.release();
    }
  }

  async #writeSegment(
    { entry, deletesAppliedTo, ends }: Snapshot,
    task: string,
    position: bigint,
  ): Promise<FlushOutput> {
    const state = this.#state;
    const { segment } = entry.ref;
    await this.#deps.faults.point("flush.before-files");
    const written = await this.#deps.files.write(segment, entry.schema, ends, {
      segmentId: entry.id,
      collectionId: state.collectionId,
      partitionId: entry.partitionId,
      vchannel: state.vchannel,
      task,
    });
    return {
      id: entry.id,
      rows: segment.rows,
      bytes: written.totalBytes,
      startPosition: entry.startPosition,
      flushedPosition: position,
      minTimestamp: entry.minTimestamp,
      maxTimestamp: segment.maxTimestamp,
      deletesAppliedTo,
      historyFrom: TIMESTAMP_ZERO,
      schemaVersion: entry.schema.version,
      manifest: { key: written.key, crc32c: written.crc32c, bytes: written.bytes },
    };
  }

  /** Before the first row of any segment that stays unflushed. */
  #checkpointBelow(position: bigint, at: Timestamp, flushing: ReadonlySet<SegmentId>): Checkpoint {
    let below = position;
    let timestamp = at;
    for (const entry of this.#state.growing()) {
      if (flushing.has(entry.id) || entry.startPosition > below) continue;
      below = entry.startPosition - 1n;
      timestamp = (entry.minTimestamp - 1n) as Timestamp;
    }
    return { position: below, timestamp, epoch: this.#state.epochAt(below) };
  }

  async #writeDeltas(parts: readonly DeltaPart[], to: Timestamp, task: string): Promise<DeltaLogMeta> {
    const bytes = encodeDeltaLog(parts);
    const id = await this.#deps.allocId();
    const key = `deltas/${this.#state.collectionId}/${this.#state.vchannel}/${task}-${id}`;
    await this.#deps.faults.point("flush.before-deltas");
    await this.#deps.objects.put(key, [bytes]);
    return {
      id,
      vchannel: this.#state.vchannel,
      key,
      crc32c: this.#deps.engine.crc32c(bytes),
      bytes: bytes.length,
      entries: parts.reduce((sum, part) => sum + part.timestamps.length, 0),
      from: (parts.reduce(
        (min, part) => part.timestamps.reduce((low, ts) => (ts < low ? ts : low), min),
        to as bigint,
      ) - 1n) as Timestamp,
      to,
    };
  }
}

/** A growing segment as of the flush's position. */
interface Snapshot {
  readonly entry: GrowingEntry;
  readonly deletesAppliedTo: Timestamp;
  readonly ends: StoredEnds;
}

/** Most of a small segment's flush is waiting for the disk. */
const SEGMENTS_AT_ONCE = 4;

/** A segment that was allocated but never got a row. */
function emptyOutput(id: SegmentId, position: bigint, at: Timestamp): FlushOutput {
  return {
    id,
    rows: 0,
    bytes: 0,
    startPosition: position,
    flushedPosition: position,
    minTimestamp: at,
    maxTimestamp: at,
    deletesAppliedTo: at,
    historyFrom: TIMESTAMP_ZERO,
    schemaVersion: 0,
    manifest: undefined,
  };
}
