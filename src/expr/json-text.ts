import { utf8Encode } from "../base/bytes.ts";
import type { PathStep } from "./ast.ts";

/**
 * Finds and reads values in JSON text, as UTF-8 bytes, without parsing the whole: a filter looks at one path of many rows.
 * Text that is not JSON has no values; nothing here throws. Positions are offsets in the bytes, -1 is "not there".
 */

/**
 * A value read out. Numbers are doubles, and bigint where an int64 is not exact as a double. The content of objects is not read:
 * nothing compares with one.
 */
export type JsonValue = null | boolean | number | bigint | string | typeof JSON_OBJECT | readonly JsonValue[];
export const JSON_OBJECT: unique symbol = Symbol("JSON object");

/** A path made ready for many rows. */
export type JsonPath = readonly JsonPathStep[];

interface JsonPathStep {
  readonly key: Uint8Array;
  readonly text: string;
  /** The index that the step is in an array, -1 when it is none. */
  readonly index: number;
}

/** Deeper arrays and objects inside a value are taken as not empty and equal to nothing. */
const VALUE_DEPTH_MAX = 64;

export function jsonPath(steps: readonly PathStep[]): JsonPath {
  return steps.map(({ text }) => ({
    text,
    key: utf8Encode(text),
    index: /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : -1,
  }));
}

/** Where the value at `path` begins in bytes[start, end). With an empty path, where the whole value begins. */
export function findJson(bytes: Uint8Array, start: number, end: number, path: JsonPath): number {
  let at = skipBlanks(bytes, start, end);
  for (const step of path) {
    if (at === -1 || at >= end) return -1;
    const opening = bytes[at];
    if (opening === OPEN_BRACE) at = findKey(bytes, at, end, step);
    else if (opening === OPEN_BRACKET && step.index >= 0) at = findElement(bytes, at, end, step.index);
    else return -1;
  }
  return at < end ? at : -1;
}

/** The value that begins at `at`; undefined for malformed text. */
export function readJson(bytes: Uint8Array, at: number, end: number, depth = 0): JsonValue | undefined {
  switch (bytes[at]) {
    case OPEN_BRACE:
      return JSON_OBJECT;
    case OPEN_BRACKET:
      return depth < VALUE_DEPTH_MAX ? readArray(bytes, at, end, depth) : JSON_OBJECT;
    case QUOTE:
      return readString(bytes, at, end);
    case LETTER_T:
      return matchesWord(bytes, at, end, "true") ? true : undefined;
    case LETTER_F:
      return matchesWord(bytes, at, end, "false") ? false : undefined;
    case LETTER_N:
      return matchesWord(bytes, at, end, "null") ? null : undefined;
    default:
      return readNumber(bytes, at, end);
  }
}

/**
 * The text of the value that begins at `at` without the blanks in it, and with the escapes of strings in one form; undefined for text
 * that does not end. Its numbers stay as they are written.
 */
export function compactJson(bytes: Uint8Array, at: number, end: number): string | undefined {
  const valueEnd = skipValue(bytes, at, end);
  if (valueEnd === -1) return undefined;
  let text = "";
  let from = at;
  const upTo = (to: number): void => {
    text += decoder.decode(bytes.subarray(from, to));
  };
  for (let i = at; i < valueEnd;) {
    if (bytes[i] === QUOTE) {
      const stringEnd = skipString(bytes, i, valueEnd);
      if (stringEnd === -1) return undefined;
      if (bytes.subarray(i, stringEnd).includes(BACKSLASH)) {
        const value = readString(bytes, i, valueEnd);
        if (value === undefined) return undefined;
        upTo(i);
        text += JSON.stringify(value);
        from = stringEnd;
      }
      i = stringEnd;
      continue;
    }
    const next = skipBlanks(bytes, i, valueEnd);
    if (next === i) {
      i++;
      continue;
    }
    upTo(i);
    from = next;
    i = next;
  }
  upTo(valueEnd);
  return text;
}

