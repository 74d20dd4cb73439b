import { DataType, dataTypeName } from "../model/data-type.ts";
import type { ArithmeticOp, ComparisonOp, Constant, NumberConstant } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";
import { INT64_MAX } from "./number-literal.ts";

/** The type that a constant has by itself, as Milvus names it in messages. */
export function constantType(constant: Constant): DataType {
  switch (constant.kind) {
    case "bool":
      return DataType.Bool;
    case "int":
      return DataType.Int64;
    case "float":
      return DataType.Double;
    case "string":
      return DataType.VarChar;
    case "array":
      return DataType.Array;
  }
}

/** Of the elements when all have one type, Double for integers among doubles, else None. */
export function elementTypeOf(items: readonly Constant[]): DataType {
  const [first] = items;
  if (first === undefined) return DataType.None;
  if (items.every((item) => item.kind === first.kind)) return constantType(first);
  return items.every(({ kind }) => kind === "int" || kind === "float") ? DataType.Double : DataType.None;
}

/** As the protobuf text of Milvus's messages shows a value: `int64_val:1`. */
export function describeConstant(constant: Constant): string {
  switch (constant.kind) {
    case "bool":
      return `bool_val:${constant.value}`;
    case "int":
      return `int64_val:${constant.value}`;
    case "float":
      return `float_val:${constant.value}`;
    case "string":
      return `string_val:${JSON.stringify(constant.value.slice(0, 100))}`;
    case "array":
      return `array_val:{${constant.items
        .slice(0, 8)
        .map((item) => `array:{${describeConstant(item)}}`)
        .join("")}}`;
  }
}

export function isInteger(type: DataType): boolean {
  return (
    type === DataType.Int8 || type === DataType.Int16 || type === DataType.Int32 || type === DataType.Int64
  );
}

export function isFloating(type: DataType): boolean {
  return type === DataType.Float || type === DataType.Double;
}

export function isNumeric(type: DataType): boolean {
  return isInteger(type) || isFloating(type);
}

export function isText(type: DataType): boolean {
  return type === DataType.VarChar || type === DataType.String || type === DataType.Text;
}

/**
 * The constant as a column of `type` compares it. Milvus narrows constants to the width of a Float column, so that
 * `price == 0.1` finds what was inserted as 0.1; so do we.
 */
export function castConstant(type: DataType, constant: Constant): Constant {
  if (type === DataType.JSON) return constant;
  if (type === DataType.Array && constant.kind === "array") return constant;
  if (isText(type) && constant.kind === "string") return constant;
  if (type === DataType.Bool && constant.kind === "bool") return constant;
  if (isFloating(type) && (constant.kind === "int" || constant.kind === "float")) {
    const value = Number(constant.value);
    return { kind: "float", value: type === DataType.Float ? Math.fround(value) : value };
  }
  if (isInteger(type) && constant.kind === "int") return constant;
  throw new ExpressionError(
    `cannot cast value to ${dataTypeName(type)}, value: ${describeConstant(constant)}`,
  );
}

/** a op b on two constants of a filter. Integers wrap at 64 bits and divide towards zero, as in Milvus. */
export function foldArithmetic(op: ArithmeticOp | "**", a: Constant, b: Constant): Constant {
  const name = arithmeticNames[op];
  if (op === "&" || op === "|" || op === "^") {
    if (a.kind !== "int" || b.kind !== "int")
      throw new ExpressionError(`${name} can only apply on integer fields`);
    return {
      kind: "int",
      value: op === "&" ? a.value & b.value : op === "|" ? a.value | b.value : a.value ^ b.value,
    };
  }
  if (op === "%" && (a.kind !== "int" || b.kind !== "int")) {
    throw new ExpressionError("modulo can only apply on integer");
  }
  const left = number(a, name);
  const right = number(b, name);
  if ((op === "/" || op === "%") && Number(right.value) === 0) {
    throw new ExpressionError(op === "/" ? "cannot divide by zero" : "cannot modulo by zero");
  }
  if (op === "**") return power(left, right);
  if (left.kind === "int" && right.kind === "int") {
    return { kind: "int", value: intArithmetic(op, left.value, right.value) };
  }
  return { kind: "float", value: floatArithmetic(op, Number(left.value), Number(right.value)) };
}

