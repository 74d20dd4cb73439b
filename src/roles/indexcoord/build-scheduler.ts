import { Deferred } from "../../base/deferred.ts";
import { OrphanSweep } from "../../core/objects/orphan-sweep.ts";
import { put, remove, type Catalog } from "../../core/catalog/catalog.ts";
import { serviceUnavailable } from "../../errors/service-errors.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { fieldById, type IndexInfo } from "../../model/schema.ts";
import type { CollectionId, SegmentId } from "../../model/ids.ts";
import type { SegmentIndexMeta, SegmentMeta } from "../../model/segment-meta.ts";
import type { MetaOp } from "../../ports/meta-store.ts";
import type { IndexCoordDeps } from "./index-coord-deps.ts";
import { SEGMENT_INDEXES } from "./index-records.ts";

/** Keeps one finished index file per segment and index: builds what is missing, removes what is no longer wanted. */
export class BuildScheduler {
  readonly #deps: IndexCoordDeps;
  readonly #catalog: Catalog;
  readonly #records = new Map<string, SegmentIndexMeta>();
  readonly #running = new Set<string>();
  readonly #waiting = new Map<string, Build>();
  /** Segments that are about to begin: nothing lists them yet. */
  readonly #ahead = new Map<SegmentId, SegmentMeta>();
  /** Of builds that somebody waits for. */
  readonly #ends = new Map<string, Deferred>();
  /** Segments that each index is to have a file of, as of the last round. */
  readonly #wanted = new Map<bigint, ReadonlySet<SegmentId>>();
  readonly #reconciling = new Set<CollectionId>();
  readonly #again = new Set<CollectionId>();
  readonly #collectionOf = new Map<bigint, CollectionId>();
  /** When a build that failed is due again; never, where the definition itself is at fault. */
  readonly #dueMs = new Map<string, number>();
  readonly #orphans: OrphanSweep;

  constructor(deps: IndexCoordDeps, catalog: Catalog) {
    this.#deps = deps;
    this.#catalog = catalog;
    this.#orphans = new OrphanSweep({ ...deps, toleranceMs: deps.limits.orphanToleranceMs });
  }

