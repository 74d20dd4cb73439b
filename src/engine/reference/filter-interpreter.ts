import { assertNever } from "../../base/assert.ts";
import { compareBytes } from "../../base/bytes.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { isValid, type Column } from "../../model/columns.ts";
import { dataTypeName } from "../../model/data-type.ts";
import {
  Arithmetic,
  Comparison,
  ConstantKind,
  FilterOp,
  LOWER_INCLUSIVE,
  UPPER_INCLUSIVE,
  type TriBitmap,
} from "../../model/filter-program.ts";
import type { FieldSchema } from "../../model/schema.ts";
import type { CancelFlag, FilterInput } from "../../ports/engine.ts";
import { checkCancel } from "./cancel.ts";
import { badProgram, readFilterProgram, type FilterOperation } from "./filter-program-reader.ts";
import { matchesLike, parseLike } from "./like.ts";
import { bytesToken, scalarAt, scalarDomain, type ScalarValueAt } from "./scalar-values.ts";

/** What a program can see of a segment. */
export interface FilterRows {
  readonly rows: number;
  field(fieldId: number): FieldSchema | undefined;
  column(fieldId: number): Column;
}

/** One value of three-valued logic; undefined is unknown. */
type Tri = boolean | undefined;
type Predicate = (row: number) => Tri;

/** A missing field reads as null instead of being refused. */
const MISSING_IS_NULL = 4;

/** Rows for which the program is true, as a byte of 0 or 1 per row. */
export function runFilter(
  input: FilterInput,
  source: FilterRows,
  cancel: CancelFlag | undefined,
): Uint8Array {
  const operations = readFilterProgram(input.program.bytes);
  const registers = new Map<number, Tri[]>();
  for (const operation of operations) {
    checkCancel(cancel, "filter");
    const predicate = predicateOf(operation, input, source, registers);
    registers.set(
      operation.target,
      Array.from({ length: source.rows }, (_, row) => predicate(row)),
    );
  }
  return Uint8Array.from(registers.get(0) ?? [], (value) => (value === true ? 1 : 0));
}

function predicateOf(
  operation: FilterOperation,
  input: FilterInput,
  source: FilterRows,
  registers: ReadonlyMap<number, Tri[]>,
): Predicate {
  const a = registers.get(operation.a) ?? [];
  const b = registers.get(operation.b) ?? [];
  switch (operation.opcode) {
    case FilterOp.Const: {
      if (operation.a > 2) badProgram(`CONST has the value ${operation.a}`);
      const value = [false, true, undefined][operation.a];
      return () => value;
    }
    case FilterOp.And:
      return (row) => and(a[row], b[row]);
    case FilterOp.Or:
      return (row) => not(and(not(a[row]), not(b[row])));
    case FilterOp.Not:
      return (row) => not(a[row]);
    case FilterOp.External:
      return external(input.externals[operation.field], operation.field);
    default:
      return columnPredicate(operation, source);
  }
}

