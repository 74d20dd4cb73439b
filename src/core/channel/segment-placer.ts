import type { PartitionId, SegmentId } from "../../model/ids.ts";

/** A segment that rows are being placed in. */
interface Open {
  readonly segmentId: SegmentId;
  readonly rowsMax: number;
  rows: number;
}

export interface PlacerDeps {
  readonly alloc: (
    partitionId: PartitionId,
    rows: number,
    bytes: number,
  ) => Promise<{ readonly segmentId: SegmentId; readonly rowsMax: number }>;
  /** The segment takes no more rows: seal and flush it. Must make `alloc` answer with another one. */
  readonly full: (segmentId: SegmentId) => Promise<void>;
}

/** Chooses the growing segment of each batch: one open segment per partition, used until it is full or retired. */
export class SegmentPlacer {
  readonly #deps: PlacerDeps;
  readonly #open = new Map<PartitionId, Open>();

  constructor(deps: PlacerDeps) {
    this.#deps = deps;
  }

  async place(partitionId: PartitionId, rows: number, bytes: number): Promise<SegmentId> {
    let open = this.#open.get(partitionId);
    if (open !== undefined && open.rows > 0 && open.rows + rows > open.rowsMax) {
      this.#open.delete(partitionId);
      await this.#deps.full(open.segmentId);
      open = undefined;
    }
    if (open === undefined) {
      open = { ...(await this.#deps.alloc(partitionId, rows, bytes)), rows: 0 };
      this.#open.set(partitionId, open);
    }
    open.rows += rows;
    return open.segmentId;
  }

  /** Rows go elsewhere from now on. */
  retire(segmentIds: ReadonlySet<SegmentId>): void {
    for (const [partitionId, open] of this.#open) {
      if (segmentIds.has(open.segmentId)) this.#open.delete(partitionId);
    }
  }

  retireAll(): void {
    this.#open.clear();
  }
}
