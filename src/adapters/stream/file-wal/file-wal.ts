import type { Checksum } from "../../../base/crc32c.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { redkiteError } from "../../../errors/redkite-error.ts";
import { serviceTooManyRequests } from "../../../errors/service-errors.ts";
import { streamUnavailable, topicNotFound } from "../../../errors/storage-errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Disk } from "../../../ports/disk.ts";
import type { AppendOptions, MessageStream, Position, StreamRecord } from "../../../ports/message-stream.ts";
import type { LogTopic, LogTopics } from "./log-topics.ts";
import type { WalRequest } from "./staged-batch.ts";
import type { WalReport } from "./wal-events.ts";
import { WalFolder } from "./wal-folder.ts";
import { WalHandles } from "./wal-handles.ts";
import { WAL_OPTIONS, type WalOptions } from "./wal-options.ts";
import { WalReader } from "./wal-reader.ts";
import { recoverWal } from "./wal-recovery.ts";
import { WalWriter } from "./wal-writer.ts";

/**
 * The message stream of a single process: all topics in one log of files (docs/internals/wal.md). Owns the log's folder.
 *
 * A record is acknowledged, and seen by readers, when it is durable. At a crash, everything acknowledged is kept; of what was not,
 * a prefix per topic may be there. At a failed write or sync the log goes on in a new file. On a full disk ordinary appends are refused with
 * diskFull, drops, truncations and appends with priority go on from a reserve, and service returns by itself.
 */
export class FileWal implements MessageStream {
  readonly #config: FileWalConfig;
  readonly #options: WalOptions;
  readonly #topics: LogTopics;
  readonly #writer: WalWriter;
  readonly #handles: WalHandles;
  readonly #closing = new AbortController();
  #waitingBytes = 0;
  #closed: Promise<void> | undefined;

  private constructor(config: FileWalConfig, options: WalOptions, log: OpenedLog) {
    this.#config = config;
    this.#options = options;
    this.#topics = log.topics;
    this.#writer = log.writer;
    this.#handles = log.handles;
  }

  /** Reads the log and repairs its end: time in proportion to the log's length, memory to its number of records. */
  static async open(config: FileWalConfig): Promise<FileWal> {
    const { disk, clock, checksum, report } = config;
    const options = { ...WAL_OPTIONS, ...config.options };
    const { folder, numbers } = await WalFolder.open(disk, config.folder);
    const { topics, start, run } = await recoverWal({ folder, checksum, report }, numbers);
    const handles = new WalHandles(folder);
    const writer = new WalWriter({ folder, topics, clock, checksum, options, report, run, handles }, start);
    return new FileWal(config, options, { topics, writer, handles });
  }

  /** Names of all topics. */
  get topicNames(): readonly string[] {
    return [...this.#topics.all()].map(({ name }) => name);
  }

  /** The records that are still needed, and their bytes. */
  get held(): { readonly records: number; readonly bytes: number } {
    const indexes = [...this.#topics.all()].map(({ index }) => index);
    return {
      records: indexes.reduce((sum, { size }) => sum + size, 0),
      bytes: indexes.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
    };
  }

  async createTopic(topic: string): Promise<void> {
    if (topic.length === 0 || topic.length > TOPIC_LENGTH_MAX) {
      throw parameterInvalid(`the topic name ${JSON.stringify(topic.slice(0, 100))} is empty or too long`);
    }
    this.#checkOpen();
    await this.#ask({ kind: "create", name: topic, reserve: false });
  }

  async dropTopic(topic: string): Promise<void> {
    this.#checkOpen();
    await this.#ask({ kind: "drop", name: topic, reserve: true });
  }

  async append(topic: string, chunks: readonly Uint8Array[], options: AppendOptions = {}): Promise<Position> {
    const target = this.#find(topic);
    if (target.damage !== undefined) throw target.damage.error;
    const payloadBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (payloadBytes > this.#options.recordBytesMax) {
      throw redkiteError("parameterTooLarge", {
        description: `a record of ${payloadBytes} bytes; the log takes up to ${this.#options.recordBytesMax}`,
      });
    }
    if (this.#waitingBytes + payloadBytes > this.#options.waitingBytesMax && this.#waitingBytes > 0) {
      throw streamUnavailable(
        `${this.#waitingBytes} bytes wait for the disk, at most ${this.#options.waitingBytesMax} may`,
      );
    }
    this.#waitingBytes += payloadBytes;
    try {
      const reserve = options.priority === "reserve";
      const position = await this.#ask({
        kind: "record",
        topic: target,
        payload: chunks,
        payloadBytes,
        reserve,
      });
      return position;
    } finally {
      this.#waitingBytes -= payloadBytes;
    }
  }

  read(topic: string, after: Position, signal: AbortSignal): AsyncIterable<readonly StreamRecord[]> {
    const target = this.#find(topic);
    const reader = new WalReader(target, this.#handles, this.#config.checksum, this.#options.readBytes);
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const closing = this.#closing.signal;
    return (async function* () {
      yield* reader.read(after, stop);
      if (closing.aborted && !signal.aborted) throw streamUnavailable("the log is closed");
    })();
  }

  async lastPosition(topic: string): Promise<Position> {
    const { last, truncated } = this.#find(topic);
    return last > truncated ? last : truncated;
  }

  async truncate(topic: string, upTo: Position): Promise<void> {
    const target = this.#find(topic);
    // Not further: a record that comes later must not be behind it already.
    const bound = upTo < target.last ? upTo : target.last;
    if (bound > target.truncated) {
      await this.#ask({ kind: "truncate", topic: target, upTo: bound, reserve: true });
    }
  }

  /** Refuses new requests, writes what waits, and closes all files. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    this.#closing.abort();
    await this.#handles.close();
  }

  #ask(request: Unanswered<WalRequest>): Promise<bigint> {
    if (this.#writer.waiting >= this.#options.waitingMax) {
      throw serviceTooManyRequests(this.#options.waitingMax, "the log");
    }
    const { promise, resolve, reject } = Promise.withResolvers<bigint>();
    this.#writer.enqueue({ ...request, resolve, reject, failures: 0 });
    return promise;
  }

  #find(name: string): LogTopic {
    this.#checkOpen();
    const topic = this.#topics.find(name);
    if (topic === undefined) throw topicNotFound(name);
    return topic;
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw streamUnavailable("the log is closed");
  }
}

export interface FileWalConfig {
  readonly disk: Disk;
  /** Of the log alone, below the disk's root. */
  readonly folder: string;
  readonly clock: Clock;
  /** CRC-32C. */
  readonly checksum: Checksum;
  readonly report: WalReport;
  readonly options?: Partial<WalOptions>;
}

export const TOPIC_LENGTH_MAX = 512;

interface OpenedLog {
  readonly topics: LogTopics;
  readonly writer: WalWriter;
  readonly handles: WalHandles;
}

type Unanswered<R> = R extends WalRequest ? Omit<R, "resolve" | "reject" | "failures"> : never;
