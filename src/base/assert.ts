/**
 * A broken invariant: a bug in Redkite, never bad input. Whoever catches one logs it and stops the component;
 * it is not retried and not turned into a Milvus status that blames the client.
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Assertions stay on in production. `message` says which invariant, with the values that broke it; a function where many calls pass. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === "string" ? message : message());
}

/** `value` without null and undefined; `what` names it for the message. */
export function assertDefined<T>(value: T | null | undefined, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`${what} is ${String(value)}`);
  return value;
}

/** Ends a switch over a discriminated union: the compiler rejects a missing case, this one a forged value. */
export function assertNever(value: never, what = "value"): never {
  throw new AssertionError(`unexpected ${what}: ${describe(value)}`);
}

function describe(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
