import { assert } from "../../../base/assert.ts";
import type { RedkiteError } from "../../../errors/redkite-error.ts";
import { walFileOf } from "../../../format/wal-frame.ts";
import type { WalHeadTopic } from "../../../format/wal-control.ts";
import { FrameIndex } from "./frame-index.ts";

/** The durable state of all topics: what recovery rebuilds from the frames and the writer advances after each sync. */
export class LogTopics {
  readonly #byNumber = new Map<number, LogTopic>();
  readonly #byName = new Map<string, LogTopic>();
  nextNumber = 1;

  find(name: string): LogTopic | undefined {
    return this.#byName.get(name);
  }

  get(number: number): LogTopic | undefined {
    return this.#byNumber.get(number);
  }

  all(): IterableIterator<LogTopic> {
    return this.#byNumber.values();
  }

  get size(): number {
    return this.#byNumber.size;
  }

  create(state: WalHeadTopic): LogTopic {
    assert(!this.#byNumber.has(state.number), `topic number ${state.number} is given out twice`);
    assert(!this.#byName.has(state.name), `topic ${state.name} exists twice`);
    const topic = new LogTopic(state);
    this.#byNumber.set(state.number, topic);
    this.#byName.set(state.name, topic);
    this.nextNumber = Math.max(this.nextNumber, state.number + 1);
    return topic;
  }

  drop(topic: LogTopic): void {
    this.#byNumber.delete(topic.number);
    this.#byName.delete(topic.name);
    topic.end();
  }

  /** For the head of a new file. */
  states(): WalHeadTopic[] {
    return [...this.all()].map(({ number, name, truncated, last }) => ({ number, name, truncated, last }));
  }

  /** The oldest file that a topic still needs; undefined when none is. */
  oldestNeededFile(): number | undefined {
    let oldest: number | undefined;
    for (const topic of this.all()) {
      const needed = topic.oldestNeeded;
      if (needed === undefined) continue;
      const file = walFileOf(needed);
      if (oldest === undefined || file < oldest) oldest = file;
    }
    return oldest;
  }
}

export class LogTopic {
  readonly number: number;
  readonly name: string;
  /** Records at or before it are no longer needed. */
  truncated: bigint;
  /** Position of the last record, truncated or not; 0 when there never was one. */
  last: bigint;
  readonly index = new FrameIndex();
  /** Ascending by position. */
  #damage: TopicDamage[] = [];
  #dropped = false;
  readonly #waiters = new Set<() => void>();

  constructor(state: WalHeadTopic) {
    this.number = state.number;
    this.name = state.name;
    this.truncated = state.truncated;
    this.last = state.last;
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  /** The first damaged or missing record that is still needed. */
  get damage(): TopicDamage | undefined {
    return this.#damage[0];
  }

  /** Position of the oldest record that is still needed, readable or not. */
  get oldestNeeded(): bigint | undefined {
    const first = this.index.first;
    const damaged = this.#damage[0]?.position;
    if (first === undefined || damaged === undefined) return first ?? damaged;
    return first < damaged ? first : damaged;
  }

  record(position: bigint, payloadBytes: number): void {
    this.last = position;
    if (position > this.truncated) this.index.add(position, payloadBytes);
  }

  truncate(upTo: bigint): void {
    if (upTo <= this.truncated) return;
    this.truncated = upTo;
    this.index.trim(upTo);
    this.#damage = this.#damage.filter(({ position }) => position > upTo);
    this.wake();
  }

  addDamage(damage: TopicDamage): void {
    if (damage.position <= this.truncated) return;
    if (this.#damage.some(({ position }) => position === damage.position)) return;
    this.#damage.push(damage);
    this.#damage.sort((a, b) => (a.position < b.position ? -1 : 1));
    this.wake();
  }

  end(): void {
    this.#dropped = true;
    this.wake();
  }

  /** Lets readers look again. */
  wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  /** Resolves at the next `wake`, or when the signal aborts. */
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
}

/** Topic numbers lie below. */
export const TOPIC_NUMBER_MAX = 2 ** 31;

export interface TopicDamage {
  readonly position: bigint;
  /** Names file, offset and problem. */
  readonly error: RedkiteError;
}
