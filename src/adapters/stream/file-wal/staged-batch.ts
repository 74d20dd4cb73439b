import type { Checksum } from "../../../base/crc32c.ts";
import { utf8Encode } from "../../../base/bytes.ts";
import { serviceTooManyRequests } from "../../../errors/service-errors.ts";
import { topicNotFound } from "../../../errors/storage-errors.ts";
import { encodeWalHead, encodeWalTruncate } from "../../../format/wal-control.ts";
import { walFrameBytes, WalFrameKind } from "../../../format/wal-frame.ts";
import { FrameBatch, type BatchPlace } from "./frame-batch.ts";
import { TOPIC_NUMBER_MAX, type LogTopic, type LogTopics } from "./log-topics.ts";

/**
 * Requests turned into frames on top of the durable state, which stays as it is until `publish`: so a batch whose write failed is
 * simply forgotten and staged again elsewhere.
 */
export class StagedBatch {
  readonly #topics: LogTopics;
  readonly #frames: FrameBatch;
  readonly #topicsMax: number;
  readonly #last = new Map<LogTopic, bigint>();
  /** Numbers of the topics that this batch creates. */
  readonly #created = new Map<string, number>();
  readonly #dropped = new Set<LogTopic>();
  readonly #effects: (() => void)[] = [];
  readonly #accepted: WalRequest[] = [];
  #nextNumber: number;

  constructor(topics: LogTopics, place: BatchPlace, checksum: Checksum, topicsMax: number) {
    this.#topics = topics;
    this.#frames = new FrameBatch(place, checksum);
    this.#topicsMax = topicsMax;
    this.#nextNumber = topics.nextNumber;
  }

  get bytes(): number {
    return this.#frames.bytes;
  }

  get accepted(): readonly WalRequest[] {
    return this.#accepted;
  }

  /** The first frame of a new file. */
  addHead(predecessorEnd: bigint): void {
    this.#frames.add({
      kind: WalFrameKind.head,
      topic: 0,
      previous: 0n,
      payload: [headOf(this.#topics, predecessorEnd)],
    });
  }

  /** Throws when the request cannot be granted, and leaves the batch as it was. */
  add(request: WalRequest): void {
    switch (request.kind) {
      case "record":
        this.#addRecord(request);
        break;
      case "create":
        this.#addCreate(request);
        break;
      case "drop":
        this.#addDrop(request);
        break;
      case "truncate":
        this.#addTruncate(request);
        break;
    }
    this.#accepted.push(request);
  }

  finish(): readonly Uint8Array[] {
    return this.#frames.finish();
  }

  /** The frames are durable: makes them visible and answers. */
  publish(): void {
    for (const effect of this.#effects) effect();
  }

  #addRecord(request: RecordRequest): void {
    const { topic, payload, payloadBytes } = request;
    this.#checkExists(topic);
    const previous = this.#last.get(topic) ?? topic.last;
    const position = this.#frames.add({ kind: WalFrameKind.record, topic: topic.number, previous, payload });
    this.#last.set(topic, position);
    this.#effects.push(() => {
      topic.record(position, payloadBytes);
      topic.wake();
      request.resolve(position);
    });
  }

  #addCreate(request: CreateRequest): void {
    const { name } = request;
    const existing = this.#topics.find(name);
    if (this.#created.has(name) || (existing !== undefined && !this.#dropped.has(existing))) {
      this.#effects.push(() => request.resolve(0n));
      return;
    }
    const full = this.#topics.size + this.#created.size >= this.#topicsMax;
    if (full || this.#nextNumber >= TOPIC_NUMBER_MAX) {
      throw serviceTooManyRequests(this.#topicsMax, "topics of the log");
    }
    const number = this.#nextNumber++;
    this.#frames.add({ kind: WalFrameKind.create, topic: number, previous: 0n, payload: [utf8Encode(name)] });
    this.#created.set(name, number);
    this.#effects.push(() => {
      this.#topics.create({ number, name, truncated: 0n, last: 0n });
      request.resolve(0n);
    });
  }

  #addDrop(request: DropRequest): void {
    const topic = this.#topics.find(request.name);
    if (topic !== undefined && !this.#dropped.has(topic)) {
      const previous = this.#last.get(topic) ?? topic.last;
      this.#frames.add({ kind: WalFrameKind.drop, topic: topic.number, previous, payload: [] });
      this.#dropped.add(topic);
      this.#effects.push(() => this.#topics.drop(topic));
    }
    const created = this.#created.get(request.name);
    if (created !== undefined) {
      this.#frames.add({ kind: WalFrameKind.drop, topic: created, previous: 0n, payload: [] });
      this.#created.delete(request.name);
      this.#effects.push(() => this.#dropCreated(created));
    }
    this.#effects.push(() => request.resolve(0n));
  }

  #dropCreated(number: number): void {
    const topic = this.#topics.get(number);
    if (topic !== undefined) this.#topics.drop(topic);
  }

  #addTruncate(request: TruncateRequest): void {
    const { topic, upTo } = request;
    this.#checkExists(topic);
    if (upTo > topic.truncated) {
      const previous = this.#last.get(topic) ?? topic.last;
      const payload = [encodeWalTruncate(upTo)];
      this.#frames.add({ kind: WalFrameKind.truncate, topic: topic.number, previous, payload });
      this.#effects.push(() => topic.truncate(upTo));
    }
    this.#effects.push(() => request.resolve(0n));
  }

  #checkExists(topic: LogTopic): void {
    if (topic.dropped || this.#dropped.has(topic)) throw topicNotFound(topic.name);
  }
}

export type WalRequest = RecordRequest | CreateRequest | DropRequest | TruncateRequest;

interface Answer {
  readonly resolve: (position: bigint) => void;
  readonly reject: (error: unknown) => void;
  /** May use the reserve. */
  readonly reserve: boolean;
  /** Writes that failed with it. */
  failures: number;
}

export interface RecordRequest extends Answer {
  readonly kind: "record";
  readonly topic: LogTopic;
  readonly payload: readonly Uint8Array[];
  readonly payloadBytes: number;
}

export interface CreateRequest extends Answer {
  readonly kind: "create";
  readonly name: string;
}

export interface DropRequest extends Answer {
  readonly kind: "drop";
  readonly name: string;
}

export interface TruncateRequest extends Answer {
  readonly kind: "truncate";
  readonly topic: LogTopic;
  /** Not behind the topic's last record. */
  readonly upTo: bigint;
}

/** Bytes that the request's frame takes. */
export function requestBytes(request: WalRequest): number {
  switch (request.kind) {
    case "record":
      return walFrameBytes(request.payloadBytes);
    case "create":
      return walFrameBytes(utf8Encode(request.name).length);
    case "drop":
      return walFrameBytes(0);
    case "truncate":
      return walFrameBytes(8);
  }
}

/** Bytes that the head of a new file takes now. */
export function headBytes(topics: LogTopics): number {
  return walFrameBytes(headOf(topics, 0n).length);
}

function headOf(topics: LogTopics, predecessorEnd: bigint): Uint8Array {
  return encodeWalHead({ predecessorEnd, nextTopic: topics.nextNumber, topics: topics.states() });
}
