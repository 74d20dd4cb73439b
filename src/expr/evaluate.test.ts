import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import type { Predicate } from "./ast.ts";
import { checkFilter } from "./compile-filter.ts";
import { evaluate, not, type RowAccessor } from "./evaluate.ts";
import type { Cell } from "./leaf.ts";
import { printPredicate } from "./print.ts";
import { randomPredicate, randomRow, testRow, testSchema } from "./testing.ts";

function truth(text: string, row: RowAccessor): boolean | null {
  return evaluate(checkFilter(text, testSchema), row);
}

/** Filters with what they say of a row: T true, F false, U unknown. */
function expectAll(row: RowAccessor, cases: Readonly<Record<string, "T" | "F" | "U">>): void {
  for (const [text, expected] of Object.entries(cases)) {
    const actual = truth(text, row);
    assert.equal(actual === null ? "U" : actual ? "T" : "F", expected, text);
  }
}

test("comparisons with null are unknown, and so is their negation", () => {
  expectAll(testRow({ id: 1n, tenant: "a" }), {
    "i64 == 1": "U",
    "i64 != 1": "U",
    "not (i64 == 1)": "U",
    "i64 in [1]": "U",
    "i64 in []": "U",
    "text like '%'": "U",
    "flag == true": "U",
    "0 < f64 < 1": "U",
    "i64 + 1 == 2": "U",
    "i64 == i32": "U",
    "ints == [1]": "U",
    "ints[0] == 1": "U",
    "array_contains(ints, 1)": "U",
    "array_length(ints) == 0": "U",
    "doc['a'] == 1": "U",
    "i64 is null": "T",
    "i64 is not null": "F",
    "doc is null": "T",
    "exists doc['a']": "F",
    "doc['a'] is null": "T",
  });
});

test("connectives know unknown", () => {
  expectAll(testRow({ id: 1n, tenant: "a" }), {
    "i64 == 1 and id == 1": "U",
    "i64 == 1 and id == 2": "F",
    "i64 == 1 or id == 1": "T",
    "i64 == 1 or id == 2": "U",
    "not (i64 == 1 and id == 2)": "T",
    "not (i64 == 1 or id == 2)": "U",
    "i64 == 1 or text == 'a'": "U",
  });
});

test("numbers compare by value at the width of their column", () => {
  expectAll(testRow({ id: 2n ** 53n + 1n, i8: -3n, f32: Math.fround(0.1), f64: 0.1 }), {
    "id == 9007199254740993": "T",
    "id == 9007199254740992": "F",
    "id > 9007199254740992": "T",
    "f32 == 0.1": "T",
    "f32 in [0.1]": "T",
    "f32 + 0.2 == 0.3": "T",
    "f64 == 0.1": "T",
    "f64 + 0.2 == 0.3": "F",
    "f32 == f64": "F",
    "i8 < f64": "T",
  });
});

test("integers divide towards zero, wrap at 64 bits, and take remainders with the dividend's sign", () => {
  expectAll(testRow({ id: 2n ** 63n - 1n, i8: -7n }), {
    "i8 / 2 == -3": "T",
    "i8 % 2 == -1": "T",
    "i8 * 2 == -14": "T",
    "id + 1 == -9223372036854775808": "T",
    "(i8 & 3) == 1": "T",
    "(i8 | 8) == -7": "T",
    "(i8 ^ 1) == -8": "T",
  });
});

test("NaN is unequal to everything and in no order", () => {
  expectAll(testRow({ f64: NaN }), {
    "f64 == 1": "F",
    "f64 != 1": "T",
    "f64 < 1": "F",
    "f64 >= 1": "F",
    "not (f64 < 1)": "T",
    "f64 in [1]": "F",
    "f64 is null": "F",
  });
});

