import { utf8Decode, utf8Encode } from "../../../base/bytes.ts";

/**
 * The members of a JSON object by key, each value as the text that it was: numbers keep their digits. Undefined for anything that is
 * not one object. Of a key given twice the last counts.
 */
export function jsonEntries(text: string): ReadonlyMap<string, string> | undefined {
  if (!isJsonObject(text)) return undefined;
  const entries = new Map<string, string>();
  // The text is valid JSON from here on: only strings can hold what looks like structure.
  let at = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const valueStart = skipBlanks(text, skipBlanks(text, keyEnd) + 1);
    const valueEnd = skipValue(text, valueStart);
    entries.set(String(key), text.slice(valueStart, valueEnd));
    at = skipBlanks(text, valueEnd);
    if (text[at] === ",") at = skipBlanks(text, at + 1);
  }
  return entries;
}

export function jsonObject(entries: Iterable<readonly [string, string]>): string {
  const members = Array.from(entries, ([key, value]) => `${JSON.stringify(key)}:${value}`);
  return `{${members.join(",")}}`;
}

/** The object with only some of its keys, as bytes; `{}` for what is not an object. */
export function keepJsonKeys(bytes: Uint8Array, keys: ReadonlySet<string>): Uint8Array {
  const entries = jsonEntries(utf8Decode(bytes));
  return utf8Encode(jsonObject([...(entries ?? [])].filter(([key]) => keys.has(key))));
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    // Not JSON at all: the caller says so in its own words.
    return false;
  }
}

function skipBlanks(text: string, at: number): number {
  let i = at;
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return i;
}

function skipString(text: string, at: number): number {
  let i = at + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return skipString(text, at);
  if (first !== "{" && first !== "[") {
    let i = at;
    while (i < text.length && !",}] \n\r\t".includes(text[i] ?? "")) i++;
    return i;
  }
  let depth = 0;
  for (let i = at; ;) {
    const c = text[i];
    if (c === '"') {
      i = skipString(text, i);
      continue;
    }
    if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    i++;
    if (depth === 0) return i;
  }
}
