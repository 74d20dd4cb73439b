import { backoffDelayMs } from "../../../base/backoff.ts";
import type { RedkiteError } from "../../../errors/redkite-error.ts";
import { toRedkiteError, toStatus } from "../../../errors/status.ts";
import { abortReason } from "../../../errors/service-errors.ts";
import { keyAt } from "../../../format/column-select.ts";
import { keyCount, type Keys } from "../../../model/columns.ts";
import type { CollectionInfo } from "../../../model/schema.ts";
import type { Timestamp } from "../../../model/timestamp.ts";
import type { DeletePart, WriteCondition } from "../../../model/write-batch.ts";
import type { Init } from "../../../wire/codec.ts";
import type { MutationResult } from "../../../wire/messages.gen.ts";
import { toWireIds } from "../../../wire/search-results.ts";
import { toWireStatus } from "../../../wire/status-wire.ts";
import type { ProxyCall } from "../handler.ts";
import { lastRowsOfKeys, placeRows, type DecodedRows } from "./place-rows.ts";
import { clientError, sendBatches } from "./send-batches.ts";

/** Rows as decoded with one schema, and what goes along with them. */
export interface PreparedRows extends DecodedRows {
  readonly info: CollectionInfo;
  /** Keys to end in the record that holds the given rows, without which the rows would not replace them. */
  readonly deletesOf?: (rows: readonly number[]) => readonly DeletePart[];
  readonly condition?: WriteCondition;
}

export interface WrittenRows {
  readonly keys: Keys;
  readonly rows: number;
  /** Of the request, ascending. */
  readonly written: readonly number[];
  /** Of the last record; undefined when none was written. */
  readonly timestamp: Timestamp | undefined;
  readonly failure: RedkiteError | undefined;
}

const PAUSE = { baseMs: 2, maxMs: 200 } as const;

/**
 * Writes the rows of a request, of each key the last one. Rows whose vchannel refuses them because the schema, or with a condition
 * the rows themselves, changed meanwhile are prepared and sent again, only they, until the deadline.
 *
 * @param prepare called with the collection as it is now, and the rows that are still to be written (undefined: all)
 */
export async function writeRows(
  call: ProxyCall,
  first: CollectionInfo,
  prepare: (info: CollectionInfo, left: readonly number[] | undefined) => Promise<PreparedRows>,
): Promise<WrittenRows> {
  let prepared = await prepare(first, undefined);
  let left = lastRowsOfKeys(prepared.keys);
  const written: number[] = [];
  let timestamp: Timestamp | undefined;
  for (let attempt = 0; ; attempt++) {
    const round = await writeOnce(call, prepared, left);
    written.push(...round.written);
    if (round.timestamp !== undefined && (timestamp === undefined || round.timestamp > timestamp))
      timestamp = round.timestamp;
    const { keys, rows } = prepared;
    const end = (failure: RedkiteError | undefined): WrittenRows => ({
      keys,
      rows,
      written: failure === undefined ? allRows(rows) : rowsWithKeysOf(keys, written),
      timestamp,
      failure,
    });
    if (round.failure === undefined || round.refused.length === 0) return end(round.failure);
    try {
      await call.deps.clock.sleep(
        backoffDelayMs(PAUSE, attempt, () => call.deps.rng.float()),
        call.ctx.signal,
      );
      if (round.failure.kind === "collectionSchemaMismatch") call.metaCache.forget(prepared.info.id);
      left = round.refused;
      prepared = await prepare(await call.metaCache.collectionById(call.ctx, prepared.info.id), left);
    } catch (error) {
      // What is in must be told, also when the rest cannot be tried again.
      return end(call.ctx.signal.aborted ? abortReason(call.ctx.signal) : toRedkiteError(error));
    }
  }
}

interface Round {
  readonly written: readonly number[];
  /** Rows to prepare again; empty when something failed for good. */
  readonly refused: readonly number[];
  readonly timestamp: Timestamp | undefined;
  readonly failure: RedkiteError | undefined;
}

async function writeOnce(call: ProxyCall, prepared: PreparedRows, rows: readonly number[]): Promise<Round> {
  const { info, deletesOf, condition } = prepared;
  const placements = placeRows(prepared, rows, info.vchannels.length, call.self.batchMemory);
  const outcomes = await sendBatches(
    call,
    info,
    placements.map(({ shard, rows: placed, inserts }) => ({
      shard,
      inserts,
      deletes: deletesOf?.(placed) ?? [],
      condition,
    })),
  );
  const written: number[] = [];
  const refused: number[] = [];
  const failures: RedkiteError[] = [];
  let timestamp: Timestamp | undefined;
  for (const [i, outcome] of outcomes.entries()) {
    const placed = placements[i]?.rows ?? [];
    if (outcome.kind === "failed") {
      failures.push(outcome.error);
      refused.push(...placed);
      continue;
    }
    written.push(...placed);
    const at = outcome.result.timestamp;
    if (timestamp === undefined || at > timestamp) timestamp = at;
  }
  const final = failures.find((error) => !mayPrepareAgain(error));
  return {
    written,
    refused: final === undefined ? refused.sort((a, b) => a - b) : [],
    timestamp,
    failure: final ?? failures[0],
  };
}

function mayPrepareAgain({ kind }: RedkiteError): boolean {
  return kind === "collectionSchemaMismatch" || kind === "writeConflict";
}

function allRows(rows: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => row);
}

/** A row that a later one of its key replaced is in when that one is. */
function rowsWithKeysOf(keys: Keys, written: readonly number[]): readonly number[] {
  const values = new Set(written.map((row) => keyAt(keys, row)));
  return allRows(keyCount(keys)).filter((row) => values.has(keyAt(keys, row)));
}

/**
 * The answer of an insert or upsert. Throws when nothing went in; when only some rows did, the answer carries the failure and says
 * which rows are in.
 */
export function mutationResult(
  { keys, rows, written, timestamp, failure }: WrittenRows,
  repeat: "harmless" | "adds-rows",
): Init<MutationResult> {
  if (failure !== undefined && written.length === 0) throw clientError(failure, repeat, false);
  const inIt = new Set(written);
  return {
    status: failure && toWireStatus(toStatus(clientError(failure, repeat, true))),
    IDs: toWireIds(keys),
    succIndex: Uint32Array.from(written),
    errIndex: Uint32Array.from(allRows(rows).filter((row) => !inIt.has(row))),
    acknowledged: failure === undefined,
    insertCnt: BigInt(written.length),
    timestamp,
  };
}
