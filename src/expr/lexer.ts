import type { PathStep } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";
import { unescapeKey, unescapePattern, unescapeString } from "./string-literal.ts";
import type { Token, TokenSymbol } from "./token.ts";

/** Words that are operators, as in Milvus all lower or all upper case (`true` and `false` also capitalised). */
const words = new Map<string, TokenSymbol>([
  ...(["and", "or", "not", "in", "like", "exists", "true", "false"] as const).flatMap((word) => [
    [word, word] as const,
    [word.toUpperCase(), word] as const,
  ]),
  ["True", "true"],
  ["False", "false"],
]);

const symbols = new Map<string, TokenSymbol>([
  ["&&", "and"],
  ["||", "or"],
  ["!", "not"],
  ...(["==", "!=", "<=", ">=", "<<", ">>", "**", "=~", "!~"] as const).map((text) => [text, text] as const),
  ...([..."()[]{},<>+-*/%&|^~="] as TokenSymbol[]).map((text) => [text, text] as const),
]);

// Tried on the text of one number or subscript only (`NUMBER_LENGTH_MAX`): patterns that repeat must not meet megabytes.
const floating =
  /^(?:0[xX](?:[0-9a-fA-F]*\.[0-9a-fA-F]+|[0-9a-fA-F]+\.?)[pP][+-]?[0-9]+|(?:[0-9]*\.[0-9]+|[0-9]+\.)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)/;
const integer = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)/;
const index = /^(0|[1-9][0-9]*)\]/;
const nullTest = /^(?:is[ \t\r\n]+(not[ \t\r\n]+)?null|IS[ \t\r\n]+(NOT[ \t\r\n]+)?NULL)(?![A-Za-z0-9_])/;

const NUMBER_LENGTH_MAX = 400;
const PATH_STEPS_MAX = 64;
/** Blanks between `is`, `not` and `null` beyond this are too many. */
const NULL_TEST_LENGTH_MAX = 64;

/** Cuts a filter expression into tokens, one at a time: memory stays flat however long its lists are. */
export class Lexer {
  readonly text: string;
  #position = 0;
  /** Whether the token before was `=~` or `!~`: a string behind it is a pattern, with escapes of its own. */
  #patternNext = false;

  constructor(text: string) {
    this.text = text;
  }

  /** The next token, at the end again and again `end`. Throws ExpressionError on text that is no token. */
  next(): Token {
    const token = this.#read();
    this.#patternNext = token.kind === "symbol" && (token.symbol === "=~" || token.symbol === "!~");
    return token;
  }

