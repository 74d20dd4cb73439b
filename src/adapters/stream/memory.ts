import { concatBytes } from "../../base/bytes.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { positionGone, streamUnavailable, topicNotFound } from "../../errors/storage-errors.ts";
import type { AppendOptions, MessageStream, Position, StreamRecord } from "../../ports/message-stream.ts";

/**
 * The server side of an in-memory stream: outlives the instances that use it, as a Kafka cluster outlives its clients.
 * It refuses nobody: a fenced writer's records land like any other's.
 */
export class MemoryStreamLog {
  readonly topics = new Map<string, MemoryTopic>();
  #position = 0n;

  /** Positions grow over all topics and all time, so that a topic made again never repeats one. */
  nextPosition(): Position {
    return ++this.#position;
  }
}

/**
 * One client of a MemoryStreamLog. Records of an instance land in call order per topic; between instances they interleave as the
 * hooks delay them.
 */
export class MemoryMessageStream implements MessageStream {
  readonly #log: MemoryStreamLog;
  readonly #hooks: MemoryStreamHooks;
  /** The last append asked for, by topic. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(log = new MemoryStreamLog(), hooks: MemoryStreamHooks = {}) {
    this.#log = log;
    this.#hooks = hooks;
  }

  async createTopic(topic: string): Promise<void> {
    this.#checkOpen();
    if (topic.length === 0) throw parameterInvalid("the topic name is empty");
    await this.#hooks.request?.("create", topic);
    if (!this.#log.topics.has(topic)) this.#log.topics.set(topic, new MemoryTopic());
    await this.#hooks.answer?.("create", topic);
  }

  async dropTopic(topic: string): Promise<void> {
    this.#checkOpen();
    await this.#hooks.request?.("drop", topic);
    this.#log.topics.get(topic)?.end();
    this.#log.topics.delete(topic);
    await this.#hooks.answer?.("drop", topic);
  }

  async append(topic: string, chunks: readonly Uint8Array[], _options?: AppendOptions): Promise<Position> {
    this.#find(topic);
    const before = this.#tails.get(topic);
    const landed = this.#land(topic, chunks, before);
    this.#tails.set(topic, landed);
    const position = await landed;
    await this.#hooks.answer?.("append", topic);
    return position;
  }

  async *read(topic: string, after: Position, signal: AbortSignal): AsyncGenerator<readonly StreamRecord[]> {
    const source = this.#find(topic);
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    let seen = after;
    while (!stop.aborted && !source.ended) {
      if (seen < source.truncated) throw positionGone({ topic, position: seen, truncated: source.truncated });
      const batch = source.after(seen, READ_RECORDS_MAX);
      const last = batch.at(-1);
      if (last === undefined) {
        await source.change(stop);
        continue;
      }
      seen = last.position;
      await this.#hooks.request?.("read", topic);
      if (!stop.aborted) yield batch;
    }
    if (this.#closing.signal.aborted && !signal.aborted) throw streamUnavailable("the stream is closed");
  }

  async lastPosition(topic: string): Promise<Position> {
    this.#checkOpen();
    await this.#hooks.request?.("lastPosition", topic);
    return this.#find(topic).last;
  }

  async truncate(topic: string, upTo: Position): Promise<void> {
    this.#find(topic);
    await this.#hooks.request?.("truncate", topic);
    this.#log.topics.get(topic)?.truncate(upTo);
    await this.#hooks.answer?.("truncate", topic);
  }

  /** Refuses new requests and ends readers. Appends under way still land: nobody can call them back. */
  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #land(
    topic: string,
    chunks: readonly Uint8Array[],
    before: Promise<unknown> | undefined,
  ): Promise<Position> {
    const payload = concatBytes(chunks);
    // In the caller's order, whether the one before it arrived or not.
    await before?.catch(() => undefined);
    await this.#hooks.request?.("append", topic);
    const target = this.#log.topics.get(topic);
    if (target === undefined) throw topicNotFound(topic);
    const position = this.#log.nextPosition();
    target.add({ position, payload });
    return position;
  }

  #find(name: string): MemoryTopic {
    this.#checkOpen();
    const topic = this.#log.topics.get(name);
    if (topic === undefined) throw topicNotFound(name);
    return topic;
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw streamUnavailable("the stream is closed");
  }
}

/**
 * What a network between client and log may do. `request` runs before an operation takes effect and `answer` after it: they may
 * wait, which delays and thereby reorders against other instances; throw (a streamUnavailable), which loses the request or only
 * its answer; or never settle. `read` runs before each batch is handed out.
 */
export interface MemoryStreamHooks {
  readonly request?: (operation: MemoryStreamOperation, topic: string) => Promise<void>;
  readonly answer?: (operation: MemoryStreamOperation, topic: string) => Promise<void>;
}

export type MemoryStreamOperation = "create" | "drop" | "append" | "read" | "lastPosition" | "truncate";

const READ_RECORDS_MAX = 256;

class MemoryTopic {
  truncated = 0n as Position;
  #last = 0n as Position;
  #ended = false;
  #records: StreamRecord[] = [];
  readonly #waiters = new Set<() => void>();

  get ended(): boolean {
    return this.#ended;
  }

  get last(): Position {
    return this.#last > this.truncated ? this.#last : this.truncated;
  }

  add(record: StreamRecord): void {
    this.#records.push(record);
    this.#last = record.position;
    this.#wake();
  }

  after(position: Position, count: number): StreamRecord[] {
    const start = this.#indexAfter(position);
    // Copies, so that nobody's change reaches another reader.
    return this.#records
      .slice(start, start + count)
      .map((record) => ({ ...record, payload: record.payload.slice() }));
  }

  truncate(upTo: Position): void {
    const bound = upTo < this.#last ? upTo : this.#last;
    if (bound <= this.truncated) return;
    this.#records.splice(0, this.#indexAfter(bound));
    this.truncated = bound;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  #indexAfter(position: Position): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle]?.position ?? position) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
