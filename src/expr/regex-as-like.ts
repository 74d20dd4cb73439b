import { literalPattern } from "./like-pattern.ts";

/**
 * The LIKE pattern that matches the same texts as a regular expression of nothing but characters, perhaps with `^` before and
 * `$` behind them; undefined for any other.
 */
export function regexAsLike(pattern: string): string | undefined {
  const fromStart = pattern.startsWith("^");
  let literal = "";
  for (let at = fromStart ? 1 : 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (character === "$" && at === pattern.length - 1) {
      return `${fromStart ? "" : "%"}${literalPattern(literal)}`;
    }
    if (character === "\\") {
      const escaped = pattern[++at] ?? "";
      // A letter or digit behind a backslash is a class, a control character or an assertion.
      if (!PUNCTUATION.test(escaped)) return undefined;
      literal += escaped;
    } else if (OPERATORS.includes(character)) return undefined;
    else literal += character;
  }
  return `${fromStart ? "" : "%"}${literalPattern(literal)}%`;
}

const OPERATORS = "\\.+*?()|[]{}^$";
const PUNCTUATION = /^[!-/:-@[-`{-~]$/;
