/** Messages quote at most so much of an expression. */
export const QUOTED_LENGTH_MAX = 4096;

/** A part of an expression as Milvus's messages quote it: without the blanks between tokens. */
export function quoteSource(text: string, start: number, end: number): string {
  let quoted = "";
  let quote = "";
  for (let at = start; at < end && quoted.length < QUOTED_LENGTH_MAX; at++) {
    const character = text[at] ?? "";
    if (quote === "") {
      if (" \t\r\n".includes(character)) continue;
      if (character === '"' || character === "'") quote = character;
    } else if (character === "\\") {
      quoted += character + (text[++at] ?? "");
      continue;
    } else if (character === quote) quote = "";
    quoted += character;
  }
  return quoted;
}

/** The whole expression, cut where it is too long for a message. */
export function quoteExpression(text: string): string {
  return text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}...` : text;
}
