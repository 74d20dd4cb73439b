import { RedkiteError } from "../errors/redkite-error.ts";
import { DataType } from "../model/data-type.ts";
import { parseTimestamptz } from "../model/timestamptz.ts";
import { mirrorComparison, type ColumnRef, type ComparisonOp, type Predicate } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";
import type { SyntaxNode } from "./syntax.ts";

export interface TimeContext {
  /** Of times that name none. */
  readonly timeZone: string;
  readonly column: (name: string) => ColumnRef;
  readonly quote: (node: SyntaxNode) => string;
}

type Comparison = Extract<SyntaxNode, { readonly kind: "comparison" }>;

/**
 * `field op ISO "..."`, `field + INTERVAL "..." op ISO "..."` and both the other way round; undefined for comparisons without a time.
 * The only way to compare a Timestamptz field, as in Milvus.
 */
export function timeComparison(node: Comparison, context: TimeContext): Predicate | undefined {
  const { left, right, op } = node;
  if (right.kind === "time") return compareWithTime(left, op, right.text, context);
  if (left.kind === "time") return compareWithTime(right, mirrorComparison(op), left.text, context);
  return undefined;
}

function compareWithTime(
  operand: SyntaxNode,
  op: ComparisonOp,
  text: string,
  context: TimeContext,
): Predicate {
  const { name, shift } = shiftedName(operand, context);
  const column = context.column(name);
  if (column.type !== DataType.Timestamptz) {
    throw new ExpressionError(`field '${name}' is not a timestamptz datatype`);
  }
  const time = timeOf(text, context.timeZone);
  if (shift.months !== 0) return { kind: "shifted-time", column, ...shift, op, value: time };
  // What the column holds: nothing behind the type check knows times.
  const micros: ColumnRef = { ...column, type: DataType.Int64 };
  return { kind: "compare", column: micros, op, value: { kind: "int", value: time - shift.micros } };
}

interface Shift {
  readonly months: number;
  readonly micros: bigint;
}

function shiftedName(
  operand: SyntaxNode,
  { quote }: TimeContext,
): { readonly name: string; readonly shift: Shift } {
  if (operand.kind === "name") return { name: operand.name, shift: { months: 0, micros: 0n } };
  if (
    operand.kind === "binary" &&
    (operand.op === "+" || operand.op === "-") &&
    operand.left.kind === "name" &&
    operand.right.kind === "interval"
  ) {
    const { months, micros } = parseInterval(operand.right.text);
    const shift = operand.op === "+" ? { months, micros } : { months: -months, micros: -micros };
    return { name: operand.left.name, shift };
  }
  throw new ExpressionError(
    `a time is compared with a field, or a field + or - an interval, but got: ${quote(operand)}`,
  );
}

function timeOf(text: string, zone: string): bigint {
  try {
    return parseTimestamptz(text, zone);
  } catch (error) {
    if (error instanceof RedkiteError) throw new ExpressionError(error.message);
    throw error;
  }
}

const duration = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** Beyond, no time of four-digit years is left. */
const YEARS_MAX = 10_000;
const MICROS_MAX = BigInt(YEARS_MAX) * 366n * 86_400n * 1_000_000n;

function parseInterval(text: string): Shift {
  const match = duration.exec(text);
  if (match === null) throw new ExpressionError(`invalid ISO 8601 duration: ${text}`);
  const [years = 0n, months = 0n, days = 0n, hours = 0n, minutes = 0n, seconds = 0n] = match
    .slice(1)
    .map((digits: string | undefined) => BigInt((digits ?? "0").slice(0, 20)));
  const calendar = years * 12n + months;
  const micros = (((days * 24n + hours) * 60n + minutes) * 60n + seconds) * 1_000_000n;
  if (calendar > BigInt(YEARS_MAX * 12) || micros > MICROS_MAX) {
    throw new ExpressionError(`the interval ${text} is longer than ${YEARS_MAX} years`);
  }
  return { months: Number(calendar), micros };
}
