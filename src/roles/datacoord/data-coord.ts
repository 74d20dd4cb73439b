import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type {
  AllocSegmentRequest,
  ChannelLocation,
  CommitFlushRequest,
  CompactionState,
  DataCoord,
  FlushedSegment,
  FlushResult,
  SegmentReport,
} from "../../api/data-coord.ts";
import { Catalog } from "../../core/catalog/catalog.ts";
import { compareEpoch } from "../../core/catalog/channel-epoch.ts";
import { fenced, serviceUnavailable } from "../../errors/service-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import {
  epoch as toEpoch,
  segmentId,
  type CollectionId,
  type Epoch,
  type NodeId,
  type PartitionId,
  type PlanId,
  type SegmentId,
  type VChannel,
} from "../../model/ids.ts";
import type { SegmentState } from "../../model/segment.ts";
import type { ChannelMeta, ChannelTarget, SegmentMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import { ChannelAssigner } from "./channel-assigner.ts";
import { CompactionRunner } from "./compaction-runner.ts";
import type { DataCoordDeps } from "./data-coord-deps.ts";
import { DataCoordMetrics } from "./data-coord-metrics.ts";
import { DataTables, type DataChange } from "./data-tables.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { GrowingSegments } from "./growing-segments.ts";
import { TargetReaders } from "./target-readers.ts";
import { WriteAttempts } from "./write-attempts.ts";

/**
 * Segments, channels, flushes, compactions, garbage. Owns the metadata under `data/`. Every change of a segment is one transaction that
 * compares the leader key and, where an owner asks for it, the channel's epoch. After a crash everything is as the last
 * transaction left it; owners report growing segments again.
 */
export class DataCoordRole implements DataCoord {
  readonly #deps: DataCoordDeps;
  readonly #tables: DataTables;
  readonly #assigner: ChannelAssigner;
  readonly #growing: GrowingSegments;
  readonly #compactions: CompactionRunner;
  readonly #readers: TargetReaders;
  readonly #attempts = new WriteAttempts();
  readonly #garbage: GarbageCollector;
  readonly #metrics: DataCoordMetrics;
  #state: ComponentStateCode = "Initializing";

  constructor(deps: DataCoordDeps, tables: DataTables) {
    this.#deps = deps;
    this.#tables = tables;
    this.#assigner = new ChannelAssigner(deps, tables);
    this.#growing = new GrowingSegments(deps, tables, async (vchannel, ids) =>
      this.#sealAtOwner(vchannel, ids),
    );
    this.#metrics = new DataCoordMetrics(deps.metrics, tables);
    this.#compactions = new CompactionRunner(
      deps,
      tables,
      this.#assigner,
      this.#attempts,
      this.#metrics,
      async (vchannel) => this.#changed(vchannel, true),
    );
    this.#readers = new TargetReaders(deps.meta);
    this.#garbage = new GarbageCollector(deps, tables, this.#readers, this.#attempts);
  }

  /** What its metadata names, at the moment. */
  get stored(): StoredData {
    const sealed = [...this.#tables.allSegments()].filter(({ state }) => state === "Flushed");
    const collections = this.#tables.channels().flatMap((meta) => (meta.dropped ? [] : [meta.collectionId]));
    return {
      collections: new Set(collections).size,
      segments: sealed.length,
      rows: sealed.reduce((sum, { rows }) => sum + rows, 0),
    };
  }

  static async open(deps: DataCoordDeps): Promise<DataCoordRole> {
    return new DataCoordRole(deps, await DataTables.load(new Catalog(deps.meta, deps.leadership)));
  }

  start(): void {
    this.#state = "Healthy";
    this.#growing.start();
    const { compactionEnabled, compactionIntervalMs, gcEnabled, gcIntervalMs } = this.#deps.limits;
    if (compactionEnabled) {
      this.#every(compactionIntervalMs, "compaction", async () => {
        for (const { vchannel } of this.#tables.channels()) this.#compactions.consider(vchannel);
      });
    }
    if (gcEnabled) this.#every(gcIntervalMs, "garbage collection", async () => this.#garbage.collect());
  }

  #every(intervalMs: number, name: string, work: () => Promise<void>): void {
    this.#deps.tasks.spawn(
      name,
      async (signal) => {
        while (!signal.aborted) {
          await this.#deps.clock.sleep(intervalMs, signal);
          await work();
        }
      },
      { endless: true },
    );
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
    this.#growing.stop();
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "datacoord", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    const segments = [...this.#tables.allSegments()];
    return {
      name: "datacoord",
      nodeId: this.#deps.nodeId,
      infos: {
        channels: this.#tables.channels().length,
        segments: segments.length,
        rows: segments.reduce((sum, meta) => sum + (isLive(meta) ? meta.rows : 0), 0),
      },
    };
  }

  // Channels

  async addChannels(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly vchannels: readonly VChannel[] },
  ): Promise<void> {
    for (const vchannel of request.vchannels) {
      const position = await this.#deps.stream.lastPosition(vchannel);
      const timestamp = await this.#deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
      const added: ChannelMeta = {
        vchannel,
        collectionId: request.collectionId,
        epoch: toEpoch(0n),
        owner: undefined,
        checkpoint: { position, timestamp, epoch: toEpoch(0n) },
        dropped: false,
        emptied: [],
      };
      await this.#tables.change(vchannel, () =>
        this.#tables.findChannel(vchannel) === undefined ? { channels: [added] } : undefined,
      );
    }
  }

  async dropChannels(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly vchannels: readonly VChannel[] },
  ): Promise<void> {
    for (const vchannel of request.vchannels) {
      const channel = this.#tables.findChannel(vchannel);
      if (channel === undefined) continue;
      // First, so that no segment comes after those that are dropped.
      await this.#tables.change(vchannel, () => {
        const meta = this.#tables.findChannel(vchannel);
        return meta === undefined || meta.dropped ? undefined : { channels: [{ ...meta, dropped: true }] };
      });
      await this.#dropSegments(vchannel, isLive);
      const owner = this.#deps.sessions.live("datanode").find((session) => session.nodeId === channel.owner);
      if (owner !== undefined)
        await this.#deps.connectDataNode(owner.nodeId, owner.address).closeChannel(ctx, { vchannel });
      this.#assigner.forget(vchannel);
      this.#attempts.forgetFlush(vchannel);
    }
  }

  async locateChannel(ctx: CallContext, request: { readonly vchannel: VChannel }): Promise<ChannelLocation> {
    return this.#assigner.locate(ctx, request.vchannel);
  }

  // Segments

  async dropPartition(
    _ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly partitionId: PartitionId;
      readonly at: Timestamp;
    },
  ): Promise<void> {
    for (const { vchannel } of this.#tables.channelsOf(request.collectionId)) {
      await this.#dropSegments(vchannel, (meta) => isLive(meta) && meta.partitionId === request.partitionId);
      await this.#changed(vchannel, true);
    }
  }

  async truncate(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly at: Timestamp },
  ): Promise<void> {
    for (const { vchannel } of this.#tables.channelsOf(request.collectionId)) {
      // A growing segment may hold rows behind the truncation: its older rows are hidden by their timestamps.
      await this.#dropSegments(
        vchannel,
        (meta) => meta.state === "Flushed" && meta.maxTimestamp <= request.at,
      );
      await this.#changed(vchannel, true);
    }
  }

  async allocSegment(
    ctx: CallContext,
    request: AllocSegmentRequest,
  ): Promise<{ readonly segmentId: SegmentId; readonly rowsMax: number }> {
    const epochHolds = await compareEpoch(this.#tables.catalog, request.vchannel, request.epoch);
    const rowsMax = this.#growing.rowsMax(request.rows, request.bytes);
    const known = this.#growing.find(request);
    if (known !== undefined) return { segmentId: known.id, rowsMax };
    const id = segmentId(await this.#deps.rootCoord.allocId(ctx, { count: 1 }));
    const timestamp = await this.#deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
    const meta: SegmentMeta = {
      id,
      collectionId: request.collectionId,
      partitionId: request.partitionId,
      vchannel: request.vchannel,
      state: "Growing",
      rows: 0,
      bytes: 0,
      createdAtMs: this.#deps.clock.nowMs(),
      startPosition: undefined,
      flushedPosition: 0n,
      minTimestamp: timestamp,
      maxTimestamp: timestamp,
      deletesAppliedTo: TIMESTAMP_ZERO,
      compactedAt: TIMESTAMP_ZERO,
      compactedFrom: [],
      compactedInto: [],
      historyFrom: TIMESTAMP_ZERO,
      schemaVersion: 0,
      manifest: undefined,
      droppedAtMs: undefined,
    };
    const isNew = await this.#tables.change(
      request.vchannel,
      () => {
        this.#tables.channel(request.vchannel);
        return this.#growing.find(request) === undefined ? { segments: [meta] } : undefined;
      },
      [epochHolds],
    );
    this.#growing.watch();
    const open = isNew ? meta : this.#growing.find(request);
    // Sealed again meanwhile: the owner asks once more.
    if (open === undefined) throw serviceUnavailable(`the growing segment of ${request.vchannel} was sealed`);
    return { segmentId: open.id, rowsMax };
  }

  async reportSegments(
    _ctx: CallContext,
    request: SegmentReport,
  ): Promise<{ readonly seal: readonly SegmentId[] }> {
    this.#checkEpoch(request.vchannel, request.epoch);
    for (const { id, rows } of request.ended) this.#compactions.noteEnded(id, rows);
    if (request.ended.length > 0) this.#compactions.consider(request.vchannel);
    return { seal: this.#growing.report(request) };
  }

  async sealSegments(
    _ctx: CallContext,
    request: {
      readonly vchannel: VChannel;
      readonly epoch: Epoch;
      readonly segments: readonly { readonly id: SegmentId; readonly rows: number }[];
    },
  ): Promise<void> {
    const epochHolds = await compareEpoch(this.#tables.catalog, request.vchannel, request.epoch);
    const rowsOf = new Map(request.segments.map(({ id, rows }) => [id, rows]));
    const advance = (from: SegmentState, to: SegmentState) => (): DataChange | undefined => {
      const segments = request.segments.flatMap(({ id }) => {
        const meta = this.#tables.findSegment(id);
        return meta?.state === from ? [{ ...meta, state: to, rows: rowsOf.get(id) ?? meta.rows }] : [];
      });
      return segments.length === 0 ? undefined : { segments };
    };
    await this.#tables.change(request.vchannel, advance("Growing", "Sealed"), [epochHolds]);
    await this.#deps.faults.point("seal.after-metadata");
    await this.#tables.change(request.vchannel, advance("Sealed", "Flushing"), [epochHolds]);
  }

  async beginFlush(
    ctx: CallContext,
    { vchannel, epoch }: { readonly vchannel: VChannel; readonly epoch: Epoch },
  ): Promise<{ readonly attempt: bigint }> {
    const attempt = await this.#deps.rootCoord.allocId(ctx, { count: 1 });
    // An owner of before must not end the attempt of the present one.
    await compareEpoch(this.#tables.catalog, vchannel, epoch);
    this.#tables.channel(vchannel);
    this.#attempts.beginFlush(vchannel, attempt);
    return { attempt };
  }

  async commitFlush(_ctx: CallContext, request: CommitFlushRequest): Promise<void> {
    const { vchannel, attempt } = request;
    await this.#attempts.commitFlush(vchannel, attempt, async () => this.#commitFlush(request));
    this.#deps.tasks.spawn(`after flush ${vchannel}`, async () => this.#changed(vchannel, false));
  }

  async #commitFlush({
    vchannel,
    epoch,
    segments,
    deltaLogs,
    checkpoint,
  }: CommitFlushRequest): Promise<void> {
    const epochHolds = await compareEpoch(this.#tables.catalog, vchannel, epoch);
    await this.#tables.change(vchannel, () => {
      const channel = this.#tables.channel(vchannel);
      const isFurther = checkpoint.position > channel.checkpoint.position;
      return {
        segments: segments.flatMap((flushed) => this.#flushed(flushed)),
        addDeltas: deltaLogs,
        channels: [{ ...channel, epoch, checkpoint: isFurther ? checkpoint : channel.checkpoint }],
      };
    }, [epochHolds]);
    this.#metrics.flushed(segments.length);
  }

  async flush(
    ctx: CallContext,
    request: { readonly collectionIds: readonly CollectionId[] },
  ): Promise<readonly FlushResult[]> {
    const collectionIds =
      request.collectionIds.length > 0
        ? request.collectionIds
        : [...new Set(this.#tables.channels().map((meta) => meta.collectionId))];
    return Promise.all(collectionIds.map(async (collectionId) => this.#flushCollection(ctx, collectionId)));
  }

  async getFlushState(
    _ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly segmentIds: readonly SegmentId[];
      readonly flushedAt: Timestamp;
    },
  ): Promise<{ readonly flushed: boolean }> {
    const pending = (meta: SegmentMeta | undefined): boolean =>
      meta !== undefined &&
      (meta.state === "Sealed" || meta.state === "Flushing" || meta.state === "Growing");
    if (request.segmentIds.some((id) => pending(this.#tables.findSegment(id)))) return { flushed: false };
    const older = this.#tables
      .segmentsOf(request.collectionId)
      .filter((meta) => pending(meta) && meta.minTimestamp <= request.flushedAt && meta.state !== "Growing");
    return { flushed: request.flushedAt === TIMESTAMP_ZERO || older.length === 0 };
  }

  // Readers

  async getTarget(
    _ctx: CallContext,
    request: { readonly vchannel: VChannel; readonly reader: NodeId },
  ): Promise<ChannelTarget> {
    const { checkpoint, collectionId, emptied } = this.#tables.channel(request.vchannel);
    const segments = this.#tables.segmentsOn(request.vchannel);
    return {
      vchannel: request.vchannel,
      collectionId,
      version: this.#tables.version(request.vchannel),
      startPosition: checkpoint.position,
      startTimestamp: checkpoint.timestamp,
      epoch: checkpoint.epoch,
      segments: segments.filter((meta) => meta.state === "Flushed"),
      gone: segments
        .filter((meta) => meta.state === "Compacted" || meta.state === "Dropped")
        .map((meta) => meta.id),
      emptied,
      deltaLogs: this.#tables.deltasOn(request.vchannel),
    };
  }

  async reportTargets(
    _ctx: CallContext,
    request: {
      readonly reader: NodeId;
      readonly targets: readonly { readonly vchannel: VChannel; readonly version: bigint }[];
    },
  ): Promise<void> {
    this.#readers.note(request.reader, request.targets);
  }

  async listSegments(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly SegmentMeta[]> {
    return this.#tables.segmentsOf(request.collectionId).filter(isLive);
  }

  async getStatistics(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly { readonly partitionId: PartitionId; readonly rows: number }[]> {
    const rows = new Map<PartitionId, number>();
    for (const meta of this.#tables.segmentsOf(request.collectionId)) {
      if (isLive(meta)) rows.set(meta.partitionId, (rows.get(meta.partitionId) ?? 0) + meta.rows);
    }
    return [...rows].map(([partitionId, count]) => ({ partitionId, rows: count }));
  }

  // Compaction

  async manualCompaction(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly major: boolean },
  ): Promise<{ readonly compactionId: PlanId; readonly plans: number }> {
    return this.#compactions.manual(request.collectionId);
  }

  async getCompactionState(
    _ctx: CallContext,
    request: { readonly compactionId: PlanId },
  ): Promise<CompactionState> {
    return this.#compactions.state(request.compactionId);
  }

  #checkEpoch(vchannel: VChannel, epoch: Epoch): void {
    const current = this.#tables.channel(vchannel).epoch;
    if (epoch < current) throw fenced({ of: `channel ${vchannel}`, held: epoch, current });
  }

  #flushed(flushed: FlushedSegment): readonly SegmentMeta[] {
    const meta = this.#tables.findSegment(flushed.id);
    // A drop or truncation in the meantime wins; a repetition changes nothing.
    if (meta?.state !== "Flushing") return [];
    if (flushed.manifest === undefined)
      return [{ ...meta, state: "Dropped", rows: 0, droppedAtMs: this.#deps.clock.nowMs() }];
    return [
      {
        ...meta,
        state: "Flushed",
        rows: flushed.rows,
        bytes: flushed.bytes,
        startPosition: flushed.startPosition,
        flushedPosition: flushed.flushedPosition,
        minTimestamp: flushed.minTimestamp,
        maxTimestamp: flushed.maxTimestamp,
        deletesAppliedTo: flushed.deletesAppliedTo,
        historyFrom: flushed.historyFrom,
        schemaVersion: flushed.schemaVersion,
        manifest: flushed.manifest,
      },
    ];
  }

  async #flushCollection(ctx: CallContext, collectionId: CollectionId): Promise<FlushResult> {
    const flushed = this.#tables
      .segmentsOf(collectionId)
      .filter((meta) => meta.state === "Flushed")
      .map((meta) => meta.id);
    const sealing: SegmentId[] = [];
    for (const { vchannel } of this.#tables.channelsOf(collectionId))
      sealing.push(...(await this.#sealAtOwner(vchannel, [], ctx)));
    const flushedAt = await this.#deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
    return { collectionId, sealing, flushed, flushedAt };
  }

  async #sealAtOwner(
    vchannel: VChannel,
    segmentIds: readonly SegmentId[],
    ctx = this.#deps.context(),
  ): Promise<readonly SegmentId[]> {
    const location = await this.#assigner.locate(ctx, vchannel);
    const owner = this.#deps.connectDataNode(location.owner, location.address);
    return (await owner.sealSegments(ctx, { vchannel, segmentIds })).sealed;
  }

  async #dropSegments(vchannel: VChannel, matches: (meta: SegmentMeta) => boolean): Promise<void> {
    const droppedAtMs = this.#deps.clock.nowMs();
    const next = (): DataChange | undefined => {
      const dropped = this.#tables.segmentsOn(vchannel).filter(matches).slice(0, SEGMENTS_PER_TXN);
      if (dropped.length === 0) return undefined;
      this.#compactions.forget(dropped.map((meta) => meta.id));
      return { segments: dropped.map((meta) => ({ ...meta, state: "Dropped", droppedAtMs })) };
    };
    while (await this.#tables.change(vchannel, next));
  }

  /** The channel's target has changed: the owner (when it was not its own doing), readers and indexes follow. */
  async #changed(vchannel: VChannel, tellOwner: boolean): Promise<void> {
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined || channel.dropped) return;
    const ctx = this.#deps.context();
    if (tellOwner) {
      const owner = this.#deps.sessions.live("datanode").find((session) => session.nodeId === channel.owner);
      if (owner !== undefined)
        await this.#deps.connectDataNode(owner.nodeId, owner.address).syncTarget(ctx, { vchannel });
    }
    await this.#deps.queryCoord.targetChanged(ctx, { vchannel });
    await this.#deps.indexCoord.segmentsChanged(ctx, { collectionId: channel.collectionId });
    await this.#garbage.truncateLog(vchannel);
    this.#compactions.consider(vchannel);
  }
}

export interface StoredData {
  readonly collections: number;
  readonly segments: number;
  /** In those segments: versions that a later one has ended count, too. */
  readonly rows: number;
}

const SEGMENTS_PER_TXN = 100;

function isLive(meta: SegmentMeta): boolean {
  return meta.state !== "Compacted" && meta.state !== "Dropped";
}
