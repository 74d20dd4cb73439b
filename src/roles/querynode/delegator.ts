import type { DataNode } from "../../api/data-node.ts";
import type { IndexCoord } from "../../api/index-coord.ts";
import type { LoadedSegmentInfo } from "../../api/query-coord.ts";
import type { ChannelState, WatchRequest } from "../../api/query-node.ts";
import type { ShardViewInfo, ViewSegment } from "../../api/shard-reader.ts";
import { CancelOnAbort } from "../../core/search/cancel-on-abort.ts";
import type { FilterCache } from "../../core/search/filter-cache.ts";
import { narrowed, readableSegments, type ReadableShard } from "../../core/search/read-segments.ts";
import { queryShard } from "../../core/search/shard-query.ts";
import { searchShard, type SearchPolicy } from "../../core/search/shard-search.ts";
import type { OpenShard } from "../../core/shard/shard-registry.ts";
import type { ScrubbedIndex } from "../../core/shard/segment-scrubber.ts";
import type { ShardState } from "../../core/shard/shard-state.ts";
import type { SealedEntry, ShardSegment } from "../../core/shard/shard-view.ts";
import { Watermark } from "../../core/shard/watermark.ts";
import { channelMisrouted, channelNotAvailable } from "../../errors/meta-errors.ts";
import { isRedkiteError, type RedkiteError } from "../../errors/redkite-error.ts";
import { corrupted } from "../../errors/service-errors.ts";
import { isLostObject, missingObject } from "../../errors/storage-errors.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { NodeId, PartitionId, SegmentId, VChannel } from "../../model/ids.ts";
import type {
  ReadScope,
  ShardQueryRequest,
  ShardQueryResult,
  ShardSearchRequest,
  ShardSearchResult,
} from "../../model/read.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { SegmentIndexMeta } from "../../model/segment-meta.ts";
import type { Timestamp } from "../../model/timestamp.ts";
import type { Engine, NativeBuffer } from "../../ports/engine.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { ObjectStore } from "../../ports/object-store.ts";

export interface DelegatorDeps {
  readonly nodeId: NodeId;
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly stream: MessageStream;
  readonly indexCoord: IndexCoord;
  /** Calls the owner of the channel, wherever it is now. */
  readonly owner: <T>(
    ctx: CallContext,
    vchannel: VChannel,
    use: (owner: DataNode) => Promise<T>,
  ) => Promise<T>;
  readonly filters: FilterCache;
  readonly policy: SearchPolicy;
  readonly tasks: Tasks;
  /** A context for work that no call asked for. */
  readonly context: (signal?: AbortSignal) => CallContext;
  /** Views of the vchannel that other threads hold are no longer the newest. */
  readonly viewChanged: (vchannel: VChannel) => void;
}

/**
 * Leads one vchannel: answers reads from the shard's state once it is closed at their timestamp, keeps its sealed segments'
 * indexes attached, and shows other threads of the process what to read. Everything here can be rebuilt from metadata and the log.
 */
export class Delegator {
  readonly #deps: DelegatorDeps;
  readonly #shard: OpenShard;
  /** Undefined: all partitions, later ones too. */
  #partitions: ReadonlySet<PartitionId> | undefined;
  /** Attached index by segment and field. */
  readonly #attached = new Map<string, Attached>();
  readonly #watermark = Watermark.create();
  #damage: RedkiteError | undefined;
  /** Of the views shown to other threads: over all states that the shard has had, and changes of the partitions. */
  #viewVersion = 0n;
  #shown: { readonly state: ShardState; version: bigint; readonly stop: () => void } | undefined;

  constructor(deps: DelegatorDeps, shard: OpenShard, request: WatchRequest) {
    this.#deps = deps;
    this.#shard = shard;
    this.watch(request);
  }

  get closedTimestamp(): Timestamp {
    return this.#shard.state.closedTimestamp;
  }

  get targetVersion(): bigint {
    return this.#shard.state.targetVersion;
  }

  watch(request: WatchRequest): void {
    const partitions = request.partitionIds && new Set(request.partitionIds);
    if (this.#shown !== undefined && sameSets(partitions, this.#partitions)) return;
    this.#partitions = partitions;
    this.#showNewView();
  }

  /** Goes over to the newest target and attaches the indexes that are finished. */
  async sync(ctx: CallContext): Promise<bigint> {
    await this.#shard.advance(ctx.signal);
    await this.#attachIndexes(ctx);
    return this.#shard.state.targetVersion;
  }

  /** Everything durable in the log by now is applied when it returns. */
  async catchUp(ctx: CallContext): Promise<void> {
    const position = await this.#deps.stream.lastPosition(this.#shard.vchannel);
    await this.#shard.state.waitApplied(position, ctx.signal);
  }

  async search(ctx: CallContext, request: ShardSearchRequest): Promise<ShardSearchResult> {
    return this.#read(ctx, request, async (shard, cancel) =>
      searchShard(
        readableSegments(shard, request),
        narrowed(shard, request),
        this.#deps.filters.get(request.collectionId, request.schema, request.filter),
        this.#deps.policy,
        { cancel, indexDecayed: async (segmentId, fieldId) => this.loseIndex(segmentId, fieldId) },
      ),
    );
  }

