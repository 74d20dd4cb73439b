import type { CompactionPlan, CompactionState, FlushedSegment } from "../../api/data-coord.ts";
import { planCompactions, type PlannedCompaction } from "../../core/compaction/plan-compactions.ts";
import { compareEpoch } from "../../core/catalog/channel-epoch.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import {
  segmentId,
  planId,
  type CollectionId,
  type FieldId,
  type PlanId,
  type SegmentId,
  type VChannel,
} from "../../model/ids.ts";
import type { ChannelMeta, SegmentMeta } from "../../model/segment-meta.ts";
import { expiredUpTo, TTL_FIELD_KEY } from "../../model/expiry.ts";
import { composeTimestamp, msBefore, type Timestamp } from "../../model/timestamp.ts";
import type { CallContext } from "../../model/call-context.ts";
import { fieldByName } from "../../model/schema.ts";
import type { CompactionResult } from "../../api/data-node.ts";
import type { ChannelAssigner } from "./channel-assigner.ts";
import type { DataCoordDeps } from "./data-coord-deps.ts";
import type { DataCoordMetrics } from "./data-coord-metrics.ts";
import type { DataTables } from "./data-tables.ts";
import type { WriteAttempts } from "./write-attempts.ts";

/**
 * Decides on compactions, has the owners carry them out and commits them. A plan lives in memory only: after a crash its inputs
 * are as they were, and its files are collected as orphans.
 */
export class CompactionRunner {
  readonly #deps: DataCoordDeps;
  readonly #tables: DataTables;
  readonly #assigner: ChannelAssigner;
  readonly #attempts: WriteAttempts;
  readonly #metrics: DataCoordMetrics;
  readonly #committed: (vchannel: VChannel) => Promise<void>;
  readonly #busy = new Set<SegmentId>();
  readonly #endedRows = new Map<SegmentId, number>();
  readonly #triggers = new Map<PlanId, Trigger>();
  /** Compactions under way, by reason. */
  readonly #running = new Map<PlannedCompaction["reason"], number>();

  constructor(
    deps: DataCoordDeps,
    tables: DataTables,
    assigner: ChannelAssigner,
    attempts: WriteAttempts,
    metrics: DataCoordMetrics,
    committed: (vchannel: VChannel) => Promise<void>,
  ) {
    this.#deps = deps;
    this.#tables = tables;
    this.#assigner = assigner;
    this.#attempts = attempts;
    this.#metrics = metrics;
    this.#committed = committed;
  }

  noteEnded(id: SegmentId, rows: number): void {
    if (this.#tables.findSegment(id)?.state === "Flushed") this.#endedRows.set(id, rows);
  }

  /** Segments that ended otherwise than by a compaction. */
  forget(ids: readonly SegmentId[]): void {
    for (const id of ids) this.#endedRows.delete(id);
  }

  /** Looks at a channel after something changed there. */
  consider(vchannel: VChannel): void {
    if (!this.#deps.limits.compactionEnabled) return;
    this.#deps.tasks.spawn(`consider compaction ${vchannel}`, async (signal) => {
      await this.#start(vchannel, false, undefined, signal);
    });
  }

