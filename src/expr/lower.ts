import { assert, assertNever } from "../base/assert.ts";
import { compareBytes, utf8Encode } from "../base/bytes.ts";
import { DataType } from "../model/data-type.ts";
import {
  Arithmetic,
  Comparison,
  ConstantKind,
  FIELD_MISSING_IS_NULL,
  FILTER_OPS_MAX,
  FILTER_REGISTERS_MAX,
  FilterOp,
  LOWER_INCLUSIVE,
  UPPER_INCLUSIVE,
  type FilterProgram,
} from "../model/filter-program.ts";
import {
  comparedType,
  type ColumnRef,
  type ComparisonOp,
  type Constant,
  type JunctionPredicate,
  type LeafPredicate,
  type NumberConstant,
  type Predicate,
} from "./ast.ts";
import { isFloating, isInteger, isNumeric } from "./constants.ts";
import { ProgramWriter, type ProgramConstant, type ProgramOp } from "./program-writer.ts";

export interface LoweredFilter {
  readonly program: FilterProgram;
  /** By the index that EXTERNAL operations name. */
  readonly externals: readonly Predicate[];
}

/**
 * Turns a predicate into a program of column kernels (docs/internals/filter-program.md). What has no kernel (JSON, arrays, regular
 * expressions, arithmetic of Float columns and on bits) becomes an EXTERNAL operation; a junction of nothing but such becomes one.
 */
export function lowerPredicate(predicate: Predicate): LoweredFilter {
  const lowering = new Lowering();
  lowering.emit(predicate, 0);
  return { program: lowering.writer.finish(lowering.externals.length), externals: lowering.externals };
}

class Lowering {
  readonly writer = new ProgramWriter();
  readonly externals: Predicate[] = [];
  /** Registers that a subtree needs, so that the neediest operand goes first (Sethi and Ullman 1970). */
  readonly #needs = new Map<Predicate, number>();

  /** Leaves the value of the predicate in register `to`, using registers from `to` on. */
  emit(predicate: Predicate, to: number): void {
    assert(to < FILTER_REGISTERS_MAX, `a filter needs more than ${FILTER_REGISTERS_MAX} registers`);
    if (!hasKernel(predicate)) {
      this.writer.op({ code: FilterOp.External, to, field: this.externals.length });
      this.externals.push(predicate);
      return;
    }
    switch (predicate.kind) {
      case "constant":
        this.writer.op({ code: FilterOp.Const, to, a: predicate.value ? 1 : 0 });
        return;
      case "not":
        this.emit(predicate.child, to);
        this.writer.op({ code: FilterOp.Not, to, a: to });
        return;
      case "and":
      case "or":
        this.#junction(predicate, to);
        return;
      default:
        this.writer.op({ ...leafOp(predicate), to });
    }
    assert(this.writer.count <= FILTER_OPS_MAX, `a filter needs more than ${FILTER_OPS_MAX} operations`);
  }

  #junction(junction: JunctionPredicate, to: number): void {
    const code = junction.kind === "and" ? FilterOp.And : FilterOp.Or;
    const children = [...groupExternals(junction)].sort((a, b) => this.#need(b) - this.#need(a));
    children.forEach((child, i) => {
      if (i === 0) {
        this.emit(child, to);
        return;
      }
      this.emit(child, to + 1);
      this.writer.op({ code, to, a: to, b: to + 1 });
    });
  }

  #need(predicate: Predicate): number {
    const known = this.#needs.get(predicate);
    if (known !== undefined) return known;
    let need = 1;
    if (hasKernel(predicate)) {
      if (predicate.kind === "not") need = this.#need(predicate.child);
      else if (predicate.kind === "and" || predicate.kind === "or") {
        const needs = predicate.children.map((child) => this.#need(child)).sort((a, b) => b - a);
        need = Math.max(needs[0] ?? 1, (needs[1] ?? 0) + 1);
      }
    }
    this.#needs.set(predicate, need);
    return need;
  }
}

/** The operands, those without a kernel joined to one: they look at a row together and stop at the first that decides. */
function groupExternals(junction: JunctionPredicate): readonly Predicate[] {
  const externals = junction.children.filter((child) => !hasKernel(child));
  if (externals.length < 2) return junction.children;
  const kernels = junction.children.filter(hasKernel);
  return [...kernels, { kind: junction.kind, children: externals }];
}

/** Whether any part of the predicate runs in the engine. */
function hasKernel(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case "constant":
      return true;
    case "not":
      return hasKernel(predicate.child);
    case "and":
    case "or":
      return predicate.children.some(hasKernel);
    case "is-null":
      return true;
    case "compare":
    case "range":
    case "in":
    case "like":
      return isPlainScalar(predicate.column) && !hasNaN(predicate);
    case "arithmetic": {
      const bits =
        predicate.arithmetic === "&" || predicate.arithmetic === "|" || predicate.arithmetic === "^";
      // Float computes in single precision, the kernel in double.
      return isPlainScalar(predicate.column) && !bits && predicate.column.type !== DataType.Float;
    }
    case "compare-fields": {
      const { left, right } = predicate;
      if (!isPlainScalar(left) || !isPlainScalar(right)) return false;
      return (isNumeric(left.type) && isNumeric(right.type)) || (isText(left.type) && isText(right.type));
    }
    case "regex":
    case "shifted-time":
    case "array-length":
    case "contains":
    case "exists":
    case "json-group":
      return false;
    default:
      return assertNever(predicate, "predicate");
  }
}

