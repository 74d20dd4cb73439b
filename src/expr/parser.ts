import type { ComparisonOp, Constant } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";
import { Lexer } from "./lexer.ts";
import type { ExpressionLimits } from "./limits.ts";
import { parseFloatLiteral, parseIntLiteral, INT64_MIN } from "./number-literal.ts";
import { quoteExpression } from "./quote-source.ts";
import type { BinaryOp, SyntaxNode, SyntaxShape } from "./syntax.ts";
import type { Token, TokenSymbol } from "./token.ts";

/**
 * Parses a whole filter expression by precedence climbing. The binding of operators is Milvus's, which is not
 * that of most languages: `not` binds tighter than comparisons and `in` (so `not a in [1]` is an error, `not (a in [1])` and
 * `a not in [1]` are not), `**` binds to the left and tighter than a minus before it, and `like` binds tightest, before `=~`.
 * Throws ExpressionError; never recurses deeper than `limits.depthMax`.
 */
export function parseExpression(text: string, limits: ExpressionLimits): SyntaxNode {
  if (text.length > limits.lengthMax) {
    throw new ExpressionError(
      `the expression has ${text.length} characters, at most ${limits.lengthMax} are allowed`,
    );
  }
  return new Parser(text, limits).parse();
}

/** Higher binds tighter; a right operand must bind tighter than its operator, so all operators group to the left. */
const Binding = {
  Or: 1,
  And: 2,
  BitOr: 3,
  BitXor: 4,
  BitAnd: 5,
  Equality: 6,
  Relational: 7,
  DescendingRange: 8,
  AscendingRange: 9,
  In: 10,
  Shift: 11,
  Sum: 12,
  Product: 13,
  Unary: 14,
  Power: 15,
  Regex: 16,
  Like: 17,
  Primary: 18,
} as const;

const binaryOperators = new Map<TokenSymbol, { readonly op: BinaryOp; readonly binding: number }>([
  ["|", { op: "|", binding: Binding.BitOr }],
  ["^", { op: "^", binding: Binding.BitXor }],
  ["&", { op: "&", binding: Binding.BitAnd }],
  ["<<", { op: "<<", binding: Binding.Shift }],
  [">>", { op: ">>", binding: Binding.Shift }],
  ["+", { op: "+", binding: Binding.Sum }],
  ["-", { op: "-", binding: Binding.Sum }],
  ["*", { op: "*", binding: Binding.Product }],
  ["/", { op: "/", binding: Binding.Product }],
  ["%", { op: "%", binding: Binding.Product }],
  ["**", { op: "**", binding: Binding.Power }],
]);

const containsFunctions = new Map<string, "one" | "any" | "all">(
  (
    [
      ["json_contains", "one"],
      ["json_contains_any", "any"],
      ["json_contains_all", "all"],
      ["array_contains", "one"],
      ["array_contains_any", "any"],
      ["array_contains_all", "all"],
    ] as const
  ).flatMap(([name, mode]) => [[name, mode] as const, [name.toUpperCase(), mode] as const]),
);

/** Functions of Milvus's language that this version does not have, by their lower-case names. */
const functionsNotServed = new Set([
  "text_match",
  "text_match_fuzzy",
  "phrase_match",
  "random_sample",
  "element_filter",
  "match_all",
  "match_any",
  "match_least",
  "match_most",
  "match_exact",
  "st_equals",
  "st_touches",
  "st_overlaps",
  "st_crosses",
  "st_contains",
  "st_intersects",
  "st_within",
  "st_dwithin",
  "st_isvalid",
]);

/** Words before a string that make it a time, or a length of time. */
const timeWords: ReadonlyMap<string, "time" | "interval"> = new Map([
  ["iso", "time"],
  ["ISO", "time"],
  ["interval", "interval"],
  ["INTERVAL", "interval"],
]);

class Parser {
  readonly #lexer: Lexer;
  readonly #limits: ExpressionLimits;
  /** Tokens read ahead; the range `1 < a < 5` is told from a comparison by the third. */
  readonly #ahead: Token[] = [];
  #nodes = 0;
  #listItems = 0;
  #nesting = 0;

  constructor(text: string, limits: ExpressionLimits) {
    this.#lexer = new Lexer(text);
    this.#limits = limits;
  }

