import { partitionNotLoaded } from "../../errors/meta-errors.ts";
import { staleRead } from "../../errors/service-errors.ts";
import type { CompiledFilter } from "../../expr/compile-filter.ts";
import { externalBitmaps } from "../../expr/external-bitset.ts";
import type { PartitionId } from "../../model/ids.ts";
import type { ReadScope } from "../../model/read.ts";
import type { FilterInput, Segment, Visibility } from "../../ports/engine.ts";
import { historyFrom, type History, type ReadableSegment } from "../shard/shard-view.ts";

/** A shard as it can be read: on the thread that applies its log, or on another one of the process. */
export interface ReadableShard {
  readonly segments: readonly ReadableSegment[];
  readonly history: History;
  /** Of partitions of which compactions dropped row versions without leaving a segment that says so. */
  readonly emptied: History;
  /** Undefined: all partitions. */
  readonly loaded: ReadonlySet<PartitionId> | undefined;
}

/**
 * A read as it is to be carried out here: without what a truncation took away that whoever asks did not know of yet.
 * A read from before the truncation is refused.
 */
export function narrowed<Scope extends ReadScope>({ history }: ReadableShard, scope: Scope): Scope {
  const truncatedAt = history.get(undefined);
  return truncatedAt === undefined || truncatedAt <= scope.minBegin
    ? scope
    : { ...scope, minBegin: truncatedAt };
}

/**
 * The segments that a read looks into. Refuses a read at a timestamp whose rows are partly gone, and partitions
 * that are not loaded; leaves out segments that cannot hold a visible row, and those of dropped partitions.
 */
export function readableSegments(
  { segments, history, emptied, loaded }: ReadableShard,
  scope: ReadScope,
): readonly ReadableSegment[] {
  const wanted = scope.partitionIds === undefined ? loaded : new Set(scope.partitionIds);
  if (loaded !== undefined && wanted !== undefined) {
    const missing = [...wanted, ...(scope.mustBeLoaded ?? [])].filter((id) => !loaded.has(id));
    if (missing.length > 0) throw partitionNotLoaded(missing);
  }
  for (const gone of [history, emptied]) {
    if (wanted === undefined) for (const oldest of gone.values()) refuseStale(scope, oldest);
    else for (const partitionId of wanted) refuseStale(scope, historyFrom(gone, partitionId));
  }
  const readable: ReadableSegment[] = [];
  for (const entry of segments) {
    if (wanted !== undefined && !wanted.has(entry.partitionId)) continue;
    // The read is at or after the drop; the segments go when DataCoord has heard of it.
    if (history.has(entry.partitionId)) continue;
    if (entry.kind === "growing") {
      if (!scope.ignoreGrowing && entry.minTimestamp <= scope.readAt) readable.push(entry);
      continue;
    }
    refuseStale(scope, entry.meta.historyFrom);
    if (entry.meta.minTimestamp <= scope.readAt && entry.meta.maxTimestamp > scope.minBegin)
      readable.push(entry);
  }
  return readable;
}

export function visibilityOf(scope: ReadScope): Visibility {
  return { at: scope.readAt, minBegin: scope.minBegin };
}

/** The filter as the engine runs it over one segment; undefined when it lets every row through. */
export function filterInput(filter: CompiledFilter, segment: Segment): FilterInput | undefined {
  if (filter.kind === "always-true") return undefined;
  const { rows } = segment;
  const externals = externalBitmaps(filter.externals, {
    rows,
    column: (field) => segment.column(field, rows),
  });
  return { program: filter.program, externals };
}

function refuseStale(scope: ReadScope, oldest: bigint): void {
  if (scope.readAt < oldest) throw staleRead({ timestamp: scope.readAt, oldest });
}
