import { RE2JS, RE2JSException } from "re2js";
import { ExpressionError, type ExpressionErrorReason } from "./expression-error.ts";
import { quoteExpression } from "./quote-source.ts";
import { regexSizeBound } from "./regex-size.ts";

/** UTF-16 code units of a pattern. */
export const REGEX_LENGTH_MAX = 16_384;
/** Instructions that a pattern compiles to: what a character of a text costs at worst grows with them. */
export const REGEX_SIZE_MAX = 4096;
/** Larger ones are not even compiled. Alternatives with a common beginning become smaller, so it is more than what is served. */
const UNCOMPILED_SIZE_MAX = 65_536;

/**
 * Whether some part of a text matches the pattern, in time linear in the text: the syntax and meaning of RE2, `.` matches line
 * breaks too. The pattern has passed `checkRegex`. What it returns keeps states of its automaton, at most 8 MiB, so keep it for one scan only.
 */
export function compileRegex(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  return (text) => compiled.test(text);
}

/** Throws ExpressionError on a pattern that is not valid, or too large. */
export function checkRegex(pattern: string, from: "literal" | "template"): void {
  const reason = from === "template" ? "plan" : "invalid";
  if (pattern.length > REGEX_LENGTH_MAX) {
    throw invalidPattern(
      `it has ${pattern.length} characters, at most ${REGEX_LENGTH_MAX} are allowed`,
      reason,
    );
  }
  const bound = regexSizeBound(pattern);
  const size = bound > UNCOMPILED_SIZE_MAX ? bound : compiledSize(pattern, reason);
  if (size > REGEX_SIZE_MAX) {
    throw invalidPattern(
      `it stands for ${size} steps with its repetitions written out, at most ${REGEX_SIZE_MAX} are allowed`,
      reason,
    );
  }
}

function compiledSize(pattern: string, reason: ExpressionErrorReason): number {
  try {
    // Without the flag: it would be part of the pattern that messages quote.
    return RE2JS.compile(pattern).programSize();
  } catch (error) {
    if (error instanceof RE2JSException) {
      throw invalidPattern(quoteExpression(error.message), reason);
    }
    throw error;
  }
}

function invalidPattern(problem: string, reason: ExpressionErrorReason): ExpressionError {
  return new ExpressionError(`invalid regex pattern: ${problem}`, reason);
}
