/** A piece of TypeScript source that is not space or comment. */
export interface Token {
  readonly kind: "word" | "string" | "template" | "regex" | "number" | "mark";
  /** A string without its quotes, anything else as written. */
  readonly text: string;
  /** 1 for the first line. */
  readonly line: number;
}

/** Words after which a slash begins a regular expression, not a division. */
const beforeRegex = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "await",
  "yield",
  "else",
  "do",
]);

/**
 * Splits source into tokens. It knows no grammar, only enough of the lexical rules that comments, strings, templates (whose
 * inserted expressions are tokens, too) and regular expressions are never taken for code.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  /** Depth of braces inside each open template expression. */
  const templates: number[] = [];
  let line = 1;
  let at = 0;
  const add = (kind: Token["kind"], end: number, text = source.slice(at, end)) => {
    tokens.push({ kind, text, line });
    for (let i = at; i < end; i++) if (source[i] === "\n") line++;
    at = end;
  };
  while (at < source.length) {
    const char = source.charAt(at);
    const next = source.charAt(at + 1);
    if (char === "\n") {
      line++;
      at++;
    } else if (/\s/.test(char)) at++;
    else if (char === "/" && next === "/") at = indexOrEnd(source, "\n", at);
    else if (char === "/" && next === "*") {
      const end = indexOrEnd(source, "*/", at + 2) + 2;
      line += source.slice(at, end).split("\n").length - 1;
      at = end;
    } else if (char === "#" && next === "!" && at === 0) at = indexOrEnd(source, "\n", at);
    else if (char === '"' || char === "'") {
      const end = stringEnd(source, at);
      add("string", end, source.slice(at + 1, end - 1));
    } else if (char === "`") {
      const end = templateEnd(source, at + 1);
      if (source.charAt(end - 1) === "{") templates.push(0);
      add("template", end);
    } else if (char === "}" && templates.at(-1) === 0) {
      const end = templateEnd(source, at + 1);
      if (source.charAt(end - 1) !== "{" || source.charAt(end - 2) !== "$") templates.pop();
      add("template", end);
    } else if (char === "/" && regexMayStart(tokens.at(-1))) add("regex", regexEnd(source, at));
    else if (/[\p{ID_Start}$_#]/u.test(char)) add("word", matchEnd(/[\p{ID_Continue}$#]*/uy, source, at + 1));
    else if (/\d/.test(char)) add("number", matchEnd(/[\w.]*/y, source, at + 1));
    else {
      if (char === "{" && templates.length > 0) templates.push((templates.pop() ?? 0) + 1);
      if (char === "}" && templates.length > 0) templates.push((templates.pop() ?? 0) - 1);
      add(
        "mark",
        source.startsWith("...", at)
          ? at + 3
          : source.startsWith("?.", at) || source.startsWith("=>", at)
            ? at + 2
            : at + 1,
      );
    }
  }
  return tokens;
}

function indexOrEnd(source: string, what: string, from: number): number {
  const index = source.indexOf(what, from);
  return index < 0 ? source.length : index;
}

function matchEnd(pattern: RegExp, source: string, from: number): number {
  pattern.lastIndex = from;
  return from + (pattern.exec(source)?.[0].length ?? 0);
}

function stringEnd(source: string, start: number): number {
  const quote = source.charAt(start);
  for (let i = start + 1; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === "\\") i++;
    else if (char === quote || char === "\n") return i + 1;
  }
  return source.length;
}

/** Behind the closing backtick, or behind the next inserted expression's opening brace. */
function templateEnd(source: string, start: number): number {
  for (let i = start; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === "\\") i++;
    else if (char === "`") return i + 1;
    else if (char === "$" && source.charAt(i + 1) === "{") return i + 2;
  }
  return source.length;
}

function regexEnd(source: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === "\\") i++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "\n") return i;
    else if (char === "/" && !inClass) return matchEnd(/[a-z]*/y, source, i + 1);
  }
  return source.length;
}

function regexMayStart(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return beforeRegex.has(previous.text);
  if (previous.kind === "template") return previous.text.endsWith("${");
  return previous.kind === "mark" && previous.text !== ")" && previous.text !== "]" && previous.text !== "}";
}
