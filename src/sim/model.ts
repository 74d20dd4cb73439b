import type { MetaChange } from "../adapters/meta/key-space.ts";
import { crc32c } from "../base/crc32c.ts";
import { collectionCodec } from "../core/catalog/schema-codec.ts";
import { keysOf } from "../format/column-select.ts";
import { decodeLogRecord, type DdlRecord, type LogRecord, type RowsRecord } from "../format/log-record.ts";
import { decodeRowBatch } from "../format/row-batch.ts";
import { partitionId as toPartitionId, type CollectionId, type PartitionId } from "../model/ids.ts";
import { TIMESTAMP_ZERO } from "../model/timestamp.ts";
import type { StreamRecord } from "../ports/message-stream.ts";
import { INTENTS } from "../roles/rootcoord/root-tables.ts";
import { FIELD, integersOf, keyList, type SimKey, type SimRow } from "./rows.ts";
import type { StreamObserver } from "./stream.ts";
import { vectorAt } from "./vectors.ts";

/** One version of a key: a row, or nothing from here on. */
export interface ModelVersion {
  readonly at: bigint;
  readonly row: ModelRow | undefined;
}

export interface ModelRow extends SimRow {
  readonly partitionId: PartitionId;
  /** Of the record that wrote it. */
  readonly begin: bigint;
}

/** A write that a client has asked for, whatever became of it. */
export interface IssuedWrite {
  readonly id: number;
  readonly kind: string;
  readonly collectionId: CollectionId;
  readonly rows: readonly SimRow[];
  /** Whether it may delete this row, found live by the record that deletes it. */
  readonly mayDelete: (row: ModelRow) => boolean;
  /** A partial upsert: the row that must be stored, given the one that it replaces. */
  readonly merge?: (row: SimRow, before: ModelRow | undefined) => SimRow;
  /** Known to have failed without any effect, or done for so long that nothing of it can come any more. */
  closed: boolean;
}

/**
 * What the database must answer. It follows the log as readers are given it, decides by itself which records count, and keeps
 * every version of every key; a read at a timestamp has exactly one right answer then. Acknowledgements are compared with the
 * log, so that the log cannot lie either. Independent of the product but for the record's encoding.
 */
export class Model implements StreamObserver {
  readonly channels = new Map<string, ModelChannel>();
  readonly issued = new Map<bigint, { readonly write: IssuedWrite; readonly row: SimRow }>();
  readonly open = new Set<IssuedWrite>();
  /** Hears of every record, for finding out what happened. */
  onApplied: ((line: string) => void) | undefined;
  readonly #violation: (what: string) => void;
  /** Timestamp of each change of a collection: the same on all its channels. */
  readonly #changes = new Map<bigint, bigint>();
  #nextWrite = 0;

  constructor(violation: (what: string) => void) {
    this.#violation = violation;
  }

  issue(write: Omit<IssuedWrite, "id" | "closed">): IssuedWrite {
    const issued: IssuedWrite = { ...write, id: this.#nextWrite++, closed: false };
    for (const row of write.rows) this.issued.set(row.stamp, { write: issued, row });
    this.open.add(issued);
    return issued;
  }

  /** Nothing of the write can take effect from now on that has not already. */
  close(write: IssuedWrite): void {
    write.closed = true;
    this.open.delete(write);
  }

  channel(topic: string): ModelChannel {
    let channel = this.channels.get(topic);
    if (channel === undefined) this.channels.set(topic, (channel = new ModelChannel(topic)));
    return channel;
  }

  onRecord(topic: string, after: bigint, { position, payload }: StreamRecord): void {
    const channel = this.channel(topic);
    const known = channel.expectAfter(after);
    const digest = crc32c(payload);
    if (known !== undefined) {
      if (known.position !== position)
        this.#violation(
          `${topic}: the record at ${known.position} is gone, behind ${after} comes ${position}`,
        );
      else if (known.digest !== digest) this.#violation(`${topic}: the record at ${position} has changed`);
      return;
    }
    channel.positions.push({ position, digest });
    this.#apply(channel, payload, position);
  }

  /**
   * From the moment that the timestamp of a change is stored, the change happens at it, and a read at or behind it must see it, although no
   * channel has its record yet.
   */
  onMetaCommit(changes: readonly MetaChange[]): void {
    for (const change of changes) {
      if (change.type !== "put" || !change.entry.key.startsWith(INTENTS.prefix)) continue;
      const { after, kind, partitionId, timestamp } = INTENTS.codec.decode(change.entry.value);
      if (after === undefined || timestamp === TIMESTAMP_ZERO) continue;
      for (const topic of collectionCodec.decode(after).vchannels)
        this.channel(topic).change(kind, toPartitionId(partitionId), timestamp);
    }
  }

  /** Timestamps up to which the log is known now, by topic: what has happened before what begins now. */
  heads(topics: readonly string[]): ReadonlyMap<string, bigint> {
    return new Map(topics.map((topic) => [topic, this.channel(topic).lastTimestamp]));
  }

