import { DataType, dataTypeName } from "../model/data-type.ts";
import {
  comparedType,
  type ArithmeticOp,
  type ColumnRef,
  type ComparisonOp,
  type Constant,
  type NumberConstant,
  type Predicate,
} from "./ast.ts";
import { castConstant, describeConstant } from "./constants.ts";
import { ExpressionError } from "./expression-error.ts";
import { parseLikePattern } from "./like-pattern.ts";
import { regexAsLike } from "./regex-as-like.ts";
import { checkRegex, REGEX_LENGTH_MAX } from "./regex.ts";
import { rejectWholeArray, type Operand } from "./operand.ts";

/** `operand op constant`, the constant cast to what the operand compares. */
export function compareWithConstant(op: ComparisonOp, operand: Operand, constant: Constant): Predicate {
  switch (operand.kind) {
    case "column": {
      const { column } = operand;
      const cast = castConstant(comparedType(column), constant);
      if (cast.kind === "array" && column.type === DataType.Array) {
        const items = cast.items.map((item) => tryCast(column.elementType, item) ?? item);
        return { kind: "compare", column, op, value: { kind: "array", items } };
      }
      return { kind: "compare", column, op, value: cast };
    }
    case "array-length": {
      const length = castConstant(DataType.Int64, constant);
      if (length.kind !== "int") throw new ExpressionError("array_length compares with an integer");
      return { kind: "array-length", column: operand.column, op, value: length.value };
    }
    case "arithmetic":
      return arithmetic(op, operand, castConstant(operand.type, constant));
    case "predicate":
    case "value":
      throw new ExpressionError("not supported to combine multiple fields");
  }
}

function arithmetic(
  op: ComparisonOp,
  operand: Operand & { readonly kind: "arithmetic" },
  constant: Constant,
): Predicate {
  const { left, right } = operand;
  if (left.kind === "column" && right.kind === "column") {
    throw new ExpressionError("not supported to do arithmetic operations between multiple fields");
  }
  if (right.kind === "column" && left.kind === "value") {
    if (operand.op !== "+" && operand.op !== "*")
      throw new ExpressionError("module field is not yet supported");
    return arithmeticPredicate(right.column, operand.op, left.value, op, constant, operand.type);
  }
  if (left.kind === "column" && right.kind === "value") {
    return arithmeticPredicate(left.column, operand.op, right.value, op, constant, operand.type);
  }
  throw new ExpressionError("complicated arithmetic operations are not supported");
}

function arithmeticPredicate(
  column: ColumnRef,
  arithmetic: ArithmeticOp,
  operand: Constant,
  op: ComparisonOp,
  constant: Constant,
  type: DataType,
): Predicate {
  // A Float column computes in single precision, so its constants are narrowed like those of its comparisons.
  const width = comparedType(column) === DataType.Float ? DataType.Float : type;
  const cast = (value: Constant): NumberConstant => {
    const result = castConstant(width, value);
    if (result.kind === "int" || result.kind === "float") return result;
    throw new ExpressionError(
      `cannot cast value to ${dataTypeName(width)}, value: ${describeConstant(value)}`,
    );
  };
  const right = cast(operand);
  if ((arithmetic === "/" || arithmetic === "%") && Number(right.value) === 0) {
    throw new ExpressionError("division or modulus by zero");
  }
  return { kind: "arithmetic", column, arithmetic, operand: right, op, value: cast(constant) };
}

/** `left op right` on two scalar columns. */
export function compareFields(op: ComparisonOp, left: Operand, right: Operand): Predicate {
  if (left.kind !== "column" || right.kind !== "column") {
    throw new ExpressionError("only comparison between two fields is supported");
  }
  if (left.column.type === DataType.JSON || right.column.type === DataType.JSON) {
    throw new ExpressionError("two column comparison with JSON type is not supported");
  }
  rejectWholeArray(left);
  rejectWholeArray(right);
  return { kind: "compare-fields", left: left.column, op, right: right.column };
}

export function like(column: ColumnRef, pattern: string): Predicate {
  return { kind: "like", column, pattern, parts: parseLikePattern(pattern) };
}

/** A pattern of plain characters becomes a LIKE, which has a kernel. */
export function regex(column: ColumnRef, pattern: string, from: "literal" | "template"): Predicate {
  const plain = pattern.length <= REGEX_LENGTH_MAX ? regexAsLike(pattern) : undefined;
  if (plain !== undefined) return like(column, plain);
  checkRegex(pattern, from);
  return { kind: "regex", column, pattern };
}

/** Undefined where `castConstant` would throw. */
export function tryCast(type: DataType, constant: Constant): Constant | undefined {
  try {
    return castConstant(type, constant);
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}
