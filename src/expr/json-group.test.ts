import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Encode } from "../base/bytes.ts";
import { DataType } from "../model/data-type.ts";
import { compileFilter } from "./compile-filter.ts";
import { evaluate } from "./evaluate.ts";
import { jsonGroupReader } from "./json-group.ts";
import { printPredicate } from "./print.ts";
import { testRow, testSchema } from "./testing.ts";

function groupOf(text: string, type: DataType, path: readonly string[] = ["a"]): unknown {
  const bytes = utf8Encode(text);
  return jsonGroupReader(path, type)(bytes, 0, bytes.length);
}

test("without a type the text of the value is its group, whatever blanks and escapes it is written with", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['{"a": 1}', "1"],
    ['{"a": 1.0}', "1.0"],
    ['{"a": "1"}', '"1"'],
    ['{"a": null}', "null"],
    ['{"b": 1}', undefined],
    ['{"a": { "x" : [1, 2 , "y z"] } , "b": 1}', '{"x":[1,2,"y z"]}'],
    ['{"a": "\\u0061\\n\u00e9"}', '"a\\n\u00e9"'],
    ['{"a": ["\\/", "q\\"q"]}', '["/","q\\"q"]'],
    ['{"a": "open}', undefined],
    ["[1]", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of cases) assert.equal(groupOf(text, DataType.None), expected, text);
  assert.equal(groupOf(' { "a" : 1 } ', DataType.None, []), '{"a":1}');
  assert.equal(groupOf('{"a":[5,{"b":6}]}', DataType.None, ["a", "1", "b"]), "6");
});

test("with a type only its values have a group", () => {
  const { Bool, Int8, Int32, Int64, VarChar } = DataType;
  const cases: readonly (readonly [string, DataType, unknown])[] = [
    ["true", Bool, true],
    ["1", Bool, undefined],
    ['"true"', Bool, undefined],
    ['"x"', VarChar, "x"],
    ["1", VarChar, undefined],
    ["1", Int64, 1n],
    ["-9223372036854775808", Int64, -(2n ** 63n)],
    ["9223372036854775808", Int64, undefined],
    ["1.0", Int64, undefined],
    ["1e2", Int64, undefined],
    ["1.5", Int32, undefined],
    ["null", Int64, undefined],
    ["[1]", Int64, undefined],
    ["257", Int8, 1n],
    ["-129", Int8, 127n],
  ];
  for (const [text, type, expected] of cases) assert.equal(groupOf(`{"a":${text}}`, type), expected, text);
});

test("a filter for the members of groups is never unknown", () => {
  const among = {
    field: "doc",
    values: ['"x"', "1"],
    orNull: false,
    json: { path: ["a"], type: DataType.None, strict: false },
  };
  const truth = (text: string | undefined, orNull: boolean, filter = "") => {
    const { ast } = compileFilter(filter, testSchema, { among: { ...among, orNull } });
    return evaluate(ast, testRow({ id: 1n, ...(text !== undefined && { doc: text }) }));
  };
  assert.deepEqual(
    ['{"a":"x"}', '{"a": 1}', '{"a":2}', "{}", undefined].map((text) => [
      truth(text, false),
      truth(text, true),
    ]),
    [
      [true, true],
      [true, true],
      [false, false],
      [false, true],
      [false, true],
    ],
  );
  assert.equal(truth(undefined, true, "doc is null"), true);
  assert.equal(truth('{"a":1}', true, "doc is not null or id == 1"), true);
  const { ast } = compileFilter("", testSchema, { among: { ...among, orNull: true } });
  assert.equal(printPredicate(ast), 'doc["a"] among ["\\"x\\"", "1", none]');
  assert.equal(printPredicate(ast, 1), 'doc["a"] among ["\\"x\\"", ... 2 more]');
});
