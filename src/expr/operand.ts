import { DataType, dataTypeName } from "../model/data-type.ts";
import type { ArithmeticOp, ColumnRef, Constant, Predicate } from "./ast.ts";
import { constantType, elementTypeOf, isFloating, isInteger, isNumeric, isText } from "./constants.ts";
import { ExpressionError } from "./expression-error.ts";

/** What a part of an expression turned out to be, while types are checked. */
export type Operand =
  /** `template` names the placeholder that the value came from. */
  | { readonly kind: "value"; readonly value: Constant; readonly template?: string }
  | { readonly kind: "column"; readonly column: ColumnRef }
  | {
      readonly kind: "arithmetic";
      readonly op: ArithmeticOp;
      readonly left: Operand;
      readonly right: Operand;
      readonly type: DataType;
    }
  | { readonly kind: "array-length"; readonly column: ColumnRef }
  | { readonly kind: "predicate"; readonly predicate: Predicate };

export function operandType(operand: Operand): DataType {
  switch (operand.kind) {
    case "value":
      return constantType(operand.value);
    case "column":
      return operand.column.type;
    case "arithmetic":
      return operand.type;
    case "array-length":
      return DataType.Int64;
    case "predicate":
      return DataType.Bool;
  }
}

/** `Int64`, or `Array[Int64]` for arrays: how messages name the type. */
export function describeOperandType(operand: Operand): string {
  const type = operandType(operand);
  return type === DataType.Array ? `Array[${dataTypeName(operandElementType(operand))}]` : dataTypeName(type);
}

export function canBeCompared(left: Operand, right: Operand): boolean {
  return typesCompare(scalarType(left), scalarType(right));
}

export function typesCompare(left: DataType, right: DataType): boolean {
  if (left === DataType.JSON) return true;
  if (left === DataType.Bool) return right === DataType.Bool || right === DataType.JSON;
  if (isNumeric(left)) return isNumeric(right) || right === DataType.JSON;
  if (left === DataType.VarChar || left === DataType.String) return isText(right) || right === DataType.JSON;
  return false;
}

/** The type of `left op right`. Integers do not mix with floating-point operands, in either order of a constant and a field. */
export function arithmeticType(name: string, left: Operand, right: Operand): DataType {
  // With the constant on the left Milvus looks at the field first, and so names it first.
  const [first, second] =
    left.kind === "value" ? [scalarType(right), scalarType(left)] : [scalarType(left), scalarType(right)];
  const possible =
    (isInteger(first) && (isInteger(second) || second === DataType.JSON)) ||
    (isFloating(first) && (isNumeric(second) || second === DataType.JSON)) ||
    (first === DataType.JSON && isNumeric(second));
  if (!possible) {
    throw new ExpressionError(
      `'${name}' cannot perform arithmetic between ${dataTypeName(first)} field and ${dataTypeName(second)}`,
    );
  }
  const integers = [first, second].every((type) => isInteger(type) || type === DataType.JSON);
  const modular = name === "modulo" || name.startsWith("bit");
  if (modular && !integers) {
    throw new ExpressionError(
      name === "modulo"
        ? "modulo can only apply on integer types"
        : "bitwise operations can only apply on integer types",
    );
  }
  return integers ? DataType.Int64 : DataType.Double;
}

/** Rejects an Array field itself where a scalar is needed. */
export function rejectWholeArray(operand: Operand): void {
  if (
    operand.kind === "column" &&
    operand.column.type === DataType.Array &&
    operand.column.path.length === 0
  ) {
    throw new ExpressionError("can not comparisons array fields directly");
  }
}

function operandElementType(operand: Operand): DataType {
  if (operand.kind === "column") return operand.column.elementType;
  if (operand.kind === "value" && operand.value.kind === "array") return elementTypeOf(operand.value.items);
  return DataType.None;
}

/** An array stands for its elements: the check does not know yet whether there is an index. */
function scalarType(operand: Operand): DataType {
  const type = operandType(operand);
  return type === DataType.Array ? operandElementType(operand) : type;
}
