import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Encode } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import {
  findJson,
  isEmptyJson,
  jsonArrayLength,
  jsonPath,
  JSON_OBJECT,
  readJson,
  type JsonValue,
} from "./json-text.ts";

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

function lookUp(text: string, path: readonly string[]): JsonValue | undefined {
  const bytes = utf8Encode(text);
  const at = findJson(bytes, 0, bytes.length, jsonPath(path.map((step) => ({ kind: "key", text: step }))));
  return at === -1 ? undefined : readJson(bytes, at, bytes.length);
}

function random(prng: Prng, depth: number): Plain {
  switch (prng.int(depth > 0 ? 7 : 5)) {
    case 0:
      return null;
    case 1:
      return prng.chance(0.5);
    case 2:
      return prng.pick([
        0, -0, 1, -1.5, 123456789012, 0.1, 1e-7, 1e21, 5e-324, 1.7976931348623157e308, 123456.789012345,
      ]);
    case 3:
      return prng.pick([
        "",
        "plain",
        'quote" and \\',
        "\u0000\n\t",
        "é中\u{1f600}",
        "a longer text, beyond what is read letter by letter",
      ]);
    case 4:
      return prng.int(1000);
    case 5:
      return Array.from({ length: prng.int(4) }, () => random(prng, depth - 1));
    default: {
      const members = Array.from({ length: prng.int(4) }, () => [
        prng.pick(["a", "b", 'odd"key', "é", "0"]),
        random(prng, depth - 1),
      ]);
      return Object.fromEntries(members) as Plain;
    }
  }
}

/** What readJson makes of a parsed value: the content of objects is not read. */
function seen(value: Plain | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item) => seen(item) ?? null);
  return typeof value === "object" && value !== null ? JSON_OBJECT : value;
}

test("paths find what JSON.parse finds", () => {
  const prng = Prng.fromSeed("json");
  for (let i = 0; i < 3000; i++) {
    const value = random(prng, 4);
    const text = JSON.stringify(value, undefined, prng.pick([0, 0, 1]));
    const path = Array.from({ length: prng.int(4) }, () =>
      prng.pick(["a", "b", 'odd"key', "é", "0", "1", "2"]),
    );
    let expected: Plain | undefined = JSON.parse(text) as Plain;
    for (const step of path) {
      const parent: Plain | undefined = expected;
      expected =
        typeof parent === "object" &&
        parent !== null &&
        Object.hasOwn(parent, step) &&
        (!Array.isArray(parent) || /^[0-9]$/.test(step))
          ? (parent as Record<string, Plain>)[step]
          : undefined;
    }
    assert.deepEqual(lookUp(text, path), seen(expected), `${path.join("/")} in ${text}`);
  }
});

test("numbers keep 64 bits", () => {
  assert.equal(lookUp("9007199254740993", []), 9007199254740993n);
  assert.equal(lookUp("-9223372036854775808", []), -(2n ** 63n));
  assert.equal(lookUp("9223372036854775808", []), 2 ** 63);
  assert.equal(lookUp("1234567890123456", []), 1234567890123456);
  assert.equal(lookUp("0.30000000000000004", []), 0.1 + 0.2);
  for (const wrong of ["-", "1.2.3", "1e", "+1", "0x10", "--1"])
    assert.equal(lookUp(wrong, []), undefined, wrong);
});

test("damaged bytes never throw and never run away", () => {
  const prng = Prng.fromSeed("damage");
  for (let i = 0; i < 5000; i++) {
    const bytes = utf8Encode(JSON.stringify(random(prng, 4)));
    for (let n = prng.int(4); n >= 0 && bytes.length > 0; n--)
      bytes[prng.int(bytes.length)] = prng.pick([34, 44, 58, 91, 92, 93, 123, 125, 0, 255]);
    const end = prng.int(bytes.length + 1);
    const at = findJson(
      bytes,
      0,
      end,
      jsonPath([
        { kind: "key", text: "a" },
        { kind: "index", text: "1" },
      ]),
    );
    assert.ok(at === -1 || (at > 0 && at < end));
    readJson(bytes, 0, end);
    isEmptyJson(bytes, 0, end);
    assert.ok(jsonArrayLength(bytes, 0, end) >= -1);
  }
});

test("deeply nested text is not followed for ever", () => {
  const text = "[".repeat(100_000);
  const bytes = utf8Encode(text);
  readJson(bytes, 0, bytes.length);
  isEmptyJson(bytes, 0, bytes.length);
  const closed = utf8Encode(`${"[".repeat(100)}${"]".repeat(100)}`);
  assert.equal(isEmptyJson(closed, 0, closed.length), false, "beyond the depth it counts as something");
});
