import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfEveryType, testField } from "../random-columns.ts";
import { Prng } from "../../../src/base/prng.ts";
import { isValid, type Column, type FixedValues } from "../../../src/model/columns.ts";
import { DataType } from "../../../src/model/data-type.ts";
import {
  Arithmetic,
  Comparison,
  FilterOp,
  LOWER_INCLUSIVE,
  UPPER_INCLUSIVE,
  type FilterProgram,
  type TriBitmap,
} from "../../../src/model/filter-program.ts";
import type { FieldSchema } from "../../../src/model/schema.ts";
import type { Segment } from "../../../src/ports/engine.ts";
import type { MakeEngine } from "../engine-contract.ts";
import {
  bool,
  doubleList,
  doubles,
  filterProgram,
  int64List,
  int64s,
  like,
  text,
  textList,
  textRange,
  type Constant,
  type Operation,
} from "./filter-builder.ts";
import {
  batchOf,
  columnOf,
  EVERYTHING,
  keyField,
  KINDS,
  makeWorld,
  randomRows,
  seenAt,
  sealedCopy,
  sequentialKeys,
  ts,
  type World,
} from "./segment-fixture.ts";

/** Truth of a row: undefined is unknown. */
type Tri = boolean | undefined;
/** A value of a row in its domain; undefined is null. */
type Value = bigint | number | string | boolean | undefined;
interface Leaf {
  readonly operation: Operation;
  readonly holds: (row: number) => Tri;
}

const fields = [keyField(), ...fieldsOfEveryType(101)];
const fieldOf = (type: DataType): FieldSchema => {
  const field = fields.find((candidate) => candidate.type === type && !candidate.isPrimaryKey);
  return field ?? assert.fail(`no field of type ${type}`);
};
const integerTypes = [DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64];
const floatTypes = [DataType.Float, DataType.Double];
const comparisons = Object.values(Comparison);

