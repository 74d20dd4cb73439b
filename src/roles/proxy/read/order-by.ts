import { compareBytes } from "../../../base/bytes.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { groupKeys } from "../../../core/search/group-values.ts";
import { isValid, type Column } from "../../../model/columns.ts";
import { DataType, dataTypeName } from "../../../model/data-type.ts";
import { dynamicField, fieldByName, type CollectionSchema, type FieldSchema } from "../../../model/schema.ts";
import { packedAt } from "../../../wire/packed-bytes.ts";

/** One field that rows are ordered by. */
export interface OrderBy {
  readonly field: FieldSchema;
  readonly direction: "ascending" | "descending";
  readonly nulls: "first" | "last";
}

const SORTABLE: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Timestamptz,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
]);

/**
 * `order_by_fields`: `price:asc,name:desc:nulls_last`. Ascending when nothing is said; nulls come last when ascending and first when
 * descending, as in PostgreSQL. Empty for an empty text. Errors in Milvus's words.
 */
export function parseOrderBy(text: string, schema: CollectionSchema): readonly OrderBy[] {
  return text.split(",").flatMap((part): OrderBy[] => {
    const [name = "", direction = "", nulls = "", ...more] = part.split(":").map((piece) => piece.trim());
    if (part.trim() === "") return [];
    if (more.length > 0) throw parameterInvalid(`too many order_by field options in '${part.trim()}'`);
    const descending = isDescending(direction, name);
    return [
      {
        field: sortableField(name, schema),
        direction: descending ? "descending" : "ascending",
        nulls: nullsPlace(nulls, descending),
      },
    ];
  });
}

function isDescending(direction: string, name: string): boolean {
  switch (direction.toLowerCase()) {
    case "":
    case "asc":
    case "ascending":
      return false;
    case "desc":
    case "descending":
      return true;
    default:
      throw parameterInvalid(
        `invalid order direction '${direction}' for field '${name}', must be 'asc' or 'desc'`,
      );
  }
}

function nullsPlace(nulls: string, descending: boolean): OrderBy["nulls"] {
  switch (nulls.toLowerCase()) {
    case "":
      return descending ? "first" : "last";
    case "nulls_first":
      return "first";
    case "nulls_last":
      return "last";
    default:
      throw parameterInvalid(`invalid null ordering '${nulls}', must be 'nulls_first' or 'nulls_last'`);
  }
}

function sortableField(name: string, schema: CollectionSchema): FieldSchema {
  if (name === "") throw parameterInvalid("empty field name in order_by_fields");
  const field = fieldByName(schema, name);
  if (field === undefined) {
    const inJson = fieldByName(schema, name.split("[")[0] ?? "")?.type === DataType.JSON;
    if (inJson || dynamicField(schema) !== undefined)
      throw notServed(`ordering by ${name}, a key of a JSON or dynamic field,`);
    throw parameterInvalid(`order_by field '${name}' does not exist in collection schema`);
  }
  if (SORTABLE.has(field.type)) return field;
  throw parameterInvalid(
    `order_by field '${name}' has type ${dataTypeName(field.type)} which is not sortable`,
  );
}

/** Compares two rows of `columns`, which are those of the fields in order. Rows that compare equal are 0. */
export function rowComparison(
  orderBy: readonly OrderBy[],
  columns: readonly Column[],
): (a: number, b: number) => number {
  const each = orderBy.map((order, i) => {
    const column = columns[i];
    if (column === undefined) throw new TypeError(`no values of ${order.field.name} to order by`);
    return comparison(order, column);
  });
  return (a, b) => {
    for (const compare of each) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
}

function comparison({ direction, nulls }: OrderBy, column: Column): (a: number, b: number) => number {
  const { validity } = column;
  const values = valueComparison(column);
  const sign = direction === "descending" ? -1 : 1;
  if (validity === undefined) return (a, b) => sign * values(a, b);
  const nullFirst = nulls === "first" ? -1 : 1;
  return (a, b) => {
    const hasA = isValid(validity, a);
    const hasB = isValid(validity, b);
    if (hasA && hasB) return sign * values(a, b);
    return hasA === hasB ? 0 : hasA ? -nullFirst : nullFirst;
  };
}

function valueComparison(column: Column): (a: number, b: number) => number {
  switch (column.kind) {
    case "fixed": {
      const { values } = column;
      return (a, b) => {
        const left = values[a] ?? 0;
        const right = values[b] ?? 0;
        return left < right ? -1 : left > right ? 1 : 0;
      };
    }
    case "bytes":
      return (a, b) => compareBytes(packedAt(column, a), packedAt(column, b));
    case "list":
      throw new TypeError("arrays have no order");
  }
}

/**
 * Rows [start, end) in order; those that compare equal stay as they are. With `groups` the rows of a group stay together, as they are, and
 * the groups are ordered by their first rows.
 */
export function orderedRows(
  start: number,
  end: number,
  compare: (a: number, b: number) => number,
  groups?: Column,
): readonly number[] {
  const rows = Array.from({ length: end - start }, (_, i) => start + i);
  if (groups === undefined) return rows.sort(compare);
  const keys = groupKeys(groups);
  const members = Map.groupBy(rows, (row) => keys[row] ?? "");
  return [...members.values()].sort((a, b) => compare(a[0] ?? 0, b[0] ?? 0)).flat();
}
