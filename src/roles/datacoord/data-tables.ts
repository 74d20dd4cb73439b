import { put, remove, type Catalog } from "../../core/catalog/catalog.ts";
import { channelNotFound, segmentNotFound } from "../../errors/meta-errors.ts";
import { assert } from "../../base/assert.ts";
import { KeyedMutex } from "../../base/mutex.ts";
import type { CollectionId, SegmentId, VChannel } from "../../model/ids.ts";
import { canTransition, type SegmentState } from "../../model/segment.ts";
import type { ChannelMeta, DeltaLogMeta, SegmentMeta } from "../../model/segment-meta.ts";
import type { Compare } from "../../ports/meta-store.ts";
import { CHANNELS, DELTA_LOGS, SEGMENTS } from "./data-records.ts";

/** A change of several records that becomes true in one transaction. */
export interface DataChange {
  readonly segments?: readonly SegmentMeta[];
  readonly channels?: readonly ChannelMeta[];
  readonly addDeltas?: readonly DeltaLogMeta[];
  readonly removeDeltas?: readonly DeltaLogMeta[];
  readonly removeSegments?: readonly SegmentMeta[];
  readonly removeChannels?: readonly ChannelMeta[];
}

/**
 * DataCoord's metadata in memory, written through. Segment states only move forward. What is there of a channel changes one step after
 * the other: whoever decides on a change sees all those before it.
 */
