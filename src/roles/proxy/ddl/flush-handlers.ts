import { collectionNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { inDatabase } from "../../../model/call-context.ts";
import { collectionId, planId, segmentId } from "../../../model/ids.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import { SEGMENT_STATE_CODES } from "../../../model/segment.ts";
import { physicalMs, timestamp, type Timestamp } from "../../../model/timestamp.ts";
import { CompactionState, SegmentLevel } from "../../../wire/enums.gen.ts";
import { parameterMissingSentence } from "../check/field.ts";
import type { ProxyCall } from "../handler.ts";
import type { ServedHandlers } from "../served-handlers.ts";
import { namedCollection } from "./lookup.ts";

/** States in which a segment's rows are, or soon will be, in files. */
const persistentStates: ReadonlySet<string> = new Set(["Sealed", "Flushing", "Flushed"]);

export const flushHandlers = {
  /**
   * Seals what is growing and says what a client polls GetFlushState with: the segments under way, those flushed before, and the
   * timestamp that everything written so far lies at or below.
   */
  async Flush(call, request) {
    const names = request.collectionNames;
    call.note({ collections: names.length });
    const infos = await Promise.all(names.map((name) => namedCollection(call, name)));
    const results =
      infos.length === 0
        ? []
        : await call.deps.dataCoord.flush(call.ctx, { collectionIds: infos.map(({ id }) => id) });
    const byId = new Map(results.map((result) => [result.collectionId, result]));
    const rows = names.map((name, i) => {
      const id = infos[i]?.id;
      const result = id === undefined ? undefined : byId.get(id);
      if (result === undefined) throw collectionNotFound({ collection: name });
      return [name, result] as const;
    });
    return {
      dbName: call.ctx.database,
      collSegIDs: new Map(rows.map(([name, { sealing }]) => [name, { data: longs(sealing) }])),
      flushCollSegIDs: new Map(rows.map(([name, { flushed }]) => [name, { data: longs(flushed) }])),
      collSealTimes: new Map(rows.map(([name, { flushedAt }]) => [name, physicalMs(flushedAt) / 1000n])),
      collFlushTs: new Map(rows.map(([name, { flushedAt }]) => [name, flushedAt])),
    };
  },

  /** Everything, in all databases, unless the request names targets. */
  async FlushAll(call, request) {
    const targets = flushTargets(request);
    const infos = targets === undefined ? [] : await collectionsOf(call, targets);
    const { dataCoord, rootCoord } = call.deps;
    const results =
      targets !== undefined && infos.length === 0
        ? []
        : await dataCoord.flush(call.ctx, { collectionIds: infos.map(({ id }) => id) });
    // With nothing to flush the present is the time up to which all is flushed.
    const now = await rootCoord.allocTimestamp(call.ctx, { count: 1, owner: undefined });
    const flushedAts = results.map(({ flushedAt }) => flushedAt);
    return { flushAllTs: flushedAts.reduce((max, at) => (at > max ? at : max), flushedAts[0] ?? now) };
  },

  async GetFlushState(call, request) {
    // Old clients name segments only, which are found without their collection.
    const id =
      request.collectionName === ""
        ? collectionId(0n)
        : (await namedCollection(call, request.collectionName)).id;
    return call.deps.dataCoord.getFlushState(call.ctx, {
      collectionId: id,
      segmentIds: request.segmentIDs.map(segmentId),
      flushedAt: timestamp(request.flushTs),
    });
  },

  async GetFlushAllState(call, request) {
    const at = [...request.flushAllTss.values()].reduce(
      (max, one) => (one > max ? one : max),
      request.flushAllTs,
    );
    if (at === 0n) throw parameterMissingSentence("FlushAllTss or FlushAllTs is required");
    const infos = await collectionsOf(call, flushTargets(request) ?? (await everything(call)));
    const states = new Map<string, Map<string, boolean>>();
    for (const info of infos) {
      const flushed = await isFlushed(call, info, timestamp(at));
      const ofDatabase = states.get(info.databaseName) ?? new Map<string, boolean>();
      states.set(info.databaseName, ofDatabase.set(info.name, flushed));
    }
    return {
      flushed: [...states.values()].every((ofDatabase) => [...ofDatabase.values()].every(Boolean)),
      flushStates: [...states].map(([dbName, collectionFlushStates]) => ({ dbName, collectionFlushStates })),
    };
  },

  async GetPersistentSegmentInfo(call, request) {
    const info = await namedCollection(call, request.collectionName);
    const segments = await call.deps.dataCoord.listSegments(call.ctx, { collectionId: info.id });
    return {
      infos: segments
        .filter((segment) => persistentStates.has(segment.state))
        .map((segment) => ({
          segmentID: segment.id,
          collectionID: segment.collectionId,
          partitionID: segment.partitionId,
          numRows: BigInt(segment.rows),
          state: SEGMENT_STATE_CODES[segment.state],
          level: SegmentLevel.L1,
          // A flushed segment's rows lie in the order of their keys.
          isSorted: segment.state === "Flushed",
        })),
    };
  },

  async ManualCompaction(call, request) {
    checkTargetSize(request.targetSize, call.deps.limits.segmentMiB);
    const id =
      request.collectionName === ""
        ? collectionId(request.collectionID)
        : (await namedCollection(call, request.collectionName)).id;
    const info = await call.metaCache.collectionById(call.ctx, id);
    const { compactionId, plans } = await call.deps.dataCoord.manualCompaction(call.ctx, {
      collectionId: info.id,
      major: request.majorCompaction,
    });
    return { compactionID: compactionId, compactionPlanCount: plans };
  },

  async GetCompactionState(call, request) {
    const state = await call.deps.dataCoord.getCompactionState(call.ctx, {
      compactionId: planId(request.compactionID),
    });
    return {
      state: compactionStates[state.state],
      executingPlanNo: BigInt(state.executing),
      timeoutPlanNo: BigInt(state.timedOut),
      completedPlanNo: BigInt(state.completed),
      failedPlanNo: BigInt(state.failed),
    };
  },

  async GetCompactionStateWithPlans(call, request) {
    const state = await call.deps.dataCoord.getCompactionState(call.ctx, {
      compactionId: planId(request.compactionID),
    });
    return {
      state: compactionStates[state.state],
      mergeInfos: state.plans.map(({ sources, target }) => ({ sources, target })),
    };
  },
} satisfies ServedHandlers;

const compactionStates = {
  Executing: CompactionState.Executing,
  Completed: CompactionState.Completed,
  Undefined: CompactionState.UndefiedState,
} as const;

/** A database and the collections of it that are meant; none named: all. */
interface FlushTarget {
  readonly dbName: string;
  readonly collectionNames: readonly string[];
}

/** Undefined: everything. A database alone is how older clients name a target. */
function flushTargets(request: {
  readonly dbName: string;
  readonly flushTargets: readonly FlushTarget[];
}): readonly FlushTarget[] | undefined {
  if (request.flushTargets.length > 0) return request.flushTargets;
  return request.dbName === "" ? undefined : [{ dbName: request.dbName, collectionNames: [] }];
}

async function everything(call: ProxyCall): Promise<readonly FlushTarget[]> {
  const databases = await call.deps.rootCoord.listDatabases(call.ctx, {});
  return databases.map(({ name }) => ({ dbName: name, collectionNames: [] }));
}

async function collectionsOf(
  call: ProxyCall,
  targets: readonly FlushTarget[],
): Promise<readonly CollectionInfo[]> {
  const ofTarget = async (target: FlushTarget): Promise<readonly CollectionInfo[]> => {
    const database = target.dbName === "" ? call.ctx.database : target.dbName;
    const ctx = inDatabase(call.ctx, database);
    if (target.collectionNames.length === 0) {
      const all = await call.deps.rootCoord.listCollections(ctx, {});
      return all.filter((info) => info.state === "Created");
    }
    return Promise.all(target.collectionNames.map((name) => call.metaCache.collection(ctx, name)));
  };
  return (await Promise.all(targets.map(ofTarget))).flat();
}

async function isFlushed(call: ProxyCall, info: CollectionInfo, flushedAt: Timestamp): Promise<boolean> {
  const request = { collectionId: info.id, segmentIds: [], flushedAt };
  return (await call.deps.dataCoord.getFlushState(call.ctx, request)).flushed;
}

function longs(ids: readonly bigint[]): BigInt64Array {
  return BigInt64Array.from(ids);
}

/** In MiB. Milvus too merges to no less than its configured size; to more is not served. */
function checkTargetSize(target: bigint, segmentMiB: number): void {
  if (target === 0n) return;
  if (target < BigInt(segmentMiB)) {
    throw parameterInvalid(
      `targetSize ${target} MB should be greater than or equal to configMaxSize ${segmentMiB} MB`,
    );
  }
  throw notServed("the parameter target_size of a compaction");
}
