import { assertNever } from "../base/assert.ts";
import { DataType, dataTypeName, isVector } from "../model/data-type.ts";
import type { CollectionSchema } from "../model/schema.ts";
import {
  comparedType,
  FALSE,
  mirrorComparison,
  TRUE,
  type ColumnRef,
  type Constant,
  type Predicate,
} from "./ast.ts";
import {
  arithmeticNames,
  castConstant,
  compareConstants,
  constantType,
  describeConstant,
  foldArithmetic,
  isInteger,
  isText,
} from "./constants.ts";
import { compareFields, compareWithConstant, like, regex, tryCast } from "./build-comparison.ts";
import { ExpressionError } from "./expression-error.ts";
import { prefixPattern } from "./like-pattern.ts";
import { INT64_MIN } from "./number-literal.ts";
import {
  arithmeticType,
  canBeCompared,
  describeOperandType,
  operandType,
  rejectWholeArray,
  typesCompare,
  type Operand,
} from "./operand.ts";
import { quoteExpression, quoteSource } from "./quote-source.ts";
import { ColumnResolver } from "./resolve-column.ts";
import { timeComparison } from "./time-comparison.ts";
import type { SyntaxNode } from "./syntax.ts";

export interface TypeCheckInput {
  /** The expression's text, for messages that quote parts of it. */
  readonly text: string;
  readonly schema: CollectionSchema;
  /** Values of `{name}` placeholders. */
  readonly templates: ReadonlyMap<string, Constant>;
  /** Of times that name none. */
  readonly timeZone: string;
}

/**
 * Resolves names, fills in templates, folds constants and checks types. The rules and the wording of errors are Milvus's
 * (its plan parser), because clients match on them. Throws ExpressionError.
 */
export function typeCheck(node: SyntaxNode, input: TypeCheckInput): Predicate {
  const operand = new TypeChecker(input).check(node);
  if (operand.kind === "predicate") return operand.predicate;
  if (operand.kind === "value" && operand.value.kind === "bool") return operand.value.value ? TRUE : FALSE;
  throw new ExpressionError(
    `predicate is not a boolean expression: ${quoteExpression(input.text)}, ` +
      `data type: ${dataTypeName(operandType(operand))}`,
    "plan",
  );
}

type Shape<K extends SyntaxNode["kind"]> = Extract<SyntaxNode, { readonly kind: K }>;

class TypeChecker {
  readonly #input: TypeCheckInput;
  readonly #columns: ColumnResolver;

  constructor(input: TypeCheckInput) {
    this.#input = input;
    this.#columns = new ColumnResolver(input.schema);
  }

