import type { PartitionId, SegmentId } from "../../model/ids.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import type { Timestamp } from "../../model/timestamp.ts";

export interface CompactionLimits {
  readonly segmentBytesMax: number;
  /** A segment below this share of the maximum is small. */
  readonly smallShare: number;
  /** So many small segments of a partition are merged. */
  readonly smallMin: number;
  /** Share of ended rows beyond which a segment is rewritten. */
  readonly deletedShareMax: number;
  /** Delta logs of a channel beyond which the segments that need them are rewritten. */
  readonly deltaLogsMax: number;
  readonly inputsMax: number;
}

export interface CompactionCandidates {
  /** Flushed segments of one vchannel that no compaction works on. */
  readonly segments: readonly SegmentMeta[];
  /** Row versions that have ended, by segment, as the owner reported. */
  readonly endedRows: ReadonlyMap<SegmentId, number>;
  /** The newest timestamp in each of the channel's delta logs. */
  readonly deltaLogs: readonly Timestamp[];
  /** Segments that have just been rewritten for their deletes: what is left in them may still be read for a while. */
  readonly resting: ReadonlySet<SegmentId>;
  /** Rows that began at or below it are expired or truncated; 0 when nothing expires. */
  readonly dropBegunUpTo: Timestamp;
  /** Asked for by hand: everything that could gain anything is rewritten. */
  readonly manual: boolean;
}

export interface PlannedCompaction {
  readonly partitionId: PartitionId;
  readonly inputs: readonly SegmentMeta[];
  readonly reason: "deleted" | "expired" | "deltas" | "small";
}

/** Which segments are worth rewriting, each in one plan at most. Pure. */
export function planCompactions(
  candidates: CompactionCandidates,
  limits: CompactionLimits,
): readonly PlannedCompaction[] {
  const planned: PlannedCompaction[] = [];
  const taken = new Set<SegmentId>();
  const plan = (reason: PlannedCompaction["reason"], inputs: readonly SegmentMeta[]): void => {
    const [first] = inputs;
    if (first === undefined) return;
    for (const meta of inputs) taken.add(meta.id);
    planned.push({ partitionId: first.partitionId, inputs, reason });
  };
  const left = (): readonly SegmentMeta[] => candidates.segments.filter((meta) => !taken.has(meta.id));
  const { dropBegunUpTo, manual } = candidates;
  for (const meta of dropBegunUpTo > 0n ? left() : []) {
    if (meta.maxTimestamp <= dropBegunUpTo || (manual && meta.minTimestamp <= dropBegunUpTo))
      plan("expired", [meta]);
  }
  // Before the deleted ones: a merge drops ended rows too, and takes many segments away where a rewrite leaves as many as before.
  for (const small of smallGroups(left(), manual, limits)) plan("small", small);
  for (const meta of left()) {
    if (candidates.resting.has(meta.id)) continue;
    const ended = candidates.endedRows.get(meta.id) ?? 0;
    const share = meta.rows === 0 ? 0 : ended / meta.rows;
    if (share > limits.deletedShareMax || (manual && share > 0)) plan("deleted", [meta]);
  }
  const excess = candidates.deltaLogs.length - limits.deltaLogsMax;
  const passed = candidates.deltaLogs.toSorted((a, b) => (a < b ? -1 : 1))[excess - 1];
  if (passed !== undefined) {
    // Only these keep the surplus logs from going.
    const behind = left()
      .filter((meta) => meta.deletesAppliedTo < passed)
      .toSorted((a, b) => (a.deletesAppliedTo < b.deletesAppliedTo ? -1 : 1));
    for (const meta of behind.slice(0, limits.inputsMax)) plan("deltas", [meta]);
  }
  return planned;
}

/** Small segments of one partition that together fit into one. */
function smallGroups(
  segments: readonly SegmentMeta[],
  manual: boolean,
  limits: CompactionLimits,
): readonly (readonly SegmentMeta[])[] {
  const groups: SegmentMeta[][] = [];
  const byPartition = Map.groupBy(
    segments.filter((meta) => meta.bytes < limits.segmentBytesMax * limits.smallShare),
    (meta) => meta.partitionId,
  );
  for (const small of byPartition.values()) {
    let group: SegmentMeta[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (group.length >= (manual ? 2 : limits.smallMin)) groups.push(group);
      group = [];
      bytes = 0;
    };
    for (const meta of small.toSorted((a, b) => a.bytes - b.bytes)) {
      if (bytes + meta.bytes > limits.segmentBytesMax || group.length >= limits.inputsMax) flush();
      group.push(meta);
      bytes += meta.bytes;
    }
    flush();
  }
  return groups;
}
