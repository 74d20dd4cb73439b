import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { redkiteError, type RedkiteError } from "../../errors/redkite-error.ts";

/**
 * Throws parameterInvalid unless every store can hold the key: names of letters, digits and `-_.=+@`, joined by `/`, none of
 * which begins with a dot.
 */
export function checkObjectKey(key: string): void {
  if (key.length > OBJECT_KEY_LENGTH_MAX || !/^[\w\-=+@][\w\-=+@.]*(\/[\w\-=+@][\w\-=+@.]*)*$/.test(key)) {
    throw parameterInvalid(`${JSON.stringify(key.slice(0, 200))} is not a valid object key`);
  }
}

/** Throws ioInvalidRange unless the range lies within the object. */
export function checkObjectRange(key: string, range: ObjectRange, objectBytes: number): void {
  const { offset, bytes } = range;
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset >= 0 && bytes >= 0;
  if (!whole || offset + bytes > objectBytes) throw rangeError(key, range, objectBytes);
}

export interface ObjectRange {
  readonly offset: number;
  readonly bytes: number;
}

export const OBJECT_KEY_LENGTH_MAX = 900;

function rangeError(key: string, range: ObjectRange, objectBytes: number): RedkiteError {
  return redkiteError("ioInvalidRange", {
    fields: { key, offset: range.offset, bytes: range.bytes },
    description: `the object has ${objectBytes} bytes`,
  });
}
