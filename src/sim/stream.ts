import {
  MemoryMessageStream,
  type MemoryStreamHooks,
  type MemoryStreamLog,
} from "../adapters/stream/memory.ts";
import { streamUnavailable } from "../errors/storage-errors.ts";
import type { AppendOptions, MessageStream, Position, StreamRecord } from "../ports/message-stream.ts";
import type { Life } from "./life.ts";
import type { SimNet } from "./net.ts";

/**
 * A client of the shared stream, which refuses nobody. What a process had sent before it died still lands, so a deposed owner's
 * records may come behind its successor's first.
 */
export function sharedStream(log: MemoryStreamLog, net: SimNet, life: Life, machine: string): MessageStream {
  const trip = async (from: string, to: string, label: string): Promise<void> => {
    const delayMs = net.trip(from, to);
    await life.world.pause(delayMs ?? net.noticeMs(), label);
    if (delayMs === undefined) throw streamUnavailable("the stream does not answer");
  };
  const hooks: MemoryStreamHooks = {
    request: async (operation) => {
      if (operation !== "read") return trip(machine, STREAM, `stream ${operation}`);
      const delayMs = net.trip(STREAM, machine);
      await life.after(delayMs ?? net.noticeMs(), "stream read", () => undefined);
      if (delayMs === undefined) throw streamUnavailable("the stream does not answer");
    },
    answer: (operation) => life.hear(trip(STREAM, machine, `stream ${operation} answer`)),
  };
  const stream = new MemoryMessageStream(log, hooks);
  life.onDeath(() => void stream.close());
  return stream;
}

/** Shows everything that readers are given to the checkers, before the readers get it. */
export class WatchedStream implements MessageStream {
  readonly #inner: MessageStream;
  readonly #life: Life;
  readonly #observer: StreamObserver;

  constructor(inner: MessageStream, life: Life, observer: StreamObserver) {
    this.#inner = inner;
    this.#life = life;
    this.#observer = observer;
  }

  createTopic(topic: string): Promise<void> {
    return this.#life.hear(this.#inner.createTopic(topic));
  }

  dropTopic(topic: string): Promise<void> {
    return this.#life.hear(this.#inner.dropTopic(topic));
  }

  append(topic: string, chunks: readonly Uint8Array[], options?: AppendOptions): Promise<Position> {
    return this.#life.hear(this.#inner.append(topic, chunks, options));
  }

  async *read(topic: string, after: Position, signal: AbortSignal): AsyncGenerator<readonly StreamRecord[]> {
    const batches = this.#inner.read(topic, after, signal)[Symbol.asyncIterator]();
    let seen: bigint = after;
    for (;;) {
      const next = await this.#life.hear(batches.next());
      if (next.done === true) return;
      for (const record of next.value) {
        this.#observer.onRecord(topic, seen, record);
        seen = record.position;
      }
      yield next.value;
    }
  }

  lastPosition(topic: string): Promise<Position> {
    return this.#life.hear(this.#inner.lastPosition(topic));
  }

  truncate(topic: string, upTo: Position): Promise<void> {
    return this.#life.hear(this.#inner.truncate(topic, upTo));
  }
}

export interface StreamObserver {
  /** A reader that had everything at or before `after` is given the record next. */
  onRecord(topic: string, after: bigint, record: StreamRecord): void;
}

/** The stream as a machine of the network. */
export const STREAM = "stream";
