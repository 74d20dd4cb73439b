import type { ComponentMetrics, ComponentState, ComponentStateCode } from "../../api/component.ts";
import type { CreateIndexRequest, IndexCoord, IndexDescription } from "../../api/index-coord.ts";
import { Mutex } from "../../base/mutex.ts";
import { Catalog, put } from "../../core/catalog/catalog.ts";
import { indexNotFound } from "../../errors/meta-errors.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { untilAborted } from "../../errors/until-aborted.ts";
import type { CallContext } from "../../model/call-context.ts";
import { indexId, type CollectionId, type SegmentId } from "../../model/ids.ts";
import type { IndexInfo, KeyValues } from "../../model/schema.ts";
import type { SegmentIndexMeta, SegmentMeta } from "../../model/segment-meta.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import { BuildScheduler } from "./build-scheduler.ts";
import type { IndexCoordDeps } from "./index-coord-deps.ts";
import { INDEXES } from "./index-records.ts";

/**
 * Index definitions, and the builds that follow from them. Owns the metadata under `index/`. A definition is durable when it is answered;
 * builds start over after a crash, since whether a segment is indexed is a record of its own.
 */
export class IndexCoordRole implements IndexCoord {
  readonly #deps: IndexCoordDeps;
  readonly #catalog: Catalog;
  readonly #builds: BuildScheduler;
  readonly #indexes = new Map<bigint, IndexInfo>();
  readonly #mutex = new Mutex();
  #state: ComponentStateCode = "Initializing";

  constructor(deps: IndexCoordDeps) {
    this.#deps = deps;
    this.#catalog = new Catalog(deps.meta, deps.leadership);
    this.#builds = new BuildScheduler(deps, this.#catalog);
  }

