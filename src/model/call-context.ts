/** What accompanies every call, on every channel: who, where, until when, and under which trace. */
export interface CallContext {
  /** `""` while authentication is off. */
  readonly principal: string;
  /** Never empty: `default` when the client named none. */
  readonly database: string;
  /** Milliseconds since the Unix epoch on the Clock port; undefined waits for ever. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the client cancels, the deadline passes or the server drains. */
  readonly signal: AbortSignal;
  readonly trace: TraceContext;
  readonly clientRequestId: string;
}

export interface TraceContext {
  /** 32 hex digits, or `""` when not traced. */
  readonly traceId: string;
  /** 16 hex digits, or `""`. */
  readonly spanId: string;
}

export const NO_TRACE: TraceContext = { traceId: "", spanId: "" };
