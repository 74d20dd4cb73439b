import { ByteFormatError } from "../../base/bytes.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { decodeDeltaLog, type DeltaPart } from "../../format/delta-log.ts";
import { loadScalar, type Manifest } from "../../format/manifest.ts";
import type { PartitionId, SegmentId } from "../../model/ids.ts";
import { primaryKeyField, type CollectionInfo, type CollectionSchema } from "../../model/schema.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { ChannelTarget, DeltaLogMeta, ManifestRef, SegmentMeta } from "../../model/segment-meta.ts";
import type { Engine } from "../../ports/engine.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { SegmentRef } from "./segment-ref.ts";
import { predecessorsOf, ShardState } from "./shard-state.ts";
import type { History, SealedEntry } from "./shard-view.ts";

export interface ShardOpenerDeps {
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly files: SegmentFiles;
  readonly growingRowsMax: number;
  /** Batches whose answers are remembered. */
  readonly recentWritesMax: number;
  readonly seed: number;
}

/** Opens shards from targets, and brings open ones to newer targets. */
export class ShardOpener {
  readonly #deps: ShardOpenerDeps;

  constructor(deps: ShardOpenerDeps) {
    this.#deps = deps;
  }

  /** A state as of the target's start position, with all stored deletes applied; the caller feeds it the log behind that. */
  async open(target: ChannelTarget, info: CollectionInfo): Promise<ShardState> {
    const { schema } = info;
    const sealed = await this.#openAll(target.segments, schema);
    try {
      await this.#applyStored(target, sealed);
    } catch (error) {
      for (const entry of sealed) entry.ref.release();
      throw error;
    }
    return new ShardState(this.#deps.engine, {
      vchannel: target.vchannel,
      collectionId: target.collectionId,
      schema,
      startPosition: target.startPosition,
      startTimestamp: target.startTimestamp,
      epoch: target.epoch,
      version: target.version,
      sealed,
      gone: target.gone,
      history: historyOf(info),
      emptied: emptiedOf(target),
      growingRowsMax: this.#deps.growingRowsMax,
      recentWritesMax: this.#deps.recentWritesMax,
      seed: this.#deps.seed,
    });
  }

  /**
   * Hand-over: opens what is new and goes over in one step. False when a new segment has no predecessor here to
   * take later deletes from: the shard must be opened afresh.
   */
  async advance(state: ShardState, target: ChannelTarget): Promise<boolean> {
    if (target.version <= state.targetVersion) return true;
    const present = new Set([...state.sealed()].map((entry) => entry.id));
    const fresh = target.segments.filter((meta) => !present.has(meta.id) && !isHidden(meta, state.history));
    if (fresh.some((meta) => replacedBy(meta, state) === undefined)) return false;
    const opened = await this.#openAll(fresh, state.schema);
    // The log went on meanwhile: rows that were to come may have come, and a drop or truncation may have taken what does not come back.
    const added = opened.flatMap((entry) => {
      const replaces = replacedBy(entry.meta, state);
      if (replaces === undefined) entry.ref.release();
      return replaces === undefined ? [] : [{ entry, replaces }];
    });
    const wanted = new Set(target.segments.map((meta) => meta.id));
    const growing = new Set([...state.growing()].map((entry) => entry.id));
    const removed = [
      ...[...state.sealed()].map((entry) => entry.id).filter((id) => !wanted.has(id)),
      ...target.gone.filter((id) => growing.has(id)),
    ];
    state.replace({ version: target.version, emptied: emptiedOf(target), added, removed });
    return true;
  }

  async readDeltaLog(log: DeltaLogMeta): Promise<readonly DeltaPart[]> {
    const bytes = await this.#deps.objects.get(log.key);
    if (this.#deps.engine.crc32c(bytes) !== log.crc32c) {
      throw corrupted({ file: log.key, problem: "the checksum differs from the one in metadata" });
    }
    try {
      return decodeDeltaLog(bytes);
    } catch (error) {
      if (error instanceof ByteFormatError)
        throw corrupted({ file: log.key, offset: error.offset, problem: error.message, cause: error });
      throw error;
    }
  }

  async openSealed(meta: SegmentMeta, schema: CollectionSchema): Promise<SealedEntry> {
    const manifest = await this.#deps.files.readManifest(manifestOf(meta));
    const segment = await this.#deps.files.open(manifest, schema);
    return {
      kind: "sealed",
      id: meta.id,
      partitionId: meta.partitionId,
      ref: new SegmentRef(segment),
      meta,
      keyRange: keyRange(manifest, schema),
    };
  }

  async #openAll(metas: readonly SegmentMeta[], schema: CollectionSchema): Promise<readonly SealedEntry[]> {
    const results = await Promise.allSettled(metas.map((meta) => this.openSealed(meta, schema)));
    const failed = results.find((result) => result.status === "rejected");
    const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (failed === undefined) return opened;
    for (const entry of opened) entry.ref.release();
    throw failed.reason;
  }

  /** Later deletes from the delta logs; those behind the start position come with the log. */
  async #applyStored(target: ChannelTarget, sealed: readonly SealedEntry[]): Promise<void> {
    const oldest = sealed.reduce(
      (min, entry) => (entry.meta.deletesAppliedTo < min ? entry.meta.deletesAppliedTo : min),
      target.startTimestamp,
    );
    for (const log of target.deltaLogs) {
      if (log.to <= oldest) continue;
      for (const part of await this.readDeltaLog(log)) {
        for (const entry of sealed) {
          if (part.partitionId !== undefined && part.partitionId !== entry.partitionId) continue;
          entry.ref.segment.applyDeletes(part.keys, part.timestamps);
        }
      }
    }
  }
}

