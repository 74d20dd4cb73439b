/**
 * Named background work. A task runs until it returns or its signal aborts; when it throws an error that may pass (a retriable one,
 * diskFailed, ioFailed, metaUnknownOutcome) it is started again after a growing pause, at most `restarts` times in a row, then `failed` is
 * called with the last error. One that is `endless` is started again after any error of ours (RedkiteError), however often.
 */
export interface Tasks {
  spawn(name: string, run: (signal: AbortSignal) => Promise<void>, options?: TaskOptions): TaskHandle;
}

/** Tasks that end together. */
export interface TaskGroup extends Tasks {
  /** A group of its own that ends with this one, or earlier. */
  child(): TaskGroup;
  /** Aborts all tasks and waits for their end; tasks spawned later do not begin. Safe to call twice. */
  stop(): Promise<void>;
}

export interface TaskOptions {
  readonly restarts?: number;
  /** Work in rounds, of which a failed one must not be the last: nothing else would notice. */
  readonly endless?: boolean;
  readonly failed?: (error: unknown) => void;
}

export interface TaskHandle {
  /** Aborts and waits for the end. */
  stop(): Promise<void>;
}