  async load(): Promise<void> {
    for (const record of await this.#catalog.load(SEGMENT_INDEXES)) this.#records.set(slotOf(record), record);
  }

  records(segmentIds: readonly SegmentId[]): readonly SegmentIndexMeta[] {
    const wanted = new Set(segmentIds);
    return [...this.#records.values()].filter((record) => wanted.has(record.segmentId));
  }

  recordsOf(indexId: bigint): readonly SegmentIndexMeta[] {
    return [...this.#records.values()].filter((record) => record.indexId === indexId);
  }

  /** Brings the builds of a collection in line with its segments and indexes. Calls during a round start another one. */
  reconcile(collectionId: CollectionId, indexes: () => readonly IndexInfo[]): void {
    if (this.#reconciling.has(collectionId)) {
      this.#again.add(collectionId);
      return;
    }
    this.#reconciling.add(collectionId);
    this.#deps.tasks.spawn(
      `reconcile indexes ${collectionId}`,
      async (signal) => {
        do {
          this.#again.delete(collectionId);
          await this.#reconcile(collectionId, indexes, signal);
        } while (this.#again.has(collectionId));
        this.#reconciling.delete(collectionId);
      },
      { failed: () => this.#reconciling.delete(collectionId) },
    );
  }

  /**
   * Builds the indexes of a segment that is about to begin; over when each is finished, or has failed or is no longer wanted. They are
   * kept until `endAhead`, whatever the listing of segments says.
   */
  async buildAhead(meta: SegmentMeta, indexes: readonly IndexInfo[]): Promise<void> {
    this.#ahead.set(meta.id, meta);
    const ends: Promise<void>[] = [];
    for (const index of indexes) {
      const slot = `${meta.id}/${index.id}`;
      if (!this.needsBuild(meta, index) || this.#records.get(slot)?.state === "Finished") continue;
      if (!this.#running.has(slot)) this.#waiting.set(slot, { slot, meta, index });
      const end = this.#ends.get(slot) ?? new Deferred();
      this.#ends.set(slot, end);
      ends.push(end.promise);
    }
    this.#pump();
    await Promise.all(ends);
  }

  /** The segment is listed now, or never will be: after the next round its indexes are those of any other. */
  endAhead(id: SegmentId): void {
    this.#ahead.delete(id);
  }

  /** Rows below the size where an index pays are searched as they are. */
  needsBuild(meta: SegmentMeta, index: IndexInfo): boolean {
    if (meta.state !== "Flushed" || meta.rows === 0) return false;
    return BUILT_TYPES.has(index.params["index_type"] ?? "") && meta.rows >= this.#deps.limits.rowsMin;
  }

  async #reconcile(
    collectionId: CollectionId,
    currentIndexes: () => readonly IndexInfo[],
    signal: AbortSignal,
  ): Promise<void> {
    // Those first: whoever is no longer among them when the listing is asked for is listed, if it is there.
    const ahead = [...this.#ahead.values()].filter((meta) => meta.collectionId === collectionId);
    const listed = await this.#deps.dataCoord.listSegments(this.#deps.context(signal), { collectionId });
    const segments = [...listed, ...ahead.filter(({ id }) => !listed.some((meta) => meta.id === id))];
    // As they are now: of one that was dropped meanwhile nobody would look for builds again.
    const indexes = currentIndexes();
    const wanted = new Set<string>();
    for (const index of indexes) {
      const metas = segments.filter((meta) => this.needsBuild(meta, index));
      this.#wanted.set(index.id, new Set(metas.map((meta) => meta.id)));
      for (const meta of metas) {
        const slot = `${meta.id}/${index.id}`;
        wanted.add(slot);
        const known = this.#records.get(slot);
        if (known?.state === "Finished" || this.#running.has(slot)) continue;
        if (known?.state === "Failed" && !this.#isDue(slot)) continue;
        this.#waiting.set(slot, { slot, meta, index });
      }
    }
    for (const build of this.#waiting.values()) if (!this.#isWanted(build)) this.#giveUp(build);
    const ids = new Set(indexes.map((index) => index.id));
    const segmentIds = new Set(segments.map((meta) => meta.id));
    const stale = [...this.#records.entries()].filter(
      ([slot, record]) =>
        !wanted.has(slot) &&
        (segmentIds.has(record.segmentId) || this.#isOf(collectionId, record)) &&
        (!ids.has(record.indexId as never) || !segmentIds.has(record.segmentId)),
    );
    await this.#forget(stale.map(([, record]) => record));
    this.#pump();
  }

  /** Collections with failed builds that are due again: what failed them may have passed (a full disk, a lost connection). */
  dueCollections(): ReadonlySet<CollectionId> {
    const due = [...this.#records.values()].filter(
      (record) => record.state === "Failed" && this.#isDue(slotOf(record)),
    );
    return new Set(due.flatMap(({ indexId }) => this.#collectionOf.get(indexId) ?? []));
  }

  /** Files of builds that came to nothing go. A build is recorded before its file is written, and only under this lead can it end well. */
  async collectOrphans(): Promise<void> {
    await this.#orphans.run(["indexes/"], (key) => {
      const [segment, index, buildId] = key.split("/").slice(2);
      return String(this.#records.get(`${segment}/${index}`)?.buildId) === buildId;
    });
  }

  /** True after a restart, too: the reason may be gone with the process. */
  #isDue(slot: string): boolean {
    return this.#deps.clock.monotonicMs() >= (this.#dueMs.get(slot) ?? 0);
  }

  /** Names the collection of an index, so that records of vanished segments find it. */
  noteIndex(index: IndexInfo): void {
    this.#collectionOf.set(index.id, index.collectionId);
  }

  async forgetIndexes(indexIds: readonly bigint[]): Promise<void> {
    const gone = new Set(indexIds);
    // First, so that a build under way leaves nothing behind that comes after this.
    for (const id of indexIds) {
      this.#collectionOf.delete(id);
      this.#wanted.delete(id);
    }
    for (const build of this.#waiting.values()) if (gone.has(build.index.id)) this.#giveUp(build);
    await this.#forget([...this.#records.values()].filter((record) => gone.has(record.indexId)));
  }

  /** False when there is another build of the same by now. */
  async forgetBuild({ buildId, segmentId, indexId }: SegmentIndexMeta): Promise<boolean> {
    const record = this.#records.get(`${segmentId}/${indexId}`);
    if (record?.buildId !== buildId) return false;
    await this.#forget([record]);
    return true;
  }

  #isWanted({ meta, index }: Build): boolean {
    if (this.#ahead.has(meta.id)) return this.#collectionOf.has(index.id);
    return this.#wanted.get(index.id)?.has(meta.id) === true;
  }

  #giveUp({ slot }: Build): void {
    this.#waiting.delete(slot);
    this.#end(slot);
  }

  #end(slot: string): void {
    this.#ends.get(slot)?.resolve();
    this.#ends.delete(slot);
  }

  #isOf(collectionId: CollectionId, record: SegmentIndexMeta): boolean {
    return this.#collectionOf.get(record.indexId) === collectionId;
  }

  async #forget(records: readonly SegmentIndexMeta[]): Promise<void> {
    for (let at = 0; at < records.length; at += 100) {
      const part = records.slice(at, at + 100);
      await this.#catalog.write(part.map((record): MetaOp => remove(SEGMENT_INDEXES, slotOf(record))));
      for (const slot of part.map(slotOf)) {
        this.#records.delete(slot);
        this.#dueMs.delete(slot);
      }
    }
    for (const { file } of records) if (file !== undefined) await this.#deps.objects.remove(file.key);
  }

  #pump(): void {
    for (const [slot, build] of this.#waiting) {
      if (this.#running.size >= this.#deps.limits.buildsParallelMax) return;
      this.#waiting.delete(slot);
      this.#running.add(slot);
      this.#deps.tasks.spawn(
        `build index ${slot}`,
        async (signal) => {
          try {
            await this.#build(build, signal);
            await this.#forgetUnwanted(build);
          } finally {
            this.#running.delete(slot);
            this.#end(slot);
            this.#pump();
          }
        },
        { restarts: 0 },
      );
    }
  }

  async #build(build: Build, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#attempt(build, signal);
        return;
      } catch (error) {
        // Of a segment that has gone nothing can be built, and others wait for the place.
        if (signal.aborted || !this.#isWanted(build)) return;
        const isHopeless = isRedkiteError(error) && error.blame === "input";
        if (isHopeless || tries >= this.#deps.limits.triesMax) {
          const pauseMs = isHopeless ? Infinity : this.#deps.limits.failedPauseMs;
          this.#dueMs.set(build.slot, this.#deps.clock.monotonicMs() + pauseMs);
          await this.#save({
            ...pendingRecord(build, 0n),
            state: "Failed",
            failReason: error instanceof Error ? error.message : String(error),
          });
          return;
        }
        await this.#deps.clock.sleep(this.#deps.limits.retryPauseMs * tries, signal);
      }
    }
  }

  /** What it was built for has gone while it was under way: nobody else takes its record away. */
  async #forgetUnwanted(build: Build): Promise<void> {
    const record = this.#records.get(build.slot);
    if (record !== undefined && !this.#isWanted(build)) await this.#forget([record]);
  }

  async #attempt(build: Build, signal: AbortSignal): Promise<void> {
    const ctx = this.#deps.context(signal);
    const { meta, index } = build;
    if (meta.manifest === undefined) return;
    const node = this.#deps.sessions.live("indexnode")[0];
    if (node === undefined) throw serviceUnavailable("no index node is alive");
    const { schema } = await this.#deps.rootCoord.describeCollection(ctx, {
      by: "id",
      id: meta.collectionId,
    });
    const field = fieldById(schema, index.fieldId);
    if (field === undefined) return;
    const buildId = await this.#deps.rootCoord.allocId(ctx, { count: 1 });
    await this.#save({ ...pendingRecord(build, buildId), state: "InProgress" });
    await this.#deps.faults.point("index.before-build");
    const result = await this.#deps.connectIndexNode(node.nodeId, node.address).build(ctx, {
      buildId,
      collectionId: meta.collectionId,
      segmentId: meta.id,
      manifest: meta.manifest,
      schema,
      field,
      params: index.params,
      targetKey: `indexes/${meta.collectionId}/${meta.id}/${index.id}/${buildId}`,
    });
    await this.#deps.faults.point("index.before-commit");
    await this.#save({
      ...pendingRecord(build, buildId),
      state: "Finished",
      rows: result.rows,
      file: result.file,
    });
    // A segment that nothing lists has no readers: those that it comes to have are told by its commit.
    if (!this.#ahead.has(meta.id))
      await this.#deps.queryCoord.targetChanged(ctx, { vchannel: meta.vchannel });
  }

  async #save(record: SegmentIndexMeta): Promise<void> {
    await this.#catalog.write([put(SEGMENT_INDEXES, slotOf(record), record)]);
    this.#records.set(slotOf(record), record);
  }
}

/** Types that have a file; the others are exact scans of the column itself. */
const BUILT_TYPES: ReadonlySet<string> = new Set([
  "HNSW",
  "HNSW_SQ",
  "HNSW_PQ",
  "HNSW_PRQ",
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "IVF_RABITQ",
  "SCANN",
  "BIN_IVF_FLAT",
  "MINHASH_LSH",
  "DISKANN",
  "SPARSE_INVERTED_INDEX",
  "SPARSE_WAND",
  "STL_SORT",
  "INVERTED",
  "BITMAP",
  "TRIE",
]);

interface Build {
  readonly slot: string;
  readonly meta: SegmentMeta;
  readonly index: IndexInfo;
}

function slotOf(record: { readonly segmentId: SegmentId; readonly indexId: bigint }): string {
  return `${record.segmentId}/${record.indexId}`;
}

function pendingRecord({ meta, index }: Build, buildId: bigint): SegmentIndexMeta {
  return {
    segmentId: meta.id,
    indexId: index.id,
    fieldId: index.fieldId,
    buildId,
    state: "Unissued",
    failReason: "",
    rows: meta.rows,
    file: undefined,
  };
}
