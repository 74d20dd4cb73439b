import { channelNotAvailable } from "../../errors/meta-errors.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { compact } from "../../core/channel/compactor.ts";
import { countUnseen } from "../../core/channel/gone-rows.ts";
import { ChannelWriter } from "../../core/channel/channel-writer.ts";
import { Flusher } from "../../core/channel/flusher.ts";
import { SegmentPlacer } from "../../core/channel/segment-placer.ts";
import type { OpenShard } from "../../core/shard/shard-registry.ts";
import type { DdlRecord } from "../../format/log-record.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { Epoch, FieldId, SegmentId, VChannel } from "../../model/ids.ts";
import { timestamp, TIMESTAMP_MAX, TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { WriteBatch, WriteResult } from "../../model/write-batch.ts";
import type { CompactionPlan, FlushedSegment } from "../../api/data-coord.ts";
import type { DdlIntent } from "../../api/root-coord.ts";
import type { Timer } from "../../ports/clock.ts";
import type { TaskHandle } from "../../ports/executor.ts";
import { keyCount } from "../../model/columns.ts";
import type { DataNodeDeps } from "./data-node-deps.ts";
import type { DataNodeMetrics } from "./data-node-metrics.ts";

const NOTHING_STORED = { segments: [], deltaLogs: [] } as const;

/**
 * One vchannel that this node owns under one epoch: writer, placement of rows in segments, flushes, compactions.
 * Opened by a take-over: the epoch is raised at RootCoord, then an epoch record goes into the log, and serving begins when it has come
 * back: then everything before it is applied here, and no record of an older epoch behind it counts.
 */
export class OwnedChannel {
  readonly vchannel: VChannel;
  readonly epoch: Epoch;
  readonly #deps: DataNodeDeps;
  readonly #metrics: DataNodeMetrics;
  readonly #shard: OpenShard;
  readonly #writer: ChannelWriter;
  readonly #placer: SegmentPlacer;
  readonly #flusher: Flusher;
  readonly #tasks = new Set<TaskHandle>();
  /** Segments that a flush under way or waiting has; another request to seal them would write them again. */
  readonly #flushing = new Set<SegmentId>();
  #stopped = false;
  #watchingPauses = false;
  #reportTimer: Timer | undefined;
  /** Changes appended under this epoch. Met a second time from an earlier owner, a change does nothing further. */
  readonly #ddlDone = new Map<bigint, bigint>();

  constructor(deps: DataNodeDeps, metrics: DataNodeMetrics, shard: OpenShard, epoch: Epoch) {
    this.#deps = deps;
    this.#metrics = metrics;
    this.#shard = shard;
    this.vchannel = shard.vchannel;
    this.epoch = epoch;
    const { state } = shard;
    this.#placer = new SegmentPlacer({
      alloc: async (partitionId, rows, bytes, excluded) =>
        this.#asOwner(
          deps.dataCoord.allocSegment(deps.context(), {
            collectionId: state.collectionId,
            partitionId,
            vchannel: this.vchannel,
            epoch,
            rows,
            bytes,
            excluded,
          }),
        ),
      full: async (segmentId) => this.#markSealed([segmentId]),
    });
    this.#flusher = new Flusher(
      {
        engine: deps.engine,
        objects: deps.objects,
        files: deps.files,
        faults: deps.faults,
        allocId: async () => deps.rootCoord.allocId(deps.context(), { count: 1 }),
        begin: async () => {
          const { vchannel } = this;
          const begun = deps.dataCoord.beginFlush(deps.context(), { vchannel, epoch });
          return (await this.#asOwner(begun)).attempt;
        },
        commit: async (commit) =>
          deps.dataCoord.commitFlush(deps.context(), { vchannel: this.vchannel, epoch, ...commit }),
      },
      state,
    );
    this.#writer = new ChannelWriter(
      {
        stream: deps.stream,
        nodeId: deps.nodeId,
        allocTimestamp: async (count, held) =>
          this.#asOwner(
            deps.rootCoord.allocTimestamp(deps.context(), {
              count,
              owner: { vchannel: this.vchannel, epoch: held },
            }),
          ),
        allocSegment: async (partitionId, rows, bytes) => this.#placer.place(partitionId, rows, bytes),
        spawn: (name, run) => this.#spawn(name, run),
        ...deps.writerLimits,
      },
      state,
      epoch,
    );
  }

  static async open(
    deps: DataNodeDeps,
    metrics: DataNodeMetrics,
    ctx: CallContext,
    vchannel: VChannel,
  ): Promise<OwnedChannel> {
    const epoch = await deps.rootCoord.raiseEpoch(ctx, { vchannel, owner: deps.nodeId });
    const shard = await deps.shards.acquire(vchannel, ctx.signal);
    const channel = new OwnedChannel(deps, metrics, shard, epoch);
    try {
      await channel.#begin(ctx);
      metrics.tookOver();
      deps.logger.info("channel taken over", { vchannel, epoch });
      return channel;
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  /** False once another node has taken the channel over. */
  get serves(): boolean {
    return !this.#stopped && this.#writer.serves;
  }

  /**
   * A call that only the owner may make. Refused because the epoch was raised, the channel serves no more, whoever raised it: a node
   * whose request came late may be gone, and its first record, which would say so in the log, never comes.
   */
  async #asOwner<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isRedkiteError(error, "fenced") && error.fields["of"] === `channel ${this.vchannel}`)
        this.#writer.stop(channelNotAvailable(this.vchannel, "its epoch was raised"));
      throw error;
    }
  }

  async write(batch: WriteBatch): Promise<WriteResult> {
    const result = await this.#writer.write(batch);
    this.#metrics.written({
      inserted: batch.inserts.reduce((sum, { rows }) => sum + rows, 0),
      deleted: batch.deletes.reduce((sum, { keys }) => sum + keyCount(keys), 0) - result.skipped.length,
    });
    this.#scheduleReport();
    return result;
  }

  async closeTimestamp(at: Timestamp): Promise<bigint> {
    return this.#writer.close(at);
  }

  async pause(intent: DdlIntent): Promise<void> {
    if (this.#ddlDone.has(intent.id)) return;
    this.#watchPauses();
    await this.#writer.pause(intent.id);
  }

  /** The change at its timestamp; from then on rows carry its schema and go into new segments. */
  async appendDdl(intent: DdlIntent): Promise<bigint> {
    if (intent.timestamp === undefined) throw new RangeError(`intent ${intent.id} has no timestamp yet`);
    const done = this.#ddlDone.get(intent.id);
    if (done !== undefined) return done;
    const record: DdlRecord = {
      type: "ddl",
      timestamp: intent.timestamp,
      epoch: this.epoch,
      collectionId: intent.collectionId,
      intentId: intent.id,
      kind: intent.kind,
      schemaVersion: intent.schemaVersion,
      partitionId: intent.partitionId as never,
    };
    const position = await this.#writer.appendOwn(record);
    const outdated =
      intent.kind === "alterSchema" ? [...this.#shard.state.growing()].map((entry) => entry.id) : [];
    this.#ddlDone.set(intent.id, position);
    this.#placer.retireAll();
    this.#writer.resume(intent.id);
    if (outdated.length > 0) await this.sealSegments(outdated);
    return position;
  }

  cancelDdl(intentId: bigint): void {
    this.#writer.resume(intentId);
  }

  /**
   * Seals (all growing ones when empty) and begins to flush; the flush itself goes on in the background. Requests to seal everything
   * wait while too many segments wait for their flush: a client that flushes faster than the disk writes would fill the memory.
   */
  async sealSegments(
    segmentIds: readonly SegmentId[],
    signal?: AbortSignal,
  ): Promise<{ readonly sealed: readonly SegmentId[]; readonly at: Timestamp }> {
    if (segmentIds.length === 0) {
      while (this.#flushing.size > FLUSHING_MAX && !this.#stopped)
        await this.#deps.clock.sleep(FLUSHING_PAUSE_MS, signal);
      // Rows in flight may open a segment that is not known yet.
      this.#placer.retireAll();
      await this.#writer.close(TIMESTAMP_ZERO);
    }
    const ids =
      segmentIds.length === 0 ? [...this.#shard.state.growing()].map((entry) => entry.id) : segmentIds;
    await this.#markSealed(ids);
    return { sealed: ids, at: this.#shard.state.appliedTimestamp };
  }

  async advance(signal: AbortSignal): Promise<void> {
    await this.#shard.advance(signal);
  }

  unseenRows(request: {
    readonly expiryField: FieldId;
    readonly at: Timestamp;
  }): readonly { readonly id: SegmentId; readonly rows: number }[] {
    const { state } = this.#shard;
    return [...state.sealed()].flatMap(({ id, ref }) => {
      const rows = countUnseen(ref.segment, state.schema, request);
      return rows === 0 ? [] : [{ id, rows }];
    });
  }

  async compact(plan: CompactionPlan, signal: AbortSignal): Promise<FlushedSegment> {
    const startedMs = this.#deps.clock.monotonicMs();
    const output = await this.#compact(plan, signal);
    this.#metrics.compacted(output, this.#deps.clock.monotonicMs() - startedMs);
    return output;
  }

  async #compact(plan: CompactionPlan, signal: AbortSignal): Promise<FlushedSegment> {
    // DataCoord may know of a flush that this shard has not gone over to yet.
    await this.#shard.advance(signal);
    return compact(
      {
        engine: this.#deps.engine,
        files: this.#deps.files,
        faults: this.#deps.faults,
        seed: Number(plan.id & 0x7fff_ffffn),
      },
      this.#shard.state,
      {
        planId: plan.id,
        inputs: plan.inputs.map((meta) => meta.id),
        outputId: plan.outputId,
        collectionId: plan.collectionId,
        partitionId: plan.partitionId,
        vchannel: plan.vchannel,
        dropEndedUpTo: plan.dropEndedUpTo,
        dropBegunUpTo: plan.dropBegunUpTo,
        expiryField: plan.expiryField,
      },
    );
  }

  /** Finishes what is in flight, then lets the shard go. Nothing is flushed: the log has it. */
  async close(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#reportTimer?.cancel();
    this.#writer.stop(channelNotAvailable(this.vchannel, "its owner closes it"));
    await Promise.all([...this.#tasks].map(async (task) => task.stop()));
    await this.#shard.release();
  }

  async #begin(ctx: CallContext): Promise<void> {
    for (const intent of await this.#deps.rootCoord.openIntents(ctx, { vchannel: this.vchannel }))
      await this.pause(intent);
    const at = timestamp(
      await this.#deps.rootCoord.allocTimestamp(ctx, {
        count: 1,
        owner: { vchannel: this.vchannel, epoch: this.epoch },
      }),
    );
    await this.#writer.appendOwn({
      type: "epoch",
      timestamp: at,
      epoch: this.epoch,
      owner: this.#deps.nodeId,
    });
    // What an earlier owner had sealed but not flushed grows no more: its rows are here, from the log.
    const left = [...this.#shard.state.growing()].map((entry) => entry.id);
    if (left.length > 0) this.#scheduleReport();
  }

  /**
   * What ends a pause may never come: the request was lost, an earlier owner had it, or the one that began the pause came a second
   * time behind it. So while batches are paused RootCoord is asked now and then whether their changes are still under way.
   */
  #watchPauses(): void {
    if (this.#watchingPauses) return;
    this.#watchingPauses = true;
    this.#spawn(`watch pauses ${this.vchannel}`, async (signal) => {
      for (;;) {
        await this.#deps.clock.sleep(PAUSE_CHECK_MS, signal);
        const { pauses } = this.#writer;
        if (pauses.length === 0) break;
        const { vchannel } = this;
        const open = await this.#deps.rootCoord.openIntents(this.#deps.context(signal), { vchannel });
        for (const id of pauses) if (!open.some((intent) => intent.id === id)) this.#writer.resume(id);
      }
      this.#watchingPauses = false;
    });
  }

  /** No row is placed in them any more; they are flushed when those on their way are applied. */
  async #markSealed(wanted: readonly SegmentId[]): Promise<void> {
    const ids = wanted.filter((id) => !this.#flushing.has(id));
    if (ids.length === 0) return;
    for (const id of ids) this.#flushing.add(id);
    this.#placer.retire(new Set(ids));
    this.#spawn(`flush ${this.vchannel}`, async (signal) => {
      await this.#deps.faults.point("seal.before-metadata");
      await this.#writer.close(TIMESTAMP_ZERO);
      const rows = new Map(
        [...this.#shard.state.growing()].map((entry) => [entry.id, entry.ref.segment.rows]),
      );
      await this.#deps.dataCoord.sealSegments(this.#deps.context(signal), {
        vchannel: this.vchannel,
        epoch: this.epoch,
        segments: ids.map((id) => ({ id, rows: rows.get(id) ?? 0 })),
      });
      await this.#flush(ids);
      this.#placer.forget(ids);
      await this.#shard.advance(signal);
      for (const id of ids) this.#flushing.delete(id);
    });
  }

  async #flush(ids: readonly SegmentId[]): Promise<void> {
    const { clock, logger } = this.#deps;
    const startedMs = clock.monotonicMs();
    try {
      const stored = await this.#flusher.flush(ids);
      if (stored === undefined) return;
      const durationMs = clock.monotonicMs() - startedMs;
      this.#metrics.flushed("success", stored, durationMs);
      logger.info("flushed", {
        vchannel: this.vchannel,
        segments: stored.segments.map(({ id }) => id),
        rows: stored.segments.reduce((sum, { rows }) => sum + rows, 0),
        bytes: stored.segments.reduce((sum, { bytes }) => sum + bytes, 0),
        deltaLogs: stored.deltaLogs.length,
        durationMs,
      });
    } catch (error) {
      this.#metrics.flushed("fail", NOTHING_STORED, clock.monotonicMs() - startedMs);
      logger.warn("a flush failed", { vchannel: this.vchannel, segments: ids, error });
      throw error;
    }
  }

  /** Repeated until it succeeds or the channel closes: what it does must be done some time. */
  #spawn(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    if (this.#stopped) return;
    const forget = (): boolean => this.#tasks.delete(handle);
    const handle = this.#deps.tasks.spawn(
      name,
      async (signal) => {
        await run(signal);
        forget();
      },
      { restarts: Number.MAX_SAFE_INTEGER },
    );
    this.#tasks.add(handle);
  }

  /** Tells DataCoord how its growing segments fill, soon after writes and never while nothing changes. */
  #scheduleReport(): void {
    if (this.#reportTimer !== undefined || this.#stopped) return;
    this.#reportTimer = this.#deps.clock.timer(this.#deps.reportIntervalMs, () => {
      this.#reportTimer = undefined;
      this.#spawn(`report ${this.vchannel}`, async (signal) => this.#report(signal));
    });
  }

  async #report(signal: AbortSignal): Promise<void> {
    const segments = [...this.#shard.state.growing()].map((entry) => ({
      id: entry.id,
      rows: entry.ref.segment.rows,
      bytes: entry.ref.segment.memoryBytes,
    }));
    const ended = [...this.#shard.state.sealed()].flatMap((entry) => {
      const rows = entry.ref.segment.endedRows(TIMESTAMP_MAX);
      return rows === 0 ? [] : [{ id: entry.id, rows }];
    });
    const { seal } = await this.#deps.dataCoord.reportSegments(this.#deps.context(signal), {
      vchannel: this.vchannel,
      epoch: this.epoch,
      segments,
      ended,
    });
    if (seal.length > 0) await this.#markSealed(seal);
    else if (this.#shard.state.deltas.bytes > this.#deps.deltaBytesMax) await this.#flush([]);
  }
}

/** Segments of a channel that wait for their flush before requests for more of them wait, too. */
const FLUSHING_MAX = 32;
const FLUSHING_PAUSE_MS = 20;
/** A change takes less, mostly. */
const PAUSE_CHECK_MS = 200;
