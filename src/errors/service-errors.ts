import { redkiteError, RedkiteError } from "./redkite-error.ts";

/** `service not ready[proxy=7]: Initializing`, or in the words of the state alone when no node is named. */
export function serviceNotReady(state: {
  readonly role: string;
  readonly nodeId: bigint | number;
  readonly state: string;
}): RedkiteError {
  return redkiteError("serviceNotReady", {
    fields: { [state.role]: state.nodeId },
    description: state.state,
  });
}

export function serviceUnavailable(reason: string, cause?: unknown): RedkiteError {
  return redkiteError("serviceUnavailable", { description: reason, cause });
}

/** A full queue; `limit` is its length. */
export function serviceTooManyRequests(limit: number, context?: string): RedkiteError {
  return redkiteError("serviceTooManyRequests", { fields: { limit }, context });
}

export function serviceInternal(reason: string, cause?: unknown): RedkiteError {
  return redkiteError("serviceInternal", { description: reason, cause });
}

/** Both in bytes, printed in megabytes. */
export function serviceMemoryLimitExceeded(
  bytes: { readonly predicted: number; readonly limit: number },
  context?: string,
): RedkiteError {
  return redkiteError("serviceMemoryLimitExceeded", {
    fields: { "predict(MB)": megabytes(bytes.predicted), "limit(MB)": megabytes(bytes.limit) },
    context,
  });
}

/** Both in bytes, printed in megabytes. */
export function serviceDiskLimitExceeded(
  bytes: { readonly predicted: number; readonly limit: number },
  context?: string,
): RedkiteError {
  return redkiteError("serviceDiskLimitExceeded", {
    fields: { "predict(MB)": megabytes(bytes.predicted), "limit(MB)": megabytes(bytes.limit) },
    context,
  });
}

export function serviceRateLimit(rate: number, context?: string): RedkiteError {
  return redkiteError("serviceRateLimit", { fields: { rate }, context });
}

export function serviceQuotaExceeded(reason: string, context?: string): RedkiteError {
  return redkiteError("serviceQuotaExceeded", { fields: { reason }, context });
}

/**
 * Something that Milvus has and this version does not, by its name in the API (an RPC, type, index, function):
 * `service unimplemented: CreateUser is not served by this version of Redkite`.
 */
export function notServed(what: string, hint?: string): RedkiteError {
  const sentence = `${what} is not served by this version of Redkite`;
  return new RedkiteError(
    "notServed",
    `service unimplemented: ${sentence}${hint === undefined ? "" : `; ${hint}`}`,
    {
      fields: { what },
    },
  );
}

/** The caller went away, or the server drains. */
export function canceled(what?: string, cause?: unknown): RedkiteError {
  return redkiteError("canceled", { context: what, cause });
}

export function deadlineExceeded(what?: string, cause?: unknown): RedkiteError {
  return redkiteError("deadlineExceeded", { context: what, cause });
}

/** An abort signal's reason as an error: itself when it is one already, a deadline when its name says so. */
export function abortReason(signal: AbortSignal): RedkiteError {
  const reason: unknown = signal.reason;
  if (reason instanceof RedkiteError) return reason;
  return reason instanceof Error && reason.name === "TimeoutError"
    ? deadlineExceeded(undefined, reason)
    : canceled(undefined, reason);
}

/** No room for `path`. Writes fail until there is; deletes, drops and compaction still work. */
export function diskFull(
  where: { readonly path: string; readonly freeBytes?: number },
  cause?: unknown,
): RedkiteError {
  const free = where.freeBytes === undefined ? "" : `, ${where.freeBytes} bytes are free`;
  return new RedkiteError("diskFull", `disk full: no room to write to ${where.path}${free}`, {
    fields: { path: where.path },
    cause,
  });
}

/** The caller, or the owner it spoke to, was replaced: its epoch, lease or timestamp is no longer current. */
export function fenced(
  what: {
    readonly of: string;
    readonly held: bigint | number;
    readonly current?: bigint | number | undefined;
  },
  context?: string,
): RedkiteError {
  const { of, held, current } = what;
  return redkiteError("fenced", {
    fields: current === undefined ? { of, held } : { of, held, current },
    context,
  });
}

/** A row has a version newer than `readAt`, the timestamp at which the caller read it. */
export function writeConflict(what: { readonly channel: string; readonly readAt: bigint }): RedkiteError {
  return redkiteError("writeConflict", { fields: { channel: what.channel, readAt: what.readAt } });
}

/** What a read at `timestamp` could have seen is gone; `oldest` is the earliest that can still be read. */
export function staleRead(
  what: { readonly timestamp: bigint; readonly oldest: bigint },
  context?: string,
): RedkiteError {
  return redkiteError("staleRead", { fields: { timestamp: what.timestamp, oldest: what.oldest }, context });
}

/** Stored bytes that are not what was written: names the file, what is wrong in it and, where known, what to do. */
export function corrupted(where: {
  readonly file: string;
  readonly problem: string;
  readonly offset?: number | bigint;
  readonly cause?: unknown;
}): RedkiteError {
  const { file, problem, offset, cause } = where;
  return redkiteError("corrupted", {
    fields: offset === undefined ? { file } : { file, offset },
    description: problem,
    cause,
  });
}

export function ioFailed(
  what: { readonly path: string; readonly operation: string },
  cause?: unknown,
): RedkiteError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return redkiteError("ioFailed", {
    fields: { path: what.path, operation: what.operation },
    description: cause === undefined ? undefined : why,
    cause,
  });
}

export function ioKeyNotFound(key: string, cause?: unknown): RedkiteError {
  return redkiteError("ioKeyNotFound", { fields: { key }, cause });
}

export function serializationFailed(message: string, cause?: unknown): RedkiteError {
  return redkiteError("serializationFailed", { context: message, cause });
}

/** A failure that nobody expected, wrapped once; what it was stays in `cause`. */
export function unexpected(cause: unknown): RedkiteError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RedkiteError("unexpected", message === "" ? "unexpected error" : message, { cause });
}

function megabytes(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 100) / 100;
}