type LeafOp = Omit<ProgramOp, "to">;

function leafOp(leaf: Exclude<Predicate, JunctionPredicate>): LeafOp {
  switch (leaf.kind) {
    case "is-null":
      return { code: FilterOp.IsNull, ...columnOf(leaf.column) };
    case "compare":
      return compareOp(leaf.column, leaf.op, leaf.value);
    case "range": {
      const flags = (leaf.lowerInclusive ? LOWER_INCLUSIVE : 0) | (leaf.upperInclusive ? UPPER_INCLUSIVE : 0);
      const column = columnOf(leaf.column);
      return {
        code: FilterOp.Range,
        ...column,
        flags: column.flags | flags,
        constant: pair(leaf.lower, leaf.upper),
      };
    }
    case "in":
      return { code: FilterOp.In, ...columnOf(leaf.column), constant: list(leaf.column, leaf.values) };
    case "like":
      return {
        code: FilterOp.Like,
        ...columnOf(leaf.column),
        constant: { kind: ConstantKind.String, like: leaf.parts },
      };
    case "arithmetic":
      return {
        code: FilterOp.Arith,
        ...columnOf(leaf.column),
        comparison: comparisons[leaf.op],
        arithmetic: arithmetics[leaf.arithmetic],
        constant: pair(leaf.operand, leaf.value),
      };
    case "compare-fields": {
      const missing = leaf.left.nullable || leaf.right.nullable ? FIELD_MISSING_IS_NULL : 0;
      return {
        code: FilterOp.CompareFields,
        comparison: comparisons[leaf.op],
        field: leaf.left.fieldId,
        second: leaf.right.fieldId,
        flags: missing,
      };
    }
    default:
      throw new Error(`${leaf.kind} has no kernel`);
  }
}

function compareOp(column: ColumnRef, op: ComparisonOp, value: Constant): LeafOp {
  return {
    code: FilterOp.Compare,
    ...columnOf(column),
    comparison: comparisons[op],
    constant: scalar(value),
  };
}

function columnOf(column: ColumnRef): { readonly field: number; readonly flags: number } {
  return { field: column.fieldId, flags: column.nullable ? FIELD_MISSING_IS_NULL : 0 };
}

function scalar(value: Constant): ProgramConstant {
  switch (value.kind) {
    case "int":
      return { kind: ConstantKind.Int64, ints: [value.value] };
    case "float":
      return { kind: ConstantKind.Double, doubles: [value.value] };
    case "string":
      return { kind: ConstantKind.String, text: value.value };
    case "bool":
      return { kind: ConstantKind.Bool, bool: value.value };
    case "array":
      throw new Error("an array has no kernel");
  }
}

function pair(first: Constant | NumberConstant, second: Constant | NumberConstant): ProgramConstant {
  if (first.kind === "int" && second.kind === "int")
    return { kind: ConstantKind.Int64, ints: [first.value, second.value] };
  if (first.kind === "string" && second.kind === "string") {
    return { kind: ConstantKind.String, texts: [first.value, second.value] };
  }
  return { kind: ConstantKind.Double, doubles: [Number(numeric(first)), Number(numeric(second))] };
}

function numeric(value: Constant): bigint | number {
  assert(value.kind === "int" || value.kind === "float", `${value.kind} is no number`);
  return value.value;
}

function list(column: ColumnRef, values: readonly Constant[]): ProgramConstant {
  const type = comparedType(column);
  if (isInteger(type))
    return { kind: ConstantKind.Int64List, ints: values.map((value) => BigInt(numeric(value))) };
  if (isFloating(type))
    return { kind: ConstantKind.DoubleList, doubles: values.map((value) => Number(numeric(value))) };
  const texts = values.map((value) => utf8Encode(value.kind === "string" ? value.value : ""));
  return { kind: ConstantKind.StringList, encoded: texts.sort(compareBytes) };
}

function isPlainScalar(column: ColumnRef): boolean {
  return (
    column.path.length === 0 &&
    (isNumeric(column.type) || isText(column.type) || column.type === DataType.Bool)
  );
}

function isText(type: DataType): boolean {
  return type === DataType.VarChar || type === DataType.String;
}

/** Only constant arithmetic such as infinity minus infinity makes one; sorted lists and ranges cannot hold it. */
function hasNaN(
  leaf: Extract<LeafPredicate, { readonly kind: "compare" | "range" | "in" | "like" }>,
): boolean {
  if (leaf.kind === "like") return false;
  const constants =
    leaf.kind === "compare" ? [leaf.value] : leaf.kind === "range" ? [leaf.lower, leaf.upper] : leaf.values;
  return constants.some((constant) => constant.kind === "float" && Number.isNaN(constant.value));
}

const comparisons: Readonly<Record<ComparisonOp, number>> = {
  "==": Comparison.Eq,
  "!=": Comparison.Ne,
  "<": Comparison.Lt,
  "<=": Comparison.Le,
  ">": Comparison.Gt,
  ">=": Comparison.Ge,
};

const arithmetics: Readonly<Record<string, number>> = {
  "+": Arithmetic.Add,
  "-": Arithmetic.Sub,
  "*": Arithmetic.Mul,
  "/": Arithmetic.Div,
  "%": Arithmetic.Mod,
};