  parse(): SyntaxNode {
    const node = this.#expression(Binding.Or);
    if (this.#peek().kind !== "end") {
      // A token that cannot be read is the better message, wherever it stands.
      while (this.#next().kind !== "end");
      throw new ExpressionError(`invalid expression: ${quoteExpression(this.#lexer.text)}`);
    }
    return node;
  }

  #expression(minBinding: number): SyntaxNode {
    this.#nesting++;
    if (this.#nesting > this.#limits.depthMax) throw this.#tooDeep();
    let left = this.#prefix();
    for (;;) {
      const extended = this.#infix(left, minBinding);
      if (extended === undefined) break;
      left = extended;
    }
    this.#nesting--;
    return left;
  }

  /** `left` with the next operator and its right side, or undefined when none follows that binds tightly enough. */
  #infix(left: SyntaxNode, minBinding: number): SyntaxNode | undefined {
    const token = this.#peek();
    if (token.kind !== "symbol") return undefined;
    switch (token.symbol) {
      case "or":
        return minBinding > Binding.Or ? undefined : this.#junction(left, "or", Binding.Or);
      case "and":
        return minBinding > Binding.And ? undefined : this.#junction(left, "and", Binding.And);
      case "==":
      case "!=":
        return minBinding > Binding.Equality
          ? undefined
          : this.#comparison(left, token.symbol, Binding.Equality);
      case "<":
      case "<=":
      case ">":
      case ">=":
        return this.#rangeOrRelational(left, token.symbol, minBinding);
      case "not":
        if (minBinding > Binding.In || !isSymbol(this.#peek(1), "in")) return undefined;
        this.#next();
        return this.#in(left, true);
      case "in":
        return minBinding > Binding.In ? undefined : this.#in(left, false);
      case "like": {
        if (minBinding > Binding.Like) return undefined;
        this.#next();
        const pattern = this.#expression(Binding.Like + 1);
        return this.#node({ kind: "like", operand: left, pattern }, left.start, pattern.end, [left, pattern]);
      }
      case "=~":
      case "!~": {
        if (minBinding > Binding.Regex) return undefined;
        this.#next();
        const pattern = this.#expression(Binding.Regex + 1);
        const shape: SyntaxShape = {
          kind: "regex",
          negated: token.symbol === "!~",
          operand: left,
          pattern,
        };
        return this.#node(shape, left.start, pattern.end, [left, pattern]);
      }
      default: {
        const operator = binaryOperators.get(token.symbol);
        if (operator === undefined || minBinding > operator.binding) return undefined;
        this.#next();
        const right = this.#expression(operator.binding + 1);
        const shape: SyntaxShape = { kind: "binary", op: operator.op, left, right };
        return this.#node(shape, left.start, right.end, [left, right]);
      }
    }
  }

  /** All operands of `a or b or c` in one node: chains of thousands are common and must not count as depth. */
  #junction(first: SyntaxNode, op: "and" | "or", binding: number): SyntaxNode {
    const operands = [first];
    while (isSymbol(this.#peek(), op)) {
      this.#next();
      operands.push(this.#expression(binding + 1));
    }
    return this.#node(
      { kind: "junction", op, operands },
      first.start,
      operands.at(-1)?.end ?? first.end,
      operands,
    );
  }

  #comparison(left: SyntaxNode, op: ComparisonOp, binding: number): SyntaxNode {
    this.#next();
    const right = this.#expression(binding + 1);
    return this.#node({ kind: "comparison", op, left, right }, left.start, right.end, [left, right]);
  }

  #rangeOrRelational(left: SyntaxNode, op: ComparisonOp, minBinding: number): SyntaxNode | undefined {
    const ascending = op === "<" || op === "<=";
    const rangeBinding = ascending ? Binding.AscendingRange : Binding.DescendingRange;
    const middle = this.#peek(1);
    if (minBinding <= rangeBinding && (middle.kind === "identifier" || middle.kind === "path")) {
      const secondOp = ascending
        ? symbolAmong(this.#peek(2), ["<", "<="])
        : symbolAmong(this.#peek(2), [">", ">="]);
      if (secondOp !== undefined) {
        this.#next();
        const column = this.#column(this.#next());
        this.#next();
        const right = this.#expression(rangeBinding + 1);
        const shape: SyntaxShape = {
          kind: "range",
          direction: ascending ? "ascending" : "descending",
          first: left,
          firstOp: op,
          column,
          secondOp,
          second: right,
        };
        return this.#node(shape, left.start, right.end, [left, column, right]);
      }
    }
    return minBinding > Binding.Relational ? undefined : this.#comparison(left, op, Binding.Relational);
  }

  #in(operand: SyntaxNode, negated: boolean): SyntaxNode {
    this.#next();
    const list = this.#expression(Binding.In + 1);
    return this.#node({ kind: "in", negated, operand, list }, operand.start, list.end, [operand, list]);
  }

  #prefix(): SyntaxNode {
    const token = this.#next();
    switch (token.kind) {
      case "int":
      case "float":
      case "string":
        return this.#literal(token);
      case "identifier":
        return this.#afterIdentifier(token);
      case "path":
        return this.#nullTest(this.#column(token));
      case "symbol":
        return this.#prefixSymbol(token, token.symbol);
      case "end":
        throw this.#unexpected(token);
    }
  }

