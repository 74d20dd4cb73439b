/**
 * What accompanies every call, on every channel: who, where, until when, and under which trace. Some contexts make their signal when
 * somebody looks at it, so that a spread would lose it: `inDatabase` and `inTrace` make others of one.
 */
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

/** The call under another span. Itself when that is the same. */
export function inTrace(ctx: CallContext, trace: TraceContext): CallContext {
  if (trace.spanId === ctx.trace.spanId && trace.traceId === ctx.trace.traceId) return ctx;
  return derived(ctx, ctx.database, trace);
}

/** The call in another database. */
export function inDatabase(ctx: CallContext, database: string): CallContext {
  return derived(ctx, database, ctx.trace);
}

function derived(ctx: CallContext, database: string, trace: TraceContext): CallContext {
  const { principal, deadlineMs, clientRequestId } = ctx;
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