/** Whether the number that begins at `at` is written as an integer. */
export function isIntegerJson(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end && !endsWord(bytes[i]); i++) {
    const byte = bytes[i] ?? 0;
    if (byte !== MINUS && (byte < ZERO || byte > NINE)) return false;
  }
  return true;
}

/** Number of elements of the array that begins at `at`, -1 when none does. */
export function jsonArrayLength(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== OPEN_BRACKET) return -1;
  let count = 0;
  const closed = eachElement(bytes, at, end, () => {
    count++;
    return true;
  });
  return closed ? count : -1;
}

/** Whether the value is null, or an object or array of nothing but such: Milvus says that these do not exist. */
export function isEmptyJson(bytes: Uint8Array, at: number, end: number, depth = 0): boolean {
  switch (bytes[at]) {
    case LETTER_N:
      return true;
    case OPEN_BRACE:
    case OPEN_BRACKET: {
      if (depth >= VALUE_DEPTH_MAX) return false;
      let empty = true;
      eachElement(bytes, at, end, (element) => (empty = isEmptyJson(bytes, element, end, depth + 1)));
      return empty;
    }
    default:
      return false;
  }
}

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const LETTER_F = 102;
const LETTER_N = 110;
const LETTER_T = 116;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** The value of the first member with the key, as simdjson finds it. */
function findKey(bytes: Uint8Array, open: number, end: number, step: JsonPathStep): number {
  let at = skipBlanks(bytes, open + 1, end);
  while (bytes[at] === QUOTE && at < end) {
    const keyEnd = skipString(bytes, at, end);
    if (keyEnd === -1) return -1;
    const found = keyMatches(bytes, at + 1, keyEnd - 1, step);
    at = skipBlanks(bytes, keyEnd, end);
    if (bytes[at] !== COLON) return -1;
    at = skipBlanks(bytes, at + 1, end);
    if (found) return at;
    at = skipValue(bytes, at, end);
    if (at === -1) return -1;
    at = skipBlanks(bytes, at, end);
    if (bytes[at] !== COMMA) return -1;
    at = skipBlanks(bytes, at + 1, end);
  }
  return -1;
}

function findElement(bytes: Uint8Array, open: number, end: number, index: number): number {
  let left = index;
  let found = -1;
  eachElement(bytes, open, end, (element) => {
    if (left === 0) found = element;
    return left-- > 0;
  });
  return found;
}

/**
 * Calls `visit` with where each element of the array, or each member's value of the object, at `open` begins, until it returns false.
 * Returns whether the end of the array or object was reached.
 */
function eachElement(bytes: Uint8Array, open: number, end: number, visit: (at: number) => boolean): boolean {
  const isObject = bytes[open] === OPEN_BRACE;
  const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
  let at = skipBlanks(bytes, open + 1, end);
  if (at < end && bytes[at] === close) return true;
  while (at < end) {
    if (isObject) {
      if (bytes[at] !== QUOTE) return false;
      at = skipString(bytes, at, end);
      if (at === -1) return false;
      at = skipBlanks(bytes, at, end);
      if (bytes[at] !== COLON) return false;
      at = skipBlanks(bytes, at + 1, end);
    }
    if (!visit(at)) return false;
    at = skipValue(bytes, at, end);
    if (at === -1) return false;
    at = skipBlanks(bytes, at, end);
    if (at >= end) return false;
    if (bytes[at] === close) return true;
    if (bytes[at] !== COMMA) return false;
    at = skipBlanks(bytes, at + 1, end);
  }
  return false;
}

function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at];
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) break;
    at++;
  }
  return at;
}

/** Behind the string whose opening quote is at `at`. */
function skipString(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return -1;
}

