import { isRedkiteError, RedkiteError } from "../../../errors/redkite-error.ts";
import { toRedkiteError } from "../../../errors/status.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import { timestamp, type Timestamp } from "../../../model/timestamp.ts";
import type { DeletePart, InsertPart, WriteCondition, WriteResult } from "../../../model/write-batch.ts";
import type { ProxyCall } from "../handler.ts";

/** What one vchannel gets as one record. */
export interface OutgoingBatch {
  /** Number of the vchannel in the collection. */
  readonly shard: number;
  readonly deletes: readonly DeletePart[];
  readonly inserts: readonly InsertPart[];
  readonly condition: WriteCondition | undefined;
}

export type BatchOutcome =
  | { readonly kind: "written"; readonly result: WriteResult }
  | { readonly kind: "failed"; readonly error: RedkiteError };

/**
 * Hands each batch to the owner of its vchannel, all vchannels at once, batches of one vchannel one after another. After a failure no
 * later batch of that vchannel is sent. Outcomes in the order of the batches.
 */
export async function sendBatches(
  call: ProxyCall,
  info: CollectionInfo,
  batches: readonly OutgoingBatch[],
): Promise<readonly BatchOutcome[]> {
  if (batches.length === 0) return [];
  const { ctx, deps } = call;
  // Unique over all threads and runs of the process, and below the timestamp of any record that may come of them.
  const firstSequence = await deps.rootCoord.allocTimestamp(ctx, { count: batches.length, owner: undefined });
  const outcomes: BatchOutcome[] = [];
  const perShard = Map.groupBy(batches.keys(), (i) => batches[i]?.shard ?? 0);
  await Promise.all(
    [...perShard.values()].map(async (indexes) => {
      let failure: BatchOutcome | undefined;
      for (const i of indexes) {
        const batch = batches[i];
        if (batch === undefined) continue;
        failure ??= await sendOne(call, info, batch, timestamp(firstSequence + BigInt(i))).then((outcome) => {
          outcomes[i] = outcome;
          return outcome.kind === "failed" ? outcome : undefined;
        });
        if (outcomes[i] === undefined && failure !== undefined) outcomes[i] = failure;
      }
    }),
  );
  return outcomes;
}

async function sendOne(
  { ctx, deps, self }: ProxyCall,
  info: CollectionInfo,
  { shard, deletes, inserts, condition }: OutgoingBatch,
  sequence: Timestamp,
): Promise<BatchOutcome> {
  const vchannel = info.vchannels[shard];
  if (vchannel === undefined) throw new TypeError(`collection ${info.name} has no vchannel ${shard}`);
  try {
    let owners = 0;
    const result = await deps.owner(ctx, vchannel, async (owner) => {
      owners += 1;
      return owner.write(ctx, {
        collectionId: info.id,
        vchannel,
        schemaVersion: info.schema.version,
        session: deps.nodeId,
        sequence,
        deletes,
        inserts,
        condition,
      });
    });
    // The only owner that has had the batch has it in the log. One that failed before it may still be reading it.
    if (owners === 1) for (const { batch } of inserts) self.batchMemory.giveBack(batch);
    return { kind: "written", result };
  } catch (error) {
    return { kind: "failed", error: toRedkiteError(error) };
  }
}

/**
 * The error as the client may act on it: repeating is only suggested where it changes nothing. With ids made by the server it would
 * add the rows again, unless it is sure that none of them went in.
 */
export function clientError(
  error: RedkiteError,
  repeat: "harmless" | "adds-rows",
  anyWritten: boolean,
): RedkiteError {
  if (!error.retriable || repeat === "harmless" || (!anyWritten && isSurelyNotIn(error))) return error;
  return new RedkiteError(error.kind, error.message, {
    blame: error.blame,
    retriable: false,
    fields: error.fields,
    cause: error,
  });
}

/** Refusals before anything is appended. */
function isSurelyNotIn(error: unknown): boolean {
  return [
    "serviceTooManyRequests",
    "serviceRateLimit",
    "diskFull",
    "writeConflict",
    "collectionSchemaMismatch",
  ].some((kind) => isRedkiteError(error) && error.kind === kind);
}
