import { backoffDelayMs } from "../../../base/backoff.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import type { Constant } from "../../../expr/ast.ts";
import type { CompiledFilter } from "../../../expr/compile-filter.ts";
import { printConstant } from "../../../expr/print.ts";
import { gatherKeys, keyAt, keysFrom } from "../../../format/column-select.ts";
import { keyCount, type Keys } from "../../../model/columns.ts";
import { DataType } from "../../../model/data-type.ts";
import type { PartitionId } from "../../../model/ids.ts";
import type { FilterSource } from "../../../model/read.ts";
import { partitionKeyField, primaryKeyField, type CollectionInfo } from "../../../model/schema.ts";
import { timeZoneOf } from "../../../model/timestamptz.ts";
import type { Timestamp } from "../../../model/timestamp.ts";
import type { Init } from "../../../wire/codec.ts";
import type { DeleteRequest, MutationResult } from "../../../wire/messages.gen.ts";
import { checkCollectionName } from "../check/names.ts";
import type { Handler, ProxyCall } from "../handler.ts";
import { partitionNamed, readPartitions } from "../read/partitions.ts";
import { queryRows, splitByShard } from "../read/query-shards.ts";
import { requestFilter, type ReadTarget } from "../read/read-scope.ts";
import { untilFreshEnough } from "../read/at-read-timestamp.ts";
import { freshTimestamp } from "../read/read-timestamp.ts";
import { refusePartitionName } from "./insert.ts";
import { sendBatches, type OutgoingBatch } from "./send-batches.ts";

/** Ends rows by key, or all that a filter matches at one timestamp. Repeating it changes nothing further. */
export const deleteHandler: Handler<DeleteRequest, Init<MutationResult>> = async (call, request) => {
  checkCollectionName(request.collectionName, call.deps.limits);
  if (request.namespace !== undefined) throw notServed("namespaces");
  const info = await call.metaCache.collection(call.ctx, request.collectionName);
  const context = "failed to create delete plan";
  const { source, compiled } = requestFilter(
    call,
    request.expr,
    request.exprTemplateValues,
    info,
    timeZoneOf(info.properties),
    context,
  );
  if (compiled.kind === "always-true")
    throw parameterInvalid(`delete plan can't be empty or always true : ${request.expr}`);
  const scope = deleteScope(call, info, request, source, compiled);
  call.note({ collection: info.name, filter: request.expr });
  const keys = wholeKeys(compiled, info);
  const done: Done = { rows: 0, timestamp: undefined };
  if (keys !== undefined) await deleteKeys(call, scope, keys, undefined, done);
  else if (compiled.kind !== "always-false") await deleteMatches(call, scope, done);
  return { deleteCnt: BigInt(done.rows), timestamp: done.timestamp, acknowledged: true };
};

interface DeleteScope {
  readonly info: CollectionInfo;
  readonly source: FilterSource;
  /** Where matching rows lie; undefined for anywhere. */
  readonly partitionIds: readonly PartitionId[] | undefined;
  /** Keys end only here; undefined for everywhere. */
  readonly only: PartitionId | undefined;
}

interface Done {
  rows: number;
  timestamp: Timestamp | undefined;
}

function deleteScope(
  call: ProxyCall,
  info: CollectionInfo,
  { partitionName }: DeleteRequest,
  source: FilterSource,
  compiled: CompiledFilter,
): DeleteScope {
  if (partitionKeyField(info.schema) !== undefined) {
    refusePartitionName(partitionName);
    return { info, source, partitionIds: readPartitions(info, [], compiled), only: undefined };
  }
  if (partitionName === "") return { info, source, partitionIds: undefined, only: undefined };
  const only = partitionNamed(info, partitionName, call.deps.limits);
  return { info, source, partitionIds: [only], only };
}

/** The keys of a filter that asks for nothing but keys. */
function wholeKeys({ keyConstraint }: CompiledFilter, info: CollectionInfo): Keys | undefined {
  if (keyConstraint?.isWholeFilter !== true) return undefined;
  const kind = primaryKeyField(info.schema).type === DataType.Int64 ? "int64" : "varchar";
  const values: (bigint | string)[] = [];
  for (const constant of keyConstraint.values) {
    if (constant.kind === "int" && kind === "int64") values.push(constant.value);
    else if (constant.kind === "string" && kind === "varchar") values.push(constant.value);
    else return undefined;
  }
  return keysFrom(kind, values);
}

/** Keys found and deleted at a time. */
const PAGE_KEYS = 262_144;

/**
 * Finds the matching keys at one timestamp, page by page, and ends those whose rows have not changed since. Changed ones are looked at
 * again at a later timestamp, only they, until none is left: a row that matches no more stays, as if the change had come last.
 */
async function deleteMatches(call: ProxyCall, scope: DeleteScope, done: Done): Promise<void> {
  // A truncation may overtake it: then all pages are looked at again, what is deleted already matches no more.
  await untilFreshEnough(call, await freshTimestamp(call), async (readAt) =>
    deleteMatchesAt(call, scope, readAt, done),
  );
}

