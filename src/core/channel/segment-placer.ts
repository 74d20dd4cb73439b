import type { PartitionId, SegmentId } from "../../model/ids.ts";

/** A segment that rows are being placed in. */
interface Open {
  readonly segmentId: SegmentId;
  readonly rowsMax: number;
  rows: number;
}

export interface PlacerDeps {
  /** A growing segment with room, none of the excluded ones. */
  readonly alloc: (
    partitionId: PartitionId,
    rows: number,
    bytes: number,
    excluded: readonly SegmentId[],
  ) => Promise<{ readonly segmentId: SegmentId; readonly rowsMax: number }>;
  /** The segment takes no more rows: seal and flush it. */
  readonly full: (segmentId: SegmentId) => Promise<void>;
}

/**
 * Chooses the growing segment of each batch: one open segment per partition, used until it is full or retired. A retired
 * segment never gets a row again: its flush has begun, or is about to.
 */
export class SegmentPlacer {
  readonly #deps: PlacerDeps;
  readonly #open = new Map<PartitionId, Open>();
  readonly #retired = new Set<SegmentId>();

  constructor(deps: PlacerDeps) {
    this.#deps = deps;
  }

  async place(partitionId: PartitionId, rows: number, bytes: number): Promise<SegmentId> {
    const known = this.#open.get(partitionId);
    if (known !== undefined && known.rows > 0 && known.rows + rows > known.rowsMax) {
      this.retire([known.segmentId]);
      await this.#deps.full(known.segmentId);
    }
    for (;;) {
      const open = this.#open.get(partitionId) ?? (await this.#openAnother(partitionId, rows, bytes));
      // It may have been retired while it was asked for.
      if (this.#retired.has(open.segmentId)) continue;
      this.#open.set(partitionId, open);
      open.rows += rows;
      return open.segmentId;
    }
  }

  /** Rows go elsewhere from now on. */
  retire(segmentIds: Iterable<SegmentId>): void {
    for (const segmentId of segmentIds) this.#retired.add(segmentId);
    for (const [partitionId, open] of this.#open) {
      if (this.#retired.has(open.segmentId)) this.#open.delete(partitionId);
    }
  }

  /** All that are open; returns them. */
  retireAll(): readonly SegmentId[] {
    const ids = [...this.#open.values()].map((open) => open.segmentId);
    this.retire(ids);
    return ids;
  }

  /** They are flushed: nobody will offer them again. */
  forget(segmentIds: Iterable<SegmentId>): void {
    for (const segmentId of segmentIds) this.#retired.delete(segmentId);
  }

  async #openAnother(partitionId: PartitionId, rows: number, bytes: number): Promise<Open> {
    return { ...(await this.#deps.alloc(partitionId, rows, bytes, [...this.#retired])), rows: 0 };
  }
}
