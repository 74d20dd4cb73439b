import type { ShardViewInfo, ViewSegment } from "../../api/shard-reader.ts";
import type { ReadableShard } from "../../core/search/read-segments.ts";
import { SegmentRef } from "../../core/shard/segment-ref.ts";
import { ShardView, type History, type ReadableSegment } from "../../core/shard/shard-view.ts";
import { Watermark } from "../../core/shard/watermark.ts";
import type { PartitionId } from "../../model/ids.ts";
import type { Engine } from "../../ports/engine.ts";

/** A view of a shard that this thread has attached: open until it and all its readers have let go. */
export class ThreadView {
  readonly watermark: Watermark;
  readonly schemaVersion: number;
  readonly #viewVersion: bigint;
  readonly #attached: ReadonlyMap<bigint, SegmentRef>;
  readonly #view: ShardView;
  readonly #history: History;
  readonly #emptied: History;
  readonly #loaded: ReadonlySet<PartitionId> | undefined;

  private constructor(info: ShardViewInfo, attached: ReadonlyMap<bigint, SegmentRef>) {
    this.watermark = Watermark.over(info.watermark);
    this.schemaVersion = info.schemaVersion;
    this.#viewVersion = info.viewVersion;
    this.#attached = attached;
    this.#view = new ShardView(info.segments.map((segment) => entryOf(segment, attached)));
    this.#history = new Map(info.history);
    this.#emptied = new Map(info.emptied);
    this.#loaded = info.loadedPartitions && new Set(info.loadedPartitions);
  }

  /** Segments that the view before it has attached already are shared with it. Throws when one is closed by now. */
  static attach(engine: Engine, info: ShardViewInfo, before: ThreadView | undefined): ThreadView {
    const attached = new Map<bigint, SegmentRef>();
    const fresh: SegmentRef[] = [];
    try {
      for (const { handle } of info.segments) {
        let ref = before === undefined ? undefined : before.#attached.get(handle);
        if (ref === undefined) {
          ref = new SegmentRef(engine.attach(handle));
          fresh.push(ref);
        }
        attached.set(handle, ref);
      }
      return new ThreadView(info, attached);
    } finally {
      // The view holds them, or, where it was not made, nobody.
      for (const ref of fresh) ref.release();
    }
  }

  isCurrent(): boolean {
    return this.watermark.viewVersion === this.#viewVersion;
  }

  /** Holds the segments for one read; the reader releases them. */
  hold(): { readonly shard: ReadableShard; readonly release: () => void } {
    const held = new ShardView(this.#view.segments);
    return {
      shard: {
        segments: held.segments,
        history: this.#history,
        emptied: this.#emptied,
        loaded: this.#loaded,
      },
      release: () => held.release(),
    };
  }

  /** Safe to call twice. */
  release(): void {
    this.#view.release();
  }
}

function entryOf(segment: ViewSegment, attached: ReadonlyMap<bigint, SegmentRef>): ReadableSegment {
  const { handle, id, partitionId, minTimestamp } = segment;
  const ref = attached.get(handle);
  if (ref === undefined) throw new TypeError(`segment ${id} is not attached`);
  if (segment.kind === "growing") return { kind: "growing", id, partitionId, ref, minTimestamp };
  const { maxTimestamp, historyFrom } = segment;
  return { kind: "sealed", id, partitionId, ref, meta: { minTimestamp, maxTimestamp, historyFrom } };
}