  async query(ctx: CallContext, request: ShardQueryRequest): Promise<ShardQueryResult> {
    return this.#read(ctx, request, async (shard) =>
      queryShard(
        readableSegments(shard, request),
        narrowed(shard, request),
        this.#deps.filters.get(request.collectionId, request.schema, request.filter),
        undefined,
      ),
    );
  }

  /** Readers of other threads come back here for the next view, and hear of it. */
  noteDamage(error: RedkiteError): void {
    if (this.#damage !== undefined) return;
    this.#damage = error;
    this.#showNewView();
  }

  /** The files of the attached indexes, and what to do with one that has decayed. */
  indexFiles(): readonly ScrubbedIndex[] {
    return [...this.#attached].flatMap(([slot, attached]) => {
      const { segmentId, fieldId, file } = attached.index;
      if (file === undefined) return [];
      const lose = (): boolean => {
        const isUsed = this.#attached.get(slot) === attached;
        if (isUsed) this.loseIndex(segmentId, fieldId);
        return isUsed;
      };
      return [{ file, lose }];
    });
  }

  /** A reader met a block of an attached index that has decayed: the rows are scanned until the index has been built anew. */
  loseIndex(segmentId: SegmentId, fieldId: number): void {
    const slot = `${segmentId}/${fieldId}`;
    const lost = this.#attached.get(slot);
    // Another reader has told it already.
    if (lost === undefined) return;
    this.#attached.delete(slot);
    const { collectionId } = this.#shard.state;
    if (this.#shard.state.findSealed(segmentId) === lost.entry) lost.entry.ref.segment.detachIndex(fieldId);
    const { tasks, context, indexCoord } = this.#deps;
    tasks.spawn(
      `lost index of segment ${segmentId}`,
      async (signal) => indexCoord.indexLost(context(signal), { collectionId, lost: lost.index }),
      { restarts: Number.MAX_SAFE_INTEGER },
    );
  }

  state(): ChannelState {
    const { state } = this.#shard;
    return {
      state: this.#damage === undefined ? "Serving" : "Failed",
      progress: 100,
      failReason: this.#damage?.message ?? "",
      isDamaged: isRedkiteError(this.#damage, "corrupted"),
      missing: missingObject(this.#damage),
      version: state.targetVersion,
      segments: this.#listSegments(),
    };
  }

  /** What another thread of the process needs to read by itself. */
  view(schema: CollectionSchema | undefined): ShardViewInfo {
    if (this.#damage !== undefined) throw this.#damage;
    const { state } = this.#shard;
    if (schema !== undefined) state.setSchema(schema);
    const version = this.#watermark.viewVersion;
    if (version === undefined) throw channelMisrouted(this.#shard.vchannel, "this node no longer serves it");
    return {
      viewVersion: version,
      watermark: this.#watermark.shared,
      schemaVersion: state.schema.version,
      segments: [...state.sealed(), ...state.growing()].map(viewSegment),
      loadedPartitions: this.#partitions && [...this.#partitions],
      history: [...state.history],
      emptied: [...state.emptied],
    };
  }

  async close(): Promise<void> {
    this.#shown?.stop();
    this.#watermark.revoke();
    this.#deps.viewChanged(this.#shard.vchannel);
    await this.#shard.release();
  }

  /** Publishes how far the shard is; a state that was opened afresh is followed instead of the old one. */
  #showProgress(): void {
    const { state } = this.#shard;
    if (this.#shown?.state === state && this.#shown.version === state.viewVersion)
      this.#watermark.publish(this.#viewVersion, state.closedTimestamp);
    else this.#showNewView();
  }

  #showNewView(): void {
    const { state, vchannel } = this.#shard;
    if (this.#shown?.state !== state) {
      this.#shown?.stop();
      const stop = state.watch(() => this.#showProgress());
      this.#shown = { state, version: state.viewVersion, stop };
    }
    this.#shown.version = state.viewVersion;
    this.#viewVersion += 1n;
    this.#watermark.publish(this.#viewVersion, state.closedTimestamp);
    this.#deps.viewChanged(vchannel);
  }

  async #read<T>(
    ctx: CallContext,
    scope: ReadScope,
    run: (shard: ReadableShard, cancel: CancelOnAbort) => Promise<T>,
  ): Promise<T> {
    if (this.#damage !== undefined) throw this.#damage;
    await this.waitClosed(ctx, scope.readAt);
    using cancel = new CancelOnAbort(ctx);
    const { state } = this.#shard;
    if (scope.schema.version > state.schema.version) state.setSchema(scope.schema);
    const view = state.view();
    try {
      const { segments } = view;
      const { history, emptied } = state;
      return await run({ segments, history, emptied, loaded: this.#partitions }, cancel);
    } finally {
      view.release();
    }
  }

  /** Every record at or below the timestamp is applied here, and none is still to come. */
  async waitClosed(ctx: CallContext, at: Timestamp): Promise<void> {
    if (this.#shard.state.closedTimestamp >= at) return;
    const { position } = await this.#deps.owner(ctx, this.#shard.vchannel, async (owner) =>
      owner.closeTimestamp(ctx, { vchannel: this.#shard.vchannel, at }),
    );
    const { state } = this.#shard;
    await state.waitApplied(position, ctx.signal);
    if (state !== this.#shard.state)
      throw channelNotAvailable(this.#shard.vchannel, "the shard is being opened afresh");
    state.close(at, position);
  }

  async #attachIndexes(ctx: CallContext): Promise<void> {
    const { state } = this.#shard;
    const sealed = [...state.sealed()].filter((entry) => this.#partitions?.has(entry.partitionId) ?? true);
    if (sealed.length === 0) return;
    const indexes = await this.#deps.indexCoord.listSegmentIndexes(ctx, {
      collectionId: state.collectionId,
      segmentIds: sealed.map((entry) => entry.id),
    });
    const wanted = new Set<string>();
    for (const index of indexes) {
      // As it is now: while indexes are listed and opened, segments are replaced, and closed.
      const entry = this.#shard.state.findSealed(index.segmentId);
      if (entry === undefined || index.state !== "Finished" || index.file === undefined) continue;
      const slot = `${index.segmentId}/${index.fieldId}`;
      wanted.add(slot);
      const known = this.#attached.get(slot);
      if (known?.index.buildId === index.buildId && known.entry === entry) continue;
      if (!(await this.#attach(ctx, entry, index, index.file))) continue;
      this.#attached.set(slot, { index, entry });
    }
    for (const [slot, { index, entry }] of this.#attached) {
      if (wanted.has(slot)) continue;
      this.#attached.delete(slot);
      if (this.#shard.state.findSealed(entry.id) === entry) entry.ref.segment.detachIndex(index.fieldId);
    }
  }

  /** False when the file is lost: the rows are scanned until the index has been built anew, or is found to be already. */
  async #attach(
    ctx: CallContext,
    entry: SealedEntry,
    index: SegmentIndexMeta,
    file: NonNullable<SegmentIndexMeta["file"]>,
  ): Promise<boolean> {
    entry.ref.retain();
    try {
      const buffer = await this.#openIndex(file);
      try {
        entry.ref.segment.attachIndex(index.fieldId, buffer);
      } finally {
        buffer.close();
      }
      return true;
    } catch (error) {
      if (!isLostObject(error)) throw error;
      const { collectionId } = this.#shard.state;
      await this.#deps.indexCoord.indexLost(ctx, { collectionId, lost: index });
      return false;
    } finally {
      entry.ref.release();
    }
  }

  /** A damaged index of scalars would find wrong rows; one of vectors, which may be large, finds others than it should at worst. */
  async #openIndex(file: NonNullable<SegmentIndexMeta["file"]>): Promise<NativeBuffer> {
    const buffer = await this.#deps.objects.open(file.key);
    const problem =
      buffer.byteLength !== file.bytes
        ? `${buffer.byteLength} bytes instead of ${file.bytes}`
        : file.bytes <= VERIFIED_BYTES_MAX && this.#deps.engine.crc32c(buffer.bytes) !== file.crc32c
          ? "the checksum differs from the one in metadata"
          : undefined;
    if (problem === undefined) return buffer;
    buffer.close();
    throw corrupted({ file: file.key, problem });
  }

  #listSegments(): readonly LoadedSegmentInfo[] {
    const { state } = this.#shard;
    const infos: LoadedSegmentInfo[] = [];
    for (const entry of [...state.sealed(), ...state.growing()]) {
      if (this.#partitions !== undefined && !this.#partitions.has(entry.partitionId)) continue;
      const index = [...this.#attached.values()].find((attached) => attached.entry === entry)?.index;
      infos.push({
        segmentId: entry.id,
        collectionId: state.collectionId,
        partitionId: entry.partitionId,
        rows: entry.ref.segment.rows,
        memoryBytes: entry.ref.segment.memoryBytes,
        nodeId: this.#deps.nodeId,
        state: entry.kind === "growing" ? "Growing" : "Sealed",
        indexName: "",
        indexId: index?.indexId ?? 0n,
      });
    }
    return infos;
  }
}

/** What a checksum takes a few milliseconds of. */
const VERIFIED_BYTES_MAX = 64 << 20;

/** An index, and the segment as it was opened: one opened anew has none yet. */
interface Attached {
  readonly index: SegmentIndexMeta;
  readonly entry: SealedEntry;
}

function viewSegment(entry: ShardSegment): ViewSegment {
  const { id, partitionId } = entry;
  const handle = entry.ref.segment.share();
  if (entry.kind === "growing")
    return { kind: "growing", handle, id, partitionId, minTimestamp: entry.minTimestamp };
  const { minTimestamp, maxTimestamp, historyFrom } = entry.meta;
  return { kind: "sealed", handle, id, partitionId, minTimestamp, maxTimestamp, historyFrom };
}

function sameSets<T>(a: ReadonlySet<T> | undefined, b: ReadonlySet<T> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && a.isSubsetOf(b);
}
