import type { NodeId, VChannel } from "../../model/ids.ts";
import type { SegmentMeta } from "../../model/segment-meta.ts";
import type { DataCoordDeps } from "./data-coord-deps.ts";
import type { DataTables } from "./data-tables.ts";

/**
 * Removes what nobody needs any more: files of segments that ended, once no reader uses a target that has them and they have ended
 * long enough; deltas that every segment has passed; the log behind the checkpoint; objects that nothing names.
 */
export class GarbageCollector {
  readonly #deps: DataCoordDeps;
  readonly #tables: DataTables;
  /** The oldest target version in use, by reader and channel. */
  readonly #readers = new Map<NodeId, ReadonlyMap<VChannel, bigint>>();
  /** When an object was first seen that nothing names. */
  #orphansSince = new Map<string, number>();

  constructor(deps: DataCoordDeps, tables: DataTables) {
    this.#deps = deps;
    this.#tables = tables;
  }

  noteReader(
    reader: NodeId,
    targets: readonly { readonly vchannel: VChannel; readonly version: bigint }[],
  ): void {
    this.#readers.set(reader, new Map(targets.map(({ vchannel, version }) => [vchannel, version])));
  }

  /** One round over everything. */
  async collect(): Promise<void> {
    for (const reader of this.#readers.keys())
      if (!this.#deps.sessions.isLive(reader)) this.#readers.delete(reader);
    for (const { vchannel } of this.#tables.channels()) await this.#collectChannel(vchannel);
    await this.#collectOrphans();
  }

  async #collectChannel(vchannel: VChannel): Promise<void> {
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined) return;
    const segments = this.#tables.segmentsOn(vchannel);
    const now = this.#deps.clock.nowMs();
    for (const meta of segments) {
      if (meta.droppedAtMs === undefined || now - meta.droppedAtMs < this.#deps.limits.gcDropToleranceMs)
        continue;
      // Its rows may still come in a replay: the record that it is gone must stay until the checkpoint has passed them.
      if (!channel.dropped && meta.maxTimestamp >= channel.checkpoint.timestamp) continue;
      if (this.#isRead(vchannel)) continue;
      await this.#deps.faults.point("gc.before-files");
      await this.#removeFiles(meta);
      await this.#tables.change(vchannel, () => ({ removeSegments: [meta] }));
    }
    if (channel.dropped) {
      const left = this.#tables.segmentsOn(vchannel).length;
      const deltas = this.#tables.deltasOn(vchannel);
      // Metadata first: it never names what is gone, and what a crash leaves behind is an orphan.
      await this.#tables.change(vchannel, () => ({
        removeDeltas: deltas,
        removeChannels: left === 0 ? [channel] : [],
      }));
      for (const delta of deltas) await this.#deps.objects.remove(delta.key);
      return;
    }
    await this.#collectDeltas(vchannel, segments);
    await this.truncateLog(vchannel);
  }

  /** The log behind the checkpoint goes as soon as no reader could still have to start from an older one. */
  async truncateLog(vchannel: VChannel): Promise<void> {
    const channel = this.#tables.findChannel(vchannel);
    if (channel === undefined || channel.dropped || this.#isRead(vchannel)) return;
    await this.#deps.stream.truncate(vchannel, channel.checkpoint.position);
  }

  /** A delta log that every segment of the channel has applied. */
  async #collectDeltas(vchannel: VChannel, segments: readonly SegmentMeta[]): Promise<void> {
    if (this.#isRead(vchannel)) return;
    const living = segments.filter((meta) => meta.state === "Flushed");
    const passed = this.#tables
      .deltasOn(vchannel)
      .filter((delta) => living.every((meta) => meta.deletesAppliedTo >= delta.to));
    if (passed.length === 0) return;
    await this.#tables.change(vchannel, () => ({ removeDeltas: passed }));
    for (const delta of passed) await this.#deps.objects.remove(delta.key);
  }

  /** Some reader uses an older target than the newest. */
  #isRead(vchannel: VChannel): boolean {
    const newest = this.#tables.version(vchannel);
    for (const targets of this.#readers.values()) {
      const version = targets.get(vchannel);
      if (version !== undefined && version < newest) return true;
    }
    return false;
  }

  async #removeFiles(meta: SegmentMeta): Promise<void> {
    const prefix = `segments/${meta.collectionId}/${meta.partitionId}/${meta.id}/`;
    for (;;) {
      const keys = await this.#deps.objects.list(prefix, { limit: LIST_MAX });
      for (const key of keys) await this.#deps.objects.remove(key);
      if (keys.length < LIST_MAX) return;
    }
  }

  /** Files of attempts that came to nothing: seen twice, far enough apart that no attempt can still be under way. */
  async #collectOrphans(): Promise<void> {
    const named = new Set<string>();
    for (const meta of this.#tables.allSegments()) {
      if (meta.manifest !== undefined) named.add(folderOf(meta.manifest.key));
    }
    for (const { vchannel } of this.#tables.channels())
      for (const delta of this.#tables.deltasOn(vchannel)) named.add(delta.key);
    const now = this.#deps.clock.nowMs();
    const seen = new Map<string, number>();
    for (const prefix of ["segments/", "deltas/"]) {
      for await (const key of this.#keys(prefix)) {
        if (named.has(key) || named.has(folderOf(key))) continue;
        const since = this.#orphansSince.get(key) ?? now;
        if (now - since >= this.#deps.limits.gcOrphanToleranceMs) await this.#deps.objects.remove(key);
        else if (seen.size < ORPHANS_MAX) seen.set(key, since);
      }
    }
    this.#orphansSince = seen;
  }

  async *#keys(prefix: string): AsyncIterable<string> {
    let after = "";
    for (;;) {
      const keys = await this.#deps.objects.list(prefix, { limit: LIST_MAX, after });
      yield* keys;
      const last = keys.at(-1);
      if (last === undefined || keys.length < LIST_MAX) return;
      after = last;
    }
  }
}

const LIST_MAX = 1000;
const ORPHANS_MAX = 100_000;

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf("/"));
