/**
 * Wrong input found by the lexer, parser or type check. Never leaves src/expr: `compileFilter` turns it into a
 * RedkiteError that quotes the expression.
 */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly reason: ExpressionErrorReason;

  constructor(message: string, reason: ExpressionErrorReason = "invalid") {
    super(message);
    this.reason = reason;
  }
}

/**
 * `invalid`: reported behind `cannot parse expression: ..., error: `. `plan`: reported as it is, as Milvus does for what it
 * finds after parsing (templates, a filter that is not a condition). `notServed`: `message` is only the name of what is not served.
 */
export type ExpressionErrorReason = "invalid" | "plan" | "notServed";
