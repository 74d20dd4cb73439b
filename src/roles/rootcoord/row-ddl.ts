import type { DdlIntent, DdlKind } from "../../api/root-coord.ts";
import { collectionCodec } from "../../core/catalog/schema-codec.ts";
import type { TimestampOracle } from "../../core/tso/timestamp-oracle.ts";
import type { CallContext } from "../../model/call-context.ts";
import { partitionId as toPartitionId, type PartitionId } from "../../model/ids.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import { timestamp, TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { RootCoordDeps } from "./root-coord-deps.ts";
import { changed, type IntentRecord, type RootTables } from "./root-tables.ts";

/**
 * A change that concerns rows, at one timestamp on all vchannels of a collection: the intent is recorded; every owner stops taking
 * batches; the timestamp is taken and recorded; every owner appends the change at it and goes on; proxies forget what they knew; data
 * that the change takes away is dropped; the collection is saved as it is now. From the moment that the timestamp is recorded the
 * collection is described as it will be (`RootTables.described`). Each step may be repeated, so a crash anywhere is finished
 * by `resume` at the next start, or before the next change.
 */
export class RowDdl {
  readonly #deps: RootCoordDeps;
  readonly #tables: RootTables;
  readonly #oracle: TimestampOracle;

  readonly #invalidate: (ctx: CallContext, info: CollectionInfo, at: Timestamp) => Promise<void>;

  constructor(
    deps: RootCoordDeps,
    tables: RootTables,
    oracle: TimestampOracle,
    invalidate: (ctx: CallContext, info: CollectionInfo, at: Timestamp) => Promise<void>,
  ) {
    this.#deps = deps;
    this.#tables = tables;
    this.#oracle = oracle;
    this.#invalidate = invalidate;
  }

  /** `after` is the collection as it will be; timestamps in it are set here. Returns the timestamp of the change. */
  async run(ctx: CallContext, change: RowChange): Promise<Timestamp> {
    const intent: IntentRecord = {
      id: change.intentId,
      collectionId: change.after.id,
      kind: change.kind,
      timestamp: TIMESTAMP_ZERO,
      partitionId: change.partitionId ?? 0n,
      after: collectionCodec.encode(change.after),
    };
    await this.#tables.saveIntent(intent);
    await this.#deps.faults.point("ddl.after-intent");
    try {
      await this.#eachOwner(ctx, change.after, async (owner, vchannel) =>
        owner.pauseForDdl(ctx, { vchannel, intent: described(intent, change.after) }),
      );
    } catch (error) {
      await this.#withdraw(ctx, intent, change.after);
      throw error;
    }
    return this.#finish(ctx, intent, change.after);
  }

  /** Carries on with what a crash interrupted. */
  async resume(ctx: CallContext, intent: IntentRecord): Promise<void> {
    if (intent.after === undefined) return this.#tables.withdrawIntent(intent);
    const after = collectionCodec.decode(intent.after);
    if (intent.timestamp === TIMESTAMP_ZERO) return this.#withdraw(ctx, intent, after);
    await this.#finish(ctx, intent, after);
  }

  /** From here on the change happens: it is repeated until it has. */
  async #finish(ctx: CallContext, intent: IntentRecord, after: CollectionInfo): Promise<Timestamp> {
    let taken = intent;
    if (taken.timestamp === TIMESTAMP_ZERO) {
      taken = { ...intent, timestamp: await this.#oracle.alloc(1) };
      await this.#tables.saveIntent(taken);
      await this.#deps.faults.point("ddl.after-timestamp");
    }
    const at = timestamp(taken.timestamp);
    await this.#eachOwner(ctx, after, async (owner, vchannel) =>
      owner.appendDdl(ctx, { vchannel, intent: described(taken, after) }),
    );
    await this.#deps.faults.point("ddl.after-append");
    const info = changed(taken, after);
    await this.#invalidate(ctx, info, at);
    await this.#dropData(ctx, taken, at);
    await this.#tables.finishIntent(taken, info);
    return at;
  }

  /** Part of the change: a crash in between must not leave data that nobody drops any more. */
  async #dropData(ctx: CallContext, intent: IntentRecord, at: Timestamp): Promise<void> {
    const { collectionId } = intent;
    if (intent.kind === "truncate") await this.#deps.dataCoord.truncate(ctx, { collectionId, at });
    if (intent.kind !== "dropPartition") return;
    const partitionId = toPartitionId(intent.partitionId);
    await this.#deps.queryCoord.release(ctx, { collectionId, partitionIds: [partitionId] });
    await this.#deps.dataCoord.dropPartition(ctx, { collectionId, partitionId, at });
  }

  async #withdraw(ctx: CallContext, intent: IntentRecord, after: CollectionInfo): Promise<void> {
    await this.#tables.withdrawIntent(intent);
    await Promise.allSettled(
      after.vchannels.map(async (vchannel) =>
        this.#deps.owner(ctx, vchannel, async (owner) =>
          owner.cancelDdl(ctx, { vchannel, intentId: intent.id }),
        ),
      ),
    );
  }

  async #eachOwner(
    ctx: CallContext,
    info: CollectionInfo,
    use: (
      owner: Parameters<Parameters<RootCoordDeps["owner"]>[2]>[0],
      vchannel: CollectionInfo["vchannels"][number],
    ) => Promise<unknown>,
  ): Promise<void> {
    await Promise.all(
      info.vchannels.map(async (vchannel) =>
        this.#deps.owner(ctx, vchannel, async (owner) => use(owner, vchannel)),
      ),
    );
  }
}

export interface RowChange {
  readonly intentId: bigint;
  readonly kind: DdlKind;
  readonly partitionId: PartitionId | undefined;
  readonly after: CollectionInfo;
}

/** The intent as owners are told of it. */
export function described(intent: IntentRecord, after: CollectionInfo): DdlIntent {
  return {
    id: intent.id,
    collectionId: intent.collectionId,
    kind: intent.kind as DdlKind,
    timestamp: intent.timestamp === TIMESTAMP_ZERO ? undefined : intent.timestamp,
    schemaVersion: after.schema.version,
    partitionId: intent.partitionId,
  };
}