  #prefixSymbol(token: Token, symbol: TokenSymbol): SyntaxNode {
    switch (symbol) {
      case "true":
      case "false":
        return this.#constant({ kind: "bool", value: symbol === "true" }, token);
      case "(": {
        const inside = this.#expression(Binding.Or);
        const close = this.#expect(")");
        return { ...inside, start: token.start, end: close.end };
      }
      case "[":
        return this.#list(token);
      case "{": {
        const name = this.#next();
        if (name.kind !== "identifier") throw this.#unexpected(name);
        const close = this.#expect("}");
        return this.#node({ kind: "template", name: name.name }, token.start, close.end, []);
      }
      case "exists": {
        const operand = this.#expression(Binding.Primary);
        return this.#node({ kind: "exists", operand }, token.start, operand.end, [operand]);
      }
      case "+":
      case "-":
      case "not":
      case "~": {
        const operand = this.#expression(Binding.Unary);
        return this.#node({ kind: "unary", op: symbol, operand }, token.start, operand.end, [operand]);
      }
      default:
        throw this.#unexpected(token);
    }
  }

  #literal(token: Token & { readonly kind: "int" | "float" | "string" }): SyntaxNode {
    if (token.kind === "string") return this.#constant({ kind: "string", value: token.value }, token);
    const text = this.#lexer.text.slice(token.start, token.end);
    if (token.kind === "float") return this.#constant(parseFloatLiteral(text), token);
    const value = parseIntLiteral(text);
    if (value !== undefined) return this.#constant(value, token);
    return this.#node({ kind: "int64-min-magnitude" }, token.start, token.end, []);
  }

  #afterIdentifier(token: Token & { readonly kind: "identifier" }): SyntaxNode {
    const lower = token.name.toLowerCase();
    const following = this.#peek();
    if (isSymbol(following, "(")) {
      if (functionsNotServed.has(lower)) throw new ExpressionError(lower, "notServed");
      const mode = containsFunctions.get(token.name);
      if (mode !== undefined) return this.#contains(token, mode);
      if (token.name === "array_length" || token.name === "ARRAY_LENGTH") return this.#arrayLength(token);
      return this.#call(token, lower);
    }
    const timeWord = timeWords.get(token.name);
    if (following.kind === "string" && timeWord !== undefined) {
      this.#next();
      return this.#node({ kind: timeWord, text: following.value }, token.start, following.end, []);
    }
    return this.#nullTest(this.#column(token));
  }

  #column(token: Token): SyntaxNode {
    if (token.kind === "identifier")
      return this.#node({ kind: "name", name: token.name }, token.start, token.end, []);
    if (token.kind === "path") {
      return this.#node({ kind: "path", name: token.name, steps: token.steps }, token.start, token.end, []);
    }
    throw this.#unexpected(token);
  }

  #nullTest(column: SyntaxNode): SyntaxNode {
    const token = this.#peek();
    if (!isSymbol(token, "is null") && !isSymbol(token, "is not null")) return column;
    this.#next();
    const shape: SyntaxShape = { kind: "null-test", negated: isSymbol(token, "is not null"), column };
    return this.#node(shape, column.start, token.end, [column]);
  }

  #contains(token: Token, mode: "one" | "any" | "all"): SyntaxNode {
    this.#expect("(");
    const column = this.#expression(Binding.Or);
    this.#expect(",");
    const values = this.#expression(Binding.Or);
    const close = this.#expect(")");
    return this.#node({ kind: "contains", mode, column, values }, token.start, close.end, [column, values]);
  }

  #arrayLength(token: Token): SyntaxNode {
    this.#expect("(");
    const column = this.#column(this.#next());
    const close = this.#expect(")");
    return this.#node({ kind: "array-length", column }, token.start, close.end, [column]);
  }

  #call(token: Token, name: string): SyntaxNode {
    this.#expect("(");
    const args: SyntaxNode[] = [];
    while (!isSymbol(this.#peek(), ")")) {
      args.push(this.#expression(Binding.Or));
      if (!isSymbol(this.#peek(), ",")) break;
      this.#next();
    }
    const close = this.#expect(")");
    return this.#node({ kind: "call", name, args }, token.start, close.end, args);
  }

  /** Elements that are plain literals become constants at once: a list may have a million. */
  #list(open: Token): SyntaxNode {
    const items: SyntaxNode[] = [];
    const constants: Constant[] = [];
    while (!isSymbol(this.#peek(), "]")) {
      this.#countListItem();
      const constant = this.#plainConstant();
      if (constant !== undefined && items.length === 0) constants.push(constant);
      else {
        if (items.length === 0) for (const earlier of constants) items.push(this.#constant(earlier, open));
        items.push(constant === undefined ? this.#expression(Binding.Or) : this.#constant(constant, open));
      }
      if (!isSymbol(this.#peek(), ",")) break;
      this.#next();
    }
    const close = this.#expect("]");
    if (items.length > 0) return this.#node({ kind: "list", items }, open.start, close.end, items);
    return this.#node(
      { kind: "literal", value: { kind: "array", items: constants } },
      open.start,
      close.end,
      [],
    );
  }

  /** A literal, perhaps with a minus, that is a whole list element; undefined with nothing consumed otherwise. */
  #plainConstant(): Constant | undefined {
    const first = this.#peek();
    const negative = isSymbol(first, "-");
    const literal = negative ? this.#peek(1) : first;
    const after = this.#peek(negative ? 2 : 1);
    if (!isSymbol(after, ",") && !isSymbol(after, "]")) return undefined;
    const constant = this.#constantOf(literal, negative);
    if (constant === undefined) return undefined;
    if (negative) this.#next();
    this.#next();
    return constant;
  }

  #constantOf(token: Token, negative: boolean): Constant | undefined {
    if (token.kind === "string") return negative ? undefined : { kind: "string", value: token.value };
    if (isSymbol(token, "true") || isSymbol(token, "false")) {
      return negative ? undefined : { kind: "bool", value: isSymbol(token, "true") };
    }
    if (token.kind !== "int" && token.kind !== "float") return undefined;
    const text = this.#lexer.text.slice(token.start, token.end);
    if (token.kind === "float") {
      const { value } = parseFloatLiteral(text);
      return { kind: "float", value: negative ? -value : value };
    }
    const parsed = parseIntLiteral(text);
    if (parsed === undefined) return negative ? { kind: "int", value: INT64_MIN } : undefined;
    return negative ? { kind: "int", value: -parsed.value } : parsed;
  }

  #constant(value: Constant, token: Token): SyntaxNode {
    return this.#node({ kind: "literal", value }, token.start, token.end, []);
  }

  #node(shape: SyntaxShape, start: number, end: number, children: readonly SyntaxNode[]): SyntaxNode {
    this.#nodes++;
    if (this.#nodes > this.#limits.nodesMax) {
      throw new ExpressionError(
        `the expression has more than ${this.#limits.nodesMax} operators and operands; ` +
          "write long lists of alternatives as `field in [...]`",
      );
    }
    let depth = 1;
    for (const child of children) depth = Math.max(depth, child.depth + 1);
    if (depth > this.#limits.depthMax) throw this.#tooDeep();
    return { ...shape, start, end, depth };
  }

  #countListItem(): void {
    this.#listItems++;
    if (this.#listItems > this.#limits.listItemsMax) {
      throw new ExpressionError(
        `the lists of the expression have more than ${this.#limits.listItemsMax} elements; split the request`,
      );
    }
  }

  #peek(distance = 0): Token {
    while (this.#ahead.length <= distance) this.#ahead.push(this.#lexer.next());
    return this.#ahead[distance] as Token;
  }

  #next(): Token {
    return this.#ahead.shift() ?? this.#lexer.next();
  }

  #expect(symbol: TokenSymbol): Token {
    const token = this.#next();
    if (!isSymbol(token, symbol)) throw this.#unexpected(token, symbol);
    return token;
  }

  #unexpected(token: Token, expected?: string): ExpressionError {
    const found =
      token.kind === "end"
        ? "<EOF>"
        : this.#lexer.text.slice(token.start, Math.min(token.end, token.start + 40));
    const wanted = expected === undefined ? "" : ` expecting '${expected}'`;
    const what = expected === undefined && token.kind !== "end" ? "extraneous" : "mismatched";
    return new ExpressionError(`${this.#lexer.place(token.start)} ${what} input '${found}'${wanted}`);
  }

  #tooDeep(): ExpressionError {
    return new ExpressionError(`the expression is nested deeper than ${this.#limits.depthMax} levels`);
  }
}

function isSymbol(token: Token, symbol: TokenSymbol): boolean {
  return token.kind === "symbol" && token.symbol === symbol;
}

function symbolAmong<T extends TokenSymbol>(token: Token, symbols: readonly T[]): T | undefined {
  return token.kind === "symbol" ? symbols.find((symbol) => symbol === token.symbol) : undefined;
}