/** Wraps at 64 bits. `b` is not 0 for `/` and `%`. */
export function intArithmetic(op: ArithmeticOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case "+":
      return BigInt.asIntN(64, a + b);
    case "-":
      return BigInt.asIntN(64, a - b);
    case "*":
      return BigInt.asIntN(64, a * b);
    case "/":
      return BigInt.asIntN(64, a / b);
    case "%":
      return a % b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
  }
}

/** `%` has the sign of the dividend; the bit operators see the integer parts. */
export function floatArithmetic(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "&":
    case "|":
    case "^":
      return Number(intArithmetic(op, truncate(a), truncate(b)));
  }
}

/** Undefined when values of these kinds have no order. */
export function compareConstants(op: ComparisonOp, a: Constant, b: Constant): boolean | undefined {
  if (a.kind === "bool" && b.kind === "bool") {
    if (op === "==") return a.value === b.value;
    return op === "!=" ? a.value !== b.value : undefined;
  }
  if (a.kind === "string" && b.kind === "string") return holds(op, compareText(a.value, b.value));
  if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) {
    if (a.kind === "int" && b.kind === "int")
      return holds(op, a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
    return numbersHold(op, Number(a.value), Number(b.value));
  }
  return undefined;
}

/** `op` on an order: negative, zero or positive. */
export function holds(op: ComparisonOp, order: number): boolean {
  switch (op) {
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** `op` on floating-point numbers: with a NaN only `!=` holds. */
export function numbersHold(op: ComparisonOp, a: number, b: number): boolean {
  switch (op) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
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

/**
 * Order of the UTF-8 bytes. JavaScript's own order differs where one text has a character beyond U+FFFF (a surrogate pair) and the
 * other one between U+E000 and U+FFFF.
 */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

export const arithmeticNames: Readonly<Record<ArithmeticOp | "**", string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "modulo",
  "&": "bitand",
  "|": "bitor",
  "^": "bitxor",
  "**": "power",
};

function number(constant: Constant, operation: string): NumberConstant {
  if (constant.kind === "int" || constant.kind === "float") return constant;
  const type = constant.kind === "array" ? "array" : constant.kind;
  throw new ExpressionError(`${operation} cannot apply on ${type} field`);
}

/** An integer where it is one and fits, as in Milvus: 2 ** -1 is 0.5 and 10 ** 30 is a double. */
function power(base: NumberConstant, exponent: NumberConstant): NumberConstant {
  const value = Number(base.value) ** Number(exponent.value);
  if (
    base.kind === "int" &&
    exponent.kind === "int" &&
    exponent.value >= 0n &&
    Math.abs(value) <= Number(INT64_MAX)
  ) {
    const exact = base.value ** exponent.value;
    if (exact === BigInt.asIntN(64, exact)) return { kind: "int", value: exact };
  }
  return { kind: "float", value };
}

function truncate(value: number): bigint {
  return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : 0n;
}

function aboveSurrogates(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Equal for equal constants of one kind, different across kinds. */
export function constantKey(constant: Constant): string {
  switch (constant.kind) {
    case "bool":
      return constant.value ? "t" : "f";
    case "int":
      return `i${constant.value}`;
    case "float":
      return Object.is(constant.value, -0) ? "d0" : `d${constant.value}`;
    case "string":
      return `s${constant.value}`;
    case "array":
      // Lengths keep ["a", "b"] apart from ["a,b"].
      return `[${constant.items
        .map(constantKey)
        .map((key) => `${key.length}:${key}`)
        .join("")}]`;
  }
}
