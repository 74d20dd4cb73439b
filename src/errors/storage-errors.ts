import { isRedkiteError, redkiteError, type RedkiteError } from "./redkite-error.ts";

/** What the ports of storage throw besides `diskFull` and `corrupted`: disk, object store, metadata store, message stream. */

/** The device or the file system refused an operation for a reason other than room; `cause` says which. */
export function diskFailed(
  what: { readonly path: string; readonly operation: string },
  cause?: unknown,
): RedkiteError {
  const why = cause instanceof Error ? cause.message : typeof cause === "string" ? cause : undefined;
  return redkiteError("diskFailed", {
    fields: { path: what.path, operation: what.operation },
    description: why,
    cause,
  });
}

export function fileNotFound(path: string, cause?: unknown): RedkiteError {
  return redkiteError("fileNotFound", { fields: { path }, cause });
}

/** Another process holds the folder; `holder` is a sentence about it. */
export function folderInUse(what: { readonly path: string; readonly holder: string }): RedkiteError {
  return redkiteError("folderInUse", { fields: { path: what.path }, description: what.holder });
}

/** Stored by a release that this one cannot follow; nothing was touched. */
export function newerData(what: {
  readonly path: string;
  readonly formatVersion: number;
  readonly readableSince: string;
  readonly createdBy: string;
}): RedkiteError {
  const { path, formatVersion, readableSince, createdBy } = what;
  return redkiteError("newerData", {
    fields: { path },
    description: `it has format version ${formatVersion} and was made by release ${createdBy}; start release ${readableSince} or newer`,
  });
}

/** The key was taken by an earlier `put`, whose bytes stay. */
export function objectExists(key: string): RedkiteError {
  return redkiteError("objectExists", { fields: { key } });
}

export function objectNotFound(key: string, cause?: unknown): RedkiteError {
  return redkiteError("objectNotFound", { fields: { key }, cause });
}

/** Nothing was changed. */
export function metaUnavailable(reason: string, cause?: unknown): RedkiteError {
  return redkiteError("metaUnavailable", { description: reason, cause });
}

/** The transaction may have been applied or not: read before repeating it. */
export function metaUnknownOutcome(reason: string, cause?: unknown): RedkiteError {
  return redkiteError("metaUnknownOutcome", { description: reason, cause });
}

/** A watcher fell behind the history that is kept; it reads the range again and watches from there. */
export function metaCompacted(what: { readonly revision: bigint; readonly oldest: bigint }): RedkiteError {
  return redkiteError("metaCompacted", { fields: { revision: what.revision, oldest: what.oldest } });
}

export function leaseExpired(lease: bigint): RedkiteError {
  return redkiteError("leaseExpired", { fields: { lease } });
}

export function streamUnavailable(reason: string, cause?: unknown): RedkiteError {
  return redkiteError("streamUnavailable", { description: reason, cause });
}

/** Records behind `position` were truncated up to `truncated`: the reader must start over from a newer target. */
export function positionGone(what: {
  readonly topic: string;
  readonly position: bigint;
  readonly truncated: bigint;
}): RedkiteError {
  return redkiteError("positionGone", {
    fields: { topic: what.topic, position: what.position, truncated: what.truncated },
  });
}

export function topicNotFound(topic: string): RedkiteError {
  return redkiteError("mqTopicNotFound", { fields: { topic } });
}

/** Key of the object that was not there; undefined for other errors. */
export function missingObject(error: unknown): string | undefined {
  return isRedkiteError(error, "objectNotFound") ? error.fields["key"] : undefined;
}

/** Whether a stored object is not there or not what was written: no repetition mends that. */
export function isLostObject(error: unknown): error is RedkiteError {
  return isRedkiteError(error, "corrupted") || isRedkiteError(error, "objectNotFound");
}