  check(node: SyntaxNode): Operand {
    switch (node.kind) {
      case "literal":
        return value(node.value);
      case "int64-min-magnitude":
        throw new ExpressionError("int64 overflow: 9223372036854775808");
      case "name":
        return { kind: "column", column: this.#columns.name(node.name) };
      case "path":
        return { kind: "column", column: this.#columns.path(node.name, node.steps) };
      case "template":
        return this.#template(node.name);
      case "list":
        return this.#list(node);
      case "unary":
        return this.#unary(node);
      case "binary":
        return this.#binary(node);
      case "comparison":
        return this.#comparison(node);
      case "range":
        return predicate(this.#range(node));
      case "in":
        return predicate(this.#in(node));
      case "like":
        return predicate(this.#like(node));
      case "regex":
        return predicate(this.#regex(node));
      case "null-test":
        return predicate(this.#nullTest(node));
      case "exists":
        return predicate(this.#exists(node));
      case "junction":
        return this.#junction(node);
      case "contains":
        return predicate(this.#contains(node));
      case "array-length":
        return this.#arrayLength(node);
      case "time":
      case "interval":
        throw new ExpressionError(
          `ISO and INTERVAL are only served in comparisons of a timestamptz field with a time, got: ${this.#quote(node)}`,
        );
      case "call":
        return predicate(this.#call(node));
      default:
        return assertNever(node, "syntax node");
    }
  }

  #template(name: string): Operand {
    const constant = this.#input.templates.get(name);
    if (constant === undefined) {
      throw new ExpressionError(
        `the value of expression template variable name {${name}} is not found`,
        "plan",
      );
    }
    return { kind: "value", value: constant, template: name };
  }

  #list(node: Shape<"list">): Operand {
    const items = node.items.map((item) => {
      const operand = this.check(item);
      if (operand.kind !== "value") {
        throw new ExpressionError(`array element type must be generic value, but got: ${this.#quote(item)}`);
      }
      return operand.value;
    });
    return value({ kind: "array", items });
  }

  #unary(node: Shape<"unary">): Operand {
    if (node.op === "-" && node.operand.kind === "int64-min-magnitude")
      return value({ kind: "int", value: INT64_MIN });
    const operand = this.check(node.operand);
    if (operand.kind === "value") return value(this.#unaryOnConstant(node, operand.value));
    rejectWholeArray(operand);
    if (node.op === "+") return operand;
    if (node.op !== "not") throw new ExpressionError(`unexpected op: ${node.op}`);
    if (operand.kind !== "predicate")
      throw new ExpressionError("not op can only be applied on boolean expression");
    return predicate({ kind: "not", child: operand.predicate });
  }

  #unaryOnConstant(node: Shape<"unary">, constant: Constant): Constant {
    switch (node.op) {
      case "+":
        return constant;
      case "-":
        if (constant.kind === "int") return { kind: "int", value: BigInt.asIntN(64, -constant.value) };
        if (constant.kind === "float") return { kind: "float", value: -constant.value };
        throw new ExpressionError(`negative cannot apply on ${dataTypeName(constantType(constant))}`);
      case "not":
        if (constant.kind !== "bool") throw new ExpressionError("not can only apply on boolean");
        return { kind: "bool", value: !constant.value };
      case "~":
        throw new ExpressionError("unexpected op: ~");
    }
  }

  #binary(node: Shape<"binary">): Operand {
    if (node.op === "<<" || node.op === ">>") {
      throw new ExpressionError(`shift is not supported: ${this.#quote(node)}`);
    }
    const left = this.check(node.left);
    const right = this.check(node.right);
    if (left.kind === "value" && right.kind === "value")
      return value(foldArithmetic(node.op, left.value, right.value));
    if (node.op === "**")
      throw new ExpressionError(`power can only apply on constants: ${this.#quote(node)}`);
    rejectWholeArray(left);
    rejectWholeArray(right);
    const type = arithmeticType(arithmeticNames[node.op], left, right);
    return { kind: "arithmetic", op: node.op, left, right, type };
  }

  #comparison(node: Shape<"comparison">): Operand {
    const time = timeComparison(node, {
      timeZone: this.#input.timeZone,
      column: (name) => this.#columns.name(name),
      quote: (part) => this.#quote(part),
    });
    if (time !== undefined) return predicate(time);
    const left = this.check(node.left);
    const right = this.check(node.right);
    if (left.kind === "value" && right.kind === "value") {
      const result = compareConstants(node.op, left.value, right.value);
      if (result === undefined) {
        throw new ExpressionError(
          `comparison operations cannot be applied to two incompatible operands: ${this.#quote(node)}`,
        );
      }
      return value({ kind: "bool", value: result });
    }
    const equality = node.op === "==" || node.op === "!=";
    if (!equality) {
      rejectWholeArray(left);
      rejectWholeArray(right);
    }
    const fromTemplate = [left, right].some((side) => side.kind === "value" && side.template !== undefined);
    if (!fromTemplate && !canBeCompared(left, right)) {
      throw new ExpressionError(
        `comparisons between ${describeOperandType(left)} and ${describeOperandType(right)} are not supported`,
      );
    }
    if (left.kind === "value")
      return predicate(compareWithConstant(mirrorComparison(node.op), right, left.value));
    if (right.kind === "value") return predicate(compareWithConstant(node.op, left, right.value));
    return predicate(compareFields(node.op, left, right));
  }

  #range(node: Shape<"range">): Predicate {
    const column = this.#column(node.column);
    rejectWholeArray({ kind: "column", column });
    const ascending = node.direction === "ascending";
    const [lowerNode, upperNode] = ascending ? [node.first, node.second] : [node.second, node.first];
    const lower = this.#rangeBound(lowerNode, "lowerbound", column);
    const upper = this.#rangeBound(upperNode, "upperbound", column);
    const [lowerOp, upperOp] = ascending ? [node.firstOp, node.secondOp] : [node.secondOp, node.firstOp];
    const lowerInclusive = lowerOp === "<=" || lowerOp === ">=";
    const upperInclusive = upperOp === "<=" || upperOp === ">=";
    const crossed = compareConstants(lowerInclusive && upperInclusive ? ">" : ">=", lower, upper);
    if (crossed === undefined) throw new ExpressionError("invalid range operations");
    if (crossed) throw new ExpressionError("invalid range: lowerbound is greater than upperbound");
    return { kind: "range", column, lower, lowerInclusive, upper, upperInclusive };
  }

  #rangeBound(node: SyntaxNode, which: "lowerbound" | "upperbound", column: ColumnRef): Constant {
    const operand = this.check(node);
    if (operand.kind !== "value") {
      throw new ExpressionError(`${which} cannot be a non-const expression: ${this.#quote(node)}`);
    }
    const type = comparedType(column);
    if (type === DataType.Bool) throw new ExpressionError("invalid range operations on boolean expr");
    const { kind } = operand.value;
    const fits =
      type === DataType.JSON
        ? kind !== "array" && kind !== "bool"
        : typesCompare(type, constantType(operand.value));
    if (!fits || (isInteger(type) && kind === "float")) throw new ExpressionError("invalid range operations");
    return castConstant(type, operand.value);
  }

  #in(node: Shape<"in">): Predicate {
    const operand = this.check(node.operand);
    if (operand.kind === "value") {
      throw new ExpressionError(
        `'term' can only be used on non-const expression, but got: ${this.#quote(node.operand)}`,
      );
    }
    if (operand.kind !== "column") {
      throw new ExpressionError(
        `'term' can only be used on single field, but got: ${this.#quote(node.operand)}`,
      );
    }
    const { column } = operand;
    const list = this.check(node.list);
    if (list.kind !== "value") {
      throw new ExpressionError(`value '${this.#quote(node.list)}' in list cannot be a non-const expression`);
    }
    if (list.value.kind !== "array") {
      if (list.template !== undefined) {
        throw new ExpressionError(
          `the value of term expression template variable {${list.template}} is not array`,
          "plan",
        );
      }
      throw new ExpressionError(
        `the right-hand side of 'in' must be a list, but got: ${this.#quote(node.list)}`,
      );
    }
    const type = comparedType(column);
    const values = list.value.items.map((item) => {
      const cast = tryCast(type, item);
      if (cast === undefined || (type === DataType.Array && item.kind === "array")) {
        throw new ExpressionError(
          `value '${describeConstant(item)}' in list cannot be casted to ${dataTypeName(type)}`,
        );
      }
      return cast;
    });
    const result: Predicate = { kind: "in", column, values };
    return node.negated ? { kind: "not", child: result } : result;
  }

  #like(node: Shape<"like">): Predicate {
    const operand = this.check(node.operand);
    if (operand.kind !== "column")
      throw new ExpressionError("like operation on complicated expr is unsupported");
    rejectWholeArray(operand);
    const type = comparedType(operand.column);
    if (!isText(type) && type !== DataType.JSON) {
      throw new ExpressionError("like operation on non-string or no-json field is unsupported");
    }
    const pattern = this.check(node.pattern);
    if (pattern.kind !== "value" || pattern.value.kind !== "string") {
      if (pattern.kind === "value" && pattern.template !== undefined) {
        throw new ExpressionError(
          `the value of like expression template variable {${pattern.template}} is not string`,
          "plan",
        );
      }
      throw new ExpressionError(
        `like pattern should be a string literal or template variable, got: ${this.#quote(node.pattern)}`,
      );
    }
    return like(operand.column, pattern.value.value);
  }

  #regex(node: Shape<"regex">): Predicate {
    const operand = this.check(node.operand);
    if (operand.kind !== "column")
      throw new ExpressionError("regex match on complicated expr is unsupported");
    rejectWholeArray(operand);
    const type = comparedType(operand.column);
    if (!isText(type) && type !== DataType.JSON) {
      throw new ExpressionError("regex match on non-string or non-json field is unsupported");
    }
    const matches = regex(operand.column, ...this.#regexPattern(node.pattern));
    return node.negated ? { kind: "not", child: matches } : matches;
  }

  /** The pattern, and where it is from: what is wrong with a template value is said without the expression. */
  #regexPattern(node: SyntaxNode): [pattern: string, from: "literal" | "template"] {
    const pattern = this.check(node);
    if (pattern.kind === "value" && pattern.template !== undefined) {
      if (pattern.value.kind === "string") return [pattern.value.value, "template"];
      throw new ExpressionError(
        `the value of regex expression template variable {${pattern.template}} is not string`,
        "plan",
      );
    }
    // Only a literal right behind the operator keeps its backslashes, so that none in brackets is taken, as in Milvus.
    const isLiteral = node.kind === "literal" && this.#input.text[node.start] !== "(";
    if (isLiteral && node.value.kind === "string") return [node.value.value, "literal"];
    throw new ExpressionError(
      `regex pattern should be a string literal or template variable, got: ${this.#quote(node)}`,
    );
  }

