import { runAtMost } from "../../base/run-at-most.ts";
import { attemptOfKey } from "../../core/objects/attempt-of-key.ts";
import { OrphanSweep } from "../../core/objects/orphan-sweep.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { segmentId, type VChannel } from "../../model/ids.ts";
import type { DeltaLogMeta, SegmentMeta } from "../../model/segment-meta.ts";
import type { Position } from "../../ports/message-stream.ts";
import type { DataCoordDeps, DataCoordLimits } from "./data-coord-deps.ts";
import type { DataTables } from "./data-tables.ts";
import type { AreReadersAt, TargetReaders } from "./target-readers.ts";
import type { WriteAttempts } from "./write-attempts.ts";

/**
 * Removes what nobody needs any more: files of segments that ended, once no reader uses a target that has them and they have ended
 * long enough; deltas that every segment has passed; the log behind the checkpoint; objects that nothing names, nor will.
 *
 * A channel under load has a new target all the time, and its readers are always a little behind. So what may go is noted with the
 * version at which it was found, and goes when every reader has reached that version, not the newest one.
 */
export class GarbageCollector {
  readonly #deps: GarbageCollectorDeps;
  readonly #tables: DataTables;
  readonly #readers: TargetReaders;
  readonly #attempts: WriteAttempts;
  readonly #waiting = new Map<VChannel, Garbage>();
  readonly #truncations = new Map<VChannel, Truncation>();
  readonly #orphans: OrphanSweep;

  constructor(
    deps: GarbageCollectorDeps,
    tables: DataTables,
    readers: TargetReaders,
    attempts: WriteAttempts,
  ) {
    this.#deps = deps;
    this.#tables = tables;
    this.#readers = readers;
    this.#attempts = attempts;
    this.#orphans = new OrphanSweep({ ...deps, toleranceMs: deps.limits.gcOrphanToleranceMs });
  }

  /** One round over everything. */
  async collect(): Promise<void> {
    for (const waiting of [this.#waiting, this.#truncations])
      for (const vchannel of waiting.keys())
        if (this.#tables.findChannel(vchannel) === undefined) waiting.delete(vchannel);
    // What is looked for comes before who reads: a reader that comes later does not need it.
    const found = this.#tables
      .channels()
      .map(({ vchannel }) => ({ vchannel, unneeded: this.#unneeded(vchannel), end: this.#end(vchannel) }));
    const areReadersAt = await this.#readers.look();
    for (const { vchannel, unneeded, end } of found) {
      await this.#collectChannel(vchannel, unneeded, areReadersAt);
      await this.#truncate(vchannel, end, areReadersAt);
    }
    await this.#collectOrphans();
  }

  async #collectChannel(vchannel: VChannel, found: Garbage, areReadersAt: AreReadersAt): Promise<void> {
    const waited = this.#waiting.get(vchannel);
    if (waited === undefined) {
      if (areReadersAt(vchannel, found.version)) await this.#remove(vchannel, found);
      else this.#waiting.set(vchannel, found);
    } else if (areReadersAt(vchannel, waited.version)) {
      this.#waiting.delete(vchannel);
      await this.#remove(vchannel, waited);
      const next = this.#unneeded(vchannel);
      if (next.segments.length > 0 || next.deltas.length > 0) this.#waiting.set(vchannel, next);
    }
  }

  /** What no target of the present version or a newer one names. */
  #unneeded(vchannel: VChannel): Garbage {
    const version = this.#tables.version(vchannel);
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined) return { version, segments: [], deltas: [] };
    const all = this.#tables.segmentsOn(vchannel);
    const endedBefore = this.#deps.clock.nowMs() - this.#deps.limits.gcDropToleranceMs;
    const segments = all.filter(
      (meta) =>
        meta.droppedAtMs !== undefined &&
        meta.droppedAtMs <= endedBefore &&
        // Its rows may still come in a replay: the record that it is gone must stay until the checkpoint has passed them.
        (channel.dropped || meta.maxTimestamp < channel.checkpoint.timestamp),
    );
    const living = all.filter((meta) => meta.state === "Flushed");
    const deltas = this.#tables
      .deltasOn(vchannel)
      .filter((delta) => channel.dropped || living.every((meta) => meta.deletesAppliedTo >= delta.to));
    return { version, segments, deltas };
  }

  async #remove(vchannel: VChannel, { segments, deltas }: Garbage): Promise<void> {
    for (let from = 0; from < segments.length; from += SEGMENTS_PER_TXN) {
      const removeSegments = segments.slice(from, from + SEGMENTS_PER_TXN);
      await this.#deps.faults.point("gc.before-files");
      await runAtMost(REMOVALS_AT_ONCE, removeSegments, async (meta) => this.#removeFiles(meta));
      await this.#tables.change(vchannel, () => ({ removeSegments }));
    }
    const channel = this.#tables.findChannel(vchannel);
    const isEmpty = channel?.dropped === true && this.#tables.segmentsOn(vchannel).length === 0;
    if (deltas.length === 0 && !isEmpty) return;
    // Metadata first: it never names what is gone, and what a crash leaves behind is an orphan.
    await this.#tables.change(vchannel, () => ({
      removeDeltas: deltas,
      removeChannels: isEmpty ? [channel] : [],
    }));
    for (const delta of deltas) await this.#deps.objects.remove(delta.key);
  }

