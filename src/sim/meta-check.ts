import type { MetaChange } from "../adapters/meta/key-space.ts";
import { CHANNEL_EPOCHS } from "../core/catalog/channel-epoch.ts";
import { decodeManifest } from "../format/manifest.ts";
import { crc32c } from "../base/crc32c.ts";
import { canTransition, type SegmentState } from "../model/segment.ts";
import type { ChannelMeta, DeltaLogMeta, SegmentMeta } from "../model/segment-meta.ts";
import { CHANNELS, DELTA_LOGS, SEGMENTS } from "../roles/datacoord/data-records.ts";

/**
 * Watches metadata as it is committed: states of segments only advance, epochs and checkpoints only grow, the oracle's bound never
 * goes back; and, when asked, whether everything that metadata names is there.
 */
export class MetaChecker {
  readonly segments = new Map<string, SegmentMeta>();
  readonly deltas = new Map<string, DeltaLogMeta>();
  readonly channels = new Map<string, ChannelMeta>();
  readonly #epochs = new Map<string, bigint>();
  readonly #violation: (what: string) => void;
  readonly #onTransition: (name: string) => void;
  #bound = 0n;

  constructor(violation: (what: string) => void, onTransition: (name: string) => void) {
    this.#violation = violation;
    this.#onTransition = onTransition;
  }

  onCommit(changes: readonly MetaChange[]): void {
    const flushed = new Set(changes.flatMap((change) => this.#flushedOn(change)));
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const value = change.type === "put" ? change.entry.value : undefined;
      if (key.startsWith(SEGMENTS.prefix)) this.#onSegment(key, value && SEGMENTS.codec.decode(value));
      else if (key.startsWith(DELTA_LOGS.prefix))
        follow(this.deltas, key, value && DELTA_LOGS.codec.decode(value));
      else if (key.startsWith(CHANNELS.prefix))
        this.#onChannel(key, value && CHANNELS.codec.decode(value), flushed);
      else if (key.startsWith(CHANNEL_EPOCHS.prefix))
        this.#onEpoch(key, value && CHANNEL_EPOCHS.codec.decode(value).epoch);
      else if (key === "root/tso" && value !== undefined) this.#onBound(value);
    }
  }

  /** Every file that metadata names is stored, whole and unchanged. */
  auditFiles(objects: ReadonlyMap<string, Uint8Array>): void {
    const check = (
      file: { readonly key: string; readonly crc32c: number },
      of: string,
    ): Uint8Array | undefined => {
      const bytes = objects.get(file.key);
      if (bytes === undefined) this.#violation(`${of} names ${file.key}, which is gone`);
      else if (crc32c(bytes) !== file.crc32c) this.#violation(`${of} names ${file.key}, which has changed`);
      else return bytes;
      return undefined;
    };
    for (const meta of this.segments.values()) {
      if (meta.state !== "Flushed" || meta.manifest === undefined) continue;
      const bytes = check(meta.manifest, `segment ${meta.id}`);
      if (bytes === undefined) continue;
      const manifest = decodeManifest(bytes);
      const files = [
        ...manifest.groups,
        manifest.keyIndex,
        ...(manifest.ends === undefined ? [] : [manifest.ends]),
      ];
      for (const file of files) check(file, `the manifest of segment ${meta.id}`);
    }
    for (const delta of this.deltas.values()) check(delta, `delta log ${delta.id}`);
  }

  #onSegment(key: string, after: SegmentMeta | undefined): void {
    const before = this.segments.get(key);
    const from: SegmentState | "none" = before?.state ?? "none";
    const to: SegmentState | "removed" = after?.state ?? "removed";
    if (from !== to) this.#onTransition(`${from} -> ${to}`);
    if (
      before !== undefined &&
      after !== undefined &&
      from !== to &&
      !canTransition(before.state, after.state)
    )
      this.#violation(`segment ${before.id} goes from ${from} to ${to}`);
    if (before === undefined && after !== undefined && to !== "Growing" && to !== "Flushed")
      this.#violation(`segment ${after.id} begins as ${to}`);
    if (before !== undefined && after === undefined && from !== "Dropped" && from !== "Compacted")
      this.#violation(`segment ${before.id} is forgotten while ${from}`);
    follow(this.segments, key, after);
  }

  /** The channel of a growing segment whose files are committed. */
  #flushedOn(change: MetaChange): readonly string[] {
    if (change.type !== "put" || !change.entry.key.startsWith(SEGMENTS.prefix)) return [];
    if (this.segments.get(change.entry.key)?.state !== "Flushing") return [];
    const { state, vchannel } = SEGMENTS.codec.decode(change.entry.value);
    return state === "Flushed" ? [vchannel] : [];
  }

  #onChannel(key: string, after: ChannelMeta | undefined, flushed: ReadonlySet<string>): void {
    const before = this.channels.get(key);
    if (before !== undefined && after !== undefined) {
      if (after.checkpoint.position < before.checkpoint.position)
        this.#violation(
          `the checkpoint of ${after.vchannel} goes from ${before.checkpoint.position} back to ${after.checkpoint.position}`,
        );
      if (after.epoch < before.epoch)
        this.#violation(`channel ${after.vchannel} goes back to epoch ${after.epoch}`);
      const current = this.#epochs.get(CHANNEL_EPOCHS.prefix + after.vchannel) ?? 0n;
      const isFlush = flushed.has(after.vchannel) || after.checkpoint.position !== before.checkpoint.position;
      if (isFlush && !after.dropped && after.epoch < current)
        this.#violation(
          `a flush of ${after.vchannel} is committed under epoch ${after.epoch}, the channel has ${current}`,
        );
    }
    follow(this.channels, key, after);
  }

  #onEpoch(key: string, after: bigint | undefined): void {
    const before = this.#epochs.get(key) ?? 0n;
    if (after !== undefined && after <= before) this.#violation(`${key} goes from ${before} to ${after}`);
    if (after === undefined) this.#epochs.delete(key);
    else this.#epochs.set(key, after);
  }

  #onBound(value: Uint8Array): void {
    const bound = new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0, true);
    if (bound < this.#bound) this.#violation(`the oracle's bound goes from ${this.#bound} back to ${bound}`);
    this.#bound = bound;
  }
}

function follow<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** Transitions that a run of seeds must have seen. */
export const TRANSITIONS: readonly string[] = [
  "none -> Growing",
  "Growing -> Sealed",
  "Sealed -> Flushing",
  "Flushing -> Flushed",
  "none -> Flushed",
  "Flushed -> Compacted",
  "Flushed -> Dropped",
  "Growing -> Dropped",
  "Flushing -> Dropped",
  "Dropped -> removed",
  "Compacted -> removed",
];
