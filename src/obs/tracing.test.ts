import test from "node:test";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { trace, type Context, type Span, type SpanContext, type Tracer } from "@opentelemetry/api";
import { parseTraceparent, span, traceHeaders } from "./tracing.ts";

const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const untraced = { traceId: "", spanId: "" };

const log: string[] = [];

/** An exporter small enough for a test: remembers what happened to each span. A process has one, from the second test on. */
function install(): void {
  const makeSpan = (name: string, parent: SpanContext | undefined): Span => {
    const own: SpanContext = {
      traceId: parent?.traceId ?? "1".repeat(32),
      spanId: "2".repeat(16),
      traceFlags: 1,
    };
    const self: Span = {
      spanContext: () => own,
      setAttribute: () => self,
      setAttributes: () => self,
      addEvent: () => self,
      addLink: () => self,
      addLinks: () => self,
      setStatus: ({ message }) => (log.push(`${name} failed: ${message}`), self),
      updateName: () => self,
      end: () => void log.push(`${name} ended`),
      isRecording: () => true,
      recordException: () => void log.push(`${name} threw`),
    };
    return self;
  };
  const tracer = {
    startSpan: (name: string, _: unknown, parent: Context) => makeSpan(name, trace.getSpanContext(parent)),
  } as unknown as Tracer;
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
}

test("without an exporter the work runs and the caller's trace is handed on", async () => {
  deepEqual(await span("Proxy-Search", caller, (ids) => ids), caller);
  deepEqual(await span("Proxy-Search", untraced, (ids) => ids), untraced);
  await rejects(
    span("Proxy-Search", untraced, () => Promise.reject(new Error("no such collection"))),
    /no such collection/,
  );
});

test("a span continues the caller's trace and ends with the work", async () => {
  install();
  const ids = await span("Proxy-Insert", caller, (inner) => inner, { rows: 5 });
  deepEqual(ids, { traceId: caller.traceId, spanId: "2".repeat(16) });
  deepEqual(log, ["Proxy-Insert ended"]);
});

test("a span carries the error of its work and passes it on", async () => {
  log.length = 0;
  await rejects(
    span("Proxy-Insert", untraced, () => {
      throw new Error("disk full");
    }),
    /disk full/,
  );
  deepEqual(log, ["Proxy-Insert threw", "Proxy-Insert failed: disk full", "Proxy-Insert ended"]);
});

test("traceparent headers go both ways and malformed ones are ignored", () => {
  deepEqual(parseTraceparent(traceHeaders(caller)["traceparent"]), caller);
  deepEqual(traceHeaders(untraced), {});
  for (const bad of [
    undefined,
    "",
    "00-zz-11-01",
    `00-${"0".repeat(32)}-${caller.spanId}-01`,
    `00-${caller.traceId}-${"0".repeat(16)}-01`,
  ]) {
    equal(parseTraceparent(bad), undefined);
  }
});
