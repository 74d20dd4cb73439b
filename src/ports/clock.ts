/** Time. The only source of it outside adapters, so that simulation controls it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump either way. */
  nowMs(): number;
  /** Monotonic, from an arbitrary start. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls once after `ms` unless cancelled. */
  timer(ms: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}
