/** Segment life: states only move forward; each transition is one metadata transaction. */
export const SEGMENT_STATES = ["Growing", "Sealed", "Flushing", "Flushed", "Compacted", "Dropped"] as const;
export type SegmentState = (typeof SEGMENT_STATES)[number];

const allowed: Readonly<Record<SegmentState, readonly SegmentState[]>> = {
  Growing: ["Sealed", "Dropped"],
  Sealed: ["Flushing", "Dropped"],
  Flushing: ["Flushed", "Dropped"],
  Flushed: ["Compacted", "Dropped"],
  Compacted: ["Dropped"],
  Dropped: [],
};

export function canTransition(from: SegmentState, to: SegmentState): boolean {
  return allowed[from].includes(to);
}

/** Milvus's wire numbers (common.proto SegmentState); Compacted shows as Dropped there. */
export const SEGMENT_STATE_CODES: Readonly<Record<SegmentState, number>> = {
  Growing: 2,
  Sealed: 3,
  Flushing: 5,
  Flushed: 4,
  Compacted: 6,
  Dropped: 6,
};
