import { redkiteError, RedkiteError, type FieldValue } from "./redkite-error.ts";

/**
 * `message: invalid parameter`, or with `expected` and `actual`
 * `message: invalid parameter[expected=...][actual=...]`. The message says what was wrong, with which value, and
 * what would be right.
 */
export function parameterInvalid(
  message: string,
  values?: { readonly expected: FieldValue; readonly actual: FieldValue },
): RedkiteError {
  return redkiteError("parameterInvalid", {
    context: message,
    ...(values && { fields: { expected: values.expected, actual: values.actual } }),
  });
}

/** `context: message: inner`, where another check's error explains why a parameter is wrong. */
export function parameterInvalidBecause(context: string, inner: Error): RedkiteError {
  return new RedkiteError("parameterInvalid", `${context}: ${inner.message}`, { cause: inner });
}

/** `message: invalid parameter[actual out of range lower <= value <= upper]`. */
export function parameterOutOfRange(range: {
  readonly lower: number | bigint;
  readonly upper: number | bigint;
  readonly actual: number | bigint;
  readonly message?: string;
}): RedkiteError {
  const { lower, upper, actual, message } = range;
  const text = `invalid parameter[${actual} out of range ${lower} <= value <= ${upper}]`;
  return new RedkiteError("parameterInvalid", message === undefined ? text : `${message}: ${text}`, {
    fields: { lower: String(lower), upper: String(upper), actual: String(actual) },
  });
}

export function parameterMissing(name: string, message?: string): RedkiteError {
  return redkiteError("parameterMissing", { fields: { missing_param: name }, context: message });
}

export function parameterTooLarge(what: string, message?: string): RedkiteError {
  return redkiteError("parameterTooLarge", { fields: { message: what }, context: message });
}

export function queryPlanFailed(message: string, cause?: unknown): RedkiteError {
  return redkiteError("queryPlan", { context: message, cause });
}

/** `message: unsupported operation`. */
export function operationNotSupported(message: string): RedkiteError {
  return redkiteError("operationNotSupported", { context: message });
}

export function privilegeNotAuthenticated(message: string): RedkiteError {
  return redkiteError("privilegeNotAuthenticated", { context: message });
}

export function privilegeNotPermitted(message: string): RedkiteError {
  return redkiteError("privilegeNotPermitted", { context: message });
}

/** A configuration key, option or environment variable that the server cannot start with; one whole sentence. */
export function configInvalid(sentence: string, fields: Readonly<Record<string, string>> = {}): RedkiteError {
  return new RedkiteError("configInvalid", sentence, { fields });
}