function and(a: Tri, b: Tri): Tri {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

function not(a: Tri): Tri {
  return a === undefined ? undefined : !a;
}

/** Rows behind the bitmap's end are unknown: they came while the caller computed it. */
function external(bitmap: TriBitmap | undefined, index: number): Predicate {
  if (bitmap === undefined) throw parameterInvalid(`filter needs bitmap ${index}, which was not given`);
  const bit = (from: BigUint64Array, row: number) =>
    (((from[row >> 6] ?? 0n) >> BigInt(row & 63)) & 1n) === 1n;
  return (row) => (bit(bitmap.isTrue, row) ? true : bit(bitmap.isFalse, row) ? false : undefined);
}

function columnPredicate(operation: FilterOperation, source: FilterRows): Predicate {
  const { opcode } = operation;
  const field = source.field(operation.field);
  if (field === undefined) {
    if ((operation.flags & MISSING_IS_NULL) === 0) {
      throw parameterInvalid(`filter reads field ${operation.field}, which the segment does not have`);
    }
    return () => (opcode === FilterOp.IsNull ? true : undefined);
  }
  const column = source.column(operation.field);
  const name = () => `field ${field.name} of type ${dataTypeName(field.type)}`;
  switch (opcode) {
    case FilterOp.IsNull:
      return (row) => !isValid(column.validity, row);
    case FilterOp.Bool:
      if (scalarDomain(column.type) !== "bool") throw parameterInvalid(`${name()} is not a Bool`);
      return overValues(column, (value) => value === 1);
    case FilterOp.Compare: {
      const side = comparisonSide(column, operation.constantKind, name);
      const constant = side.constants(operation.constant, 1)[0];
      const test = comparison(operation.comparison);
      return overValues(column, (value) => test(side.value(value), present(constant)));
    }
    case FilterOp.Range: {
      const side = comparisonSide(column, operation.constantKind, name);
      const [lower, upper] = side.range(operation.constant);
      const aboveLower = comparison(operation.flags & LOWER_INCLUSIVE ? Comparison.Ge : Comparison.Gt);
      const belowUpper = comparison(operation.flags & UPPER_INCLUSIVE ? Comparison.Le : Comparison.Lt);
      return overValues(column, (value) => {
        const v = side.value(value);
        return aboveLower(v, lower) && belowUpper(v, upper);
      });
    }
    case FilterOp.In: {
      const side = comparisonSide(column, elementKind(operation.constantKind), name);
      const list = new Set(side.list(operation.constant).map(token));
      return overValues(column, (value) => isOrdered(value) && list.has(token(side.value(value))));
    }
    case FilterOp.Like: {
      if (scalarDomain(column.type) !== "bytes") throw parameterInvalid(`LIKE needs a string, not ${name()}`);
      if (operation.constantKind !== ConstantKind.String) badProgram("LIKE without a pattern");
      const pattern = parseLike(operation.constant, badProgram);
      return overValues(column, (value) => value instanceof Uint8Array && matchesLike(value, pattern));
    }
    case FilterOp.Arith:
      return arithmeticPredicate(operation, column, name);
    case FilterOp.CompareFields:
      return compareFields(operation, column, source);
    case FilterOp.Const:
    case FilterOp.And:
    case FilterOp.Or:
    case FilterOp.Not:
    case FilterOp.External:
      return badProgram(`opcode ${opcode} reads no column`);
    default:
      return assertNever(opcode, "opcode");
  }
}

/** Unknown where the column is null. */
function overValues(column: Column, test: (value: ScalarValueAt) => Tri): Predicate {
  return (row) => {
    const value = scalarAt(column, row);
    return value === undefined ? undefined : test(value);
  };
}

type Comparable = bigint | number | Uint8Array;

/** Brings column values and constants into the domain in which they compare. */
interface ComparisonSide {
  value(value: ScalarValueAt): Comparable;
  constants(bytes: Uint8Array, count: number): Comparable[];
  range(bytes: Uint8Array): [Comparable, Comparable];
  list(bytes: Uint8Array): Comparable[];
}

function comparisonSide(column: Column, kind: number, name: () => string): ComparisonSide {
  const domain = scalarDomain(column.type);
  const numeric = (
    read: (bytes: Uint8Array) => Comparable[],
    value: ComparisonSide["value"],
  ): ComparisonSide => {
    const constants = (bytes: Uint8Array, count: number) => {
      const all = read(bytes);
      if (all.length !== count) badProgram(`${bytes.length} bytes where ${count} constants should be`);
      return all;
    };
    return {
      value,
      constants,
      range: (bytes) => {
        const [lower, upper] = constants(bytes, 2);
        return [present(lower), present(upper)];
      },
      list: read,
    };
  };
  if (domain === "int" && kind === ConstantKind.Int64) return numeric(readInt64s, (value) => value);
  if ((domain === "int" || domain === "double") && kind === ConstantKind.Double)
    return numeric(readDoubles, Number);
  if (domain === "double" && kind === ConstantKind.Int64) {
    return numeric(
      (bytes) => readInt64s(bytes).map(Number),
      (value) => value,
    );
  }
  if (domain === "bool" && kind === ConstantKind.Bool) return numeric(readBool, (value) => value);
  if (domain === "bool" && kind === ConstantKind.Int64)
    return numeric(readInt64s, (value) => BigInt(Number(value)));
  if (domain === "bool" && kind === ConstantKind.Double) return numeric(readDoubles, Number);
  if (domain === "bytes" && kind === ConstantKind.String) {
    return {
      value: (value) => value,
      constants: (bytes) => [bytes],
      range: readStringRange,
      list: readStringList,
    };
  }
  throw parameterInvalid(`${name()} cannot be compared with a constant of kind ${kind}`);
}

function elementKind(listKind: number): number {
  switch (listKind) {
    case ConstantKind.Int64List:
      return ConstantKind.Int64;
    case ConstantKind.DoubleList:
      return ConstantKind.Double;
    case ConstantKind.StringList:
      return ConstantKind.String;
    default:
      return badProgram(`IN with a constant of kind ${listKind}`);
  }
}

function comparison(code: number): (a: Comparable, b: Comparable) => boolean {
  const numbers = (test: (a: Comparable, b: Comparable) => boolean) => (a: Comparable, b: Comparable) =>
    a instanceof Uint8Array && b instanceof Uint8Array ? test(compareBytes(a, b), 0) : test(a, b);
  switch (code) {
    case Comparison.Eq:
      return numbers((a, b) => a === b);
    case Comparison.Ne:
      return numbers((a, b) => a !== b);
    case Comparison.Lt:
      return numbers((a, b) => a < b);
    case Comparison.Le:
      return numbers((a, b) => a <= b);
    case Comparison.Gt:
      return numbers((a, b) => a > b);
    case Comparison.Ge:
      return numbers((a, b) => a >= b);
    default:
      return badProgram(`comparison ${code}`);
  }
}

function arithmeticPredicate(operation: FilterOperation, column: Column, name: () => string): Predicate {
  const side = comparisonSide(column, operation.constantKind, name);
  const [operand, constant] = side.range(operation.constant);
  const test = comparison(operation.comparison);
  const compute = arithmetic(operation.arithmetic);
  return overValues(column, (value) => {
    const result = compute(side.value(value), operand);
    return result === undefined ? undefined : test(result, constant);
  });
}

/** Integers wrap at 64 bits; a division by zero is unknown, in floats too. */
function arithmetic(code: number): (a: Comparable, b: Comparable) => Comparable | undefined {
  const both =
    (
      ints: (a: bigint, b: bigint) => bigint | undefined,
      floats: (a: number, b: number) => number | undefined,
    ) =>
    (a: Comparable, b: Comparable) => {
      if (typeof a === "bigint" && typeof b === "bigint") {
        const result = ints(a, b);
        return result === undefined ? undefined : BigInt.asIntN(64, result);
      }
      return typeof a === "number" && typeof b === "number"
        ? floats(a, b)
        : badProgram("arithmetic on strings");
    };
  switch (code) {
    case Arithmetic.Add:
      return both(
        (a, b) => a + b,
        (a, b) => a + b,
      );
    case Arithmetic.Sub:
      return both(
        (a, b) => a - b,
        (a, b) => a - b,
      );
    case Arithmetic.Mul:
      return both(
        (a, b) => a * b,
        (a, b) => a * b,
      );
    case Arithmetic.Div:
      return both(
        (a, b) => (b === 0n ? undefined : a / b),
        (a, b) => (b === 0 ? undefined : a / b),
      );
    case Arithmetic.Mod:
      return both(
        (a, b) => (b === 0n ? undefined : a % b),
        (a, b) => (b === 0 ? undefined : a % b),
      );
    default:
      return badProgram(`arithmetic ${code}`);
  }
}

function compareFields(operation: FilterOperation, column: Column, source: FilterRows): Predicate {
  const second = source.field(operation.secondField);
  if (second === undefined) {
    if ((operation.flags & MISSING_IS_NULL) !== 0) return () => undefined;
    throw parameterInvalid(`filter reads field ${operation.secondField}, which the segment does not have`);
  }
  const other = source.column(operation.secondField);
  const domains = [scalarDomain(column.type), scalarDomain(other.type)];
  const isNumeric = domains.every((domain) => domain === "int" || domain === "double" || domain === "bool");
  if (!isNumeric && (domains[0] === undefined || domains[0] !== domains[1])) {
    throw parameterInvalid(
      `filter compares ${dataTypeName(column.type)} with ${dataTypeName(other.type)} of field ${second.name}`,
    );
  }
  const test = comparison(operation.comparison);
  const asDouble = isNumeric && domains.includes("double");
  return (row) => {
    const a = scalarAt(column, row);
    const b = scalarAt(other, row);
    if (a === undefined || b === undefined) return undefined;
    if (a instanceof Uint8Array || b instanceof Uint8Array) return test(a, b);
    return asDouble ? test(Number(a), Number(b)) : test(BigInt(a), BigInt(b));
  };
}

function readInt64s(bytes: Uint8Array): bigint[] {
  const view = eights(bytes);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigInt64(i * 8, true));
}