/** Behind the value that begins at `at`; brackets are counted, not checked. At least one byte further, or -1. */
function skipValue(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  let at = from;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at, end);
      if (at === -1) return -1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
      at++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return -1;
      depth--;
      at++;
    } else if (byte === COMMA || byte === COLON) {
      if (depth === 0) return -1;
      at++;
    } else {
      while (at < end && !endsWord(bytes[at])) at++;
      at = skipBlanks(bytes, at, end);
    }
    if (depth === 0) return at > from ? at : -1;
  }
  return -1;
}

function endsWord(byte: number | undefined): boolean {
  return (
    byte === COMMA ||
    byte === COLON ||
    byte === QUOTE ||
    byte === CLOSE_BRACE ||
    byte === CLOSE_BRACKET ||
    byte === OPEN_BRACE ||
    byte === OPEN_BRACKET ||
    byte === 32 ||
    byte === 10 ||
    byte === 13 ||
    byte === 9
  );
}

function keyMatches(bytes: Uint8Array, start: number, end: number, step: JsonPathStep): boolean {
  const { key } = step;
  let escaped = false;
  let same = end - start === key.length;
  for (let i = start; i < end && (same || !escaped); i++) {
    if (bytes[i] === BACKSLASH) escaped = true;
    if (same && bytes[i] !== key[i - start]) same = false;
  }
  return escaped ? readString(bytes, start - 1, end + 1) === step.text : same;
}

function readArray(
  bytes: Uint8Array,
  at: number,
  end: number,
  depth: number,
): readonly JsonValue[] | undefined {
  const values: JsonValue[] = [];
  const closed = eachElement(bytes, at, end, (element) => {
    const value = readJson(bytes, element, end, depth + 1);
    if (value === undefined) return false;
    values.push(value);
    return true;
  });
  return closed ? values : undefined;
}

const decoder = new TextDecoder("utf-8");
/** Short ASCII texts are quicker to build than to decode. */
const SHORT_TEXT = 24;

function readString(bytes: Uint8Array, at: number, limit: number): string | undefined {
  const end = skipString(bytes, at, limit);
  if (end === -1) return undefined;
  let plain = end - at - 2 <= SHORT_TEXT;
  let escaped = false;
  for (let i = at + 1; i < end - 1; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === BACKSLASH) {
      escaped = true;
      break;
    }
    if (byte > 127) plain = false;
  }
  if (escaped) return unescape(decoder.decode(bytes.subarray(at, end)));
  if (!plain) return decoder.decode(bytes.subarray(at + 1, end - 1));
  let text = "";
  for (let i = at + 1; i < end - 1; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

function unescape(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function matchesWord(bytes: Uint8Array, at: number, end: number, word: string): boolean {
  if (at + word.length > end) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return at + word.length === end || endsWord(bytes[at + word.length]);
}

/** Digits that a double holds exactly, whatever they are. */
const EXACT_DIGITS = 15;

function readNumber(bytes: Uint8Array, start: number, end: number): number | bigint | undefined {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  let mantissa = 0;
  let digits = 0;
  let fraction = 0;
  let seenDot = false;
  for (; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + (byte - ZERO);
      digits++;
      if (seenDot) fraction++;
    } else if (byte === DOT && !seenDot) seenDot = true;
    else break;
  }
  if (digits === 0) return undefined;
  const complete = at === end || endsWord(bytes[at]);
  if (complete && digits <= EXACT_DIGITS) {
    // Both are exact, so one division rounds correctly.
    const magnitude = fraction === 0 ? mantissa : mantissa / 10 ** fraction;
    return negative ? -magnitude : magnitude;
  }
  while (at < end && !endsWord(bytes[at])) at++;
  return parseNumber(decoder.decode(bytes.subarray(start, at)));
}

function parseNumber(text: string): number | bigint | undefined {
  if (!/^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)) return undefined;
  const number = Number(text);
  if (!/^-?[0-9]{1,20}$/.test(text)) return number;
  const integer = BigInt(text);
  if (integer !== BigInt.asIntN(64, integer)) return number;
  return Number.isSafeInteger(number) ? number : integer;
}
