import type { ComparisonOp, Constant, PathStep } from "./ast.ts";

/**
 * An expression as it is written, before names and types are looked at. `start` and `end` are offsets in the text, parentheses
 * included; `depth` counts the levels below and with this node.
 */
export type SyntaxNode = SyntaxShape & {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
};

export type SyntaxShape =
  | { readonly kind: "literal"; readonly value: Constant }
  /** 9223372036854775808, an int64 only behind a minus. */
  | { readonly kind: "int64-min-magnitude" }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "path"; readonly name: string; readonly steps: readonly PathStep[] }
  | { readonly kind: "template"; readonly name: string }
  /** A list whose elements are all literals is a literal itself. */
  | { readonly kind: "list"; readonly items: readonly SyntaxNode[] }
  | { readonly kind: "unary"; readonly op: "+" | "-" | "not" | "~"; readonly operand: SyntaxNode }
  | { readonly kind: "exists"; readonly operand: SyntaxNode }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: SyntaxNode; readonly right: SyntaxNode }
  | {
      readonly kind: "comparison";
      readonly op: ComparisonOp;
      readonly left: SyntaxNode;
      readonly right: SyntaxNode;
    }
  /** `lower < column <= upper`, or the other way round with `direction` descending. */
  | {
      readonly kind: "range";
      readonly direction: "ascending" | "descending";
      readonly first: SyntaxNode;
      readonly firstOp: ComparisonOp;
      readonly column: SyntaxNode;
      readonly secondOp: ComparisonOp;
      readonly second: SyntaxNode;
    }
  | {
      readonly kind: "in";
      readonly negated: boolean;
      readonly operand: SyntaxNode;
      readonly list: SyntaxNode;
    }
  | { readonly kind: "like"; readonly operand: SyntaxNode; readonly pattern: SyntaxNode }
  | {
      readonly kind: "regex";
      readonly negated: boolean;
      readonly operand: SyntaxNode;
      readonly pattern: SyntaxNode;
    }
  | { readonly kind: "null-test"; readonly negated: boolean; readonly column: SyntaxNode }
  | { readonly kind: "junction"; readonly op: "and" | "or"; readonly operands: readonly SyntaxNode[] }
  | {
      readonly kind: "contains";
      readonly mode: "one" | "any" | "all";
      readonly column: SyntaxNode;
      readonly values: SyntaxNode;
    }
  | { readonly kind: "array-length"; readonly column: SyntaxNode }
  /** `ISO "2025-01-01T00:00:00Z"` */
  | { readonly kind: "time"; readonly text: string }
  /** `INTERVAL "P1Y2M3DT4H5M6S"` */
  | { readonly kind: "interval"; readonly text: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly SyntaxNode[] };

export type BinaryOp = "+" | "-" | "*" | "/" | "%" | "**" | "<<" | ">>" | "&" | "|" | "^";