function readDoubles(bytes: Uint8Array): number[] {
  const view = eights(bytes);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(i * 8, true));
}

function eights(bytes: Uint8Array): DataView {
  if (bytes.length % 8 !== 0) badProgram(`${bytes.length} bytes of numbers`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** One byte, or the eight that its slot in the pool takes. */
function readBool(bytes: Uint8Array): number[] {
  if (bytes.length < 1 || (bytes[0] ?? 0) > 1) badProgram("a Bool constant that is neither 0 nor 1");
  return [bytes[0] ?? 0];
}

function readStringRange(bytes: Uint8Array): [Uint8Array, Uint8Array] {
  if (bytes.length < 4) badProgram("a string range without the length of its lower bound");
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (4 + length > bytes.length) badProgram(`a lower bound of ${length} bytes in ${bytes.length}`);
  return [bytes.subarray(4, 4 + length), bytes.subarray(4 + length)];
}

function readStringList(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length < 4) badProgram("a string list without a count");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint32(0, true);
  const start = 4 + (count + 1) * 4;
  if (start > bytes.length) badProgram(`a list of ${count} strings in ${bytes.length} bytes`);
  const texts = bytes.subarray(start);
  return Array.from({ length: count }, (_, i) => {
    const from = view.getUint32(4 + i * 4, true);
    const to = view.getUint32(8 + i * 4, true);
    if (from > to || to > texts.length) badProgram(`string ${i} of a list is the range [${from}, ${to})`);
    return texts.subarray(from, to);
  });
}

/** A NaN is equal to nothing, although a Set finds it. */
function isOrdered(value: ScalarValueAt): boolean {
  return typeof value !== "number" || !Number.isNaN(value);
}

function token(value: Comparable): bigint | number | string {
  return value instanceof Uint8Array ? bytesToken(value) : value;
}

function present(value: Comparable | undefined): Comparable {
  return value ?? badProgram("a constant is missing");
}