  #nullTest(node: Shape<"null-test">): Predicate {
    const column = this.#column(node.column);
    if (isVector(column.type)) {
      throw new ExpressionError("IsNull/IsNotNull operations are not supported on vector fields");
    }
    if (column.path.length > 0) {
      if (column.type === DataType.Array) {
        throw new ExpressionError(
          `IsNull/IsNotNull operations are not supported on array element access, got: ${this.#quote(node)}`,
        );
      }
      const exists: Predicate = { kind: "exists", column };
      return node.negated ? exists : { kind: "not", child: exists };
    }
    const isNull: Predicate = { kind: "is-null", column };
    return node.negated ? { kind: "not", child: isNull } : isNull;
  }

  #exists(node: Shape<"exists">): Predicate {
    const operand = this.check(node.operand);
    if (operand.kind !== "column") {
      throw new ExpressionError(
        `exists operations are only supported on single fields now, got: ${this.#quote(node.operand)}`,
      );
    }
    const { column } = operand;
    if (column.type !== DataType.JSON) {
      throw new ExpressionError(
        `exists operations are only supportted on json field, got:${dataTypeName(column.type)}`,
      );
    }
    if (column.path.length === 0)
      throw new ExpressionError("exists operations are only supportted on json key");
    return { kind: "exists", column };
  }

  #junction(node: Shape<"junction">): Operand {
    const { op } = node;
    // The constant that decides the junction by itself; the other one changes nothing.
    const decisive = op === "or";
    let constant: boolean | undefined;
    let predicates: Predicate[] = [];
    for (const child of node.operands) {
      const operand = this.check(child);
      if (operand.kind === "value") {
        if (operand.value.kind !== "bool") throw predicates.length > 0 ? betweenBoolean(op) : onlyBoolean(op);
        const { value: known } = operand.value;
        if (predicates.length === 0)
          constant = known === decisive || constant === undefined ? known : constant;
        else if (known === decisive) predicates = [decisive ? TRUE : FALSE];
      } else if (constant === decisive) {
        // Milvus does not look at the other side of `true or ...`.
        predicates = [decisive ? TRUE : FALSE];
        constant = undefined;
      } else {
        if (operand.kind !== "predicate") throw betweenBoolean(op);
        predicates.push(operand.predicate);
        constant = undefined;
      }
    }
    const [only] = predicates;
    if (only === undefined) return value({ kind: "bool", value: constant ?? !decisive });
    return predicate(predicates.length === 1 ? only : { kind: op, children: predicates });
  }

  #contains(node: Shape<"contains">): Predicate {
    const name = node.mode === "one" ? "contains" : `contains_${node.mode}`;
    const operand = this.check(node.column);
    const type = operand.kind === "column" ? operand.column.type : DataType.None;
    const indexed = operand.kind === "column" && type === DataType.Array && operand.column.path.length > 0;
    if (operand.kind !== "column" || (type !== DataType.JSON && type !== DataType.Array) || indexed) {
      throw new ExpressionError(
        `${name} operation are only supported on json or array fields now, got: ${this.#quote(node.column)}`,
      );
    }
    const list = this.check(node.values);
    if (list.kind !== "value") {
      throw new ExpressionError(
        `${name} operation are only supported explicitly specified element, got: ${this.#quote(node.values)}`,
      );
    }
    const operation = { one: "Contains", any: "ContainsAny", all: "ContainsAll" }[node.mode];
    if (node.mode === "one") {
      const values = [this.#element(operand.column, list.value, operation)];
      return { kind: "contains", mode: "one", column: operand.column, values };
    }
    if (list.value.kind !== "array")
      throw new ExpressionError(`${operation} operation element must be an array`);
    const values = list.value.items.map((item) => this.#element(operand.column, item, operation));
    return { kind: "contains", mode: node.mode, column: operand.column, values };
  }

  #element(column: ColumnRef, item: Constant, operation: string): Constant {
    if (column.type === DataType.JSON) return item;
    if (operation !== "Contains" && !typesCompare(column.elementType, constantType(item))) {
      throw new ExpressionError(
        `${operation} operation can't compare between array element type: ${dataTypeName(column.elementType)} ` +
          `and ${dataTypeName(constantType(item))}`,
      );
    }
    return castConstant(column.elementType, item);
  }

  #arrayLength(node: Shape<"array-length">): Operand {
    const column = this.#column(node.column);
    const indexed = column.type === DataType.Array && column.path.length > 0;
    if ((column.type !== DataType.JSON && column.type !== DataType.Array) || indexed) {
      throw new ExpressionError(
        `array_length operation are only supported on json, array or array-of-vector fields now, got: ${this.#quote(node)}`,
      );
    }
    return { kind: "array-length", column };
  }

  /** The functions that Milvus registers by name: `empty(varchar)` and `starts_with(varchar, varchar)`. */
  #call(node: Shape<"call">): Predicate {
    const args = node.args.map((arg) => this.check(arg));
    const [first, second] = args;
    if (first?.kind === "column" && isText(first.column.type)) {
      if (node.name === "empty" && args.length === 1) {
        return { kind: "compare", column: first.column, op: "==", value: { kind: "string", value: "" } };
      }
      if (
        node.name === "starts_with" &&
        args.length === 2 &&
        second?.kind === "value" &&
        second.value.kind === "string"
      ) {
        return like(first.column, prefixPattern(second.value.value));
      }
    }
    const types = args.map((arg) => signatureNames[operandType(arg)] ?? dataTypeName(operandType(arg)));
    throw new ExpressionError(`function ${node.name}(${types.join(", ")}) not found.`, "plan");
  }

  #column(node: SyntaxNode): ColumnRef {
    const operand = this.check(node);
    if (operand.kind === "column") return operand.column;
    throw new ExpressionError(
      `range operations are only supported on single fields now, got: ${this.#quote(node)}`,
    );
  }

  #quote(node: SyntaxNode): string {
    return quoteSource(this.#input.text, node.start, node.end);
  }
}

/** Type names in the signatures of functions. */
const signatureNames: Readonly<Record<number, string>> = {
  [DataType.Bool]: "bool",
  [DataType.Int8]: "int8_t",
  [DataType.Int16]: "int16_t",
  [DataType.Int32]: "int32_t",
  [DataType.Int64]: "int64_t",
  [DataType.Float]: "float",
  [DataType.Double]: "double",
  [DataType.VarChar]: "varchar",
  [DataType.Array]: "array",
  [DataType.JSON]: "json",
};

function value(constant: Constant): Operand {
  return { kind: "value", value: constant };
}

function predicate(p: Predicate): Operand {
  return { kind: "predicate", predicate: p };
}

function onlyBoolean(op: "and" | "or"): ExpressionError {
  return new ExpressionError(`${op} can only apply on boolean`);
}

function betweenBoolean(op: "and" | "or"): ExpressionError {
  return new ExpressionError(`'${op}' can only be used between boolean expressions`);
}