  /** Asked for by hand: returns the id under which its progress is known. */
  async manual(
    collectionId: CollectionId,
  ): Promise<{ readonly compactionId: PlanId; readonly plans: number }> {
    const compactionId = planId(await this.#deps.rootCoord.allocId(this.#deps.context(), { count: 1 }));
    const trigger: Trigger = { executing: 0, completed: 0, failed: 0, plans: [] };
    this.#triggers.set(compactionId, trigger);
    if (this.#triggers.size > TRIGGERS_MAX) {
      const oldest = this.#triggers.keys().next();
      if (oldest.done !== true) this.#triggers.delete(oldest.value);
    }
    let plans = 0;
    for (const { vchannel } of this.#tables.channelsOf(collectionId)) {
      plans += await this.#start(vchannel, true, trigger, this.#deps.context().signal);
    }
    return { compactionId, plans };
  }

  state(compactionId: PlanId): CompactionState {
    const trigger = this.#triggers.get(compactionId);
    if (trigger === undefined)
      return { state: "Undefined", executing: 0, completed: 0, failed: 0, timedOut: 0, plans: [] };
    const { executing, completed, failed, plans } = trigger;
    return {
      state: executing > 0 ? "Executing" : "Completed",
      executing,
      completed,
      failed,
      timedOut: 0,
      plans: [...plans],
    };
  }

  async #start(
    vchannel: VChannel,
    manual: boolean,
    trigger: Trigger | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined || channel.dropped) return 0;
    const segments = this.#tables
      .segmentsOn(vchannel)
      .filter((meta) => meta.state === "Flushed" && !this.#busy.has(meta.id));
    if (segments.length === 0) return 0;
    // Only what is worth a plan: the plan itself takes a timestamp.
    const now = composeTimestamp(BigInt(Math.floor(this.#deps.clock.nowMs())), 0n);
    const { dropBegunUpTo, expiryField } = await this.#expiry(channel.collectionId, now, signal);
    const unseen = await this.#unseenRows(vchannel, expiryField, this.#retainedFrom(now), signal);
    const planned = planCompactions(
      {
        segments,
        endedRows: new Map([...this.#endedRows, ...unseen]),
        deltaLogs: this.#tables.deltasOn(vchannel).map((delta) => delta.to),
        resting: this.#resting(segments),
        dropBegunUpTo,
        manual,
      },
      this.#deps.limits.compaction,
    );
    let started = 0;
    const waiting = [...planned];
    while (waiting.length > 0) {
      if (!manual && this.#runningCount() >= this.#deps.limits.compactionsParallelMax) break;
      const plan = this.#takeNext(waiting);
      for (const meta of plan.inputs) this.#busy.add(meta.id);
      this.#noteRunning(plan.reason, 1);
      started += 1;
      if (trigger !== undefined) trigger.executing += 1;
      this.#deps.tasks.spawn(
        `compact ${plan.reason} ${vchannel}`,
        async (taskSignal) => this.#run(vchannel, plan, trigger, taskSignal),
        { restarts: 0 },
      );
    }
    return started;
  }

  /** Of the reason with the fewest under way, so that none starves another. */
  #takeNext(waiting: PlannedCompaction[]): PlannedCompaction {
    const running = ({ reason }: PlannedCompaction): number => this.#running.get(reason) ?? 0;
    const next = waiting.reduce((best, plan) => (running(plan) < running(best) ? plan : best));
    waiting.splice(waiting.indexOf(next), 1);
    return next;
  }

  #noteRunning(reason: PlannedCompaction["reason"], change: 1 | -1): void {
    this.#running.set(reason, (this.#running.get(reason) ?? 0) + change);
  }

  #runningCount(): number {
    return [...this.#running.values()].reduce((sum, count) => sum + count, 0);
  }

  async #run(
    vchannel: VChannel,
    planned: PlannedCompaction,
    trigger: Trigger | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, logger } = this.#deps;
    const startedMs = clock.monotonicMs();
    const log = { vchannel, reason: planned.reason, inputs: planned.inputs.map(({ id }) => id) };
    try {
      const output = await this.#carryOut(vchannel, planned, signal);
      const durationMs = clock.monotonicMs() - startedMs;
      this.#metrics.compacted(planned.reason, "success", durationMs);
      logger.info("compaction done", { ...log, output, durationMs });
      if (trigger !== undefined) {
        trigger.completed += 1;
        trigger.plans.push({ sources: planned.inputs.map((meta) => meta.id), target: output });
      }
    } catch (error) {
      this.#metrics.compacted(planned.reason, "fail", clock.monotonicMs() - startedMs);
      logger.warn("compaction failed", { ...log, error });
      if (trigger !== undefined) trigger.failed += 1;
      // Tried again when the channel is considered next; a fenced owner or a full disk is nobody's bug.
      if (!isRedkiteError(error)) throw error;
    } finally {
      this.#noteRunning(planned.reason, -1);
      if (trigger !== undefined) trigger.executing -= 1;
      for (const meta of planned.inputs) this.#busy.delete(meta.id);
    }
  }

  async #carryOut(vchannel: VChannel, planned: PlannedCompaction, signal: AbortSignal): Promise<SegmentId> {
    const ctx = this.#deps.context(signal);
    const { collectionId } = this.#tables.channel(vchannel);
    const first = await this.#deps.rootCoord.allocId(ctx, { count: 2 });
    const location = await this.#assigner.locate(ctx, vchannel);
    const now = await this.#deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined });
    const plan: CompactionPlan = {
      id: planId(first),
      collectionId,
      partitionId: planned.partitionId,
      vchannel,
      epoch: location.epoch,
      inputs: planned.inputs,
      deltaLogs: this.#tables.deltasOn(vchannel),
      outputId: segmentId(first + 1n),
      dropEndedUpTo: this.#retainedFrom(now),
      ...(await this.#expiry(collectionId, now, signal)),
      deletesTo: now,
    };
    const owner = this.#deps.connectDataNode(location.owner, location.address);
    await this.#attempts.during(plan.id, async () => {
      const result = await owner.compact(ctx, plan);
      await this.#withIndexes(ctx, madeSegment(plan, result.output, { at: now, createdAtMs: 0 }), async () =>
        this.#commit(plan, result),
      );
    });
    await this.#committed(vchannel);
    return plan.outputId;
  }

  /** Commits when the output has its indexes; without those that cannot be built now, which follow as they would for any segment. */
  async #withIndexes(
    ctx: CallContext,
    made: SegmentMeta | undefined,
    commit: () => Promise<void>,
  ): Promise<void> {
    if (made === undefined) return commit();
    const { indexCoord, logger } = this.#deps;
    const { id, collectionId } = made;
    let committed = false;
    try {
      try {
        await indexCoord.buildAhead(ctx, { segment: made });
      } catch (error) {
        ctx.signal.throwIfAborted();
        logger.warn("indexes of a compaction's output follow later", { segment: id, error });
      }
      await commit();
      committed = true;
    } finally {
      await indexCoord.endAhead(this.#deps.context(), { segmentId: id });
      // What was built for nothing goes. Behind a commit everyone hears of the change anyway.
      if (!committed) await indexCoord.segmentsChanged(this.#deps.context(), { collectionId });
    }
  }

  /** Inputs end and the output begins in one transaction. */
  async #commit(plan: CompactionPlan, { output }: CompactionResult): Promise<void> {
    const epochHolds = await compareEpoch(this.#tables.catalog, plan.vchannel, plan.epoch);
    const droppedAtMs = this.#deps.clock.nowMs();
    const at = await this.#deps.rootCoord.allocTimestamp(this.#deps.context(), {
      count: 1,
      owner: undefined,
    });
    await this.#deps.faults.point("compaction.before-commit");
    const made = madeSegment(plan, output, { at, createdAtMs: droppedAtMs });
    await this.#tables.change(
      plan.vchannel,
      () => {
        const inputs = plan.inputs.map((meta) => this.#tables.segment(meta.id));
        // A drop of the partition or a truncation in the meantime wins: the output would bring its rows back.
        if (inputs.some((meta) => meta.state !== "Flushed")) return undefined;
        const ended = inputs.map((meta): SegmentMeta => ({
          ...meta,
          state: "Compacted",
          compactedInto: made === undefined ? [] : [made.id],
          droppedAtMs,
        }));
        if (made !== undefined) return { segments: [...ended, made] };
        return {
          segments: ended,
          channels: [withEmptied(this.#tables.channel(plan.vchannel), plan, output)],
        };
      },
      [epochHolds],
    );
    await this.#deps.faults.point("compaction.after-commit");
    for (const meta of plan.inputs) this.#endedRows.delete(meta.id);
  }

  /** A rewrite within the retention of the one before would drop nothing that that one had to keep. */
  #resting(segments: readonly SegmentMeta[]): ReadonlySet<SegmentId> {
    const restsFrom = this.#deps.clock.nowMs() - this.#deps.limits.retentionMs;
    const resting = segments.filter((meta) => meta.compactedFrom.length > 0 && meta.createdAtMs > restsFrom);
    return new Set(resting.map((meta) => meta.id));
  }

  /** No read looks further back. */
  #retainedFrom(now: Timestamp): Timestamp {
    return msBefore(now, this.#deps.limits.retentionMs);
  }

  /** What of a collection expires: rows that began at or below a time, or those whose time in a field has passed. */
  async #expiry(
    collectionId: CollectionId,
    now: Timestamp,
    signal: AbortSignal,
  ): Promise<Pick<CompactionPlan, "dropBegunUpTo" | "expiryField">> {
    const { properties, schema } = await this.#deps.rootCoord.describeCollection(this.#deps.context(signal), {
      by: "id",
      id: collectionId,
    });
    const name = properties[TTL_FIELD_KEY];
    const expiryField = name === undefined ? undefined : fieldByName(schema, name)?.id;
    return { dropBegunUpTo: expiredUpTo(properties, this.#retainedFrom(now)), expiryField };
  }

  /** How many rows of each segment a rewrite would drop, where rows expire one by one; empty elsewhere, or when the owner cannot say now. */
  async #unseenRows(
    vchannel: VChannel,
    expiryField: FieldId | undefined,
    at: Timestamp,
    signal: AbortSignal,
  ): Promise<readonly (readonly [SegmentId, number])[]> {
    if (expiryField === undefined) return [];
    const ctx = this.#deps.context(signal);
    try {
      const { owner, address } = await this.#assigner.locate(ctx, vchannel);
      const unseen = await this.#deps
        .connectDataNode(owner, address)
        .unseenRows(ctx, { vchannel, expiryField, at });
      return unseen.map(({ id, rows }) => [id, rows]);
    } catch (error) {
      if (!isRedkiteError(error)) throw error;
      this.#deps.logger.debug("how many rows have expired is not known now", { vchannel, error });
      return [];
    }
  }
}

