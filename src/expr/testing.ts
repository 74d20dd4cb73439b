/** What the tests of this folder share: a schema with a field of each kind, and random predicates and rows over it. */
import type { Prng } from "../base/prng.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId, type FieldId } from "../model/ids.ts";
import { type CollectionSchema, fieldByName, type FieldSchema, plainField } from "../model/schema.ts";
import type { ColumnRef, ComparisonOp, Constant, PathStep, Predicate } from "./ast.ts";
import { castConstant, isFloating, isInteger } from "./constants.ts";
import type { RowAccessor } from "./evaluate.ts";
import type { Cell } from "./leaf.ts";
import { parseLikePattern } from "./like-pattern.ts";

let nextId = 100;

function field(name: string, type: DataType, more: Partial<FieldSchema> = {}): FieldSchema {
  return plainField(fieldId(nextId++), name, type, more);
}

export const testSchema: CollectionSchema = {
  name: "things",
  description: "",
  fields: [
    field("id", DataType.Int64, { isPrimaryKey: true }),
    field("tenant", DataType.VarChar, { isPartitionKey: true, maxLength: 64 }),
    field("flag", DataType.Bool, { nullable: true }),
    field("i8", DataType.Int8),
    field("i32", DataType.Int32, { nullable: true }),
    field("i64", DataType.Int64, { nullable: true }),
    field("f32", DataType.Float, { nullable: true }),
    field("f64", DataType.Double, { nullable: true }),
    field("text", DataType.VarChar, { nullable: true, maxLength: 256 }),
    field("doc", DataType.JSON, { nullable: true }),
    field("ints", DataType.Array, { elementType: DataType.Int64, nullable: true, maxCapacity: 8 }),
    field("floats", DataType.Array, { elementType: DataType.Float, maxCapacity: 8 }),
    field("texts", DataType.Array, { elementType: DataType.VarChar, maxCapacity: 8 }),
    field("vector", DataType.FloatVector, { dim: 4 }),
    field("$meta", DataType.JSON, { isDynamic: true }),
  ],
  functions: [],
  enableDynamicField: true,
  version: 0,
};

/** The same fields without the dynamic one: undeclared names are errors. */
export const strictSchema: CollectionSchema = {
  ...testSchema,
  fields: testSchema.fields.filter((f) => !f.isDynamic),
  enableDynamicField: false,
};

export function testColumn(name: string, ...path: readonly (string | number)[]): ColumnRef {
  const f = fieldByName(testSchema, name);
  if (f === undefined) throw new Error(`the test schema has no field ${name}`);
  const steps = path.map((step): PathStep => ({
    kind: typeof step === "number" ? "index" : "key",
    text: String(step),
  }));
  return {
    fieldId: f.id,
    name: f.name,
    type: f.type,
    elementType: f.elementType,
    nullable: f.nullable,
    isPrimaryKey: f.isPrimaryKey,
    isPartitionKey: f.isPartitionKey,
    path: steps,
  };
}

/** A row by field names; what is left out is null. */
export function testRow(values: Readonly<Record<string, Cell>>): RowAccessor {
  const cells = new Map<FieldId, Cell>();
  for (const [name, value] of Object.entries(values)) cells.set(testColumn(name).fieldId, value);
  return (id) => cells.get(id) ?? null;
}

