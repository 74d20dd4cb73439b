import type { Token } from "./tokens.ts";
import { tokenize } from "./tokens.ts";

/** What one source file says about other modules and about globals. */
export interface ModuleFacts {
  readonly imports: readonly ImportFact[];
  /** Globals by name (`Date`, `Math.random`), each use once. */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Lines of `import(x)` where x is not a literal. */
  readonly computedImports: readonly number[];
  /** True when the file does nothing but hand on what other modules export. */
  readonly isBarrel: boolean;
  /** True when every statement is an import, a type, an interface or a constant of plain data. */
  readonly declaresCode: boolean;
}

export interface ImportFact {
  readonly specifier: string;
  readonly line: number;
  readonly kind: "static" | "dynamic" | "worker";
  /** Names imported; `*` for a namespace or a whole module. Empty for `import "x"`. */
  readonly names: readonly string[];
}

export function moduleFacts(source: string, globalNames: readonly string[]): ModuleFacts {
  const tokens = tokenize(source);
  const imports: ImportFact[] = [];
  const computedImports: number[] = [];
  let otherStatements = 0;
  let reExports = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = at(tokens, i);
    if (isPart(tokens, i)) continue;
    if (token.text === "import" && token.kind === "word") {
      if (at(tokens, i + 1).text === "(") {
        const argument = at(tokens, i + 2);
        const literal = argument.kind === "string" && [")", ","].includes(at(tokens, i + 3).text);
        if (literal)
          imports.push({ specifier: argument.text, line: argument.line, kind: "dynamic", names: ["*"] });
        else computedImports.push(token.line);
      } else if (at(tokens, i + 1).text !== ".") {
        const found = readFrom(tokens, i + 1);
        if (found !== undefined) imports.push({ ...found.fact, kind: "static" });
        i = found?.end ?? i;
      }
    } else if (token.text === "export" && token.kind === "word") {
      const found = exportFrom(tokens, i);
      if (found === undefined) otherStatements++;
      else {
        imports.push({ ...found.fact, kind: "static" });
        reExports++;
        i = found.end;
      }
    } else if (token.text === "URL" && at(tokens, i - 1).text === "new" && at(tokens, i + 1).text === "(") {
      const argument = at(tokens, i + 2);
      const fromHere = at(tokens, i + 4).text === "import";
      if (argument.kind === "string" && fromHere && /\.[cm]?[jt]s$/.test(argument.text)) {
        imports.push({ specifier: argument.text, line: argument.line, kind: "worker", names: ["*"] });
      }
    } else if (["const", "let", "var", "function", "class"].includes(token.text)) otherStatements++;
  }
  return {
    imports,
    computedImports,
    globals: globalUses(tokens, globalNames),
    isBarrel: reExports > 0 && otherStatements === 0,
    declaresCode: tokens.some((token, i) => ["function", "class"].includes(token.text) && !isPart(tokens, i)),
  };
}

const nothing: Token = { kind: "mark", text: "", line: 0 };

function at(tokens: readonly Token[], index: number): Token {
  return tokens[index] ?? nothing;
}

/** Whether the word is a member name (`x.import`, `{ import: 1 }`), not a keyword or variable. */
function isPart(tokens: readonly Token[], i: number): boolean {
  const before = at(tokens, i - 1).text;
  return (
    before === "." ||
    before === "?." ||
    (at(tokens, i + 1).text === ":" && (before === "{" || before === ","))
  );
}

interface FromClause {
  readonly fact: Omit<ImportFact, "kind">;
  readonly end: number;
}

