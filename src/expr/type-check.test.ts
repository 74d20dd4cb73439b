import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFilter } from "./compile-filter.ts";
import type { Constant } from "./ast.ts";
import { printPredicate } from "./print.ts";
import { templateConstants, type TemplateInput } from "./template-values.ts";
import { strictSchema, testSchema } from "./testing.ts";

function check(text: string, templates: Record<string, TemplateInput> = {}, schema = testSchema): string {
  const entries = Object.entries(templates).map(([name, value]) => ({ name, value }));
  return printPredicate(checkFilter(text, schema, { templates: templateConstants(entries) }));
}

function errorOf(text: string, templates: Record<string, TemplateInput> = {}, schema = strictSchema): string {
  try {
    check(text, templates, schema);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return assert.fail(`${text} was accepted`);
}

const accepted: readonly (readonly [string, string])[] = [
  // Literals.
  ["i64 == 0x1F", "i64 == 31"],
  ["i64 == 0b101", "i64 == 5"],
  ["i64 == 017", "i64 == 15"],
  ["i64 == -9223372036854775808", "i64 == -9223372036854775808"],
  ["f64 == .5", "f64 == 0.5"],
  ["f64 == 1.", "f64 == 1.0"],
  ["f64 == 1e3", "f64 == 1000.0"],
  ["f64 == 0x1.8p3", "f64 == 12.0"],
  ["f64 == 3", "f64 == 3.0"],
  ["f32 == 0.1", "f32 == 0.10000000149011612"],
  [`text == 'it\\'s "so"'`, `text == "it's \\"so\\""`],
  [`text == "\\u4e2d\\x41\\101\\n"`, `text == "中AA\\n"`],
  [`text == r"a\\d"`, `text == "a\\\\d"`],
  ["flag == True or flag == FALSE", "flag == true or flag == false"],
  // Operators and keywords in their spellings.
  ["i64 > 1 && i64 < 5 || !(i64 == 3)", "i64 > 1 and i64 < 5 or not (i64 == 3)"],
  ["i64 > 1 AND i64 < 5 OR NOT (i64 == 3)", "i64 > 1 and i64 < 5 or not (i64 == 3)"],
  ["i64 IN [1] or i64 NOT IN [2] or text LIKE 'a%'", 'i64 in [1] or i64 not in [2] or text like "a%"'],
  ["i64 IS NULL or i64 is not null or text is  null", "i64 is null or i64 is not null or text is null"],
  ["EXISTS doc['a'] or exists(doc[\"b\"][0])", 'exists doc["a"] or exists doc["b"][0]'],
  // Regular expressions keep their backslashes; those of plain characters are patterns of LIKE.
  ["text =~ 'a+'", 'text =~ "a+"'],
  ["tenant !~ r'\\d'", 'not (tenant =~ "\\\\d")'],
  ["text =~ '\\d' or text =~ '\\\\d'", 'text =~ "\\\\d" or text =~ "\\\\d"'],
  [`text =~ "a\\"b+" or text =~ 'it\\'s.'`, `text =~ "a\\"b+" or text =~ "it's."`],
  ["doc['a'] =~ '[0-9]' or k =~ 'x|y'", 'doc["a"] =~ "[0-9]" or $meta["k"] =~ "x|y"'],
  ["texts[0] =~ '^a.'", 'texts[0] =~ "^a."'],
  ["not text =~ 'a.' and i64 > 3", 'not (text =~ "a.") and i64 > 3'],
  ["text =~ 'a' or text =~ '^a' or text =~ 'a$'", 'text like "%a%" or text like "a%" or text like "%a"'],
  [`text =~ '${"a".repeat(16_384)}'`, `text like "%${"a".repeat(16_384)}%"`],
  ["text !~ '^50%\\\\.$' or text =~ ''", 'not (text like "50\\\\%.") or text like "%%"'],
  // Sides, chains and folding.
  ["5 > i64", "i64 < 5"],
  ["1 < i64 <= 5", "1 < i64 <= 5"],
  ["5 >= i64 > 1", "1 < i64 <= 5"],
  ["1 + 1 < doc['a'] < 2 ** 3", '2 < doc["a"] < 8'],
  ["i64 == -2 ** 2", "i64 == -4"],
  ["f64 == 2 ** -1", "f64 == 0.5"],
  ["i64 == 7 / 2 + 7 % 4", "i64 == 6"],
  ["i64 in [6 / 2, -(1 + 1), +4,]", "i64 in [3, -2, 4]"],
  ["f64 in [1, 2.5]", "f64 in [1.0, 2.5]"],
  ["i64 == 9223372036854775807 + 1", "i64 == -9223372036854775808"],
  // Arithmetic on fields.
  ["i64 % 2 == 0", "(i64 % 2) == 0"],
  ["2 * i64 > 4", "(i64 * 2) > 4"],
  ["f32 / 4 < 0.1", "(f32 / 4.0) < 0.10000000149011612"],
  ["doc['n'] + 1 == 3", '(doc["n"] + 1) == 3'],
  ["(i64 | 4) == 4", "(i64 | 4) == 4"],
  ["ints[0] - 1 != 2", "(ints[0] - 1) != 2"],
  // Fields with fields.
  ["i8 < f64", "i8 < f64"],
  ["text >= tenant", "text >= tenant"],
  // Arrays.
  ["ints[0] == 1 and 1 <= floats[1] < 2", "ints[0] == 1 and 1.0 <= floats[1] < 2.0"],
  ["ints == [1, 2]", "ints == [1, 2]"],
  ["floats == [1, 0.1]", "floats == [1.0, 0.10000000149011612]"],
  ["ARRAY_CONTAINS(ints, 1)", "array_contains(ints, 1)"],
  ["array_contains_any(floats, [0.1])", "array_contains_any(floats, [0.10000000149011612])"],
  ["array_length(texts) >= 2", "array_length(texts) >= 2"],
  ["2 == ARRAY_LENGTH(doc['list'])", 'array_length(doc["list"]) == 2'],
  // JSON and dynamic keys.
  ["doc == 1", "doc == 1"],
  ["doc['a'] == [1, 'x', [true]]", 'doc["a"] == [1, "x", [true]]'],
  ["json_contains(doc['list'], [1, 2])", 'json_contains(doc["list"], [1, 2])'],
  ["JSON_CONTAINS_ALL(doc['list'], [1, 'a'])", 'json_contains_all(doc["list"], [1, "a"])'],
  ["price > 5", '$meta["price"] > 5'],
  ["price['net'][0] > 5", '$meta["price"]["net"][0] > 5'],
  ["$meta['price'] > 5", '$meta["price"] > 5'],
  ["price is null", 'not (exists $meta["price"])'],
  ["doc['a'] is not null", 'exists doc["a"]'],
  [`doc["a\\"b"] == 1`, `doc["a\\"b"] == 1`],
  [`doc[r"\\d"] == 1`, `doc["\\\\d"] == 1`],
  // Names that are words of the language elsewhere.
  ["iso == 1 or threshold > 2", '$meta["iso"] == 1 or $meta["threshold"] > 2'],
  // Functions registered by name.
  ["empty(text)", 'text == ""'],
  ["starts_with(text, '5%')", 'text like "5\\\\%%"'],
  // Booleans.
  ["true", "true"],
  ["not false", "true"],
  ["false or i64 == 1", "i64 == 1"],
  ["true or price", "true"],
  ["i64 == 1 and false", "false"],
  ["'a' < 'b' and i64 == 1", "i64 == 1"],
  ["  ", "true"],
  // Precedence: bits bind looser than comparisons, patterns tightest.
  ["not text like 'a%'", 'not (text like "a%")'],
  ["not i64 is null", "i64 is not null"],
  ["i64 == 1 or i64 == 2 and i64 == 3", "i64 == 1 or i64 == 2 and i64 == 3"],
];

test("expressions mean what Milvus's grammar says", () => {
  for (const [text, printed] of accepted) assert.equal(check(text), printed, text);
});

/** Behind `cannot parse expression: <text>, error: `. */
const refused: readonly (readonly [string, string])[] = [
  ["i64 == 'a'", "comparisons between Int64 and VarChar are not supported"],
  ["text == 1", "comparisons between VarChar and Int64 are not supported"],
  ["text == i64", "comparisons between VarChar and Int64 are not supported"],
  ["vector == 1", "comparisons between FloatVector and Int64 are not supported"],
  ["ints == ['a']", "comparisons between Array[Int64] and Array[VarChar] are not supported"],
  ["i64 == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
  ["missing == 1", "field missing not exist"],
  ["missing['a'] == 1", "field missing not exist"],
  ["i64['a'] == 1", "Int64 data type not supported accessed with []"],
  ["ints['a'] == 1", "can only access array field with integer index"],
  ["ints > 1", "can not comparisons array fields directly"],
  ["ints == ints", "can not comparisons array fields directly"],
  ["1 < ints < 5", "can not comparisons array fields directly"],
  [
    "null == 1",
    "NULL literal is not supported in expressions; use '<field> is null' or '<field> is not null' instead",
  ],
  ["i64 in 1", "the right-hand side of 'in' must be a list, but got: 1"],
  ["i64 in (text)", "value '(text)' in list cannot be a non-const expression"],
  ["i64 in [1.0]", "value 'float_val:1' in list cannot be casted to Int64"],
  ["text in [0, '1']", "value 'int64_val:0' in list cannot be casted to VarChar"],
  ["flag in [0]", "value 'int64_val:0' in list cannot be casted to Bool"],
  ["i64 in [text]", "array element type must be generic value, but got: text"],
  ["1 in [1]", "'term' can only be used on non-const expression, but got: 1"],
  ["i64 + 1 in [1]", "'term' can only be used on single field, but got: i64+1"],
  ["i64 in not [1]", "not can only apply on boolean"],
  ["not i64 > 1", "not op can only be applied on boolean expression"],
  ["!flag", "not op can only be applied on boolean expression"],
  ["flag and i64 > 1", "'and' can only be used between boolean expressions"],
  ["i64 > 1 or 5", "'or' can only be used between boolean expressions"],
  ["1 and true", "and can only apply on boolean"],
  ["i64 like '1'", "like operation on non-string or no-json field is unsupported"],
  ["text like 1", "like pattern should be a string literal or template variable, got: 1"],
  ["i64 =~ '1'", "regex match on non-string or non-json field is unsupported"],
  ["ints[0] =~ '1'", "regex match on non-string or non-json field is unsupported"],
  ["texts =~ 'a'", "can not comparisons array fields directly"],
  ["gone =~ 'a'", "field gone not exist"],
  ["'a' =~ 'a'", "regex match on complicated expr is unsupported"],
  ["text =~ 123", "regex pattern should be a string literal or template variable, got: 123"],
  ["text =~ true", "regex pattern should be a string literal or template variable, got: true"],
  ["text =~ [1, 2]", "regex pattern should be a string literal or template variable, got: [1,2]"],
  ["text !~ tenant", "regex pattern should be a string literal or template variable, got: tenant"],
  ["text =~ ('a')", "regex pattern should be a string literal or template variable, got: ('a')"],
  ["text =~ '(a'", "invalid regex pattern: error parsing regexp: missing closing ): `(a`"],
  ["text !~ '(a)\\\\1'", "invalid regex pattern: error parsing regexp: invalid escape sequence: `\\1`"],
  ["text like 'a\\\\'", "Invalid LIKE pattern: trailing backslash with nothing to escape"],
  ["5 < i64 < 1", "invalid range: lowerbound is greater than upperbound"],
  ["1 < flag < 2", "invalid range operations on boolean expr"],
  ["1.5 < i64 < 2", "invalid range operations"],
  ["1 < doc['a'] < 'b'", "invalid range operations"],
  ["i8 < i64 < 5", "lowerbound cannot be a non-const expression: i8"],
  ["i64 + text == 1", "'add' cannot perform arithmetic between Int64 field and VarChar"],
  ["i64 + 1.5 == 2", "'add' cannot perform arithmetic between Int64 field and Double"],
  ["f64 % 2 == 1", "modulo can only apply on integer types"],
  ["i64 + i8 == 1", "not supported to do arithmetic operations between multiple fields"],
  ["2 - i64 == 1", "module field is not yet supported"],
  ["i64 + 1 + 1 == 1", "complicated arithmetic operations are not supported"],
  ["i64 / 0 == 1", "division or modulus by zero"],
  ["i64 == 1 / 0", "cannot divide by zero"],
  ["i64 == 1 % 0", "cannot modulo by zero"],
  ["i64 ** 2 == 4", "power can only apply on constants: i64**2"],
  ["i64 << 1 == 4", "shift is not supported: i64<<1"],
  ["-i64 == 1", "unexpected op: -"],
  ["~1 == 1", "unexpected op: ~"],
  ["i64 + 1 == i8", "only comparison between two fields is supported"],
  ["(i64 > 1) == true", "not supported to combine multiple fields"],
  ["doc['a'] == i64", "two column comparison with JSON type is not supported"],
  ["exists i64", "exists operations are only supportted on json field, got:Int64"],
  ["exists doc", "exists operations are only supportted on json key"],
  ["vector is null", "IsNull/IsNotNull operations are not supported on vector fields"],
  [
    "ints[0] is null",
    "IsNull/IsNotNull operations are not supported on array element access, got: ints[0]isnull",
  ],
  ["json_contains_all(doc['a'], 1)", "ContainsAll operation element must be an array"],
  ["array_contains(i64, 1)", "contains operation are only supported on json or array fields now, got: i64"],
  [
    "array_contains(ints, text)",
    "contains operation are only supported explicitly specified element, got: text",
  ],
  ["array_contains(ints, 'a')", 'cannot cast value to Int64, value: string_val:"a"'],
  [
    "array_contains_any(ints, ['a'])",
    "ContainsAny operation can't compare between array element type: Int64 and VarChar",
  ],
  [
    "array_length(i64) == 1",
    "array_length operation are only supported on json, array or array-of-vector fields now, got: array_length(i64)",
  ],
  ["i64 == 9223372036854775808", "int64 overflow: 9223372036854775808"],
  ["i64 == 99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
  ["f64 == 1e999", 'strconv.ParseFloat: parsing "1e999": value out of range'],
  ["i64 inn [1]", "invalid expression: i64 inn [1]"],
  ["i64 > 1 i64", "invalid expression: i64 > 1 i64"],
  ["ints[-1] > 1", "invalid expression: ints[-1] > 1"],
  ["i64 is", "invalid expression: i64 is"],
  ["中文", "line 1:0 token recognition error at: '中文'"],
  ["i64 >\n `1", "line 2:1 token recognition error at: '`1'"],
  ["i64 > ", "line 1:6 mismatched input '<EOF>'"],
  ["(i64 > 1", "line 1:8 mismatched input '<EOF>' expecting ')'"],
  ["i64 > * 1", "line 1:6 extraneous input '*'"],
  ["text == 'a", "line 1:8 token recognition error at: ''a'"],
  [`text == "\\q"`, 'invalid syntax: unknown escape "\\q" in a string; write \\\\ for a backslash'],
  [`text == "\\xff"`, 'invalid syntax: the bytes escaped in "\\xff" are not valid UTF-8'],
  ["doc[''] == 1", "invalid identifier: ['']"],
];

test("wrong expressions are refused in Milvus's words", () => {
  for (const [text, message] of refused) {
    assert.equal(errorOf(text), `cannot parse expression: ${text}, error: ${message}: invalid parameter`);
  }
});

test("an expression that is no condition says its type", () => {
  const cases = [
    ["i64", "Int64"],
    ["flag", "Bool"],
    ["i64 + 1", "Int64"],
    ["'a'", "VarChar"],
    ["[1]", "Array"],
    ["array_length(ints)", "Int64"],
  ];
  for (const [text = "", type] of cases) {
    assert.equal(
      errorOf(text),
      `predicate is not a boolean expression: ${text}, data type: ${type}: invalid parameter`,
    );
  }
  assert.equal(
    errorOf("12-s", {}, testSchema),
    "predicate is not a boolean expression: 12-s, data type: Int64: invalid parameter",
  );
});

test("unknown functions are named with the types of their arguments", () => {
  assert.equal(
    errorOf("json_contains_aby(doc, 2)"),
    "function json_contains_aby(json, int64_t) not found.: invalid parameter",
  );
  assert.equal(errorOf("EMPTY(i64)"), "function empty(int64_t) not found.: invalid parameter");
});

test("functions and operators that are not served are refused by name", () => {
  const cases = [
    ["text_match(text, 'a')", "text_match"],
    ["TEXT_MATCH(text, 'a') and i64 > 1", "text_match"],
    ["phrase_match(text, 'a', 1)", "phrase_match"],
    ["i64 > 1 and random_sample(0.1)", "random_sample"],
    ["ST_WITHIN(text, 'POINT (0 0)')", "st_within"],
    ["element_filter(s, $[a] > 1)", "element_filter"],
    ["MATCH_LEAST(s, $[a] > 1, threshold=2)", "match_least"],
    ["$[a] > 1", "$[...] (elements of struct arrays)"],
    ["s[0][a] > 1", "[a] (a field of a struct array)"],
  ];
  for (const [text = "", name] of cases) {
    assert.equal(
      errorOf(text),
      `cannot parse expression: ${text}, error: service unimplemented: ${name} is not served by this version of Redkite`,
    );
  }
});

test("placeholders take values of every kind", () => {
  assert.equal(check("i64 > {x}", { x: 5n }), "i64 > 5");
  assert.equal(check("{low} <= i64 < {high}", { low: 1n, high: 9n }), "1 <= i64 < 9");
  assert.equal(check("f64 in {list}", { list: [1n, 2.5] }), "f64 in [1.0, 2.5]");
  assert.equal(check("text not in {list}", { list: ["a", "b"] }), 'text not in ["a", "b"]');
  assert.equal(
    check("i64 % {m} == {r} and text like {p}", { m: 2n, r: 0n, p: "a%" }),
    '(i64 % 2) == 0 and text like "a%"',
  );
  assert.equal(
    check("text =~ {p} or text !~ ({p})", { p: "a\\d" }),
    'text =~ "a\\\\d" or not (text =~ "a\\\\d")',
  );
  assert.equal(
    check("json_contains_all(doc['l'], {v})", { v: [[1n, true], "x"] }),
    'json_contains_all(doc["l"], [[1, true], "x"])',
  );
  assert.equal(check("ints == {v} and flag == {b}", { v: [1n], b: true }), "ints == [1] and flag == true");
});

test("placeholders without a fitting value are errors", () => {
  const prefix = "the value of expression template variable name";
  assert.equal(errorOf("i64 > {x}"), `${prefix} {x} is not found: invalid parameter`);
  assert.equal(
    errorOf("i64 in {x}", { x: 1n }),
    "the value of term expression template variable {x} is not array: invalid parameter",
  );
  assert.equal(
    errorOf("text like {x}", { x: 1n }),
    "the value of like expression template variable {x} is not string: invalid parameter",
  );
  assert.equal(
    errorOf("text =~ {x}", { x: 1n }),
    "the value of regex expression template variable {x} is not string: invalid parameter",
  );
  assert.equal(
    errorOf("text !~ {x}", { x: "[" }),
    "invalid regex pattern: error parsing regexp: missing closing ]: `[`: invalid parameter",
  );
  assert.equal(errorOf("text =~ {x}"), `${prefix} {x} is not found: invalid parameter`);
  assert.match(errorOf("i64 == {x}", { x: "a" }), /cannot cast value to Int64, value: string_val:"a"/);
  assert.match(errorOf("{a} < i64 < {b}", { a: 3n, b: 3n }), /lowerbound is greater than upperbound/);
  assert.match(errorOf("{ x y }"), /mismatched input 'y' expecting '}'/);
});

test("a template constant is what its client meant", () => {
  const constants: readonly Constant[] = [
    ...templateConstants([
      { name: "a", value: 1n },
      { name: "a", value: 1.5 },
    ]).values(),
  ];
  assert.deepEqual(constants, [{ kind: "float", value: 1.5 }]);
});
