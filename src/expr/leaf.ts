import { assertNever } from "../base/assert.ts";
import { utf8Encode } from "../base/bytes.ts";
import { DataType } from "../model/data-type.ts";
import { shiftTimestamptz } from "../model/timestamptz.ts";
import {
  comparedType,
  type ArithmeticPredicate,
  type ColumnRef,
  type ComparisonOp,
  type Constant,
  type ContainsPredicate,
  type LeafPredicate,
} from "./ast.ts";
import { compareText, floatArithmetic, holds, intArithmetic, isFloating, numbersHold } from "./constants.ts";
import { jsonGroupReader } from "./json-group.ts";
import { findJson, isEmptyJson, jsonArrayLength, jsonPath, readJson, type JsonValue } from "./json-text.ts";
import { matchesLike } from "./like-pattern.ts";
import { compileRegex } from "./regex.ts";

/**
 * A field's value in one row. Integers are bigint, or number where they are safe; Float and Double are numbers; JSON is its text; an
 * Array its elements. Other
 * types (vectors, geometry) only ever meet null tests, any value other than null will do.
 */
export type Cell = boolean | bigint | number | string | Uint8Array | JsonCell | readonly Cell[] | null;

/** JSON text inside a larger buffer, so that a column needs no slice per row. */
export interface JsonCell {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** True, false or null for unknown. */
export type Truth = boolean | null;

/** Decides a leaf on the cells of its columns (`columnsOf`, in order); what it needs of the constants is prepared once. */
export type LeafTest = (cell: Cell, second: Cell) => Truth;

export function leafTest(leaf: LeafPredicate): LeafTest {
  switch (leaf.kind) {
    case "is-null":
      return (cell) => cell === null;
    case "exists": {
      const path = jsonPath(leaf.column.path);
      // An absent document has no path: false, not unknown.
      return (cell) => {
        const text = jsonCell(cell);
        const at = text === undefined ? -1 : findJson(text.bytes, text.start, text.end, path);
        return text !== undefined && at !== -1 && !isEmptyJson(text.bytes, at, text.end);
      };
    }
    case "json-group": {
      const steps = leaf.column.path.map(({ text }) => text);
      const valueOf = jsonGroupReader(steps, leaf.type);
      return (cell) => {
        const text = jsonCell(cell);
        const value = text === undefined ? undefined : valueOf(text.bytes, text.start, text.end);
        return value === undefined ? leaf.orNone : leaf.values.has(value);
      };
    }
    case "array-length":
      return arrayLengthTest(leaf.column, leaf.op, Number(leaf.value));
    case "compare-fields":
      return compareFieldsTest(leaf.left, leaf.op, leaf.right);
    case "compare":
      return onValue(leaf.column, compareTest(leaf.op, leaf.value));
    case "range": {
      const lower = compareTest(leaf.lowerInclusive ? ">=" : ">", leaf.lower);
      const upper = compareTest(leaf.upperInclusive ? "<=" : "<", leaf.upper);
      return onValue(leaf.column, (value) => {
        const above = lower(value);
        return above === true ? upper(value) : above;
      });
    }
    case "in":
      return onValue(leaf.column, inTest(leaf.values));
    case "like":
      return onValue(leaf.column, (value) =>
        typeof value === "string" ? matchesLike(leaf.parts, value) : null,
      );
    case "regex": {
      const matches = compileRegex(leaf.pattern);
      return onValue(leaf.column, (value) => (typeof value === "string" ? matches(value) : null));
    }
    case "arithmetic":
      return onValue(leaf.column, arithmeticTest(leaf));
    case "shifted-time": {
      const { months, micros, op, value: expected } = leaf;
      return onValue(leaf.column, (value) =>
        typeof value === "bigint" ? mixedHold(op, shiftTimestamptz(value, months, micros), expected) : null,
      );
    }
    case "contains":
      return onValue(leaf.column, containsTest(leaf));
    default:
      return assertNever(leaf, "leaf");
  }
}

type ValueTest = (value: JsonValue) => Truth;

/** Reads the column's value out of its cell: unknown where there is none. */
function onValue(column: ColumnRef, test: ValueTest): LeafTest {
  if (column.type === DataType.JSON) {
    const path = jsonPath(column.path);
    return (cell) => {
      const text = jsonCell(cell);
      if (text === undefined) return null;
      const at = findJson(text.bytes, text.start, text.end, path);
      const value = at === -1 ? undefined : readJson(text.bytes, at, text.end);
      return value === undefined || value === null ? null : test(value);
    };
  }
  const index = elementIndex(column);
  return (cell) => {
    const value = index === undefined ? plainValue(cell) : elementAt(cell, index);
    return value === null ? null : test(value);
  };
}

function elementIndex(column: ColumnRef): number | undefined {
  const step = column.path[0];
  return column.type === DataType.Array && step !== undefined ? Number(step.text) : undefined;
}

function elementAt(cell: Cell, index: number): JsonValue {
  return Array.isArray(cell) ? plainValue((cell as readonly Cell[])[index] ?? null) : null;
}

function plainValue(cell: Cell): JsonValue {
  if (Array.isArray(cell)) return cell as readonly JsonValue[];
  return typeof cell === "object" ? null : cell;
}

function jsonCell(cell: Cell): JsonCell | undefined {
  if (cell === null) return undefined;
  if (typeof cell === "string") {
    const bytes = utf8Encode(cell);
    return { bytes, start: 0, end: bytes.length };
  }
  if (cell instanceof Uint8Array) return { bytes: cell, start: 0, end: cell.length };
  return typeof cell === "object" && "bytes" in cell ? cell : undefined;
}

/** Unknown when the value's kind does not compare with the constant's. */
function compareTest(op: ComparisonOp, constant: Constant): ValueTest {
  switch (constant.kind) {
    case "string": {
      const { value: text } = constant;
      if (op === "==") return (value) => (typeof value === "string" ? value === text : null);
      if (op === "!=") return (value) => (typeof value === "string" ? value !== text : null);
      return (value) => (typeof value === "string" ? holds(op, compareText(value, text)) : null);
    }
    case "bool": {
      const order = Number(constant.value);
      return (value) => (typeof value === "boolean" ? holds(op, Number(value) - order) : null);
    }
    case "int":
    case "float": {
      const number = constant.value;
      return (value) =>
        typeof value === "number" || typeof value === "bigint" ? mixedHold(op, value, number) : null;
    }
    case "array": {
      const { items } = constant;
      return (value) => {
        if (!Array.isArray(value)) return null;
        if (op !== "==" && op !== "!=") return false;
        return equalItems(value, items) === (op === "==");
      };
    }
  }
}

/** JavaScript orders bigint and number exactly, but `===` tells them apart. */
function mixedHold(op: ComparisonOp, a: number | bigint, b: number | bigint): boolean {
  if (typeof a === "number" && typeof b === "number") return numbersHold(op, a, b);
  switch (op) {
    case "==":
      return sameNumber(a, b);
    case "!=":
      return !sameNumber(a, b);
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

function sameNumber(a: number | bigint, b: number | bigint): boolean {
  return numberKey(a) === numberKey(b);
}

/** Unknown when the list has no value of the value's kind; an empty list is false. */
function inTest(values: readonly Constant[]): ValueTest {
  const { numbers, strings, bools, arrays } = partition(values);
  return (value) => {
    if (values.length === 0) return false;
    switch (typeof value) {
      case "string":
        return strings.size === 0 ? null : strings.has(value);
      case "number":
      case "bigint":
        return numbers.size === 0 ? null : numbers.has(numberKey(value));
      case "boolean":
        return bools.size === 0 ? null : bools.has(value);
      default:
        if (!Array.isArray(value) || arrays.length === 0) return null;
        return arrays.some((items) => equalItems(value, items));
    }
  };
}

function containsTest(leaf: ContainsPredicate): ValueTest {
  const { numbers, strings, bools, arrays } = partition(leaf.values);
  const wanted = numbers.size + strings.size + bools.size + arrays.length;
  return (value) => {
    if (!Array.isArray(value)) return null;
    const elements = value as readonly JsonValue[];
    if (leaf.mode !== "all") return elements.some((element) => findConstant(element) !== undefined);
    if (wanted === 0) return true;
    const found = new Set<unknown>();
    for (const element of elements) {
      if (Array.isArray(element)) {
        for (const items of arrays) if (equalItems(element, items)) found.add(items);
      } else {
        const constant = findConstant(element);
        if (constant !== undefined) found.add(constant);
      }
      if (found.size === wanted) return true;
    }
    return false;
  };

  /** What stands for the element among the constants, if it is one of them. */
  function findConstant(element: JsonValue): unknown {
    switch (typeof element) {
      case "string":
        return strings.has(element) ? `"${element}` : undefined;
      case "number":
      case "bigint":
        return numbers.has(numberKey(element)) ? numberKey(element) : undefined;
      case "boolean":
        return bools.has(element) ? element : undefined;
      default:
        return Array.isArray(element) ? arrays.find((items) => equalItems(element, items)) : undefined;
    }
  }
}

interface ConstantSets {
  readonly numbers: ReadonlySet<number | bigint>;
  readonly strings: ReadonlySet<string>;
  readonly bools: ReadonlySet<boolean>;
  readonly arrays: readonly (readonly Constant[])[];
}

function partition(values: readonly Constant[]): ConstantSets {
  const numbers = new Set<number | bigint>();
  const strings = new Set<string>();
  const bools = new Set<boolean>();
  const arrays: (readonly Constant[])[] = [];
  for (const value of values) {
    if (value.kind === "string") strings.add(value.value);
    else if (value.kind === "bool") bools.add(value.value);
    else if (value.kind === "array") arrays.push(value.items);
    // A Set would find NaN, which equals nothing.
    else if (!Number.isNaN(value.value)) numbers.add(numberKey(value.value));
  }
  return { numbers, strings, bools, arrays };
}

/** One key for equal numbers: a bigint only where no double is exact. */
function numberKey(value: number | bigint): number | bigint {
  if (typeof value === "number") return value;
  const number = Number(value);
  return BigInt(number) === value ? number : value;
}

function equalItems(values: readonly JsonValue[], items: readonly Constant[]): boolean {
  return values.length === items.length && items.every((item, i) => equalsConstant(values[i] ?? null, item));
}

function equalsConstant(value: JsonValue, constant: Constant): boolean {
  if (constant.kind === "array") return Array.isArray(value) && equalItems(value, constant.items);
  if (typeof value === "number" || typeof value === "bigint") {
    return (constant.kind === "int" || constant.kind === "float") && mixedHold("==", value, constant.value);
  }
  return value === constant.value;
}

/**
 * Integers compute in 64 bits and wrap, Float in single precision, Double and the other numbers of JSON as doubles. The type
 * check has seen to a divisor other than 0.
 */
function arithmeticTest(leaf: ArithmeticPredicate): ValueTest {
  const { arithmetic, op, operand, value: expected } = leaf;
  const type = comparedType(leaf.column);
  if (operand.kind === "int") {
    const intOperand = operand.value;
    return (value) => {
      if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) {
        return mixedHold(op, intArithmetic(arithmetic, BigInt(value), intOperand), expected.value);
      }
      if (typeof value !== "number") return null;
      return mixedHold(op, floatArithmetic(arithmetic, value, Number(intOperand)), expected.value);
    };
  }
  const round = type === DataType.Float ? Math.fround : (value: number) => value;
  const right = operand.value;
  const target = Number(expected.value);
  return (value) => {
    if (typeof value !== "number" && typeof value !== "bigint") return null;
    return numbersHold(op, round(floatArithmetic(arithmetic, Number(value), right)), target);
  };
}

function arrayLengthTest(column: ColumnRef, op: ComparisonOp, length: number): LeafTest {
  if (column.type !== DataType.JSON) {
    return (cell) => (Array.isArray(cell) ? numbersHold(op, cell.length, length) : null);
  }
  const path = jsonPath(column.path);
  return (cell) => {
    const text = jsonCell(cell);
    if (text === undefined) return null;
    const at = findJson(text.bytes, text.start, text.end, path);
    const count = at === -1 ? -1 : jsonArrayLength(text.bytes, at, text.end);
    return count === -1 ? null : numbersHold(op, count, length);
  };
}

function compareFieldsTest(left: ColumnRef, op: ComparisonOp, right: ColumnRef): LeafTest {
  const leftIndex = elementIndex(left);
  const rightIndex = elementIndex(right);
  const asDouble = isFloating(comparedType(left)) || isFloating(comparedType(right));
  return (cell, second) => {
    const a = leftIndex === undefined ? plainValue(cell) : elementAt(cell, leftIndex);
    const b = rightIndex === undefined ? plainValue(second) : elementAt(second, rightIndex);
    if (typeof a === "string" && typeof b === "string") return holds(op, compareText(a, b));
    if (typeof a === "boolean" && typeof b === "boolean") return holds(op, Number(a) - Number(b));
    const numbers =
      (typeof a === "number" || typeof a === "bigint") && (typeof b === "number" || typeof b === "bigint");
    if (!numbers) return null;
    // An integer meets a floating-point number as a double, as in Milvus and in the engine.
    return asDouble ? numbersHold(op, Number(a), Number(b)) : mixedHold(op, a, b);
  };
}
