import { ExpressionError } from "./expression-error.ts";

/** Escapes of one letter. */
const simple: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/**
 * What the inside of a quoted literal means. The escapes are those of Go's strings (Milvus's servers are written in it), plus
 * both quotes: \a \b \f \n \r \t \v \\ \' \" \xhh \ooo \uhhhh \Uhhhhhhhh. Any other escape is an error,
 * so that `like "50\%"` is not silently something else; a raw literal, r"50\%", has no escapes.
 */
export function unescapeString(inside: string): string {
  if (!inside.includes("\\")) return inside;
  let result = "";
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    result += decodeBytes(bytes, inside);
    bytes = [];
  };
  for (let i = 0; i < inside.length;) {
    const backslash = inside.indexOf("\\", i);
    if (backslash !== i) {
      flush();
      const end = backslash === -1 ? inside.length : backslash;
      result += inside.slice(i, end);
      i = end;
      continue;
    }
    const text = simple[inside[i + 1] ?? ""];
    if (text !== undefined) {
      flush();
      result += text;
      i += 2;
      continue;
    }
    const escape = readEscape(inside, i);
    if (escape.byte !== undefined) bytes.push(escape.byte);
    else {
      flush();
      result += escape.text;
    }
    i = escape.next;
  }
  flush();
  return result;
}

/**
 * A regular expression, whose backslashes are its own: only the quote around it and a backslash are escaped, so that `"\\d"` and
 * `"\\\\d"` are the same class of digits, as in Milvus.
 */
export function unescapePattern(inside: string, quote: string): string {
  if (!inside.includes("\\")) return inside;
  return inside.replace(/\\([^])/g, (escape, character: string) =>
    character === "\\" || character === quote ? character : escape,
  );
}

/** A key of a JSON path: unknown escapes stay as they are, as Milvus leaves them. */
export function unescapeKey(inside: string): string {
  try {
    return unescapeString(inside);
  } catch (error) {
    if (error instanceof ExpressionError) return inside;
    throw error;
  }
}

interface Escape {
  readonly next: number;
  readonly text: string;
  /** \xhh and \ooo are bytes of UTF-8, not characters. */
  readonly byte: number | undefined;
}

function readEscape(inside: string, at: number): Escape {
  const letter = inside[at + 1] ?? "";
  if (letter === "x") {
    return { next: at + 4, text: "", byte: digits(inside, at, at + 2, 2, 16) };
  }
  if (letter >= "0" && letter <= "7") {
    const byte = digits(inside, at, at + 1, 3, 8);
    if (byte > 255) throw invalidEscape(inside, at);
    return { next: at + 4, text: "", byte };
  }
  if (letter === "u" || letter === "U") {
    const count = letter === "u" ? 4 : 8;
    const codePoint = digits(inside, at, at + 2, count, 16);
    if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) throw invalidEscape(inside, at);
    return { next: at + 2 + count, text: String.fromCodePoint(codePoint), byte: undefined };
  }
  throw invalidEscape(inside, at);
}

function digits(inside: string, escapeAt: number, from: number, count: number, radix: 8 | 16): number {
  const text = inside.slice(from, from + count);
  const valid = radix === 16 ? /^[0-9a-fA-F]+$/ : /^[0-7]+$/;
  if (text.length !== count || !valid.test(text)) throw invalidEscape(inside, escapeAt);
  return parseInt(text, radix);
}

function decodeBytes(bytes: readonly number[], inside: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw new ExpressionError(
      `invalid syntax: the bytes escaped in ${quoteShort(inside)} are not valid UTF-8`,
    );
  }
}

function invalidEscape(inside: string, at: number): ExpressionError {
  return new ExpressionError(
    `invalid syntax: unknown escape ${quoteShort(inside.slice(at, at + 2))} in a string; write \\\\ for a backslash`,
  );
}

function quoteShort(text: string): string {
  return text.length > 40 ? `"${text.slice(0, 40)}..."` : `"${text}"`;
}