export function filterContract(makeEngine: MakeEngine): void {
  for (const kind of KINDS) {
    const world = () => makeWorld(makeEngine(), { fields, kind, rows: 200, seed: 21 });

    test(`every column operation agrees with plain values on a ${kind} segment`, async () => {
      const { segment, ...rest } = await world();
      const prng = Prng.fromSeed(22);
      for (const make of leafMakers) {
        for (let round = 0; round < 25; round++) {
          const leaf = make(prng, { segment, ...rest });
          assertMatches(
            segment,
            filterProgram([leaf.operation]),
            (row) => leaf.holds(row),
            describeLeaf(leaf),
          );
          // NOT shows which rows are false and which are unknown.
          const negated = filterProgram([
            { ...leaf.operation, target: 1 },
            { opcode: FilterOp.Not, target: 0, a: 1 },
          ]);
          assertMatches(segment, negated, (row) => not(leaf.holds(row)), `not ${describeLeaf(leaf)}`);
        }
      }
      segment.close();
    });

    test(`trees of AND, OR and NOT follow three-valued logic on a ${kind} segment`, async () => {
      const { segment, ...rest } = await world();
      const prng = Prng.fromSeed(23);
      for (let round = 0; round < 60; round++) {
        const operations: Operation[] = [];
        const holds = randomTree(prng, { segment, ...rest }, operations, 0, prng.between(1, 5));
        assertMatches(segment, filterProgram(operations), holds, `tree ${round}`);
      }
      segment.close();
    });

    test(`bitmaps given by the caller take part in a filter on a ${kind} segment`, async () => {
      const { segment, rows } = await world();
      const prng = Prng.fromSeed(24);
      const truths = [0, 1].map(() =>
        Array.from({ length: rows }, (): Tri => prng.pick([true, false, undefined])),
      );
      const externals = truths.map(bitmapOf);
      const program = filterProgram(
        [
          { opcode: FilterOp.External, target: 1, field: 0 },
          { opcode: FilterOp.External, target: 2, field: 1 },
          { opcode: FilterOp.Not, target: 2, a: 2 },
          { opcode: FilterOp.And, target: 0, a: 1, b: 2 },
        ],
        2,
      );
      const rowsSeen = segment.retrieve(
        { visibility: EVERYTHING, filter: { program, externals }, limit: -1, order: "row" },
        undefined,
      );
      const expected = matching(rows, (row) => and(truths[0]?.[row], not(truths[1]?.[row])));
      assert.deepEqual([...rowsSeen], expected);
      segment.close();
    });
  }

  test("rows behind the end of a bitmap are unknown: they came while the caller computed it", async () => {
    const { segment } = await makeWorld(makeEngine(), {
      fields: [keyField()],
      kind: "growing",
      rows: 150,
      seed: 1,
    });
    const all = ~0n & ((1n << 64n) - 1n);
    const externals = [{ isTrue: BigUint64Array.of(all), isFalse: BigUint64Array.of(0n) }];
    for (const [target, expected] of [
      [0, 64],
      [1, 0],
    ] as const) {
      const operations = [
        { opcode: FilterOp.External, target, field: 0 },
        ...(target === 0 ? [] : [{ opcode: FilterOp.Not, a: 1 }]),
      ];
      const filter = { program: filterProgram(operations, 1), externals };
      assert.equal(segment.count({ visibility: EVERYTHING, filter }, undefined), expected);
    }
    segment.close();
  });

  test("constants of truth are true, false and unknown for every row", async () => {
    const { segment } = await makeWorld(makeEngine(), {
      fields: [keyField()],
      kind: "growing",
      rows: 9,
      seed: 1,
    });
    const truths: Tri[] = [false, true, undefined];
    truths.forEach((truth, a) => {
      assertMatches(segment, filterProgram([{ opcode: FilterOp.Const, a }]), () => truth, `const ${a}`);
      const negated = filterProgram([
        { opcode: FilterOp.Const, target: 3, a },
        { opcode: FilterOp.Not, target: 0, a: 3 },
      ]);
      assertMatches(segment, negated, () => not(truth), `not const ${a}`);
    });
    segment.close();
  });

  test("the whole range of int64 and doubles compares exactly", async () => {
    const max = (1n << 63n) - 1n;
    const ints = [0n, 1n, -1n, max, -max - 1n, 1n << 53n, (1n << 53n) + 1n, -(1n << 53n) - 1n];
    const numbers = [0, -0, NaN, Infinity, -Infinity, 2 ** 53, Number.MIN_VALUE, -1.5];
    await withColumns(
      makeEngine,
      { [DataType.Int64]: BigInt64Array.from(ints), [DataType.Double]: Float64Array.from(numbers) },
      (segment) => {
        for (const comparison of comparisons) {
          for (const constant of ints) {
            const operation = {
              opcode: FilterOp.Compare,
              field: DataType.Int64,
              comparison,
              constant: int64s(constant),
            };
            assertMatches(
              segment,
              filterProgram([operation]),
              (row) => compare(comparison, ints[row], constant),
              `int ${comparison} ${constant}`,
            );
          }
          for (const constant of numbers) {
            const onDouble = {
              opcode: FilterOp.Compare,
              field: DataType.Double,
              comparison,
              constant: doubles(constant),
            };
            assertMatches(
              segment,
              filterProgram([onDouble]),
              (row) => compare(comparison, numbers[row], constant),
              `double ${comparison} ${constant}`,
            );
            const onInt = { ...onDouble, field: DataType.Int64 };
            assertMatches(
              segment,
              filterProgram([onInt]),
              (row) => compare(comparison, Number(ints[row]), constant),
              `int as double ${comparison} ${constant}`,
            );
          }
        }
        const list = { opcode: FilterOp.In, field: DataType.Double, constant: doubleList([0, 2 ** 53, 7]) };
        assertMatches(
          segment,
          filterProgram([list]),
          (row) => [0, 2 ** 53].includes(numbers[row] ?? 1),
          "in",
        );
      },
    );
  });

  test("integer arithmetic wraps at 64 bits and truncates; a division by zero is unknown", async () => {
    const max = (1n << 63n) - 1n;
    const ints = [0n, 7n, -7n, max, -max - 1n, 3n];
    const numbers = [0, 7.5, -7.5, 1e300, -2, 3];
    await withColumns(
      makeEngine,
      { [DataType.Int64]: BigInt64Array.from(ints), [DataType.Double]: Float64Array.from(numbers) },
      (segment) => {
        for (const arithmetic of [
          Arithmetic.Add,
          Arithmetic.Sub,
          Arithmetic.Mul,
          Arithmetic.Div,
          Arithmetic.Mod,
        ]) {
          for (const operand of [0n, 1n, -1n, 2n, -3n, max]) {
            for (const bound of [0n, 1n, -2n, max, -max - 1n]) {
              for (const comparison of [Comparison.Eq, Comparison.Ne, Comparison.Lt, Comparison.Ge]) {
                const name = `(v ${arithmetic} ${operand}) ${comparison} ${bound}`;
                const ints64 = {
                  opcode: FilterOp.Arith,
                  field: DataType.Int64,
                  arithmetic,
                  comparison,
                  constant: int64s(operand, bound),
                };
                assertMatches(
                  segment,
                  filterProgram([ints64]),
                  (row) => compare(comparison, intArith(arithmetic, ints[row], operand), bound),
                  name,
                );
                const floats = {
                  ...ints64,
                  field: DataType.Double,
                  constant: doubles(Number(operand), Number(bound)),
                };
                const result = (row: number) => floatArith(arithmetic, numbers[row], Number(operand));
                assertMatches(
                  segment,
                  filterProgram([floats]),
                  (row) => compare(comparison, result(row), Number(bound)),
                  `double ${name}`,
                );
              }
            }
          }
        }
      },
    );
  });

  test("LIKE matches whole values, characters and not bytes", async () => {
    const engine = makeEngine();
    const values = [
      "",
      "a",
      "ab",
      "abc",
      "aXc",
      "é",
      "aéc",
      "日本",
      "a日b",
      "%",
      "_",
      "aaab",
      "abab",
      "a\nb",
      "🪁",
    ];
    const field = testField(101, DataType.VarChar);
    const bytes = values.map((value) => new TextEncoder().encode(value));
    const offsets = new Int32Array(values.length + 1);
    bytes.forEach((part, i) => (offsets[i + 1] = (offsets[i] ?? 0) + part.length));
    const columns = new Map<number, Column>([
      ...randomRows(Prng.fromSeed(1), [keyField()], sequentialKeys("int64", 0, values.length)),
      [
        101,
        {
          kind: "bytes",
          type: DataType.VarChar,
          rows: values.length,
          offsets,
          bytes: new Uint8Array(Buffer.concat(bytes)),
          validity: undefined,
        },
      ],
    ]);
    const segment = engine.createGrowing({ fields: [keyField(), field], rowsMax: 100, seed: 1 });
    segment.append(batchOf(columns), ts(1));
    const patterns = [
      "",
      "%",
      "%%",
      "_",
      "__",
      "a%",
      "%b",
      "a_c",
      "%a%",
      "a%b",
      "_%",
      "%_",
      "%ab",
      "ab%ab",
      "%日%",
      "_本",
      "a_b",
      "%é_",
      "abc",
      "x%",
      "%a%b%",
      "aa%ab",
    ];
    for (const pattern of patterns) {
      const expression = new RegExp(`^${pattern.replaceAll("%", ".*").replaceAll("_", ".")}$`, "su");
      const program = filterProgram([{ opcode: FilterOp.Like, field: 101, constant: like(pattern) }]);
      assertMatches(segment, program, (row) => expression.test(values[row] ?? ""), `like ${pattern}`);
    }
    segment.close();
  });

  test("a field that the segment does not have is null where the program says so, else refused", async () => {
    const { segment } = await makeWorld(makeEngine(), {
      fields: [keyField()],
      kind: "sealed",
      rows: 9,
      seed: 1,
    });
    const missing = 4;
    const compareIt = { opcode: FilterOp.Compare, field: 999, constant: int64s(1n), target: 1 };
    const lenient = { ...compareIt, flags: missing };
    assertMatches(segment, filterProgram([{ ...lenient, target: 0 }]), () => undefined, "missing");
    assertMatches(
      segment,
      filterProgram([lenient, { opcode: FilterOp.Not, a: 1 }]),
      () => undefined,
      "not missing",
    );
    assertMatches(
      segment,
      filterProgram([{ opcode: FilterOp.IsNull, field: 999, flags: missing }]),
      () => true,
      "is null",
    );
    const strict = { program: filterProgram([{ ...compareIt, target: 0 }]), externals: [] };
    assert.throws(() => segment.count({ visibility: EVERYTHING, filter: strict }, undefined));
    segment.close();
  });

  test("a filter sees visible rows only, and limits apply behind it", async () => {
    const { segment, columns } = await makeWorld(makeEngine(), {
      fields,
      kind: "growing",
      rows: 120,
      seed: 25,
    });
    segment.applyDeletes(sequentialKeys("int64", 0, 30), new BigUint64Array(30).fill(1_000n));
    const field = fieldOf(DataType.Int32);
    const constant = int64s(0n);
    const program = filterProgram([
      { opcode: FilterOp.Compare, field: field.id, comparison: Comparison.Ge, constant },
    ]);
    const filter = { program, externals: [] };
    const column = columnOf(columns, field.id);
    const expected = matching(120, (row) => row >= 30 && compare(Comparison.Ge, valueAt(column, row), 0n));
    const read = { visibility: seenAt(1_000), filter };
    assert.equal(segment.count(read, undefined), expected.length);
    assert.deepEqual(
      [...segment.retrieve({ ...read, limit: 4, order: "row" }, undefined)],
      expected.slice(0, 4),
    );
    assert.deepEqual(
      [...segment.retrieve({ ...read, limit: 4, order: "key" }, undefined)],
      expected.slice(0, 4),
    );
    segment.close();
  });
}

