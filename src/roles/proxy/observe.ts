import { ERRORS } from "../../errors/codes.ts";
import { toStatus, type Status } from "../../errors/status.ts";
import type { SlowLog } from "../../obs/slow-log.ts";
import { span } from "../../obs/tracing.ts";
import { fromWireStatus } from "../../wire/status-wire.ts";
import type { ActiveCall } from "./active-call.ts";
import type { AnyRequest, Interceptor } from "./interceptors.ts";
import { movedRows } from "./moved-rows.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";

/** Span, metrics, log lines and slow log of every call, whether it is served or refused on the way (R119 to R121). */
export function observe(metrics: ProxyMetrics, slowLog: SlowLog): Interceptor {
  return async (call, request, next) => {
    let status: Status | undefined;
    let answer: unknown;
    try {
      answer = await span(`Proxy-${call.rpc}`, call.ctx.trace, (trace) => {
        call.enter({ trace });
        return next();
      });
      status = statusOf(call, answer);
      return answer;
    } catch (error) {
      status = toStatus(error);
      throw error;
    } finally {
      end(call, request, status, answer);
    }
  };

  function end(call: ActiveCall, request: AnyRequest, status: Status | undefined, answer: unknown): void {
    const { clock } = call.deps;
    const durationMs = clock.monotonicMs() - call.arrivedMs;
    const { database } = call.ctx;
    const { collection } = call.target;
    const failed = status !== undefined && (status.code !== 0 || status.legacyCode !== 0);
    const outcome = failed ? "fail" : "success";
    const where = {
      database: status?.code === ERRORS.databaseNotFound.code ? undefined : database,
      collection: status?.code === ERRORS.collectionNotFound.code ? undefined : collection,
    };
    metrics.done(call.rpc, outcome, where, durationMs);
    const moved = movedRows(call.rpc, request, answer);
    if (moved !== undefined) metrics.moved(moved, outcome, where, durationMs);
    logCall(call, { collection, durationMs, status: failed ? status : undefined });
    const { traceId } = call.ctx.trace;
    const slow = { timeMs: clock.nowMs(), method: call.rpc, durationMs, database, collection, traceId };
    if (slowLog.record(slow, () => call.fields)) metrics.slow(call.rpc);
  }
}

/** Statuses inside of answers: failures that a handler packed itself. */
function statusOf(call: ActiveCall, answer: unknown): Status | undefined {
  const { status: place } = call.row.rpc;
  if (place === "none" || typeof answer !== "object" || answer === null) return undefined;
  // The table says that the answer is a Status, or has one in this field.
  const wire = place === "self" ? answer : (answer as { readonly status?: object }).status;
  if (wire === undefined) return undefined;
  return fromWireStatus({
    errorCode: 0,
    code: 0,
    reason: "",
    retriable: false,
    detail: "",
    extraInfo: new Map(),
    ...wire,
  });
}

function logCall(
  call: ActiveCall,
  end: { readonly collection: string; readonly durationMs: number; readonly status: Status | undefined },
): void {
  const { logger } = call.deps;
  const { status, collection, durationMs } = end;
  const changes = call.row.quota === "ddl";
  const level =
    status !== undefined
      ? status.extraInfo["is_input_error"]
        ? "info"
        : "warn"
      : changes
        ? "info"
        : "debug";
  if (!logger.enabled(level)) return;
  const { database, principal, clientRequestId, trace } = call.ctx;
  logger[level](status === undefined ? "call done" : "call failed", {
    rpc: call.rpc,
    db: database,
    collection,
    durationMs,
    ...(principal !== "" && { user: principal }),
    ...(clientRequestId !== "" && { clientRequestId }),
    ...(trace.traceId !== "" && { traceId: trace.traceId }),
    ...(status !== undefined && { code: status.code, reason: status.reason }),
    ...call.fields,
  });
}