  /** Acknowledged rows must be in the log, in records that count, the last of them at the timestamp of the answer. */
  acknowledgedRows(topics: readonly string[], stamps: readonly bigint[], at: bigint, what: string): void {
    let newest = 0n;
    for (const stamp of stamps) {
      const found = topics.flatMap((topic) => this.channel(topic).stamps.get(stamp) ?? []);
      if (found.length !== 1)
        this.#violation(
          `${what} was acknowledged at ${at}, but row ${stamp} is in the log ${found.length} times`,
        );
      for (const one of found) if (one > newest) newest = one;
    }
    if (stamps.length > 0 && newest !== at)
      this.#violation(`${what} was acknowledged at ${at}, but its last row is in the log at ${newest}`);
  }

  /** Keys whose delete was acknowledged must have been deleted by a record behind what was known at its begin. */
  acknowledgedDeletes(
    heads: ReadonlyMap<string, bigint>,
    keys: readonly SimKey[],
    at: bigint,
    what: string,
  ): void {
    for (const key of keys) {
      const deleted = [...heads].some(
        ([topic, head]) => (this.channel(topic).deletions.get(key) ?? 0n) > head,
      );
      if (!deleted) this.#violation(`${what} was acknowledged at ${at}, but no record deletes ${key}`);
    }
  }

  /** Rows from before the begin of a delete by filter that match it and are still there. */
  leftBehind(heads: ReadonlyMap<string, bigint>, matches: (row: ModelRow) => boolean): ModelRow | undefined {
    return [...heads]
      .flatMap(([topic, head]) =>
        this.channel(topic)
          .visible(NOW)
          .filter((row) => row.begin <= head),
      )
      .find(matches);
  }

  #apply(channel: ModelChannel, payload: Uint8Array, position: bigint): void {
    const record = decodeLogRecord(payload.slice());
    const { topic } = channel;
    this.onApplied?.(describeRecord(topic, position, record));
    if (record.type === "epoch") {
      const owner = channel.owners.get(record.epoch) ?? record.owner;
      if (owner !== record.owner)
        this.#violation(`${topic}: epoch ${record.epoch} has the owners ${owner} and ${record.owner}`);
      channel.owners.set(record.epoch, owner);
    }
    if (record.epoch < channel.epoch) return;
    channel.epoch = record.epoch;
    if (record.type !== "ddl") {
      if (record.timestamp <= channel.lastTimestamp)
        this.#violation(
          `${topic}: timestamp ${record.timestamp} at ${position} follows ${channel.lastTimestamp}`,
        );
      channel.lastTimestamp = record.timestamp;
    }
    if (record.type === "rows") this.#applyRows(channel, record);
    else if (record.type === "ddl") this.#applyDdl(channel, record);
  }

  #applyRows(channel: ModelChannel, record: RowsRecord): void {
    const { topic } = channel;
    const at = record.timestamp;
    const batch = `${record.session}/${record.sequence}`;
    if (channel.batches.has(batch)) this.#violation(`${topic}: batch ${batch} is in the log twice`);
    channel.batches.add(batch);
    if (record.schemaVersion < channel.schemaVersion)
      this.#violation(
        `${topic}: batch ${batch} of schema version ${record.schemaVersion} stands behind the change to ${channel.schemaVersion}`,
      );
    const inserts: ModelRow[] = [];
    for (const part of record.inserts) {
      const { columns } = decodeRowBatch(part.batch);
      const key = columns.get(FIELD.key);
      const stamp = columns.get(FIELD.stamp);
      if (key === undefined || stamp === undefined) throw new RangeError("rows without key and stamp");
      const keys = keyList(keysOf(key));
      const [age, tag, vector] = [FIELD.age, FIELD.tag, FIELD.vector].map((id) => columns.get(id));
      const ages = age && integersOf(age);
      const tags = tag && keyList(keysOf(tag));
      for (const [i, value] of integersOf(stamp).entries()) {
        const issued = this.issued.get(value ?? -1n);
        if (issued === undefined || issued.row.key !== keys[i]) {
          this.#violation(`${topic}: nobody wrote the row ${keys[i]} with stamp ${value}`);
          continue;
        }
        if (channel.stamps.has(issued.row.stamp))
          this.#violation(`${topic}: row ${issued.row.stamp} is in the log twice`);
        channel.stamps.set(issued.row.stamp, at);
        const { merge } = issued.write;
        const row = merge?.(issued.row, channel.at(issued.row.key, at - 1n)) ?? issued.row;
        const found = vector && vectorAt(vector, i);
        const stored = found !== undefined && row.vector.every((x, d) => x === found[d]);
        if (ages?.[i] !== row.age || tags?.[i] !== row.tag || !stored)
          this.#violation(
            merge === undefined
              ? `${topic}: row ${row.key} at ${at} (stamp ${row.stamp}) is not what was sent`
              : `${topic}: the partial upsert of ${row.key} at ${at} overwrote a change that it had not read`,
          );
        inserts.push({ ...row, partitionId: part.partitionId, begin: at });
      }
    }
    const written = new Set(inserts.map((row) => row.key));
    for (const part of record.deletes) {
      for (const key of keyList(part.keys)) {
        channel.deletions.set(key, at);
        const row = channel.current(key);
        if (row === undefined || (part.partitionId !== undefined && part.partitionId !== row.partitionId))
          continue;
        // What a truncation or the drop of its partition has hidden before, nobody loses.
        const isThere = channel.at(key, at) !== undefined;
        if (
          isThere &&
          !written.has(key) &&
          ![...this.open].some((write) => write.collectionId === record.collectionId && write.mayDelete(row))
        )
          this.#violation(`${topic}: nobody may delete ${key} as it was at ${at} (stamp ${row.stamp})`);
        channel.push(key, { at, row: undefined });
      }
    }
    for (const row of inserts) channel.push(row.key, { at, row });
  }

  #applyDdl(channel: ModelChannel, record: DdlRecord): void {
    const at = this.#changes.get(record.intentId) ?? record.timestamp;
    if (at !== record.timestamp)
      this.#violation(
        `${channel.topic}: change ${record.intentId} has the timestamps ${at} and ${record.timestamp}`,
      );
    this.#changes.set(record.intentId, at);
    if (channel.changes.has(record.intentId)) return;
    channel.changes.add(record.intentId);
    if (record.timestamp > channel.lastTimestamp) channel.lastTimestamp = record.timestamp;
    channel.schemaVersion = Math.max(channel.schemaVersion, record.schemaVersion);
    channel.change(record.kind, record.partitionId, record.timestamp);
  }
}

