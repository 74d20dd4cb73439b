import { ERRORS, type Blame, type ErrorKind } from "./codes.ts";

/** An expected failure with a Milvus code: what users, retries and statuses see. */
export class RedkiteError extends Error {
  override readonly name = "RedkiteError";
  readonly kind: ErrorKind;
  readonly code: number;
  /** Whether the same request may succeed later; a retry needs an idempotent method as well. */
  readonly retriable: boolean;
  readonly blame: Blame;
  /** The values that the message names, for logs and for code that handles the error. */
  readonly fields: ErrorFields;
  /** What the message says behind the kind's text and fields; the whole message where it has no such part. */
  readonly description: string;

  constructor(kind: ErrorKind, message: string, options: RedkiteErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const info = ERRORS[kind];
    this.kind = kind;
    this.code = info.code;
    this.blame = options.blame ?? info.blame;
    // Wrong input stays wrong: repeating it unchanged can never succeed.
    this.retriable = this.blame === "input" ? false : (options.retriable ?? info.retriable);
    this.fields = options.fields ?? {};
    this.description = options.description ?? message;
  }
}

export type ErrorFields = Readonly<Record<string, string>>;

export interface RedkiteErrorOptions {
  readonly blame?: Blame;
  readonly retriable?: boolean;
  readonly fields?: ErrorFields;
  readonly description?: string | undefined;
  readonly cause?: unknown;
}

export type FieldValue = string | number | bigint | boolean | readonly (string | number | bigint)[];

export interface ErrorParts extends Omit<RedkiteErrorOptions, "fields" | "description"> {
  /** Rendered as `[name=value]` behind the kind's text. */
  readonly fields?: Readonly<Record<string, FieldValue>>;
  /** Follows the kind's text and fields after `: `. */
  readonly description?: string | undefined;
  /** Precedes the kind's text, before `: `, as Milvus prints the context of an error. */
  readonly context?: string | undefined;
}

/**
 * Builds an error in Milvus's wording: `context: text[name=value]...: description`, each part only where given.
 */
export function redkiteError(kind: ErrorKind, parts: ErrorParts = {}): RedkiteError {
  const { fields = {}, description, context, ...options } = parts;
  const rendered: Record<string, string> = {};
  let message = ERRORS[kind].message;
  for (const [name, value] of Object.entries(fields)) {
    rendered[name] = renderValue(value);
    message += `[${name}=${rendered[name]}]`;
  }
  if (description !== undefined && description !== "") message += `: ${description}`;
  if (context !== undefined && context !== "") message = `${context}: ${message}`;
  return new RedkiteError(kind, message, { ...options, fields: rendered, description });
}

/** The same error with `context: ` before its message, for a caller that knows more. */
export function withContext(error: RedkiteError, context: string): RedkiteError {
  return new RedkiteError(error.kind, `${context}: ${error.message}`, {
    blame: error.blame,
    retriable: error.retriable,
    fields: error.fields,
    cause: error,
  });
}

export function isRedkiteError(error: unknown, kind?: ErrorKind): error is RedkiteError {
  return error instanceof RedkiteError && (kind === undefined || error.kind === kind);
}

/** Prints lists as Go does, `[1 2 3]`, which clients' tests compare. */
function renderValue(value: FieldValue): string {
  return typeof value === "object" ? `[${value.join(" ")}]` : String(value);
}
