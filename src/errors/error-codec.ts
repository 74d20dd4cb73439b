import { isErrorKind, type Blame } from "./codes.ts";
import { RedkiteError, type ErrorFields } from "./redkite-error.ts";
import { toRedkiteError } from "./status.ts";

/** An error as plain data, for crossing threads and nodes: structured clone and JSON both carry it. */
export interface EncodedError {
  readonly kind: string;
  readonly message: string;
  readonly retriable: boolean;
  readonly blame: Blame;
  readonly fields: ErrorFields;
}

export function encodeError(error: unknown): EncodedError {
  const { kind, message, retriable, blame, fields } = toRedkiteError(error);
  return { kind, message, retriable, blame, fields };
}

/** A kind that this version does not know (a newer node sent it) becomes `unexpected` and keeps its message. */
export function decodeError(encoded: EncodedError): RedkiteError {
  const { kind, message, retriable, blame, fields } = encoded;
  return new RedkiteError(isErrorKind(kind) ? kind : "unexpected", message, { retriable, blame, fields });
}
