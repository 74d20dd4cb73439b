import { Ring } from "../base/ring.ts";
import type { Logger, LogFields } from "./logger.ts";

/** A request that took longer than the threshold. */
export interface SlowRequest {
  /** When it ended, milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** Name of the RPC. */
  readonly method: string;
  readonly durationMs: number;
  readonly database: string;
  readonly collection: string;
  readonly traceId: string;
  /** What explains the time: filter, plan, nq, limit. */
  readonly fields: LogFields;
}

/** Logs slow requests and remembers the latest of them for a while, so that they can be asked for. */
export class SlowLog {
  readonly #logger: Logger;
  readonly #entriesMax: number;
  readonly #keepMs: number;
  readonly #recent = new Ring<SlowRequest>();
  #thresholdMs: number;

  constructor(options: {
    readonly logger: Logger;
    readonly thresholdMs: number;
    /** 1,000 when not given. */
    readonly entriesMax?: number;
    /** How long an entry is kept; an hour when not given. */
    readonly keepMs?: number;
  }) {
    this.#logger = options.logger;
    this.#thresholdMs = options.thresholdMs;
    this.#entriesMax = options.entriesMax ?? 1000;
    this.#keepMs = options.keepMs ?? 3_600_000;
  }

  setThreshold(thresholdMs: number): void {
    this.#thresholdMs = thresholdMs;
  }

  /** `describe` is called only for slow requests, because plans are costly to print. Returns whether it was one. */
  record(request: Omit<SlowRequest, "fields">, describe: () => LogFields): boolean {
    if (request.durationMs <= this.#thresholdMs) return false;
    const entry: SlowRequest = { ...request, fields: describe() };
    this.#forget(entry.timeMs);
    if (this.#recent.size >= this.#entriesMax) this.#recent.shift();
    this.#recent.push(entry);
    const { timeMs: _, fields, ...rest } = entry;
    this.#logger.warn("slow request", { ...rest, ...fields });
    return true;
  }

  /** The remembered requests, latest first. */
  recent(nowMs: number): SlowRequest[] {
    this.#forget(nowMs);
    return this.#recent.toArray().reverse();
  }

  #forget(nowMs: number): void {
    for (let oldest = this.#recent.peek(); oldest !== undefined; oldest = this.#recent.peek()) {
      if (nowMs - oldest.timeMs <= this.#keepMs) return;
      this.#recent.shift();
    }
  }
}