type LeafMaker = (prng: Prng, world: World) => Leaf;

function valueLeaf(operation: Operation, column: Column, test: (value: NonNullable<Value>) => Tri): Leaf {
  const holds = (row: number) => {
    const value = valueAt(column, row);
    return value === undefined ? undefined : test(value);
  };
  return { operation, holds };
}

const leafMakers: readonly LeafMaker[] = [
  (prng, { columns }) => {
    const field = fieldOf(prng.pick([...integerTypes, ...floatTypes, DataType.VarChar, DataType.Bool]));
    const column = columnOf(columns, field.id);
    const comparison = prng.pick(comparisons);
    const [value, constant] = randomConstant(prng, field.type, column);
    const operation = { opcode: FilterOp.Compare, field: field.id, comparison, constant };
    return valueLeaf(operation, column, (v) => compare(comparison, v, value));
  },
  (prng, { columns }) => {
    const field = fieldOf(prng.pick(integerTypes));
    const column = columnOf(columns, field.id);
    const comparison = prng.pick(comparisons);
    const value = prng.between(-40, 40) / 2;
    const operation = { opcode: FilterOp.Compare, field: field.id, comparison, constant: doubles(value) };
    return valueLeaf(operation, column, (v) => compare(comparison, Number(v), value));
  },
  (prng, { columns }) => {
    const field = fieldOf(prng.pick([...integerTypes, ...floatTypes, DataType.VarChar]));
    const column = columnOf(columns, field.id);
    const [a, b] = [randomConstant(prng, field.type, column)[0], randomConstant(prng, field.type, column)[0]];
    const [lower, upper] = prng.chance(0.8) && compare(Comparison.Gt, a, b) ? [b, a] : [a, b];
    const flags = prng.int(4);
    const constant =
      typeof lower === "string" && typeof upper === "string"
        ? textRange(lower, upper)
        : typeof lower === "bigint" && typeof upper === "bigint"
          ? int64s(lower, upper)
          : doubles(Number(lower), Number(upper));
    const above = flags & LOWER_INCLUSIVE ? Comparison.Ge : Comparison.Gt;
    const below = flags & UPPER_INCLUSIVE ? Comparison.Le : Comparison.Lt;
    const operation = { opcode: FilterOp.Range, field: field.id, flags, constant };
    return valueLeaf(operation, column, (v) => and(compare(above, v, lower), compare(below, v, upper)));
  },
  (prng, { columns }) => {
    const field = fieldOf(prng.pick([...integerTypes, ...floatTypes, DataType.VarChar]));
    const column = columnOf(columns, field.id);
    const values = Array.from({ length: prng.int(12) }, () => randomConstant(prng, field.type, column)[0]);
    const wanted = new Set(values);
    const constant =
      field.type === DataType.VarChar
        ? textList(values.map(String))
        : floatTypes.some((type) => type === field.type)
          ? doubleList(values.map(Number))
          : int64List(values.filter((value) => typeof value === "bigint"));
    return valueLeaf({ opcode: FilterOp.In, field: field.id, constant }, column, (v) => wanted.has(v));
  },
  (prng, { columns }) => {
    const field = fieldOf(DataType.VarChar);
    const pattern = prng.pick([
      "%",
      "a%",
      "%b",
      "%ab%",
      "kite",
      "_",
      "__",
      "%e_",
      "%日%",
      "Kite%",
      "",
      "a%b%",
    ]);
    const expression = new RegExp(`^${pattern.replaceAll("%", ".*").replaceAll("_", ".")}$`, "su");
    const operation = { opcode: FilterOp.Like, field: field.id, constant: like(pattern) };
    return valueLeaf(operation, columnOf(columns, field.id), (v) => expression.test(String(v)));
  },
  (prng, { columns }) => {
    const field = prng.pick(fields);
    const { validity } = columnOf(columns, field.id);
    return {
      operation: { opcode: FilterOp.IsNull, field: field.id },
      holds: (row) => !isValid(validity, row),
    };
  },
  (_, { columns }) => {
    const field = fieldOf(DataType.Bool);
    return valueLeaf(
      { opcode: FilterOp.Bool, field: field.id },
      columnOf(columns, field.id),
      (v) => v === true,
    );
  },
  (prng, { columns }) => {
    const field = fieldOf(prng.pick([...integerTypes, ...floatTypes]));
    const column = columnOf(columns, field.id);
    const arithmetic = prng.pick([
      Arithmetic.Add,
      Arithmetic.Sub,
      Arithmetic.Mul,
      Arithmetic.Div,
      Arithmetic.Mod,
    ]);
    const comparison = prng.pick(comparisons);
    const [operand, bound] = [BigInt(prng.between(-4, 4)), BigInt(prng.between(-20, 20))];
    const isInteger = integerTypes.some((type) => type === field.type) && prng.chance(0.7);
    const constant = isInteger ? int64s(operand, bound) : doubles(Number(operand), Number(bound));
    const operation = { opcode: FilterOp.Arith, field: field.id, arithmetic, comparison, constant };
    return valueLeaf(operation, column, (v) =>
      isInteger && typeof v === "bigint"
        ? compare(comparison, intArith(arithmetic, v, operand), bound)
        : compare(comparison, floatArith(arithmetic, Number(v), Number(operand)), Number(bound)),
    );
  },
  (prng, { columns }) => {
    const isText = prng.chance(0.2);
    const types = isText ? [DataType.VarChar] : [...integerTypes, ...floatTypes];
    const [first, second] = [fieldOf(prng.pick(types)), fieldOf(prng.pick(types))];
    const comparison = prng.pick(comparisons);
    const operation = { opcode: FilterOp.CompareFields, field: first.id, second: second.id, comparison };
    const isFloat = [first, second].some((field) => floatTypes.some((type) => type === field.type));
    const other = columnOf(columns, second.id);
    const column = columnOf(columns, first.id);
    const holds = (row: number) => {
      const [a, b] = [valueAt(column, row), valueAt(other, row)];
      if (a === undefined || b === undefined) return undefined;
      return isFloat ? compare(comparison, Number(a), Number(b)) : compare(comparison, a, b);
    };
    return { operation, holds };
  },
];