/** One vchannel's log as the model understands it. */
export class ModelChannel {
  readonly topic: string;
  /** Every record that a reader was given, in order. */
  readonly positions: { readonly position: bigint; readonly digest: number }[] = [];
  readonly owners = new Map<bigint, bigint>();
  readonly batches = new Set<string>();
  /** Timestamps of the rows in records that count. */
  readonly stamps = new Map<bigint, bigint>();
  /** Timestamp of the last record that deletes a key, whether it was there or not. */
  readonly deletions = new Map<SimKey, bigint>();
  readonly changes = new Set<bigint>();
  readonly drops = new Map<PartitionId, bigint>();
  readonly truncations = new Set<bigint>();
  readonly #versions = new Map<SimKey, ModelVersion[]>();
  epoch = 0n;
  /** Of the last change: rows behind it are made for it. */
  schemaVersion = 0;
  lastTimestamp = 0n;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** The record that must come next behind a position; undefined when it is not known yet. */
  expectAfter(after: bigint): { readonly position: bigint; readonly digest: number } | undefined {
    let low = 0;
    let high = this.positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.positions[middle]?.position ?? 0n) > after) high = middle;
      else low = middle + 1;
    }
    return this.positions[low];
  }

  push(key: SimKey, version: ModelVersion): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [version]);
    else versions.push(version);
  }

  /** A second time, from the log, it changes nothing. */
  change(kind: string, partitionId: PartitionId, at: bigint): void {
    if (kind === "dropPartition") this.drops.set(partitionId, at);
    else if (kind === "truncate") this.truncations.add(at);
  }

  /** The row of a key now, visible or not in a dropped partition. */
  current(key: SimKey): ModelRow | undefined {
    return this.#versions.get(key)?.at(-1)?.row;
  }

  /** The row of a key that a read at the timestamp sees. */
  at(key: SimKey, at: bigint): ModelRow | undefined {
    const row = this.#versions.get(key)?.findLast((version) => version.at <= at)?.row;
    return row !== undefined && this.#isVisible(row, at) ? row : undefined;
  }

  /** The row of a key as a read would see it that takes its timestamp now. */
  now(key: SimKey): ModelRow | undefined {
    return this.at(key, NOW);
  }

  visible(at: bigint): ModelRow[] {
    return [...this.#versions.keys()].flatMap((key) => this.at(key, at) ?? []);
  }

  #isVisible(row: ModelRow, at: bigint): boolean {
    const drop = this.drops.get(row.partitionId);
    if (drop !== undefined && drop <= at) return false;
    return ![...this.truncations].some((truncated) => truncated <= at && row.begin <= truncated);
  }
}

const NOW = 1n << 63n;

function describeRecord(topic: string, position: bigint, record: LogRecord): string {
  const head = `record ${topic} ${position} epoch ${record.epoch} at ${record.timestamp}`;
  if (record.type === "epoch") return `${head}: epoch of ${record.owner}`;
  if (record.type === "ddl") return `${head}: ${record.kind} ${record.intentId}`;
  const inserts = record.inserts.map((part) => {
    const key = decodeRowBatch(part.batch).columns.get(FIELD.key);
    return `into ${part.segmentId} in ${part.partitionId} ${key === undefined ? "" : keyList(keysOf(key)).join()}`;
  });
  const deletes = record.deletes.map(({ partitionId, keys }) => {
    const where = partitionId === undefined ? "" : ` in ${partitionId}`;
    return `delete ${keyList(keys).join()}${where}`;
  });
  return `${head}: ${[...deletes, ...inserts].join("; ")}`;
}
