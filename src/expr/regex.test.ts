import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import { ExpressionError } from "./expression-error.ts";
import { matchesLike, parseLikePattern } from "./like-pattern.ts";
import { regexAsLike } from "./regex-as-like.ts";
import { regexSizeBound } from "./regex-size.ts";
import { checkRegex, compileRegex } from "./regex.ts";

/**
 * Patterns that JavaScript reads as RE2 does; short, as are the texts, so that backtracking ends. Without characters beyond the basic
 * plane: V8 14 finds no `[^a]$` in a text that ends with one.
 */
function randomPattern(random: Prng, depth: number): string {
  const atoms = ["a", "b", ".", "[ab]", "[^a]", "\\d", "\\.", "é", "中", "\\n"];
  const pieces = Array.from({ length: random.int(4) }, () => {
    const atom =
      depth > 0 && random.chance(0.3) ? `(${randomPattern(random, depth - 1)})` : random.pick(atoms);
    return atom + random.pick(["", "", "", "*", "+?", "?", "{2}", "{0,2}"]);
  });
  const text = random.pick(["", "", "^"]) + pieces.join("") + random.pick(["", "", "$"]);
  return depth > 0 && random.chance(0.2) ? `${text}|${randomPattern(random, depth - 1)}` : text;
}

function randomText(random: Prng): string {
  const letters = ["a", "b", ".", "1", "é", "中", "\n"];
  return Array.from({ length: random.int(8) }, () => random.pick(letters)).join("");
}

test("patterns match where another engine finds them", () => {
  const random = Prng.fromSeed("regex");
  for (let i = 0; i < 3000; i++) {
    const pattern = randomPattern(random, 2);
    checkRegex(pattern, "literal");
    const matches = compileRegex(pattern);
    const expected = new RegExp(pattern, "su");
    for (let t = 0; t < 5; t++) {
      const text = randomText(random);
      assert.equal(matches(text), expected.test(text), JSON.stringify({ pattern, text }));
    }
  }
});

test("a pattern of plain characters is a LIKE, and matches the same", () => {
  const random = Prng.fromSeed("regex-as-like");
  const pieces = ["a", "b", "%", "_", "-", "/", "\\.", "\\$", "\\\\", "\\^", "é", "\u{1f600}"];
  const letters = ["a", "b", "%", "_", "-", "/", ".", "$", "\\", "^", "é", "\u{1f600}"];
  for (let i = 0; i < 5000; i++) {
    const inside = Array.from({ length: random.int(4) }, () => random.pick(pieces)).join("");
    const pattern = random.pick(["", "^"]) + inside + random.pick(["", "$"]);
    const like = regexAsLike(pattern);
    assert.ok(like !== undefined, pattern);
    const text = Array.from({ length: random.int(6) }, () => random.pick(letters)).join("");
    assert.equal(
      matchesLike(parseLikePattern(like), text),
      compileRegex(pattern)(text),
      JSON.stringify({ pattern, text }),
    );
  }
  assert.equal(regexAsLike("^$"), "");
  assert.equal(regexAsLike(""), "%%");
});

test("a pattern with any operator, class or assertion is none", () => {
  const patterns = [
    "a.b",
    "a+",
    "(a)",
    "a|b",
    "[a]",
    "a{2}",
    "a{",
    "\\d",
    "\\n",
    "\\bab",
    "\\Aab",
    "a$b",
    "a^",
  ];
  for (const pattern of patterns) assert.equal(regexAsLike(pattern), undefined, pattern);
});

test("patterns are RE2's", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["(?i)GMAIL\\.com$", "a@gmail.COM", true],
    ["c.d", "c\nd", true],
    ["(?-s)c.d", "c\nd", false],
    ["^b", "a\nb", false],
    ["(?m)^b", "a\nb", true],
    ["\\p{Han}+", "中文", true],
    ["^.$", "\u{1f680}", true],
    ["[^a]$", "a\u{1f680}", true],
    ["(?P<code>E[0-9]{4})", "E1001", true],
    ["\\bcat\\b", "a cat.", true],
    ["[[:digit:]]", "x1", true],
    ["\\Qa.b\\E", "a.b", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\x{1F680}", "\u{1f680}", true],
    ["(?U)a+", "a", true],
    ["", "", true],
    ["", "anything", true],
  ];
  for (const [pattern, text, expected] of cases) {
    checkRegex(pattern, "literal");
    assert.equal(compileRegex(pattern)(text), expected, `${pattern} on ${text}`);
  }
});

