import type { FloatConstant, IntConstant } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";

export const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
export const INT64_MIN = -0x8000_0000_0000_0000n;

/** 0x and 0b as they look, a leading 0 octal. Undefined for 9223372036854775808, which only a minus makes an int64. */
export function parseIntLiteral(text: string): IntConstant | undefined {
  const octal =
    text.length > 1 && text[0] === "0" && text[1] !== undefined && text[1] >= "0" && text[1] <= "7";
  const value = BigInt(octal ? `0o${text.slice(1)}` : text);
  if (value <= INT64_MAX) return { kind: "int", value };
  if (text === "9223372036854775808") return undefined;
  throw outOfRange("ParseInt", text);
}

/** Decimal, or hexadecimal with a binary exponent (`0x1.8p3` is 12). */
export function parseFloatLiteral(text: string): FloatConstant {
  const value = /^0[xX]/.test(text) ? hexadecimalFloat(text) : Number(text);
  if (!Number.isFinite(value)) throw outOfRange("ParseFloat", text);
  return { kind: "float", value };
}

function hexadecimalFloat(text: string): number {
  const [mantissa = "", exponent = "0"] = text.slice(2).toLowerCase().split("p");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
}

function outOfRange(parser: string, text: string): ExpressionError {
  return new ExpressionError(`strconv.${parser}: parsing "${text}": value out of range`);
}