/** The rest of an import statement from its first token on: `"x"`, `a, { b as c } from "x"`, `type { T } from "x"`. */
function readFrom(tokens: readonly Token[], start: number): FromClause | undefined {
  const names: string[] = [];
  for (let i = start; i < tokens.length; i++) {
    const token = at(tokens, i);
    if (token.kind === "string") return { fact: { specifier: token.text, line: token.line, names }, end: i };
    if (token.text === "from" || token.text === "type" || token.text === ",") continue;
    if (token.text === "as") i++;
    else if (token.text === "*") names.push("*");
    else if (token.kind === "word")
      names.push(
        at(tokens, i - 1).text === "{" || at(tokens, i - 1).text === "," || at(tokens, i - 1).text === "type"
          ? token.text
          : "*",
      );
    else if (token.text !== "{" && token.text !== "}") return undefined;
  }
  return undefined;
}

function exportFrom(tokens: readonly Token[], start: number): FromClause | undefined {
  let i = start + 1;
  if (at(tokens, i).text === "type") i++;
  if (at(tokens, i).text === "{") {
    while (i < tokens.length && at(tokens, i).text !== "}") i++;
    return at(tokens, i + 1).text === "from" ? readFrom(tokens, start + 1) : undefined;
  }
  return at(tokens, i).text === "*" ? readFrom(tokens, i) : undefined;
}

function globalUses(tokens: readonly Token[], names: readonly string[]): { name: string; line: number }[] {
  const plain = new Set(names.filter((name) => !name.includes(".")));
  const members = new Set(names.filter((name) => name.includes(".")));
  const uses: { name: string; line: number }[] = [];
  tokens.forEach((token, i) => {
    if (token.kind !== "word" || isMember(tokens, i)) return;
    const member = `${token.text}.${at(tokens, i + 2).text}`;
    const dotted = [".", "?."].includes(at(tokens, i + 1).text);
    if (dotted && members.has(member)) uses.push({ name: member, line: token.line });
    else if (token.text === "globalThis" && dotted && plain.has(at(tokens, i + 2).text)) {
      uses.push({ name: at(tokens, i + 2).text, line: token.line });
    } else if (plain.has(token.text) && !isDeclared(tokens, token.text))
      uses.push({ name: token.text, line: token.line });
  });
  return uses;
}

/** `x.name`, `{ name: 1 }`, `name?: T`, and the declaration of a method `name(...) {` or `name(...): T`. */
function isMember(tokens: readonly Token[], i: number): boolean {
  const before = at(tokens, i - 1).text;
  const after = at(tokens, i + 1).text;
  if (before === "." || before === "?.") return true;
  if (after === ":" && ["{", ",", ";", "}", "readonly", "(", ""].includes(before)) return true;
  if (after === "?" && [":", ",", ")"].includes(at(tokens, i + 2).text)) return true;
  if (
    after !== "(" ||
    !["{", "}", ";", ",", "async", "*", "get", "set", "static", "override"].includes(before)
  )
    return false;
  const behind = at(tokens, closing(tokens, i + 1) + 1).text;
  return behind === "{" || behind === ":";
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const { text, kind } = at(tokens, i);
    if (kind !== "mark") continue;
    if (text === "(") depth++;
    if (text === ")" && --depth === 0) return i;
  }
  return tokens.length;
}

/** Whether the file has its own thing of this name: imported, declared, or a parameter. */
function isDeclared(tokens: readonly Token[], name: string): boolean {
  return tokens.some((token, i) => {
    if (token.kind !== "word" || token.text !== name) return false;
    const before = at(tokens, i - 1).text;
    const after = at(tokens, i + 1).text;
    if (["const", "let", "var", "function", "class"].includes(before)) return true;
    if (after === ":" && (before === "(" || before === ",")) return true;
    if (after === "=>" || (before === "(" && after === ")" && at(tokens, i + 2).text === "=>")) return true;
    return isImportedName(tokens, i);
  });
}

function isImportedName(tokens: readonly Token[], i: number): boolean {
  for (let j = i - 1; j >= 0; j--) {
    const { text, kind } = at(tokens, j);
    if (text === "import") return true;
    if (kind === "string" || (kind === "mark" && !["{", ",", "*"].includes(text))) return false;
  }
  return false;
}