/** A value that the column often holds, and the constant for it. */
function randomConstant(prng: Prng, type: DataType, column: Column): [NonNullable<Value>, Constant] {
  const held = column.rows > 0 && prng.chance(0.5) ? valueAt(column, prng.int(column.rows)) : undefined;
  switch (type) {
    case DataType.Bool: {
      const value = prng.chance(0.5);
      return [value, bool(value)];
    }
    case DataType.VarChar: {
      const value = typeof held === "string" ? held : prng.pick(["", "a", "kite", "日本", "zz", "zzz"]);
      return [value, text(value)];
    }
    case DataType.Float:
    case DataType.Double: {
      const value = typeof held === "number" ? held : prng.between(-40, 40) / 2;
      return [value, doubles(value)];
    }
    default: {
      // Small, so that a list of them survives the way through Number.
      const value =
        typeof held === "bigint" && held > -1000n && held < 1000n ? held : BigInt(prng.between(-300, 300));
      return [value, int64s(value)];
    }
  }
}

/** Appends the operations of a random tree that ends in register `target`; registers above it are free. */
function randomTree(
  prng: Prng,
  world: World,
  operations: Operation[],
  target: number,
  depth: number,
): (row: number) => Tri {
  if (depth === 0) {
    const leaf = prng.pick(leafMakers)(prng, world);
    operations.push({ ...leaf.operation, target });
    return leaf.holds;
  }
  const a = randomTree(prng, world, operations, target, depth - 1);
  if (prng.chance(0.25)) {
    operations.push({ opcode: FilterOp.Not, target, a: target });
    return (row) => not(a(row));
  }
  const b = randomTree(prng, world, operations, target + 1, prng.int(depth));
  const isAnd = prng.chance(0.5);
  operations.push({ opcode: isAnd ? FilterOp.And : FilterOp.Or, target, a: target, b: target + 1 });
  return (row) => (isAnd ? and(a(row), b(row)) : not(and(not(a(row)), not(b(row)))));
}