export class DataTables {
  readonly #catalog: Catalog;
  readonly #segments = new Map<SegmentId, SegmentMeta>();
  readonly #channels = new Map<VChannel, ChannelState>();
  readonly #changing = new KeyedMutex<VChannel>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  static async load(catalog: Catalog): Promise<DataTables> {
    const tables = new DataTables(catalog);
    const channels = await catalog.load(CHANNELS);
    const segments = await catalog.load(SEGMENTS);
    const deltas = await catalog.load(DELTA_LOGS);
    // Above every version that an earlier leader gave out: versions are revisions.
    const revision = await catalog.revision();
    for (const meta of channels)
      tables.#channels.set(meta.vchannel, {
        meta,
        segments: new Set(),
        deltas: new Map(),
        version: revision,
      });
    for (const segment of segments) tables.#indexSegment(segment);
    for (const delta of deltas) tables.#channels.get(delta.vchannel)?.deltas.set(delta.id, delta);
    return tables;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  channels(): readonly ChannelMeta[] {
    return [...this.#channels.values()].map(({ meta }) => meta);
  }

  channelsOf(collectionId: CollectionId): readonly ChannelMeta[] {
    return this.channels().filter((meta) => meta.collectionId === collectionId && !meta.dropped);
  }

  findChannel(vchannel: VChannel): ChannelMeta | undefined {
    return this.#channels.get(vchannel)?.meta;
  }

  channel(vchannel: VChannel): ChannelMeta {
    const meta = this.findChannel(vchannel);
    if (meta === undefined || meta.dropped) throw channelNotFound(vchannel);
    return meta;
  }

  /** Grows with each change of what readers have to follow: flushed and ended segments, and deltas. */
  version(vchannel: VChannel): bigint {
    return this.#channels.get(vchannel)?.version ?? 0n;
  }

  segmentsOn(vchannel: VChannel): readonly SegmentMeta[] {
    const ids = this.#channels.get(vchannel)?.segments ?? new Set<SegmentId>();
    return [...ids].flatMap((id) => this.#segments.get(id) ?? []);
  }

  deltasOn(vchannel: VChannel): readonly DeltaLogMeta[] {
    return [...(this.#channels.get(vchannel)?.deltas.values() ?? [])];
  }

  segmentsOf(collectionId: CollectionId): readonly SegmentMeta[] {
    return [...this.#segments.values()].filter((meta) => meta.collectionId === collectionId);
  }

  allSegments(): Iterable<SegmentMeta> {
    return this.#segments.values();
  }

  findSegment(id: SegmentId): SegmentMeta | undefined {
    return this.#segments.get(id);
  }

  segment(id: SegmentId): SegmentMeta {
    const meta = this.#segments.get(id);
    if (meta === undefined) throw segmentNotFound(id);
    return meta;
  }

  /**
   * One transaction, decided on (undefined: nothing to do) while no other change of the channel is under way. Memory follows
   * when it has succeeded. True when there was something to do.
   */
  async change(
    vchannel: VChannel,
    decide: () => DataChange | undefined,
    also: readonly Compare[] = [],
  ): Promise<boolean> {
    return this.#changing.run(vchannel, async () => {
      const change = decide();
      if (change === undefined) return false;
      await this.#apply(change, also);
      return true;
    });
  }

  /** What only memory needs to know: how far a growing segment is. */
  noteGrowing(id: SegmentId, rows: number, bytes: number): void {
    const meta = this.#segments.get(id);
    if (meta?.state === "Growing") this.#segments.set(id, { ...meta, rows, bytes });
  }

  async #apply(change: DataChange, also: readonly Compare[]): Promise<void> {
    for (const after of change.segments ?? []) {
      const before = this.#segments.get(after.id);
      assert(
        before === undefined || before.state === after.state || canTransition(before.state, after.state),
        `segment ${after.id} goes from ${before?.state} to ${after.state}`,
      );
    }
    const revision = await this.#catalog.write(
      [
        ...(change.segments ?? []).map((meta) => put(SEGMENTS, String(meta.id), meta)),
        ...(change.channels ?? []).map((meta) => put(CHANNELS, meta.vchannel, meta)),
        ...(change.addDeltas ?? []).map((meta) => put(DELTA_LOGS, `${meta.vchannel}/${meta.id}`, meta)),
        ...(change.removeDeltas ?? []).map((meta) => remove(DELTA_LOGS, `${meta.vchannel}/${meta.id}`)),
        ...(change.removeSegments ?? []).map((meta) => remove(SEGMENTS, String(meta.id))),
        ...(change.removeChannels ?? []).map((meta) => remove(CHANNELS, meta.vchannel)),
      ],
      also,
    );
    this.#remember(change, revision);
  }

  #remember(change: DataChange, revision: bigint): void {
    const touched = new Set<VChannel>();
    for (const meta of change.channels ?? []) {
      const known = this.#channels.get(meta.vchannel);
      if (known !== undefined) known.meta = meta;
      else
        this.#channels.set(meta.vchannel, {
          meta,
          segments: new Set(),
          deltas: new Map(),
          version: revision,
        });
    }
    for (const meta of change.segments ?? []) {
      this.#indexSegment(meta);
      if (IN_TARGETS.has(meta.state)) touched.add(meta.vchannel);
    }
    for (const meta of change.addDeltas ?? []) {
      this.#channels.get(meta.vchannel)?.deltas.set(meta.id, meta);
      touched.add(meta.vchannel);
    }
    for (const meta of change.removeDeltas ?? []) this.#channels.get(meta.vchannel)?.deltas.delete(meta.id);
    for (const meta of change.removeSegments ?? []) {
      this.#segments.delete(meta.id);
      this.#channels.get(meta.vchannel)?.segments.delete(meta.id);
    }
    for (const meta of change.removeChannels ?? []) this.#channels.delete(meta.vchannel);
    for (const vchannel of touched) {
      const state = this.#channels.get(vchannel);
      if (state !== undefined) state.version = revision;
    }
  }

  #indexSegment(meta: SegmentMeta): void {
    this.#segments.set(meta.id, meta);
    this.#channels.get(meta.vchannel)?.segments.add(meta.id);
  }
}

/** States in which a target names a segment, as there or as gone. */
const IN_TARGETS: ReadonlySet<SegmentState> = new Set<SegmentState>(["Flushed", "Compacted", "Dropped"]);

interface ChannelState {
  meta: ChannelMeta;
  readonly segments: Set<SegmentId>;
  readonly deltas: Map<bigint, DeltaLogMeta>;
  version: bigint;
}