/** The record of a compaction's output; undefined when no row is left. */
function madeSegment(
  plan: CompactionPlan,
  output: FlushedSegment,
  { at, createdAtMs }: { readonly at: Timestamp; readonly createdAtMs: number },
): SegmentMeta | undefined {
  const { rows, bytes, startPosition, flushedPosition, minTimestamp, maxTimestamp, manifest } = output;
  if (manifest === undefined) return undefined;
  return {
    id: plan.outputId,
    collectionId: plan.collectionId,
    partitionId: plan.partitionId,
    vchannel: plan.vchannel,
    state: "Flushed",
    rows,
    bytes,
    createdAtMs,
    startPosition,
    flushedPosition,
    minTimestamp,
    maxTimestamp,
    deletesAppliedTo: output.deletesAppliedTo,
    compactedAt: at,
    compactedFrom: plan.inputs.map((meta) => meta.id),
    compactedInto: [],
    historyFrom: output.historyFrom,
    schemaVersion: output.schemaVersion,
    manifest,
    droppedAtMs: undefined,
  };
}

/** Nothing is left that could say of itself which reads are too old. */
function withEmptied(
  channel: ChannelMeta,
  { partitionId }: CompactionPlan,
  { historyFrom }: FlushedSegment,
): ChannelMeta {
  const before = channel.emptied.find((entry) => entry.partitionId === partitionId);
  if (before !== undefined && before.historyFrom >= historyFrom) return channel;
  const others = channel.emptied.filter((entry) => entry !== before);
  return { ...channel, emptied: [...others, { partitionId, historyFrom }] };
}

/** Manual compactions whose state is remembered. */
const TRIGGERS_MAX = 1024;

interface Trigger {
  executing: number;
  completed: number;
  failed: number;
  readonly plans: { readonly sources: readonly SegmentId[]; readonly target: SegmentId }[];
}
