import { ByteFormatError, utf8Decode } from "../../../base/bytes.ts";
import type { RedkiteError } from "../../../errors/redkite-error.ts";
import { corrupted } from "../../../errors/service-errors.ts";
import { decodeWalHead, decodeWalTruncate, type WalHead } from "../../../format/wal-control.ts";
import {
  walFileOf,
  WalFrameKind,
  walOffsetOf,
  walPosition,
  type WalFrameHeader,
} from "../../../format/wal-frame.ts";
import { LogTopics, TOPIC_NUMBER_MAX, type LogTopic } from "./log-topics.ts";
import type { ScanItem } from "./wal-scan.ts";

/**
 * Rebuilds the state of the topics from what recovery reads, in log order, and finds out what damage below the durable end means:
 * a record that is bad or missing damages its topic; a lost header, creation, drop or truncation makes the state uncertain, until
 * the head of a later file settles it.
 */
export class LogBuilder {
  readonly topics = new LogTopics();
  readonly #fileName: (number: number) => string;
  /** Records of topics whose creation may be lost. */
  readonly #orphans = new Map<number, WalFrameHeader[]>();
  #uncertain: RedkiteError | undefined;
  #run = 0;
  #closed = false;

  constructor(fileName: (number: number) => string) {
    this.#fileName = fileName;
  }

  /** The highest run number seen. */
  get run(): number {
    return this.#run;
  }

  /** Whether the newest frame is a `close`. */
  get closed(): boolean {
    return this.#closed;
  }

  add(file: number, item: ScanItem): void {
    this.#closed = false;
    switch (item.item) {
      case "gap":
        this.#lose(walPosition(file, item.from), `${item.to - item.from} bytes are not a frame of the log`);
        break;
      case "badPayload":
        this.#addBadPayload(item.header);
        break;
      case "frame":
        this.#run = Math.max(this.#run, item.header.run);
        try {
          this.#addFrame(item.header, item.payload);
        } catch (error) {
          if (!(error instanceof ByteFormatError)) throw error;
          this.#lose(item.header.position, `the frame's contents are malformed: ${error.message}`);
        }
    }
  }

  /** Throws corrupted when the state of the topics cannot be known. */
  finish(): void {
    if (this.#uncertain !== undefined) throw this.#uncertain;
  }

  #addFrame(header: WalFrameHeader, payload: Uint8Array): void {
    switch (header.kind) {
      case WalFrameKind.head: {
        const head = decodeWalHead(payload);
        // Recovery has looked at the versions of all heads before.
        if (!("newerVersion" in head)) this.#addHead(header, head);
        break;
      }
      case WalFrameKind.create:
        if (header.topic >= TOPIC_NUMBER_MAX)
          return this.#lose(header.position, "the topic number is impossible");
        this.#create(header.topic, utf8Decode(payload), 0n, 0n);
        break;
      case WalFrameKind.drop:
        this.#onTopic(header, (topic) => this.topics.drop(topic));
        break;
      case WalFrameKind.truncate: {
        const upTo = decodeWalTruncate(payload);
        this.#onTopic(header, (topic) => {
          if (upTo <= topic.last) topic.truncate(upTo);
          else this.#lose(header.position, `topic ${topic.name} ends before the truncation to ${upTo}`);
        });
        break;
      }
      case WalFrameKind.record:
        this.#onTopic(header, (topic) => this.#record(topic, header));
        break;
      case WalFrameKind.close:
        this.#closed = true;
    }
  }

  #addBadPayload(header: WalFrameHeader): void {
    const problem = "the checksum of a frame's contents differs";
    if (header.kind !== WalFrameKind.record) return this.#lose(header.position, problem);
    this.#onTopic(header, (topic) => {
      this.#record(topic, header);
      topic.addDamage({
        position: header.position,
        error: this.#error(header.position, `${problem}, topic ${topic.name}`),
      });
    });
  }

  #addHead(header: WalFrameHeader, head: WalHead): void {
    const impossible = head.topics.find(
      ({ number, truncated, last }) =>
        number >= Math.min(head.nextTopic, TOPIC_NUMBER_MAX) || truncated > last || last >= header.position,
    );
    if (impossible !== undefined) {
      return this.#lose(header.position, `the state of topic ${impossible.name} is impossible`);
    }
    const listed = new Set(head.topics.map(({ number }) => number));
    // A drop may be lost.
    for (const topic of [...this.topics.all()]) if (!listed.has(topic.number)) this.topics.drop(topic);
    for (const state of head.topics) {
      const topic =
        this.topics.get(state.number) ?? this.#create(state.number, state.name, state.truncated, 0n);
      for (const header of this.#orphans.get(state.number) ?? []) this.#record(topic, header);
      topic.truncate(state.truncated);
      if (state.last > topic.last) this.#missing(topic, state.last);
    }
    this.topics.nextNumber = Math.max(this.topics.nextNumber, Math.min(head.nextTopic, TOPIC_NUMBER_MAX));
    this.#orphans.clear();
    this.#uncertain = undefined;
  }

  #create(number: number, name: string, truncated: bigint, last: bigint): LogTopic {
    // A topic of this name or number that is still here was dropped by a frame that is lost.
    for (const before of [this.topics.find(name), this.topics.get(number)]) {
      if (before !== undefined && !before.dropped) this.topics.drop(before);
    }
    return this.topics.create({ number, name, truncated, last });
  }

  #record(topic: LogTopic, header: WalFrameHeader): void {
    if (header.previous !== topic.last) this.#missing(topic, header.previous);
    topic.record(header.position, header.payloadBytes);
  }

  /** The topic had a record at `position`, which was not found. */
  #missing(topic: LogTopic, position: bigint): void {
    const error = this.#error(position, `a record of topic ${topic.name} is missing`);
    topic.addDamage({ position, error });
    if (position > topic.last) topic.last = position;
  }

  #onTopic(header: WalFrameHeader, apply: (topic: LogTopic) => void): void {
    const topic = this.topics.get(header.topic);
    if (topic !== undefined) return apply(topic);
    this.#lose(header.position, `a frame names topic number ${header.topic}, whose creation is missing`);
    if (header.kind !== WalFrameKind.record) return;
    const orphans = this.#orphans.get(header.topic);
    if (orphans === undefined) this.#orphans.set(header.topic, [header]);
    else orphans.push(header);
  }

  /** A frame of unknown meaning is lost. */
  #lose(position: bigint, problem: string): void {
    this.#uncertain ??= this.#error(position, problem);
  }

  #error(position: bigint, problem: string): RedkiteError {
    return corrupted({
      file: this.#fileName(walFileOf(position)),
      offset: walOffsetOf(position),
      problem: `${problem}; it was durable before, so the disk or another program has changed it. Restore the file from a backup`,
    });
  }
}
