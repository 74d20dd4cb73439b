import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import { matchesLike, parseLikePattern, prefixPattern } from "./like-pattern.ts";

test("patterns match as the regular expressions they stand for", () => {
  const random = Prng.fromSeed("like");
  const letters = ["a", "b", "%", "_", "\\%", "\\_", "\\\\", "é", "\u{1f600}", "\n"];
  for (let i = 0; i < 20_000; i++) {
    const pattern = Array.from({ length: random.int(6) }, () => random.pick(letters)).join("");
    const text = Array.from({ length: random.int(7) }, () =>
      random.pick(["a", "b", "%", "_", "\\", "é", "\u{1f600}", "\n"]),
    ).join("");
    const expression = pattern.replace(/\\.|[^]/gsu, (part) =>
      part === "%"
        ? "[^]*"
        : part === "_"
          ? "[^]"
          : part.replace(/^\\(?=.)/su, "").replace(/[\\^$.*+?()[\]{}|]/gu, "\\$&"),
    );
    const expected = new RegExp(`^(?:${expression})$`, "u").test(text);
    assert.equal(
      matchesLike(parseLikePattern(pattern), text),
      expected,
      JSON.stringify({ pattern, text, expression }),
    );
  }
});

test("neighbouring runs and literals are joined", () => {
  assert.deepEqual(parseLikePattern("a\\%b%%%_c"), [
    { kind: "literal", text: "a%b" },
    { kind: "any-run" },
    { kind: "one-character" },
    { kind: "literal", text: "c" },
  ]);
  assert.deepEqual(parseLikePattern(""), []);
});

test("a hostile pattern takes time in proportion, not exponential", () => {
  const parts = parseLikePattern(`${"%a_".repeat(50)}%z`);
  assert.equal(matchesLike(parts, "a".repeat(20_000)), false);
});

test("a prefix pattern matches texts that begin with it, whatever it is made of", () => {
  const parts = parseLikePattern(prefixPattern("5%_\\"));
  assert.ok(matchesLike(parts, "5%_\\ and more"));
  assert.ok(!matchesLike(parts, "5xx"));
});

test("a pattern of too many pieces is refused before it is all read", () => {
  assert.throws(() => parseLikePattern("%a".repeat(1_000_000)), /more than 1024 wildcards/);
});
