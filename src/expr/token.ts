import type { PathStep } from "./ast.ts";

/** `start` and `end` are offsets in the text. */
export type Token =
  | { readonly kind: "end"; readonly start: number; readonly end: number }
  | { readonly kind: "symbol"; readonly symbol: TokenSymbol; readonly start: number; readonly end: number }
  | { readonly kind: "int"; readonly start: number; readonly end: number }
  | { readonly kind: "float"; readonly start: number; readonly end: number }
  /** `value` is what the literal means, escapes resolved. */
  | { readonly kind: "string"; readonly value: string; readonly start: number; readonly end: number }
  | { readonly kind: "identifier"; readonly name: string; readonly start: number; readonly end: number }
  /** `name["key"][0]`: a name and at least one step, without blanks between. */
  | {
      readonly kind: "path";
      readonly name: string;
      readonly steps: readonly PathStep[];
      readonly start: number;
      readonly end: number;
    };

/** Operators and connectives by one spelling: `&&`, `and` and `AND` are all `and`. */
export type TokenSymbol =
  | "("
  | ")"
  | "["
  | "]"
  | "{"
  | "}"
  | ","
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "**"
  | "<<"
  | ">>"
  | "&"
  | "|"
  | "^"
  | "~"
  | "=~"
  | "!~"
  | "="
  | "and"
  | "or"
  | "not"
  | "in"
  | "like"
  | "exists"
  | "is null"
  | "is not null"
  | "true"
  | "false";