test("a regular expression finds a part of a text and says nothing of anything else", () => {
  const row = testRow({ id: 1n, tenant: "release-v10\nnext", texts: ["", "a"], doc: document });
  expectAll(row, {
    "tenant =~ 'v[0-9]+'": "T",
    "tenant !~ 'v[0-9]+'": "F",
    "tenant =~ '^v'": "F",
    "tenant =~ '^release.v10.next$'": "T",
    "tenant =~ 'next$'": "T",
    "tenant =~ ''": "T",
    "tenant =~ '\\d{3}'": "F",
    "text =~ '.*'": "U",
    "text !~ '.*'": "U",
    "not (text =~ 'a+')": "U",
    "texts[0] =~ '^$'": "T",
    "texts[1] =~ '[a-c]'": "T",
    "texts[1] !~ '[a-c]'": "F",
    "texts[7] =~ '.*'": "U",
    "texts[7] !~ '.*'": "U",
    "doc['text'] =~ '^[0-9]$'": "T",
    "doc['int'] =~ '[0-9]'": "U",
    "doc['int'] !~ '[0-9]'": "U",
    "doc['nothing'] =~ '.*'": "U",
    "doc['missing'] !~ '.+'": "U",
    "doc['list'][1] =~ 'a|b'": "T",
    "doc =~ 'int'": "U",
  });
});

test("texts compare by their UTF-8 bytes", () => {
  expectAll(testRow({ text: "\u{1f600}", tenant: "\uffee" }), {
    "text > tenant": "T",
    'text > "\uffee"': "T",
    'tenant > "\u{1f600}"': "F",
    "text like '_'": "T",
    "text like '__'": "F",
  });
});

const document = `{
  "int": 2, "big": 9007199254740993, "huge": 18446744073709551615, "half": 2.5, "whole": 2.0, "text": "2", "yes": true,
  "nothing": null, "list": [1, "a", 2.0, null, [3, 4]], "empty": [], "hollow": {"x": [null, {}]}, "deep": {"er": {"est": 1}},
  "0": "zero", "sl/ash": 1, "til~de": 2, "esc\\"aped": 3, "int": 99
}`;

test("JSON values compare with constants of their own kind, anything else is unknown", () => {
  expectAll(testRow({ doc: document }), {
    "doc['int'] == 2": "T",
    "doc['int'] == 2.0": "T",
    "doc['whole'] == 2": "T",
    "doc['half'] > 2": "T",
    "doc['half'] == 2": "F",
    "doc['big'] == 9007199254740993": "T",
    "doc['big'] == 9007199254740992": "F",
    "doc['huge'] > 9223372036854775807": "T",
    "doc['text'] == 2": "U",
    "doc['text'] != 2": "U",
    "not (doc['text'] == 2)": "U",
    "doc['text'] == '2'": "T",
    "doc['int'] == '2'": "U",
    "doc['yes'] == true": "T",
    "doc['yes'] != false": "T",
    "doc['yes'] == 1": "U",
    "doc['nothing'] == 1": "U",
    "doc['missing'] != 1": "U",
    "doc['missing']['more'] == 1": "U",
    "doc['list'] == 1": "U",
    "doc['deep'] == 1": "U",
    "doc['deep']['er']['est'] == 1": "T",
    "doc['int'] in [1, 2]": "T",
    "doc['int'] in ['a']": "U",
    "doc['int'] in ['a', 3]": "F",
    "doc['int'] not in [3]": "T",
    "doc['text'] not in [3]": "U",
    "doc['missing'] in []": "U",
    "1 < doc['int'] < 3": "T",
    "'1' < doc['int'] < '3'": "U",
    "doc['text'] like '%2'": "T",
    "doc['int'] like '%2'": "U",
    "doc['int'] % 2 == 0": "T",
    "doc['half'] * 2 == 5": "T",
    "doc['text'] + 1 == 3": "U",
    "doc == 1": "U",
  });
});

test("JSON paths go through arrays, odd keys and repeated ones", () => {
  expectAll(testRow({ doc: document, $meta: '{"k":[10,20]}' }), {
    "doc['list'][0] == 1": "T",
    "doc['list']['0'] == 1": "T",
    "doc['list'][2] == 2": "T",
    "doc['list'][9] == 1": "U",
    "doc['list'][3] == 1": "U",
    "doc['list'][4][1] == 4": "T",
    "doc[0] == 'zero'": "T",
    "doc['sl/ash'] == 1": "T",
    "doc['til~de'] == 2": "T",
    "doc['esc\"aped'] == 3": "T",
    "k[1] == 20": "T",
    "$meta['k'][0] == 10": "T",
  });
});

