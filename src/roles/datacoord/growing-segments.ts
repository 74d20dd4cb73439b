import type { AllocSegmentRequest, SegmentReport } from "../../api/data-coord.ts";
import type { SegmentId, VChannel } from "../../model/ids.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import type { Timer } from "../../ports/clock.ts";
import type { DataCoordDeps } from "./data-coord-deps.ts";
import type { DataTables } from "./data-tables.ts";

/** Which growing segments take rows, and when they have had enough: size and rows on reports, age and idleness by one timer. */
export class GrowingSegments {
  readonly #deps: DataCoordDeps;
  readonly #tables: DataTables;
  readonly #seal: (vchannel: VChannel, ids: readonly SegmentId[]) => Promise<unknown>;
  readonly #grownAtMs = new Map<SegmentId, number>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    deps: DataCoordDeps,
    tables: DataTables,
    seal: (vchannel: VChannel, ids: readonly SegmentId[]) => Promise<unknown>,
  ) {
    this.#deps = deps;
    this.#tables = tables;
    this.#seal = seal;
  }

  start(): void {
    this.watch();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Rows of that size that fit into a segment before it should be sealed. */
  rowsMax(rows: number, bytes: number): number {
    const { segmentBytesMax, sealProportion, segmentRowsMax } = this.#deps.limits;
    const rowBytes = Math.max(1, bytes / Math.max(1, rows));
    return Math.max(
      rows,
      Math.min(segmentRowsMax, Math.floor((segmentBytesMax * sealProportion) / rowBytes)),
    );
  }

  find(request: AllocSegmentRequest): SegmentMeta | undefined {
    return this.#tables
      .segmentsOn(request.vchannel)
      .find(
        (meta) =>
          meta.state === "Growing" &&
          meta.partitionId === request.partitionId &&
          !request.excluded.includes(meta.id) &&
          meta.rows + request.rows <= this.rowsMax(request.rows, request.bytes),
      );
  }

  /** Remembers how far segments are; returns those that are full. */
  report(request: SegmentReport): readonly SegmentId[] {
    const { segmentBytesMax, sealProportion, segmentRowsMax } = this.#deps.limits;
    const full: SegmentId[] = [];
    for (const { id, rows, bytes } of request.segments) {
      const known = this.#tables.findSegment(id);
      if (known?.state !== "Growing") {
        // Sealed before its owner went away: its flush is still to do.
        if (known?.state === "Sealed" || known?.state === "Flushing") full.push(id);
        continue;
      }
      if (rows !== known.rows) this.#grownAtMs.set(id, this.#deps.clock.nowMs());
      this.#tables.noteGrowing(id, rows, bytes);
      if (rows >= segmentRowsMax || bytes >= segmentBytesMax * sealProportion) full.push(id);
    }
    return full;
  }

  /** Keeps a timer while anything grows. */
  watch(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    if (!this.#growing().some(() => true)) return;
    this.#timer = this.#deps.clock.timer(this.#deps.limits.checkIntervalMs, () => {
      this.#timer = undefined;
      this.#sealOld();
      this.watch();
    });
  }

  #sealOld(): void {
    const now = this.#deps.clock.nowMs();
    const { segmentAgeMsMax, segmentIdleMsMax, segmentIdleBytesMin, syncMsMax } = this.#deps.limits;
    const due = this.#growing().filter((meta) => {
      const grownAtMs = this.#grownAtMs.get(meta.id) ?? meta.createdAtMs;
      const idleMs = now - grownAtMs;
      if (meta.rows === 0) return false;
      if (now - meta.createdAtMs >= segmentAgeMsMax) return true;
      // However small: rows that are nowhere but in the log keep all of it behind them.
      return idleMs >= syncMsMax || (idleMs >= segmentIdleMsMax && meta.bytes >= segmentIdleBytesMin);
    });
    for (const [vchannel, metas] of Map.groupBy(due, (meta) => meta.vchannel)) {
      for (const meta of metas) this.#grownAtMs.delete(meta.id);
      this.#deps.tasks.spawn(`seal ${vchannel}`, async () => {
        await this.#seal(
          vchannel,
          metas.map((meta) => meta.id),
        );
      });
    }
  }

  #growing(): readonly SegmentMeta[] {
    return [...this.#tables.allSegments()].filter((meta) => meta.state === "Growing");
  }
}