/** Few values, so that random predicates and rows often meet. */
const ints = [
  -129n,
  -128n,
  -2n,
  -1n,
  0n,
  1n,
  2n,
  3n,
  5n,
  127n,
  128n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const floats = [-2.5, -1, -0, 0, 0.1, 0.5, 1, 2, 2.5, 3, 1e30, Infinity, -Infinity];
const texts = ["", "a", "ab", "abc", "b", "ba%", "x_y", "é", "\u{1f600}", "\uffee", "quote\"'\\\n"];
const patterns = [
  "%",
  "a%",
  "%b",
  "%a%",
  "_",
  "a_c",
  "",
  "ab",
  "%\\%",
  "a%c",
  "_%_",
  "\\_%",
  "x\\_y",
  "%\u{1f600}",
];
/** None that a LIKE could be, as the type check makes no others. */
const regexes = [".*", "^a.?$", "[ab]", "(?i)AB|é", "^(?:a|b)+$", "\\W", "\\p{So}", "\"|'", "\\\\."];
const comparisons: readonly ComparisonOp[] = ["==", "!=", "<", "<=", ">", ">="];

/** A predicate as the type check could have made it, before simplification. */
export function randomPredicate(random: Prng, depth = 4): Predicate {
  if (depth > 0 && random.chance(0.6)) {
    if (random.chance(0.3)) return { kind: "not", child: randomPredicate(random, depth - 1) };
    const children = Array.from({ length: random.between(2, 4) }, () => randomPredicate(random, depth - 1));
    return { kind: random.chance(0.5) ? "and" : "or", children };
  }
  return randomLeaf(random);
}

const scalars = ["id", "tenant", "flag", "i8", "i32", "i64", "f32", "f64", "text"];

function randomLeaf(random: Prng): Predicate {
  // Half of the leaves on few columns, so that they merge.
  const column = random.chance(0.5)
    ? testColumn(random.pick(["i32", "f64", "text", "i8"]))
    : randomColumn(random);
  switch (random.int(10)) {
    case 0:
      return { kind: "is-null", column: testColumn(random.pick([...scalars, "doc", "ints"])) };
    case 1:
      return { kind: "exists", column: randomPath(random) };
    case 2:
      return {
        kind: "array-length",
        column: random.pick([testColumn("ints"), testColumn("texts"), randomPath(random)]),
        op: random.pick(comparisons),
        value: BigInt(random.between(-1, 3)),
      };
    case 3: {
      const mode = random.pick(["one", "any", "all"] as const);
      const array = random.pick([
        testColumn("ints"),
        testColumn("floats"),
        testColumn("texts"),
        randomPath(random),
      ]);
      const count = mode === "one" ? 1 : random.int(4);
      return {
        kind: "contains",
        mode,
        column: array,
        values: Array.from({ length: count }, () => elementOf(random, array)),
      };
    }
    case 4: {
      const pattern = random.pick(patterns);
      const textColumn = random.pick([
        testColumn("text"),
        testColumn("tenant"),
        testColumn("texts", 0),
        randomPath(random),
      ]);
      if (random.chance(0.3)) return { kind: "regex", column: textColumn, pattern: random.pick(regexes) };
      return { kind: "like", column: textColumn, pattern, parts: parseLikePattern(pattern) };
    }
    case 5:
      return randomArithmetic(random);
    case 6: {
      const [left, right] = random.chance(0.5)
        ? ["i32", "f64"]
        : random.pick([
            ["text", "tenant"],
            ["id", "i64"],
            ["f32", "i8"],
          ]);
      return {
        kind: "compare-fields",
        left: testColumn(left ?? ""),
        op: random.pick(comparisons),
        right: testColumn(right ?? ""),
      };
    }
    case 7: {
      const values = Array.from({ length: random.int(5) }, () => constantFor(random, column));
      return { kind: "in", column, values };
    }
    case 8:
      return randomRange(random, column) ?? randomLeaf(random);
    default:
      return { kind: "compare", column, op: random.pick(comparisons), value: constantFor(random, column) };
  }
}

function randomArithmetic(random: Prng): Predicate {
  const column = random.pick([
    testColumn("i8"),
    testColumn("i64"),
    testColumn("f32"),
    testColumn("f64"),
    randomPath(random),
  ]);
  const integer = isInteger(column.type) || (column.type === DataType.JSON && random.chance(0.5));
  const arithmetic = random.pick(
    integer ? (["+", "-", "*", "/", "%", "&", "|", "^"] as const) : (["+", "-", "*", "/"] as const),
  );
  const number = () => {
    if (integer) return { kind: "int", value: random.pick(ints) } as const;
    const cast = castConstant(column.type === DataType.Float ? DataType.Float : DataType.Double, {
      kind: "float",
      value: random.pick(floats),
    });
    return cast.kind === "float" ? cast : ({ kind: "float", value: 0 } as const);
  };
  const divides = arithmetic === "/" || arithmetic === "%";
  let operand = number();
  if (divides && Number(operand.value) === 0)
    operand = integer ? { kind: "int", value: 2n } : { kind: "float", value: 0.5 };
  return { kind: "arithmetic", column, arithmetic, operand, op: random.pick(comparisons), value: number() };
}

function randomRange(random: Prng, column: ColumnRef): Predicate | undefined {
  const [lower, upper] = [constantFor(random, column), constantFor(random, column)];
  if (lower.kind === "bool" || lower.kind === "array" || upper.kind === "bool" || upper.kind === "array")
    return undefined;
  if ((lower.kind === "string") !== (upper.kind === "string")) return undefined;
  const [lowerInclusive, upperInclusive] = [random.chance(0.5), random.chance(0.5)];
  const ordered =
    lower.kind === "string" ? lower.value < upper.value : Number(lower.value) < Number(upper.value);
  const ascii = [lower, upper].every((c) => c.kind !== "string" || /^[ -~]*$/.test(c.value));
  return ordered && ascii
    ? { kind: "range", column, lower, lowerInclusive, upper, upperInclusive }
    : undefined;
}

function randomColumn(random: Prng): ColumnRef {
  switch (random.int(5)) {
    case 0:
      return randomPath(random);
    case 1:
      return random.pick([testColumn("ints", 0), testColumn("floats", 1), testColumn("texts", 0)]);
    default:
      return testColumn(random.pick(scalars));
  }
}

function randomPath(random: Prng): ColumnRef {
  return random.pick([
    testColumn("doc", "a"),
    testColumn("doc", "a", "b"),
    testColumn("doc", "list"),
    testColumn("doc", "list", 0),
    testColumn("$meta", "k"),
    testColumn("$meta", 'odd "key"\\'),
  ]);
}

function constantFor(random: Prng, column: ColumnRef): Constant {
  const type =
    column.path.length > 0 && column.elementType !== DataType.None ? column.elementType : column.type;
  if (type === DataType.Bool) return { kind: "bool", value: random.chance(0.5) };
  if (isInteger(type)) return { kind: "int", value: random.pick(ints) };
  if (isFloating(type)) return castConstant(type, { kind: "float", value: random.pick(floats) });
  if (type === DataType.JSON) return jsonConstant(random, 1);
  return { kind: "string", value: random.pick(texts) };
}

function elementOf(random: Prng, column: ColumnRef): Constant {
  return column.type === DataType.JSON
    ? jsonConstant(random, 1)
    : constantFor(random, { ...column, path: [{ kind: "index", text: "0" }] });
}

function jsonConstant(random: Prng, depth: number): Constant {
  switch (random.int(depth > 0 ? 5 : 4)) {
    case 0:
      return { kind: "bool", value: random.chance(0.5) };
    case 1:
      return { kind: "int", value: random.pick(ints) };
    case 2:
      return { kind: "float", value: random.pick(floats) };
    case 3:
      return { kind: "string", value: random.pick(texts) };
    default:
      return {
        kind: "array",
        items: Array.from({ length: random.int(3) }, () => jsonConstant(random, depth - 1)),
      };
  }
}

/** A row with nulls where fields may be null. */
export function randomRow(random: Prng): RowAccessor {
  const cells = new Map<FieldId, Cell>();
  for (const f of testSchema.fields) {
    cells.set(f.id, f.nullable && random.chance(0.25) ? null : randomCell(random, f));
  }
  return (id) => cells.get(id) ?? null;
}

function randomCell(random: Prng, field: Pick<FieldSchema, "type" | "elementType">): Cell {
  switch (field.type) {
    case DataType.Bool:
      return random.chance(0.5);
    case DataType.Int8:
      return BigInt.asIntN(8, random.pick(ints));
    case DataType.Int32:
      return BigInt.asIntN(32, random.pick(ints));
    case DataType.Int64:
      return random.pick(ints);
    case DataType.Float:
      return Math.fround(random.chance(0.1) ? NaN : random.pick(floats));
    case DataType.Double:
      return random.chance(0.1) ? NaN : random.pick(floats);
    case DataType.JSON:
      return randomDocument(random);
    case DataType.Array:
      return Array.from({ length: random.int(4) }, () =>
        randomCell(random, { type: field.elementType, elementType: DataType.None }),
      );
    case DataType.FloatVector:
      return true;
    default:
      return random.pick(texts);
  }
}

function randomDocument(random: Prng): string {
  const scalar = () =>
    random.pick([
      "null",
      "true",
      "false",
      "0",
      "1",
      "2",
      "2.5",
      "-1",
      "9007199254740993",
      '"a"',
      '"ab"',
      '""',
    ]);
  const list = () => `[${Array.from({ length: random.int(4) }, scalar).join(", ")}]`;
  const value = () =>
    random.weighted([
      [5, scalar],
      [2, list],
      [1, () => "{}"],
      [1, () => `{"b": ${scalar()}}`],
    ])();
  const members = ["a", "list", "k", 'odd \\"key\\"\\\\']
    .filter(() => random.chance(0.6))
    .map((key) => ` "${key}" :${key === "list" ? list() : value()}`);
  return `{${members.join(",")}}`;
}