function assertMatches(
  segment: Segment,
  program: FilterProgram,
  holds: (row: number) => Tri,
  name: string,
): void {
  const filter = { program, externals: [] };
  const expected = matching(segment.rows, holds);
  const found = segment.retrieve({ visibility: EVERYTHING, filter, limit: -1, order: "row" }, undefined);
  assert.deepEqual([...found], expected, name);
  assert.equal(segment.count({ visibility: EVERYTHING, filter }, undefined), expected.length, name);
}

function matching(rows: number, holds: (row: number) => Tri): number[] {
  return Array.from({ length: rows }, (_, row) => row).filter((row) => holds(row) === true);
}

function valueAt(column: Column, row: number): Value {
  if (!isValid(column.validity, row)) return undefined;
  if (column.kind === "bytes") {
    return new TextDecoder().decode(column.bytes.subarray(column.offsets[row], column.offsets[row + 1]));
  }
  const value = column.kind === "fixed" ? column.values[row] : undefined;
  if (column.type === DataType.Bool) return value === 1;
  return integerTypes.some((type) => type === column.type) && value !== undefined ? BigInt(value) : value;
}

/** Unknown where a side is; texts compare by bytes. */
function compare(comparison: number, a: Value, b: Value): Tri {
  if (a === undefined || b === undefined) return undefined;
  const [x, y] = typeof a === "string" ? [Buffer.compare(Buffer.from(a), Buffer.from(String(b))), 0] : [a, b];
  switch (comparison) {
    case Comparison.Eq:
      return x === y;
    case Comparison.Ne:
      return x !== y;
    case Comparison.Lt:
      return x < y;
    case Comparison.Le:
      return x <= y;
    case Comparison.Gt:
      return x > y;
    default:
      return x >= y;
  }
}

