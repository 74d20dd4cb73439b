import assert from "node:assert/strict";
import { test } from "node:test";
import { compareBytes, utf8Encode } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import {
  Arithmetic,
  ConstantKind,
  FIELD_MISSING_IS_NULL,
  FILTER_HEADER_BYTES,
  FILTER_MAGIC,
  FILTER_OP_BYTES,
  FilterOp,
  UPPER_INCLUSIVE,
} from "../model/filter-program.ts";
import type { Predicate } from "./ast.ts";
import { compileFilter } from "./compile-filter.ts";
import { evaluate, type RowAccessor } from "./evaluate.ts";
import type { Truth } from "./leaf.ts";
import { lowerPredicate } from "./lower.ts";
import { printPredicate } from "./print.ts";
import { simplify } from "./simplify.ts";
import { randomPredicate, randomRow, testColumn, testSchema } from "./testing.ts";

interface Operation {
  readonly code: number;
  readonly comparison: number;
  readonly arithmetic: number;
  readonly flags: number;
  readonly to: number;
  readonly a: number;
  readonly b: number;
  readonly kind: number;
  readonly field: number;
  readonly second: number;
  readonly constant: Uint8Array;
}

/** Reads the byte layout of docs/internals/filter-program.md, apart from the code that wrote it. */
function decode(bytes: Uint8Array): {
  readonly registers: number;
  readonly operations: readonly Operation[];
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  assert.equal(view.getUint32(0, true), FILTER_MAGIC);
  assert.equal(view.getUint16(4, true), 1);
  const count = view.getUint32(8, true);
  const pool = FILTER_HEADER_BYTES + FILTER_OP_BYTES * count;
  assert.equal(bytes.length, pool + view.getUint32(12, true));
  const operations = Array.from({ length: count }, (_, i): Operation => {
    const at = FILTER_HEADER_BYTES + i * FILTER_OP_BYTES;
    const offset = view.getUint32(at + 20, true);
    assert.equal(offset % 8, 0);
    return {
      code: view.getUint8(at),
      comparison: view.getUint8(at + 1),
      arithmetic: view.getUint8(at + 2),
      flags: view.getUint8(at + 3),
      to: view.getUint16(at + 4, true),
      a: view.getUint16(at + 6, true),
      b: view.getUint16(at + 8, true),
      kind: view.getUint16(at + 10, true),
      field: view.getUint32(at + 12, true),
      second: view.getUint32(at + 16, true),
      constant: bytes.subarray(pool + offset, pool + offset + view.getUint32(at + 24, true)),
    };
  });
  return { registers: view.getUint16(6, true), operations };
}

/** Runs the connectives of a program; what each kernel says of the row is looked up by `leaf`. */
function run(operations: readonly Operation[], leaf: (operation: Operation) => Truth): Truth {
  const registers: Truth[] = [];
  const and = (x: Truth, y: Truth): Truth =>
    x === false || y === false ? false : x === null || y === null ? null : true;
  const not = (x: Truth): Truth => (x === null ? null : !x);
  for (const operation of operations) {
    const [a, b] = [registers[operation.a] ?? null, registers[operation.b] ?? null];
    registers[operation.to] =
      operation.code === FilterOp.Const
        ? operation.a === 1
        : operation.code === FilterOp.And
          ? and(a, b)
          : operation.code === FilterOp.Or
            ? not(and(not(a), not(b)))
            : operation.code === FilterOp.Not
              ? not(a)
              : leaf(operation);
  }
  return registers[0] ?? null;
}

test("a comparison is one operation with its constant", () => {
  const { program, externals } = compileFilter("i64 >= -2", testSchema);
  const { registers, operations } = decode(program.bytes);
  assert.equal(registers, 1);
  assert.equal(externals.length, 0);
  assert.deepEqual(operations, [
    {
      code: FilterOp.Compare,
      comparison: 5,
      arithmetic: Arithmetic.None,
      flags: FIELD_MISSING_IS_NULL,
      to: 0,
      a: 0,
      b: 0,
      kind: ConstantKind.Int64,
      field: testColumn("i64").fieldId,
      second: 0,
      constant: new Uint8Array(BigInt64Array.of(-2n).buffer),
    },
  ]);
});

test("a string range holds the length of its lower bound", () => {
  const [operation] = decode(compileFilter('"ab" < tenant <= "b"', testSchema).program.bytes).operations;
  assert.equal(operation?.code, FilterOp.Range);
  assert.equal(operation?.flags, UPPER_INCLUSIVE);
  assert.deepEqual([...(operation?.constant ?? [])], [2, 0, 0, 0, 97, 98, 98]);
});