async function deleteMatchesAt(
  call: ProxyCall,
  scope: DeleteScope,
  readAt: Timestamp,
  done: Done,
): Promise<void> {
  for (let after: Constant | undefined; ;) {
    const found = await matchingKeys(call, behind(scope, after), readAt, undefined);
    await deleteFound(call, scope, found, readAt, done);
    const count = keyCount(found);
    if (count < PAGE_KEYS) return;
    const last = keyAt(found, count - 1);
    after = typeof last === "bigint" ? { kind: "int", value: last } : { kind: "string", value: last };
  }
}

async function deleteFound(
  call: ProxyCall,
  scope: DeleteScope,
  found: Keys,
  foundAt: Timestamp,
  done: Done,
): Promise<void> {
  let keys = found;
  let readAt = foundAt;
  for (let attempt = 0; keyCount(keys) > 0; attempt++) {
    if (attempt > 0) await pause(call, attempt);
    const changed = await deleteKeys(call, scope, keys, readAt, done);
    if (keyCount(changed) === 0) return;
    readAt = await freshTimestamp(call);
    keys = await matchingKeys(call, scope, readAt, changed);
  }
}

async function matchingKeys(
  call: ProxyCall,
  { info, source, partitionIds }: DeleteScope,
  readAt: Timestamp,
  keys: Keys | undefined,
): Promise<Keys> {
  const target: ReadTarget = { info, readAt, partitionIds, filter: source, ignoreGrowing: false };
  const page = { limit: PAGE_KEYS, offset: 0, outputFieldIds: [] };
  const rows = await queryRows(call, target, keys === undefined ? page : { ...page, keys });
  return rows.keys;
}

function behind(scope: DeleteScope, after: Constant | undefined): DeleteScope {
  if (after === undefined) return scope;
  const key = primaryKeyField(scope.info.schema).name;
  const text = `(${scope.source.text}) and ${key} > ${printConstant(after)}`;
  return { ...scope, source: { ...scope.source, text } };
}

/** Keys of one record. */
const RECORD_KEYS_MAX = 65_536;

/** Ends keys; with `readAt` only those without a later version, the others are returned. */
async function deleteKeys(
  call: ProxyCall,
  { info: first, only }: DeleteScope,
  keys: Keys,
  readAt: Timestamp | undefined,
  done: Done,
): Promise<Keys> {
  const condition = readAt && ({ readAt, onConflict: "skip" } as const);
  let info = first;
  let left = batchesOf(keys, info.vchannels.length);
  const changed: (bigint | string)[] = [];
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt > 0) await pause(call, attempt);
    const outgoing = left.map(({ shard, part }): OutgoingBatch => ({
      shard,
      inserts: [],
      deletes: [{ partitionId: only, keys: part }],
      condition,
    }));
    const outcomes = await sendBatches(call, info, outgoing);
    const again: KeyBatch[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const batch = left[i];
      if (batch === undefined) continue;
      if (outcome.kind === "written") {
        const { skipped, timestamp } = outcome.result;
        done.rows += keyCount(batch.part) - skipped.length;
        if (done.timestamp === undefined || timestamp > done.timestamp) done.timestamp = timestamp;
        for (const index of skipped) changed.push(keyAt(batch.part, index));
      } else if (outcome.error.kind === "writeConflict" && readAt !== undefined) {
        // The owner no longer knows what was written since: every key may have changed.
        for (let k = 0; k < keyCount(batch.part); k++) changed.push(keyAt(batch.part, k));
      } else if (outcome.error.kind === "collectionSchemaMismatch") {
        again.push(batch);
      } else {
        throw outcome.error;
      }
    }
    left = again;
    if (again.length === 0) break;
    call.metaCache.forget(info.id);
    info = await call.metaCache.collectionById(call.ctx, info.id);
  }
  return keysFrom(keys.kind, changed);
}

interface KeyBatch {
  readonly shard: number;
  readonly part: Keys;
}

function batchesOf(keys: Keys, shards: number): readonly KeyBatch[] {
  const batches: KeyBatch[] = [];
  for (const [shard, ofShard] of splitByShard(keys, shards)) {
    const count = keyCount(ofShard);
    for (let start = 0; start < count; start += RECORD_KEYS_MAX) {
      const end = Math.min(count, start + RECORD_KEYS_MAX);
      const part =
        start === 0 && end === count
          ? ofShard
          : gatherKeys(
              ofShard,
              Array.from({ length: end - start }, (_, i) => start + i),
            );
      batches.push({ shard, part });
    }
  }
  return batches;
}

async function pause({ ctx, deps }: ProxyCall, attempt: number): Promise<void> {
  const delayMs = backoffDelayMs({ baseMs: 2, maxMs: 200 }, attempt, () => deps.rng.float());
  await deps.clock.sleep(delayMs, ctx.signal);
}
