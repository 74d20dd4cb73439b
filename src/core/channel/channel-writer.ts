import { Deferred } from "../../base/deferred.ts";
import { channelNotAvailable, collectionSchemaMismatch } from "../../errors/meta-errors.ts";
import { fenced, serviceTooManyRequests, writeConflict } from "../../errors/service-errors.ts";
import { streamUnavailable } from "../../errors/storage-errors.ts";
import { gatherKeys, keysOf } from "../../format/column-select.ts";
import {
  encodeLogRecord,
  type DdlRecord,
  type EpochRecord,
  type LogRecord,
  type RowsRecord,
} from "../../format/log-record.ts";
import { decodeRowBatchColumn } from "../../format/row-batch.ts";
import { keyCount } from "../../model/columns.ts";
import type { Epoch, NodeId, PartitionId, SegmentId } from "../../model/ids.ts";
import { primaryKeyField } from "../../model/schema.ts";
import { timestamp, type Timestamp } from "../../model/timestamp.ts";
import type { DeletePart, PlacedInsert, WriteBatch, WriteResult } from "../../model/write-batch.ts";
import type { MessageStream } from "../../ports/message-stream.ts";
import type { ShardState } from "../shard/shard-state.ts";

/**
 * The one writer of a vchannel under one epoch. Takes batches in groups: one allocation of timestamps for those that wait, then
 * appends in timestamp order, so that the order of the log is the order of timestamps.
 *
 * A batch is acknowledged when its own record has come back from the log and no newer epoch record came before it: then it is
 * durable, applied to the shard state, and no successor can have missed it. After a failed append the outcome of what was in
 * flight is unknown; a barrier record is appended until one comes back, and what did not appear before it never will.
 */
export class ChannelWriter {
  readonly #deps: ChannelWriterDeps;
  readonly #state: ShardState;
  readonly #epoch: Epoch;
  readonly #queue: Pending[] = [];
  #queuedBytes = 0;
  /** Taken from the queue, not appended yet. */
  #forming: readonly Pending[] = [];
  /** Appended, not read back yet, by timestamp. */
  readonly #inFlight = new Map<Timestamp, InFlight>();
  #lastTimestamp: Timestamp;
  #running = false;
  #stopped: Error | undefined;
  #unsettled = false;
  /** Timestamps whose appends failed: those in flight wait for a barrier. */
  readonly #failed = new Set<Timestamp>();
  /** Changes that batches wait for. */
  readonly #pauses = new Set<bigint>();
  #idle: Deferred<void> | undefined;

