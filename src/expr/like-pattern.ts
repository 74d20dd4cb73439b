import type { LikePatternPart } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";

/** Literals and wildcards of one pattern: what a match costs grows with them. */
export const LIKE_PARTS_MAX = 1024;

/**
 * `%` is any run of characters, `_` exactly one character (a code point, not a byte), and a backslash makes the character
 * after it literal, whatever it is. Neighbouring literals are joined and neighbouring `%` are one.
 */
export function parseLikePattern(pattern: string): LikePatternPart[] {
  const parts: LikePatternPart[] = [];
  let literal = "";
  const flush = () => {
    // At once, not at the end: a pattern may have megabytes.
    checkParts(parts.length);
    if (literal !== "") parts.push({ kind: "literal", text: literal });
    literal = "";
  };
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] ?? "";
    if (character === "\\") {
      i++;
      if (i === pattern.length) {
        throw new ExpressionError("Invalid LIKE pattern: trailing backslash with nothing to escape");
      }
      literal += pattern[i];
    } else if (character === "%") {
      flush();
      if (parts.at(-1)?.kind !== "any-run") parts.push({ kind: "any-run" });
    } else if (character === "_") {
      flush();
      parts.push({ kind: "one-character" });
    } else literal += character;
  }
  flush();
  checkParts(parts.length);
  return parts;
}

function checkParts(count: number): void {
  if (count <= LIKE_PARTS_MAX) return;
  throw new ExpressionError(
    `a LIKE pattern has more than ${LIKE_PARTS_MAX} wildcards and pieces between them`,
  );
}

/** A pattern that matches exactly the texts that begin with `prefix`. */
export function prefixPattern(prefix: string): string {
  return `${literalPattern(prefix)}%`;
}

/** A pattern that matches exactly `text`. */
export function literalPattern(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

/**
 * Whether the parts cover `text`. Greedy with one point to return to, the latest `%`: a shorter match of what stood before it
 * never helps, so the work is at most text length times pattern length.
 */
export function matchesLike(parts: readonly LikePatternPart[], text: string): boolean {
  let at = 0;
  let part = 0;
  let returnPart = -1;
  let returnAt = 0;
  for (;;) {
    const current = parts[part];
    if (current === undefined) {
      if (at === text.length) return true;
    } else if (current.kind === "any-run") {
      if (part === parts.length - 1) return true;
      returnPart = ++part;
      returnAt = at;
      continue;
    } else {
      const next = advance(current, text, at);
      if (next !== -1) {
        at = next;
        part++;
        continue;
      }
    }
    if (returnPart === -1) return false;
    // Jump to where the literal behind the `%` occurs next, instead of trying every place.
    const after = parts[returnPart];
    const from = returnAt + characterLength(text, returnAt);
    if (returnAt >= text.length) return false;
    returnAt = after?.kind === "literal" ? text.indexOf(after.text, from) : from;
    if (returnAt === -1) return false;
    at = returnAt;
    part = returnPart;
  }
}

function advance(part: LikePatternPart, text: string, at: number): number {
  if (part.kind === "literal") return text.startsWith(part.text, at) ? at + part.text.length : -1;
  return at < text.length ? at + characterLength(text, at) : -1;
}

function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