/** What a new segment takes the place of in the state as it is now; undefined when that is not there. */
function replacedBy(meta: SegmentMeta, state: ShardState): readonly SegmentId[] | undefined {
  const here = new Set([...state.sealed(), ...state.growing()].map((entry) => entry.id));
  const predecessors = predecessorsOf(meta);
  if (predecessors.every((id) => here.has(id))) return predecessors;
  // Its first row is still to come here, and with it every delete that concerns it.
  const isToCome = meta.compactedFrom.length === 0 && (meta.startPosition ?? 0n) > state.appliedPosition;
  return isToCome ? [] : undefined;
}

/** A drop or truncation took every row of it away; DataCoord will hear of it. */
function isHidden({ partitionId, maxTimestamp }: SegmentMeta, history: History): boolean {
  return history.has(partitionId) || maxTimestamp <= (history.get(undefined) ?? TIMESTAMP_ZERO);
}

/** What changes before the target's start took away. */
function historyOf(info: CollectionInfo): History {
  const history = new Map<PartitionId | undefined, Timestamp>();
  if (info.truncatedAt > TIMESTAMP_ZERO) history.set(undefined, info.truncatedAt);
  for (const { id, droppedAt } of info.partitions) if (droppedAt !== undefined) history.set(id, droppedAt);
  return history;
}

function emptiedOf({ emptied }: ChannelTarget): History {
  return new Map(emptied.map(({ partitionId, historyFrom }) => [partitionId, historyFrom]));
}

export function manifestOf(meta: SegmentMeta): ManifestRef {
  if (meta.manifest === undefined)
    throw new Error(`segment ${meta.id} has no manifest in state ${meta.state}`);
  return meta.manifest;
}

function keyRange(manifest: Manifest, schema: CollectionSchema): { min: bigint; max: bigint } | undefined {
  const stats = manifest.stats.find((entry) => entry.fieldId === primaryKeyField(schema).id);
  const min = loadScalar(stats?.min);
  const max = loadScalar(stats?.max);
  return typeof min === "bigint" && typeof max === "bigint" ? { min, max } : undefined;
}