  constructor(deps: ChannelWriterDeps, state: ShardState, epoch: Epoch) {
    this.#deps = deps;
    this.#state = state;
    this.#epoch = epoch;
    this.#lastTimestamp = state.appliedTimestamp;
    state.listen((record, position, counts) => this.#onRecord(record, position, counts));
    // Nothing would come back any more. The channel is taken over anew, and then the log tells what is in.
    state.onEnd((reason) => this.stop(channelNotAvailable(state.vchannel, reason.message)));
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  get serves(): boolean {
    return this.#stopped === undefined;
  }

  /** Queues the batch; rejects at once when the queue is full. */
  write(batch: WriteBatch): Promise<WriteResult> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const known = this.#state.recent.find(batch.session, batch.sequence);
    if (known !== undefined) return Promise.resolve(known);
    const same = this.#waitingFor(batch.session, batch.sequence);
    if (same !== undefined) return same;
    const bytes = batch.inserts.reduce((sum, part) => sum + part.batch.length, 0);
    if (this.#queue.length >= this.#deps.queueMax || this.#queuedBytes + bytes > this.#deps.queueBytesMax) {
      return Promise.reject(serviceTooManyRequests(this.#deps.queueMax, `channel ${this.#state.vchannel}`));
    }
    const done = new Deferred<WriteResult>();
    this.#queue.push({ kind: "write", batch, bytes, done });
    this.#queuedBytes += bytes;
    this.#run();
    return done.promise;
  }

  /** No record at or below `at` follows the position returned, and everything up to it is applied. */
  close(at: Timestamp): Promise<bigint> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const done = new Deferred<bigint>();
    this.#queue.push({ kind: "close", at, done });
    this.#run();
    return done.promise;
  }

  /** Stops taking batches for the change; resolves when those begun are applied. Idempotent. */
  async pause(intentId: bigint): Promise<void> {
    this.#pauses.add(intentId);
    await this.settled();
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  /** Changes for which batches are paused. */
  get pauses(): readonly bigint[] {
    return [...this.#pauses];
  }

  /** The change is recorded, or withdrawn. */
  resume(intentId: bigint): void {
    this.#pauses.delete(intentId);
    this.#run();
  }

  /**
   * Appends a record of the owner's own (a change of the collection, an epoch) while batches are paused or before any; resolves
   * when applied. A change may be older than the epoch record of an owner that took over while it was under way: batches
   * have been paused since, so no row can lie between.
   */
  appendOwn(record: DdlRecord | EpochRecord): Promise<bigint> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (record.timestamp > this.#lastTimestamp) this.#lastTimestamp = record.timestamp;
    else if (record.type === "epoch") return Promise.reject(this.#staleTimestamp(record.timestamp));
    return this.#append(record, undefined);
  }

  /** Resolves when nothing is in flight and no group is being formed. */
  async settled(): Promise<void> {
    while (this.#running || this.#inFlight.size > 0) {
      this.#idle ??= new Deferred<void>();
      await this.#idle.promise;
    }
  }

  /** Batches that wait are refused; those in flight still come back while the state is fed. */
  stop(reason: Error): void {
    this.#stopped ??= reason;
    for (const pending of this.#queue.splice(0)) pending.done.reject(reason);
    this.#queuedBytes = 0;
    for (const { done } of this.#inFlight.values()) done.reject(reason);
    this.#inFlight.clear();
    this.#wakeIdle();
  }

  #run(): void {
    if (this.#running || this.#unsettled || this.#queue.length === 0 || this.#pauses.size > 0) return;
    this.#running = true;
    void this.#loop().finally(() => {
      this.#running = false;
      this.#wakeIdle();
      this.#run();
    });
  }

  async #loop(): Promise<void> {
    while (
      this.#queue.length > 0 &&
      this.#pauses.size === 0 &&
      this.#stopped === undefined &&
      !this.#unsettled
    ) {
      const group = this.#takeGroup();
      this.#forming = group;
      try {
        await this.#serve(group);
      } catch (error) {
        for (const pending of group) pending.done.reject(error);
      } finally {
        this.#forming = [];
      }
    }
  }

  /** Everything that waits, up to a batch that must see the state without others in flight. */
  #takeGroup(): readonly Pending[] {
    const group: Pending[] = [];
    while (this.#queue.length > 0 && group.length < this.#deps.groupMax) {
      const next = this.#queue[0];
      if (next === undefined) break;
      const conditional = next.kind === "write" && next.batch.condition !== undefined;
      if (conditional && group.length > 0) break;
      this.#queue.shift();
      if (next.kind === "write") this.#queuedBytes -= next.bytes;
      group.push(next);
      if (conditional) break;
    }
    return group;
  }

  async #serve(group: readonly Pending[]): Promise<void> {
    const first = group[0];
    if (first?.kind === "write" && first.batch.condition !== undefined) await this.#applied();
    const writes: {
      readonly pending: PendingWrite;
      readonly deletes: readonly DeletePart[];
      readonly skipped: readonly number[];
    }[] = [];
    for (const pending of group) {
      if (pending.kind !== "write") continue;
      const checked = this.#check(pending);
      if (checked !== undefined) writes.push({ pending, ...checked });
    }
    const placed = await Promise.all(writes.map(async (write) => this.#place(write.pending)));
    const firstTimestamp = timestamp(await this.#deps.allocTimestamp(writes.length + 1, this.#epoch));
    if (firstTimestamp <= this.#lastTimestamp) throw this.#staleTimestamp(firstTimestamp);
    // One timestamp more than batches: the last one closes the channel for the close requests of the group.
    this.#lastTimestamp = timestamp(firstTimestamp + BigInt(writes.length));
    for (const [i, { pending, deletes, skipped }] of writes.entries()) {
      const inserts = placed[i];
      if (inserts === undefined) continue;
      if (inserts instanceof Error) {
        pending.done.reject(inserts);
        continue;
      }
      const { batch } = pending;
      const record: RowsRecord = {
        type: "rows",
        timestamp: timestamp(firstTimestamp + BigInt(i)),
        epoch: this.#epoch,
        collectionId: batch.collectionId,
        schemaVersion: batch.schemaVersion,
        session: batch.session,
        sequence: batch.sequence,
        deletes,
        inserts,
        skipped,
      };
      this.#append(record, pending).then(
        () => pending.done.resolve({ timestamp: record.timestamp, skipped }),
        (error: unknown) => pending.done.reject(error),
      );
    }
    this.#answerCloses(group);
  }

  /** Closes as far as the group's last timestamp: reads at lower ones that come later need not ask. */
  #answerCloses(group: readonly Pending[]): void {
    const closes = group.filter((pending) => pending.kind === "close");
    if (closes.length === 0) return;
    const closed = this.#lastTimestamp;
    void this.#applied().then(
      () => {
        for (const { at, done } of closes) {
          const position = this.#state.appliedPosition;
          if (at <= closed) {
            this.#state.close(closed, position);
            done.resolve(position);
          } else {
            done.reject(this.#staleTimestamp(at));
          }
        }
      },
      (error: unknown) => {
        for (const { done } of closes) done.reject(error);
      },
    );
  }

  /** Refuses, answers from memory, or narrows a batch; undefined when it is dealt with. */
  #check(
    pending: PendingWrite,
  ): { readonly deletes: readonly DeletePart[]; readonly skipped: readonly number[] } | undefined {
    const { batch, done } = pending;
    const known = this.#state.recent.find(batch.session, batch.sequence);
    if (known !== undefined) {
      done.resolve(known);
      return undefined;
    }
    // First of all: any other refusal says that the batch is not in, and may be sent anew.
    if (batch.sequence < this.#state.recent.completeFrom) {
      done.reject(streamUnavailable("it is no longer known whether a write that came again is in the log"));
      return undefined;
    }
    if (this.#state.schema.version > batch.schemaVersion) {
      done.reject(
        collectionSchemaMismatch(
          this.#state.schema.name,
          `schema version ${batch.schemaVersion} is older than ${this.#state.schema.version}`,
        ),
      );
      return undefined;
    }
    if (batch.condition === undefined) return { deletes: batch.deletes, skipped: [] };
    const { readAt, onConflict } = batch.condition;
    if (onConflict === "refuse") {
      if (this.#changedSince(batch, readAt)) {
        done.reject(writeConflict({ channel: this.#state.vchannel, readAt }));
        return undefined;
      }
      return { deletes: batch.deletes, skipped: [] };
    }
    return this.#withoutChanged(batch.deletes, readAt);
  }

  #changedSince(batch: WriteBatch, readAt: Timestamp): boolean {
    // A truncation or drop ended rows, too; and a compaction may have forgotten that a row had ended.
    if (this.#state.hasForgottenSince(readAt)) return true;
    const keyField = primaryKeyField(this.#state.schema).id;
    const newer = (versions: BigUint64Array): boolean => versions.some((version) => version > readAt);
    for (const { keys } of batch.deletes) if (newer(this.#state.latestVersions(keys))) return true;
    for (const part of batch.inserts) {
      const column = decodeRowBatchColumn(part.batch, keyField);
      if (column !== undefined && newer(this.#state.latestVersions(keysOf(column)))) return true;
    }
    return false;
  }

  #withoutChanged(
    deletes: readonly DeletePart[],
    readAt: Timestamp,
  ): { readonly deletes: readonly DeletePart[]; readonly skipped: readonly number[] } {
    const skipped: number[] = [];
    const kept: DeletePart[] = [];
    let base = 0;
    for (const { partitionId, keys } of deletes) {
      const versions = this.#state.latestVersions(keys);
      const stays: number[] = [];
      for (let i = 0; i < versions.length; i++) {
        if ((versions[i] ?? 0n) > readAt) skipped.push(base + i);
        else stays.push(i);
      }
      if (stays.length > 0)
        kept.push({ partitionId, keys: stays.length === versions.length ? keys : gatherKeys(keys, stays) });
      base += keyCount(keys);
    }
    return { deletes: kept, skipped };
  }

  /** Segments for the rows of a batch; an error is the batch's own, not the group's. */
  async #place(pending: PendingWrite): Promise<readonly PlacedInsert[] | Error> {
    try {
      const placed: PlacedInsert[] = [];
      for (const part of pending.batch.inserts) {
        const segmentId = await this.#deps.allocSegment(part.partitionId, part.rows, part.batch.length);
        placed.push({ ...part, segmentId });
      }
      return placed;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #append(record: LogRecord, pending: PendingWrite | undefined): Promise<bigint> {
    const done = new Deferred<bigint>();
    this.#inFlight.set(record.timestamp, { done, pending });
    // On a full disk what frees room, or ends a change, still gets through.
    const options =
      record.type === "rows" && record.inserts.length > 0 ? {} : ({ priority: "reserve" } as const);
    this.#deps.stream
      .append(this.#state.vchannel, encodeLogRecord(record), options)
      .catch((error: unknown) => {
        if (!this.#inFlight.has(record.timestamp)) return;
        this.#failed.add(record.timestamp);
        this.#settle(error);
      });
    return done.promise;
  }

  /** An append failed: find out which of those in flight are in the log, by a barrier behind all of them. */
  #settle(cause: unknown): void {
    if (this.#unsettled || this.#stopped !== undefined) return;
    this.#unsettled = true;
    this.#deps.spawn(`settle ${this.#state.vchannel}`, async (signal) => {
      const at = await this.#nextTimestamp(signal);
      const lost = [...this.#inFlight].filter(([ts]) => ts < at);
      this.#lastTimestamp = at;
      const back = new Deferred<void>();
      const stop = this.#state.listen((record) => {
        if (record.type === "epoch" && record.timestamp === at) back.resolve();
      });
      try {
        const barrier: LogRecord = {
          type: "epoch",
          timestamp: at,
          epoch: this.#epoch,
          owner: this.#deps.nodeId,
        };
        await this.#deps.stream.append(this.#state.vchannel, encodeLogRecord(barrier), {
          priority: "reserve",
        });
        await back.promise;
      } finally {
        stop();
      }
      for (const [ts, { done }] of lost) {
        this.#failed.delete(ts);
        if (this.#inFlight.delete(ts)) done.reject(cause);
      }
      this.#unsettled = false;
      // A group that was being formed meanwhile may have failed behind the barrier.
      if ([...this.#failed].some((ts) => this.#inFlight.has(ts))) return this.#settle(cause);
      this.#failed.clear();
      this.#wakeIdle();
      this.#run();
    });
  }

  /** Above every timestamp that went into the log so far, even when a group took a later one before this one came back. */
  async #nextTimestamp(signal: AbortSignal): Promise<Timestamp> {
    for (;;) {
      const at = timestamp(await this.#deps.allocTimestamp(1, this.#epoch));
      signal.throwIfAborted();
      if (at > this.#lastTimestamp) return at;
    }
  }

  #onRecord(record: LogRecord, position: bigint, counts: boolean): void {
    if (record.epoch > this.#epoch) {
      this.stop(channelNotAvailable(this.#state.vchannel, "another node has taken the channel over"));
      return;
    }
    if (!counts) return;
    const mine = record.epoch === this.#epoch ? this.#inFlight.get(record.timestamp) : undefined;
    if (mine === undefined) return;
    this.#inFlight.delete(record.timestamp);
    mine.done.resolve(position);
    this.#wakeIdle();
  }

  async #applied(): Promise<void> {
    await Promise.allSettled([...this.#inFlight.values()].map(({ done }) => done.promise));
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #waitingFor(session: NodeId, sequence: bigint): Promise<WriteResult> | undefined {
    const same = (pending: Pending | undefined): pending is PendingWrite =>
      pending?.kind === "write" && pending.batch.session === session && pending.batch.sequence === sequence;
    const queued = this.#queue.find(same) ?? this.#forming.find(same);
    if (same(queued)) return queued.done.promise;
    for (const { pending } of this.#inFlight.values()) if (same(pending)) return pending.done.promise;
    return undefined;
  }

  #staleTimestamp(held: Timestamp): Error {
    return fenced({ of: `channel ${this.#state.vchannel}`, held, current: this.#lastTimestamp });
  }

  #wakeIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

export interface ChannelWriterDeps {
  readonly stream: MessageStream;
  readonly nodeId: NodeId;
  /** Consecutive timestamps under the epoch, the first returned; rejects with `fenced` when there is a newer epoch. */
  readonly allocTimestamp: (count: number, epoch: Epoch) => Promise<bigint>;
  /** A growing segment with room for the rows. */
  readonly allocSegment: (partitionId: PartitionId, rows: number, bytes: number) => Promise<SegmentId>;
  /** Background work that is repeated until it succeeds. */
  readonly spawn: (name: string, run: (signal: AbortSignal) => Promise<void>) => void;
  readonly queueMax: number;
  readonly queueBytesMax: number;
  readonly groupMax: number;
}

type Pending = PendingWrite | PendingClose;

interface PendingWrite {
  readonly kind: "write";
  readonly batch: WriteBatch;
  readonly bytes: number;
  readonly done: Deferred<WriteResult>;
}

interface PendingClose {
  readonly kind: "close";
  readonly at: Timestamp;
  readonly done: Deferred<bigint>;
}

interface InFlight {
  readonly done: Deferred<bigint>;
  readonly pending: PendingWrite | undefined;
}