test("a path exists unless what it leads to is null or holds nothing but null", () => {
  expectAll(testRow({ doc: document }), {
    "exists doc['int']": "T",
    "exists doc['nothing']": "F",
    "exists doc['missing']": "F",
    "exists doc['empty']": "F",
    "exists doc['hollow']": "F",
    "exists doc['deep']": "T",
    "exists doc['list'][3]": "F",
    "doc['nothing'] is null": "T",
    "doc['text'] is not null": "T",
  });
});

test("containment looks at the elements of arrays and is unknown for anything else", () => {
  expectAll(testRow({ doc: document, ints: [1n, 2n, 3n], floats: [Math.fround(0.1)], texts: [] }), {
    "json_contains(doc['list'], 1)": "T",
    "json_contains(doc['list'], 2)": "T",
    "json_contains(doc['list'], 'a')": "T",
    "json_contains(doc['list'], '1')": "F",
    "json_contains(doc['list'], [3, 4])": "T",
    "json_contains(doc['list'], [3])": "F",
    "json_contains_any(doc['list'], [7, 'a'])": "T",
    "json_contains_all(doc['list'], [1, 2, 'a', [3, 4]])": "T",
    "json_contains_all(doc['list'], [1, 7])": "F",
    "json_contains_all(doc['list'], [])": "T",
    "json_contains(doc['int'], 2)": "U",
    "json_contains(doc['missing'], 2)": "U",
    "array_contains(ints, 2)": "T",
    "array_contains_all(ints, [1, 3, 3])": "T",
    "array_contains_any(ints, [7])": "F",
    "array_contains(floats, 0.1)": "T",
    "array_contains_any(texts, [])": "F",
    "array_contains_all(texts, [])": "T",
    "array_length(ints) == 3": "T",
    "array_length(texts) == 0": "T",
    "array_length(doc['list']) == 5": "T",
    "array_length(doc['empty']) == 0": "T",
    "array_length(doc['int']) == 0": "U",
  });
});

test("array elements beyond the end are unknown, whole arrays compare element by element", () => {
  expectAll(testRow({ ints: [1n, 2n], floats: [], texts: ["b", "a"] }), {
    "ints[0] == 1": "T",
    "ints[5] == 1": "U",
    "not (ints[5] == 1)": "U",
    "ints == [1, 2]": "T",
    "ints != [2, 1]": "T",
    "ints == [1]": "F",
    "floats == [1]": "F",
    "texts[0] > texts[1]": "T",
    "doc['x'] > 1 or texts[1] like 'a'": "T",
  });
});

test("text that is not JSON has no values and stops nothing", () => {
  const broken = [
    "",
    "{",
    '{"a"',
    '{"a":',
    '{"a":}',
    '{"a":1',
    "[1,",
    '{"a" 1}',
    '{"a":tru}',
    '{"a":"x',
    "nonsense",
    '{"a":[1,2}',
  ];
  for (const doc of broken) {
    for (const text of ["doc['a']['b'] == 1", "doc['z'] == 1", "json_contains(doc['a'], 9)"]) {
      assert.notEqual(truth(text, testRow({ doc })), true, `${text} on ${doc}`);
    }
  }
});

test("De Morgan's laws hold with unknown", () => {
  const random = Prng.fromSeed("de-morgan");
  for (let i = 0; i < 500; i++) {
    const children = [randomPredicate(random, 2), randomPredicate(random, 2)];
    const negations = children.map((child): Predicate => ({ kind: "not", child }));
    const row = randomRow(random);
    const message = children.map((child) => printPredicate(child)).join(" | ");
    assert.equal(
      not(evaluate({ kind: "and", children }, row)),
      evaluate({ kind: "or", children: negations }, row),
      message,
    );
    assert.equal(
      not(evaluate({ kind: "or", children }, row)),
      evaluate({ kind: "and", children: negations }, row),
      message,
    );
  }
});

test("cells may be numbers where integers are safe", () => {
  const cells: readonly Cell[] = [5, 5n];
  for (const i64 of cells) {
    assert.equal(truth("i64 / 2 == 2", testRow({ i64 })), true);
    assert.equal(truth("i64 in [5]", testRow({ i64 })), true);
  }
});
