import { assert } from "../../base/assert.ts";
import { LikePart } from "../../model/filter-program.ts";

/** A parsed LIKE pattern (docs/internals/filter-program.md). */
export type LikePattern = readonly (
  | { readonly part: "literal"; readonly bytes: Uint8Array }
  | { readonly part: "anyRun" }
  | { readonly part: "oneCharacter" }
)[];

export function parseLike(pattern: Uint8Array, fail: (problem: string) => never): LikePattern {
  const view = new DataView(pattern.buffer, pattern.byteOffset, pattern.length);
  const parts: LikePattern[number][] = [];
  let at = 0;
  while (at < pattern.length) {
    const tag = view.getUint8(at++);
    if (tag === LikePart.AnyRun) parts.push({ part: "anyRun" });
    else if (tag === LikePart.OneCharacter) parts.push({ part: "oneCharacter" });
    else if (tag !== LikePart.Literal) fail(`LIKE pattern has a part with tag ${tag}`);
    else {
      if (at + 4 > pattern.length) fail("LIKE pattern ends inside a literal's length");
      const length = view.getUint32(at, true);
      at += 4;
      if (at + length > pattern.length) fail(`LIKE pattern ends inside a literal of ${length} bytes`);
      parts.push({ part: "literal", bytes: pattern.subarray(at, at + length) });
      at += length;
    }
  }
  return parts;
}

/** Whether the whole value matches: follows all positions that the parts so far can end at. */
export function matchesLike(value: Uint8Array, pattern: LikePattern): boolean {
  let ends = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    if (part.part === "anyRun") {
      const first = Math.min(...ends);
      for (let at = first; at <= value.length; at++) if (isBoundary(value, at)) next.add(at);
    } else {
      for (const at of ends) {
        const end = part.part === "literal" ? afterLiteral(value, at, part.bytes) : afterCharacter(value, at);
        if (end !== undefined) next.add(end);
      }
    }
    if (next.size === 0) return false;
    ends = next;
  }
  return ends.has(value.length);
}

function afterLiteral(value: Uint8Array, at: number, literal: Uint8Array): number | undefined {
  if (at + literal.length > value.length) return undefined;
  return literal.every((byte, i) => value[at + i] === byte) ? at + literal.length : undefined;
}

function afterCharacter(value: Uint8Array, at: number): number | undefined {
  if (at >= value.length) return undefined;
  let end = at + 1;
  while (!isBoundary(value, end)) end++;
  assert(end <= value.length, "a character ends inside its value");
  return end;
}

/** Whether a UTF-8 character starts at `at`, or the value ends there. */
function isBoundary(value: Uint8Array, at: number): boolean {
  return at >= value.length || ((value[at] ?? 0) & 0xc0) !== 0x80;
}