  static async open(deps: IndexCoordDeps): Promise<IndexCoordRole> {
    const role = new IndexCoordRole(deps);
    for (const info of await role.#catalog.load(INDEXES)) role.#remember(info);
    await role.#builds.load();
    return role;
  }

  start(): void {
    this.#state = "Healthy";
    for (const collectionId of new Set([...this.#indexes.values()].map((info) => info.collectionId)))
      this.#reconcile(collectionId);
    this.#deps.tasks.spawn("upkeep of indexes", async (signal) => this.#keepUp(signal), { endless: true });
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(this.#deps.limits.upkeepIntervalMs, signal);
      for (const collectionId of this.#builds.dueCollections()) this.#reconcile(collectionId);
      await this.#builds.collectOrphans();
    }
  }

  async stop(): Promise<void> {
    this.#state = "Stopping";
  }

  async getComponentStates(): Promise<ComponentState> {
    return { nodeId: this.#deps.nodeId, role: "indexcoord", state: this.#state, reason: "" };
  }

  async getMetrics(): Promise<ComponentMetrics> {
    return { name: "indexcoord", nodeId: this.#deps.nodeId, infos: { indexes: this.#indexes.size } };
  }

  async createIndex(ctx: CallContext, request: CreateIndexRequest): Promise<IndexInfo> {
    return this.#mutex.run(async () => {
      const others = this.#of(request.collectionId);
      const known = others.find((info) => info.name === request.indexName);
      if (known !== undefined) {
        if (known.fieldId === request.field.id && equalParams(known, request)) return known;
        throw parameterInvalid("at most one distinct index is allowed per field");
      }
      if (others.some((info) => info.fieldId === request.field.id && samePath(info.params, request.params))) {
        throw parameterInvalid(
          "CreateIndex failed: creating multiple indexes on same field is not supported",
        );
      }
      const info: IndexInfo = {
        id: indexId(await this.#deps.rootCoord.allocId(ctx, { count: 1 })),
        collectionId: request.collectionId,
        fieldId: request.field.id,
        name: request.indexName,
        userParams: request.userParams,
        params: request.params,
        isAuto: request.isAuto,
        createdAt: await this.#deps.rootCoord.allocTimestamp(ctx, { count: 1, owner: undefined }),
        droppedAt: undefined,
      };
      await this.#catalog.write([put(INDEXES, String(info.id), info)]);
      this.#remember(info);
      await this.#invalidate(ctx, info.collectionId);
      this.#reconcile(info.collectionId);
      return info;
    });
  }

  async alterIndex(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly indexName: string;
      readonly set: KeyValues;
      readonly remove: readonly string[];
    },
  ): Promise<void> {
    await this.#mutex.run(async () => {
      const info = this.#of(request.collectionId).find((candidate) => candidate.name === request.indexName);
      if (info === undefined) throw indexNotFound({ indexName: request.indexName });
      const gone = new Set(request.remove);
      const userParams = Object.fromEntries(
        Object.entries({ ...info.userParams, ...request.set }).filter(([key]) => !gone.has(key)),
      );
      const changed = { ...info, userParams };
      await this.#catalog.write([put(INDEXES, String(info.id), changed)]);
      this.#remember(changed);
      await this.#invalidate(ctx, info.collectionId);
    });
  }

  async dropIndex(
    ctx: CallContext,
    request: {
      readonly collectionId: CollectionId;
      readonly fieldId: number | undefined;
      readonly indexName: string;
    },
  ): Promise<void> {
    const matches = (info: IndexInfo): boolean =>
      (request.indexName === "" || info.name === request.indexName) &&
      (request.fieldId === undefined || info.fieldId === request.fieldId);
    await this.#drop(this.#of(request.collectionId).filter(matches));
    await this.#invalidate(ctx, request.collectionId);
  }

  async describeIndex(
    ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly indexName: string; readonly at: Timestamp },
  ): Promise<readonly IndexDescription[]> {
    const infos = this.#of(request.collectionId).filter(
      (info) => request.indexName === "" || info.name === request.indexName,
    );
    if (infos.length === 0) return [];
    const segments = await this.#deps.dataCoord.listSegments(ctx, { collectionId: request.collectionId });
    return infos.map((info) => {
      const records = new Map(this.#builds.recordsOf(info.id).map((record) => [record.segmentId, record]));
      let indexed = 0n;
      let total = 0n;
      let failReason = "";
      let pending = 0n;
      for (const meta of segments) {
        if (request.at !== TIMESTAMP_ZERO && meta.minTimestamp > request.at) continue;
        // Rows that are still being collected wait for no build: clients compare indexed rows with the total.
        if (meta.state === "Growing") continue;
        const rows = BigInt(meta.rows);
        total += rows;
        const record = records.get(meta.id);
        const done = meta.state === "Flushed" && !this.#builds.needsBuild(meta, info);
        if (record?.state === "Failed") failReason = record.failReason;
        if (done || record?.state === "Finished") indexed += rows;
        else pending += rows;
      }
      const state = failReason !== "" ? "Failed" : pending > 0n ? "InProgress" : "Finished";
      return {
        info,
        indexedRows: indexed,
        totalRows: total,
        pendingRows: pending,
        state,
        failReason,
      };
    });
  }

  async listIndexes(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId },
  ): Promise<readonly IndexInfo[]> {
    return this.#of(request.collectionId);
  }

  async listSegmentIndexes(
    _ctx: CallContext,
    request: { readonly collectionId: CollectionId; readonly segmentIds: readonly SegmentId[] },
  ): Promise<readonly SegmentIndexMeta[]> {
    return this.#builds.records(request.segmentIds);
  }

  async segmentsChanged(_ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void> {
    if (this.#of(request.collectionId).length > 0) this.#reconcile(request.collectionId);
  }

  async buildAhead(ctx: CallContext, { segment }: { readonly segment: SegmentMeta }): Promise<void> {
    await untilAborted(this.#builds.buildAhead(segment, this.#of(segment.collectionId)), ctx.signal);
  }

  async endAhead(_ctx: CallContext, { segmentId }: { readonly segmentId: SegmentId }): Promise<void> {
    this.#builds.endAhead(segmentId);
  }

  async indexLost(
    _ctx: CallContext,
    { collectionId, lost }: { readonly collectionId: CollectionId; readonly lost: SegmentIndexMeta },
  ): Promise<void> {
    if (await this.#builds.forgetBuild(lost)) this.#reconcile(collectionId);
  }

  async dropCollection(_ctx: CallContext, request: { readonly collectionId: CollectionId }): Promise<void> {
    await this.#drop(this.#of(request.collectionId));
  }

  async #drop(infos: readonly IndexInfo[]): Promise<void> {
    await this.#mutex.run(async () => {
      if (infos.length === 0) return;
      await this.#catalog.write(
        infos.map((info) => ({ op: "delete", key: INDEXES.prefix + String(info.id) })),
      );
      for (const info of infos) this.#indexes.delete(info.id);
      await this.#builds.forgetIndexes(infos.map((info) => info.id));
    });
  }

  async #invalidate(ctx: CallContext, collectionId: CollectionId): Promise<void> {
    await this.#deps.invalidateProxies(
      ctx,
      await this.#deps.rootCoord.describeCollection(ctx, { by: "id", id: collectionId }),
    );
  }

  #of(collectionId: CollectionId): readonly IndexInfo[] {
    return [...this.#indexes.values()].filter((info) => info.collectionId === collectionId);
  }

  #remember(info: IndexInfo): void {
    this.#indexes.set(info.id, info);
    this.#builds.noteIndex(info);
  }

  #reconcile(collectionId: CollectionId): void {
    this.#builds.reconcile(collectionId, () => this.#of(collectionId));
  }
}

/** How an index is held may change and makes no other index of it. */
const alterableKeys: ReadonlySet<string> = new Set(["mmap.enabled", "warmup", "indexoffsetcache.enabled"]);

function equalParams(info: IndexInfo, request: CreateIndexRequest): boolean {
  const pairs = (params: KeyValues): string =>
    JSON.stringify(
      Object.entries(params)
        .filter(([key]) => !alterableKeys.has(key))
        .toSorted(),
    );
  return pairs(info.userParams) === pairs(request.userParams) && samePath(info.params, request.params);
}

/** A JSON field may have one index for each path in it. */
function samePath(a: KeyValues, b: KeyValues): boolean {
  return a["json_path"] === b["json_path"];
}
