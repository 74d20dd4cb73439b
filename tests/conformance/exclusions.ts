import { readFileSync } from "node:fs";

/** A test of a public suite that cannot pass because it needs something this version refuses by name. */
export interface Exclusion {
  /** Where it stands in its file, from 1. */
  readonly line: number;
  readonly text: string;
  /** What the test needs: the RPC, type, index, function or expression that is refused. */
  readonly needs: string;
  matches(id: string): boolean;
}

/**
 * Each line is `pattern # kind: name`, where the pattern is a test's id with `*` for any run of characters, and the kind is one of
 * those below. Empty lines and lines that start with `#` say nothing.
 */
export function readExclusions(file: string): readonly Exclusion[] {
  return parseExclusions(readFileSync(file, "utf8"), file);
}

const kinds = ["rpc", "type", "index", "function", "expression", "parameter", "rest", "service"] as const;

export function parseExclusions(content: string, file: string): readonly Exclusion[] {
  return content.split("\n").flatMap((text, i) => {
    if (text.trim() === "" || text.startsWith("#")) return [];
    const at = text.lastIndexOf(" # ");
    const pattern = text.slice(0, at).trim();
    const needs = text.slice(at + 3).trim();
    if (at < 0 || pattern === "" || !kinds.some((kind) => needs.startsWith(`${kind}: `))) {
      throw new Error(
        `${file}:${i + 1}: "${text}" is not "pattern # kind: name" with a kind of ${kinds.join(", ")}`,
      );
    }
    const regex = new RegExp(`^${pattern.split("*").map(escapeRegex).join(".*")}$`, "s");
    return [{ line: i + 1, text: text.trim(), needs, matches: (id: string) => regex.test(id) }];
  });
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
