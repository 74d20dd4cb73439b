import type { Counter, Histogram, MetricsRegistry } from "../../obs/metrics.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AppendOptions, MessageStream, Position, StreamRecord } from "../../ports/message-stream.ts";

/** A log with its appends counted, under Milvus's names. Everything else is passed on. */
export class ObservedStream implements MessageStream {
  readonly #stream: MessageStream;
  readonly #metrics: AppendMetrics;
  readonly #clock: Clock;

  constructor(stream: MessageStream, registry: MetricsRegistry, clock: Clock) {
    this.#stream = stream;
    this.#metrics = new AppendMetrics(registry);
    this.#clock = clock;
  }

  async append(topic: string, chunks: readonly Uint8Array[], options?: AppendOptions): Promise<Position> {
    const startedMs = this.#clock.monotonicMs();
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    try {
      const position = await this.#stream.append(topic, chunks, options);
      this.#metrics.appended("ok", bytes, this.#clock.monotonicMs() - startedMs);
      return position;
    } catch (error) {
      this.#metrics.appended("error", bytes, this.#clock.monotonicMs() - startedMs);
      throw error;
    }
  }

  async createTopic(topic: string): Promise<void> {
    await this.#stream.createTopic(topic);
  }

  async dropTopic(topic: string): Promise<void> {
    await this.#stream.dropTopic(topic);
  }

  read(topic: string, after: Position, signal: AbortSignal): AsyncIterable<readonly StreamRecord[]> {
    return this.#stream.read(topic, after, signal);
  }

  async lastPosition(topic: string): Promise<Position> {
    return this.#stream.lastPosition(topic);
  }

  async truncate(topic: string, upTo: Position): Promise<void> {
    await this.#stream.truncate(topic, upTo);
  }
}

const SECONDS: readonly number[] = Array.from({ length: 18 }, (_, i) => 2 ** i / 8192);
const BYTES: readonly number[] = Array.from({ length: 14 }, (_, i) => 64 * 4 ** i);

class AppendMetrics {
  readonly #count: Counter;
  readonly #bytes: Histogram;
  readonly #seconds: Histogram;

  constructor(registry: MetricsRegistry) {
    this.#count = registry.counter({
      name: "milvus_wal_append_message_total",
      help: "Records appended to the log by how that ended",
      labels: ["status"],
    });
    this.#bytes = registry.histogram({
      name: "milvus_wal_append_message_bytes",
      help: "Bytes of an appended record",
      labels: ["status"],
      buckets: BYTES,
    });
    this.#seconds = registry.histogram({
      name: "milvus_wal_append_message_duration_seconds",
      help: "Time until an appended record was durable",
      labels: ["status"],
      buckets: SECONDS,
    });
  }

  appended(status: "ok" | "error", bytes: number, durationMs: number): void {
    this.#count.inc({ status });
    this.#bytes.observe(bytes, { status });
    this.#seconds.observe(durationMs / 1000, { status });
  }
}