function problemOf(pattern: string, from: "literal" | "template" = "literal"): ExpressionError {
  try {
    checkRegex(pattern, from);
  } catch (error) {
    assert.ok(error instanceof ExpressionError, String(error));
    return error;
  }
  return assert.fail(`${pattern.slice(0, 60)} was accepted`);
}

test("what RE2 does not know is refused in its words", () => {
  const cases = [
    ["(unclosed", "missing closing ): `(unclosed`"],
    ["[", "missing closing ]: `[`"],
    ["\\k", "invalid escape sequence: `\\k`"],
    ["\\x", "invalid escape sequence: `\\x`"],
    ["\\p{UnknownClass}", "invalid character class range: `\\p{UnknownClass}`"],
    ["(a)\\1", "invalid escape sequence: `\\1`"],
    ["a(?=b)", "invalid or unsupported Perl syntax: `(?=`"],
    ["a(?!b)", "invalid or unsupported Perl syntax: `(?!`"],
    ["a**", "invalid nested repetition operator: `**`"],
    ["a{1001}", "invalid repeat count: `{1001}`"],
    ["a\\", "trailing backslash at end of expression"],
    ["*a", "missing argument to repetition operator: `*`"],
  ];
  for (const [pattern = "", problem] of cases) {
    assert.match(problemOf(pattern).message, /^invalid regex pattern: error parsing regexp: /, pattern);
    assert.ok(
      problemOf(pattern).message.startsWith(`invalid regex pattern: error parsing regexp: ${problem}`),
      problemOf(pattern).message,
    );
  }
  assert.equal(problemOf("[").reason, "invalid");
  assert.equal(problemOf("[", "template").reason, "plan");
});

test("patterns are bounded in length and in what they compile to", () => {
  checkRegex("a".repeat(4000), "literal");
  checkRegex(Array.from({ length: 1000 }, (_, i) => `alt_${i}`).join("|"), "literal");
  assert.match(problemOf("a".repeat(16_385)).message, /16385 characters, at most 16384 are allowed/);
  assert.match(problemOf("(?i)".concat("ab".repeat(3000))).message, /at most 4096 are allowed/);
  assert.match(problemOf("(?:a{10}){10}".repeat(100)).message, /at most 4096 are allowed/);
  // Compiled it would be seconds and a million steps.
  assert.match(problemOf("a{1000}".repeat(2000)).message, /stands for 2000000 steps/);
});

test("the size that is estimated before compiling is what repetitions come to", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["abc", 3],
    ["a{3}", 3],
    ["a{2,5}", 5],
    ["a{0}", 1],
    ["a{3", 3],
    ["[a-z]{4}", 4],
    ["[]a]{4}", 4],
    ["[^]{9}]{4}", 4],
    ["[[:alpha:]\\]]{4}", 4],
    ["\\d{4}", 4],
    ["\\x{41}{4}", 4],
    ["\\p{Han}{4}", 4],
    ["(?:ab){10}", 60],
    ["(?:(?:a){10}){10}", 540],
    ["x(", 1],
    ["x)", 3],
    ["[", 1],
    ["\\", 1],
  ];
  for (const [pattern, size] of cases) assert.equal(regexSizeBound(pattern), size, pattern);
});

test("a hostile pattern takes time in proportion, not exponential", () => {
  assert.equal(compileRegex("(a+)+b")("a".repeat(20_000)), false);
  assert.equal(compileRegex("(?:a?){30}a{30}c")("a".repeat(2000)), false);
  assert.equal(compileRegex("(?:x|xx)*y")("x".repeat(20_000)), false);
});