  /** The log behind the checkpoint goes as soon as no reader could still have to start from an older one. */
  async truncateLog(vchannel: VChannel): Promise<void> {
    const end = this.#end(vchannel);
    if (end !== undefined) await this.#truncate(vchannel, end, await this.#readers.look());
  }

  async #truncate(
    vchannel: VChannel,
    newest: Truncation | undefined,
    areReadersAt: AreReadersAt,
  ): Promise<void> {
    if (newest === undefined) return;
    const waited = this.#truncations.get(vchannel);
    const due = [newest, waited].find(
      (truncation) => truncation !== undefined && areReadersAt(vchannel, truncation.version),
    );
    if (due === undefined) {
      if (waited === undefined) this.#truncations.set(vchannel, newest);
      return;
    }
    this.#truncations.delete(vchannel);
    try {
      await this.#deps.stream.truncate(vchannel, due.position);
    } catch (error) {
      // The collection was dropped meanwhile, and its log with it.
      if (!isRedkiteError(error, "mqTopicNotFound")) throw error;
    }
  }

  /** Up to where no reader of the present target needs the log. */
  #end(vchannel: VChannel): Truncation | undefined {
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined || channel.dropped) return undefined;
    return { version: this.#tables.version(vchannel), position: channel.checkpoint.position };
  }

  async #removeFiles(meta: SegmentMeta): Promise<void> {
    const prefix = `segments/${meta.collectionId}/${meta.partitionId}/${meta.id}/`;
    for (;;) {
      const keys = await this.#deps.objects.list(prefix, { limit: LIST_MAX });
      await runAtMost(REMOVALS_AT_ONCE, keys, async (key) => this.#deps.objects.remove(key));
      if (keys.length < LIST_MAX) return;
    }
  }

  async #collectOrphans(): Promise<void> {
    await this.#orphans.run(["segments/", "deltas/"], (key) => this.#isNeeded(key));
  }

  /** Metadata names the object, or the attempt that wrote it can still be committed. */
  #isNeeded(key: string): boolean {
    const attempt = attemptOfKey(key);
    if (attempt !== undefined && this.#attempts.isUnderWay(attempt)) return true;
    const path = key.split("/");
    if (path[0] === "deltas")
      return this.#tables.deltasOn((path[2] ?? "") as VChannel).some((delta) => delta.key === key);
    const manifest = this.#tables.findSegment(segmentId(idOf(path[3])))?.manifest;
    return manifest !== undefined && folderOf(manifest.key) === folderOf(key);
  }
}

export type GarbageCollectorDeps = Pick<
  DataCoordDeps,
  "clock" | "faults" | "leadership" | "objects" | "stream"
> & { readonly limits: Pick<DataCoordLimits, "gcDropToleranceMs" | "gcOrphanToleranceMs"> };

/** What may go when every reader has reached the version. */
interface Garbage {
  readonly version: bigint;
  readonly segments: readonly SegmentMeta[];
  readonly deltas: readonly DeltaLogMeta[];
}

interface Truncation {
  readonly version: bigint;
  readonly position: Position;
}

const LIST_MAX = 1000;
const REMOVALS_AT_ONCE = 4;
const SEGMENTS_PER_TXN = 100;

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf("/"));

/** 0, which no segment has, for what is not written as a number. */
const idOf = (text = ""): bigint => (/^\d+$/.test(text) ? BigInt(text) : 0n);
