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

/** The call under another span. Itself when that is the same; its signal is not looked at, because some are made on first use. */
export function inTrace(ctx: CallContext, trace: TraceContext): CallContext {
  if (trace.spanId === ctx.trace.spanId && trace.traceId === ctx.trace.traceId) return ctx;
  const { principal, database, deadlineMs, clientRequestId } = ctx;
  return {
    principal,
    database,
    deadlineMs,
    get signal() {
      return ctx.signal;
    },
    trace,
    clientRequestId,
  };
}
