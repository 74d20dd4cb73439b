import {
  context,
  INVALID_SPANID,
  INVALID_TRACEID,
  propagation,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";

/** The trace that a call belongs to: 32 and 16 hex digits, or empty texts when it is not traced. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Takes up a provider that is registered later. */
const tracer = trace.getTracer("redkite");

/**
 * Runs `run` inside a span, for example `Proxy-Search` (R119), that ends with it and carries its error. Without an exporter
 * the OpenTelemetry API does nothing, at the cost of a few calls.
 *
 * @param parent the trace of the caller
 * @param run gets the ids to hand on, which are the parent's when nothing is traced
 */
export async function span<T>(
  name: string,
  parent: TraceIds,
  run: (ids: TraceIds, span: Span) => T | PromiseLike<T>,
  attributes: Attributes = {},
): Promise<T> {
  const parentContext = toContext(parent);
  const current = tracer.startSpan(name, { attributes }, parentContext);
  try {
    const { traceId, spanId } = current.spanContext();
    // Nobody listens: the context stays as it is.
    if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return await run(parent, current);
    return await context.with(trace.setSpan(parentContext, current), () => run({ traceId, spanId }, current));
  } catch (error) {
    current.recordException(error instanceof Error ? error : String(error));
    current.setStatus({
      code: SpanStatusCode.ERROR,
      message: error instanceof Error ? error.message : String(error),
    });
    throw error;
  } finally {
    current.end();
  }
}

const traceparentPattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/;

/** Reads a W3C `traceparent` value; undefined when it is missing or malformed. */
export function parseTraceparent(value: string | undefined): TraceIds | undefined {
  const match = value === undefined ? null : traceparentPattern.exec(value);
  if (match === null) return undefined;
  const [, traceId = "", spanId = ""] = match;
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? undefined : { traceId, spanId };
}

/** Headers that carry the trace to another process; none when it is not traced. */
export function traceHeaders(ids: TraceIds): Record<string, string> {
  const headers: Record<string, string> = {};
  if (ids.traceId === "") return headers;
  propagation.inject(toContext(ids), headers);
  headers["traceparent"] ??= `00-${ids.traceId}-${ids.spanId}-01`;
  return headers;
}

function toContext({ traceId, spanId }: TraceIds): Context {
  const active = context.active();
  if (traceId === "" || spanId === "") return active;
  return trace.setSpanContext(active, { traceId, spanId, traceFlags: 1, isRemote: true });
}