test("a string list is sorted by bytes and has offsets relative to their end", () => {
  const [operation] = decode(
    compileFilter('tenant in ["\u{1f600}", "b", "\uffee"]', testSchema).program.bytes,
  ).operations;
  assert.equal(operation?.kind, ConstantKind.StringList);
  const bytes = operation?.constant ?? new Uint8Array();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  const start = 4 + (count + 1) * 4;
  const texts = Array.from({ length: count }, (_, i) =>
    bytes.subarray(start + view.getUint32(4 + i * 4, true), start + view.getUint32(8 + i * 4, true)),
  );
  assert.deepEqual(
    texts.map((text) => new TextDecoder().decode(text)),
    ["b", "\uffee", "\u{1f600}"],
  );
  assert.ok(texts.every((text, i) => i === 0 || compareBytes(texts[i - 1] ?? text, text) < 0));
});

test("a pattern becomes tagged parts", () => {
  const [operation] = decode(compileFilter("tenant like 'a\\\\%_%'", testSchema).program.bytes).operations;
  assert.deepEqual([...(operation?.constant ?? [])], [0, 2, 0, 0, 0, ...utf8Encode("a%"), 2, 1]);
});

test("what has no kernel becomes one external for each group of neighbours", () => {
  const { externals, program } = compileFilter(
    "doc['a'] > 1 and i64 > 1 and array_contains(ints, 2) and exists k",
    testSchema,
  );
  assert.deepEqual(
    externals.map((external) => printPredicate(external)),
    ['doc["a"] > 1 and array_contains(ints, 2) and exists $meta["k"]'],
  );
  assert.equal(program.externals, 1);
  const codes = decode(program.bytes).operations.map(({ code }) => code);
  assert.deepEqual(codes, [FilterOp.Compare, FilterOp.External, FilterOp.And]);
});

test("arithmetic in single precision and on bits is left to the evaluator", () => {
  assert.equal(compileFilter("f64 + 1 > 2", testSchema).externals.length, 0);
  assert.equal(compileFilter("f32 + 1 > 2", testSchema).externals.length, 1);
  assert.equal(compileFilter("(i64 & 1) == 1", testSchema).externals.length, 1);
});

test("programs compute what the evaluator says, in few registers", () => {
  const random = Prng.fromSeed("lower");
  for (let i = 0; i < 800; i++) {
    const predicate = simplify(randomPredicate(random, 4));
    const { program, externals } = lowerPredicate(predicate);
    const { registers, operations } = decode(program.bytes);
    assert.ok(registers <= 8, `${registers} registers for ${printPredicate(predicate)}`);
    const kernels = kernelLeaves(operations, predicate, externals);
    for (let r = 0; r < 5; r++) {
      const row: RowAccessor = randomRow(random);
      const truth = run(operations, (operation) => {
        const leaf = kernels.get(operation);
        return leaf === undefined ? assert.fail("an operation without a leaf") : evaluate(leaf, row);
      });
      if (truth !== evaluate(predicate, row)) assert.fail(printPredicate(predicate));
    }
  }
});

test("a chain as deep as the limit needs two registers more than a leaf", () => {
  let text = "i64 > 0";
  for (let i = 0; i < 100; i++) text = `(${text} ${i % 2 === 0 ? "and" : "or"} i32 == ${i})`;
  assert.ok(decode(compileFilter(text, testSchema).program.bytes).registers <= 3);
});

/** Which leaf each kernel operation stands for: lowering a leaf alone gives the same operation. */
function kernelLeaves(
  operations: readonly Operation[],
  predicate: Predicate,
  externals: readonly Predicate[],
): ReadonlyMap<Operation, Predicate> {
  const byContent = new Map<string, Predicate>();
  const content = (operation: Operation) =>
    JSON.stringify({ ...operation, to: 0, constant: [...operation.constant] });
  const visit = (p: Predicate): void => {
    if (p.kind === "and" || p.kind === "or") p.children.forEach(visit);
    else if (p.kind === "not") visit(p.child);
    else {
      const [alone] = decode(lowerPredicate(p).program.bytes).operations;
      if (alone !== undefined && alone.code !== FilterOp.External) byContent.set(content(alone), p);
    }
  };
  visit(predicate);
  const result = new Map<Operation, Predicate>();
  for (const operation of operations) {
    const leaf =
      operation.code === FilterOp.External ? externals[operation.field] : byContent.get(content(operation));
    if (leaf !== undefined) result.set(operation, leaf);
  }
  return result;
}