function intArith(arithmetic: number, a: bigint | undefined, b: bigint): bigint | undefined {
  if (a === undefined || (b === 0n && arithmetic >= Arithmetic.Div)) return undefined;
  const results = [a, a + b, a - b, a * b, b === 0n ? 0n : a / b, b === 0n ? 0n : a % b];
  return BigInt.asIntN(64, results[arithmetic] ?? 0n);
}

function floatArith(arithmetic: number, a: number | undefined, b: number): number | undefined {
  if (a === undefined || (b === 0 && arithmetic >= Arithmetic.Div)) return undefined;
  return [a, a + b, a - b, a * b, a / b, a % b][arithmetic];
}

function and(a: Tri, b: Tri): Tri {
  if (a === false || b === false) return false;
  return a === true && b === true ? true : undefined;
}

function not(a: Tri): Tri {
  return a === undefined ? undefined : !a;
}

function bitmapOf(truths: readonly Tri[]): TriBitmap {
  const words = () => new BigUint64Array(Math.ceil(truths.length / 64));
  const bitmap = { isTrue: words(), isFalse: words() };
  truths.forEach((truth, row) => {
    const target = truth === true ? bitmap.isTrue : truth === false ? bitmap.isFalse : undefined;
    if (target !== undefined) target[row >> 6] = (target[row >> 6] ?? 0n) | (1n << BigInt(row & 63));
  });
  return bitmap;
}

/** Checks a growing and a sealed segment whose fields are numbered by their types. */
async function withColumns(
  makeEngine: MakeEngine,
  values: Readonly<Record<number, FixedValues>>,
  check: (segment: Segment) => void,
): Promise<void> {
  const engine = makeEngine();
  const given = Object.entries(values).map(([id, array]) => ({
    field: testField(Number(id), Number(id) as DataType),
    array,
  }));
  const rows = given[0]?.array.length ?? 0;
  const all = [keyField(), ...given.map(({ field }) => field)];
  const columns = new Map<number, Column>([
    ...randomRows(Prng.fromSeed(1), [keyField()], sequentialKeys("int64", 0, rows)),
    ...given.map(({ field, array }): [number, Column] => [
      field.id,
      { kind: "fixed", type: field.type, dim: 0, rows, values: array, validity: undefined },
    ]),
  ]);
  const growing = engine.createGrowing({ fields: all, rowsMax: 100, seed: 1 });
  growing.append(batchOf(columns), ts(1));
  const sealed = await sealedCopy(engine, growing, all);
  check(growing);
  check(sealed);
  sealed.close();
  growing.close();
}

function describeLeaf(leaf: Leaf): string {
  return JSON.stringify(leaf.operation, (_, value: unknown) =>
    value instanceof Uint8Array ? [...value] : value,
  );
}
