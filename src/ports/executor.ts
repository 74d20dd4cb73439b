/**
 * Named background work. A task runs until it returns or its signal aborts; when it throws an error that may pass (a retriable one,
 * diskFailed, ioFailed, metaUnknownOutcome) it is started again after a growing pause, at most `restarts` times in a row, then `failed` is
 * called with the last error.
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
  readonly failed?: (error: unknown) => void;
}

export interface TaskHandle {
  /** Aborts and waits for the end. */
  stop(): Promise<void>;
}