  #read(): Token {
    while (isBlank(this.text.charCodeAt(this.#position))) this.#position++;
    const start = this.#position;
    if (start >= this.text.length) return { kind: "end", start, end: start };
    const first = this.text[start] ?? "";
    if (first === '"' || first === "'") return this.#string(start, "escapes");
    if ((first === "r" || first === "R") && isQuote(this.text[start + 1])) {
      this.#position++;
      return this.#string(start, "raw");
    }
    if (first === "i" || first === "I") {
      const test = this.#nullTest();
      if (test !== undefined) return this.#symbol(test, start, this.#position);
    }
    const name = this.#name();
    if (name !== undefined) return this.#nameOrPath(name, start);
    if (isDigit(first) || (first === "." && isDigit(this.text[start + 1]))) return this.#number(start);
    if (first === "$" && this.text[start + 1] === "[") {
      throw new ExpressionError("$[...] (elements of struct arrays)", "notServed");
    }
    // The longer one wins: `<=` is not `<` and `=`.
    for (const length of [2, 1]) {
      const symbol = symbols.get(this.text.slice(start, start + length));
      if (symbol !== undefined) {
        this.#position = start + length;
        return this.#symbol(symbol, start, this.#position);
      }
    }
    throw this.unrecognized(start);
  }

  /** `line 1:7 token recognition error at: '...'`: columns count from 0, as in Milvus's messages. */
  unrecognized(at: number): ExpressionError {
    const shown = this.text.slice(at, at + 20);
    return new ExpressionError(`${this.place(at)} token recognition error at: '${shown}'`);
  }

  place(at: number): string {
    const before = this.text.slice(0, at);
    const lastBreak = before.lastIndexOf("\n");
    let line = 1;
    for (let i = before.indexOf("\n"); i !== -1; i = before.indexOf("\n", i + 1)) line++;
    return `line ${line}:${at - lastBreak - 1}`;
  }

  #symbol(symbol: TokenSymbol, start: number, end: number): Token {
    return { kind: "symbol", symbol, start, end };
  }

  #nullTest(): TokenSymbol | undefined {
    const match = nullTest.exec(this.text.slice(this.#position, this.#position + NULL_TEST_LENGTH_MAX));
    if (match === null) return undefined;
    this.#position += match[0].length;
    return match[1] !== undefined || match[2] !== undefined ? "is not null" : "is null";
  }

  #string(start: number, escapes: "escapes" | "raw"): Token {
    const inside = this.#quoted();
    if (inside === undefined) throw this.unrecognized(start);
    const value =
      escapes === "raw"
        ? inside
        : this.#patternNext
          ? unescapePattern(inside, this.text[start] ?? "")
          : unescapeString(inside);
    return { kind: "string", value, start, end: this.#position };
  }

  #number(start: number): Token {
    const end = this.#plainIntegerEnd(start);
    if (end !== undefined) {
      this.#position = end;
      return { kind: "int", start, end };
    }
    const ahead = this.text.slice(start, start + NUMBER_LENGTH_MAX);
    const float = floating.exec(ahead)?.[0];
    const text = float ?? integer.exec(ahead)?.[0] ?? "";
    if (text.length === NUMBER_LENGTH_MAX) {
      throw new ExpressionError(
        `${this.place(start)} a number has more than ${NUMBER_LENGTH_MAX} characters`,
      );
    }
    this.#position = start + text.length;
    return { kind: float === undefined ? "int" : "float", start, end: this.#position };
  }

  /** Most numbers are a few digits: where they end, or undefined when it takes a closer look. */
  #plainIntegerEnd(start: number): number | undefined {
    let end = start;
    while (isDigit(this.text[end])) end++;
    const next = this.text.charCodeAt(end);
    const simple =
      end > start && end - start < NUMBER_LENGTH_MAX && (this.text[start] !== "0" || end === start + 1);
    return simple && next !== DOT && !isNamePart(next) ? end : undefined;
  }

  #nameOrPath(name: string, start: number): Token {
    const word = words.get(name);
    if (word !== undefined) return this.#symbol(word, start, this.#position);
    const steps: PathStep[] = [];
    while (this.text[this.#position] === "[") {
      const step = this.#step();
      if (step === undefined) break;
      steps.push(step);
      if (steps.length > PATH_STEPS_MAX) {
        throw new ExpressionError(
          `a path has more than ${PATH_STEPS_MAX} steps: ${this.text.slice(start, start + 40)}...`,
        );
      }
    }
    if (steps.length === 0) return { kind: "identifier", name, start, end: this.#position };
    return { kind: "path", name, steps, start, end: this.#position };
  }

  /** One `["key"]`, `[r"key"]` or `[0]`; undefined, with nothing consumed, where the bracket holds something else. */
  #step(): PathStep | undefined {
    const before = this.#position;
    this.#position++;
    const raw =
      (this.text[this.#position] === "r" || this.text[this.#position] === "R") &&
      isQuote(this.text[this.#position + 1]);
    if (raw) this.#position++;
    if (isQuote(this.text[this.#position])) {
      const inside = this.#quoted();
      if (inside !== undefined && this.text[this.#position] === "]") {
        this.#position++;
        if (inside === "")
          throw new ExpressionError(`invalid identifier: ${this.text.slice(before, this.#position)}`);
        return { kind: "key", text: raw ? inside : unescapeKey(inside) };
      }
    } else {
      const subField = this.#name();
      if (subField !== undefined && this.text[this.#position] === "]") {
        throw new ExpressionError(`[${subField}] (a field of a struct array)`, "notServed");
      }
      this.#position = before + 1;
      const ahead = this.text.slice(before + 1, before + NUMBER_LENGTH_MAX);
      const inside = index.exec(ahead)?.[1];
      if (inside !== undefined) {
        this.#position = before + 1 + inside.length + 1;
        return { kind: "index", text: inside };
      }
    }
    this.#position = before;
    return undefined;
  }

  /** The inside of a quoted literal at the current position, consumed with its quotes; undefined when it does not end. */
  #quoted(): string | undefined {
    const start = this.#position;
    const quote = this.text[start];
    for (let at = start + 1; at < this.text.length; at++) {
      const character = this.text[at];
      if (character === quote) {
        this.#position = at + 1;
        return this.text.slice(start + 1, at);
      }
      if (character === "\\") at++;
      const consumed = this.text[at];
      if (consumed === "\n" || consumed === "\r") return undefined;
    }
    return undefined;
  }

  /** `name`, or `$meta`. */
  #name(): string | undefined {
    const start = this.#position;
    if (this.text.startsWith("$meta", start)) {
      this.#position = start + 5;
      return "$meta";
    }
    let end = start;
    while (isNamePart(this.text.charCodeAt(end)) && !(end === start && isDigit(this.text[end]))) end++;
    if (end === start) return undefined;
    this.#position = end;
    return this.text.slice(start, end);
  }
}

const DOT = 46;

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13;
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'";
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function isNamePart(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || (code >= 48 && code <= 57)
  );
}
