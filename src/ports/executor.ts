/**
 * Named background work. A task runs until it returns or its signal aborts; when it throws a retriable error it is started
 * again after a growing pause, at most `restarts` times in a row, then `failed` is called with the last error.
 */
export interface Tasks {
  spawn(name: string, run: (signal: AbortSignal) => Promise<void>, options?: TaskOptions): TaskHandle;
}

export interface TaskOptions {
  readonly restarts?: number;
  readonly failed?: (error: unknown) => void;
}

export interface TaskHandle {
  /** Aborts and waits for the end. */
  stop(): Promise<void>;
}
