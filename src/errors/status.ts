import { ERRORS, errorKindOfCode, type Blame } from "./codes.ts";
import { RedkiteError } from "./redkite-error.ts";
import { canceled, deadlineExceeded, unexpected } from "./service-errors.ts";

/** How a request ended, as plain data: what every answer of the public protocol carries. */
export interface Status {
  /** Milvus's code; 0 is success. */
  readonly code: number;
  /** The deprecated ErrorCode, for clients that read only that. */
  readonly legacyCode: number;
  readonly reason: string;
  readonly retriable: boolean;
  readonly detail: string;
  readonly extraInfo: Readonly<Record<string, string>>;
}

export const SUCCESS: Status = Object.freeze({
  code: 0,
  legacyCode: 0,
  reason: "",
  retriable: false,
  detail: "",
  extraInfo: Object.freeze({}),
});

/** Key of `extraInfo` that says the request itself was wrong. */
export const INPUT_ERROR_KEY = "is_input_error";

const INPUT_ERROR = Object.freeze({ [INPUT_ERROR_KEY]: "true" });

export function toStatus(error: unknown): Status {
  const known = toRedkiteError(error);
  return {
    code: known.code,
    legacyCode: ERRORS[known.kind].legacyCode,
    reason: known.message,
    retriable: known.retriable,
    detail: known.message,
    extraInfo: known.blame === "input" ? INPUT_ERROR : SUCCESS.extraInfo,
  };
}

/** The error that a status stands for, or undefined for success. */
export function errorOfStatus(status: Status): RedkiteError | undefined {
  if (status.code === 0 && status.legacyCode === 0) return undefined;
  const blame: Blame = status.extraInfo[INPUT_ERROR_KEY] === "true" ? "input" : "system";
  return new RedkiteError(errorKindOfCode(status.code), status.reason, {
    blame,
    retriable: status.retriable,
  });
}

/** Itself when it is one; aborts and timeouts by name; anything else wrapped once with its cause. */
export function toRedkiteError(error: unknown): RedkiteError {
  if (error instanceof RedkiteError) return error;
  if (error instanceof Error) {
    if (error.cause instanceof RedkiteError && error.name === "AbortError") return error.cause;
    if (error.name === "AbortError") return canceled(undefined, error);
    if (error.name === "TimeoutError") return deadlineExceeded(undefined, error);
  }
  return unexpected(error);
}
