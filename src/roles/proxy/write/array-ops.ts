import { newBitset, setBit } from "../../../base/bitset.ts";
import { utf8Decode } from "../../../base/bytes.ts";
import { parameterInvalid, parameterMissing } from "../../../errors/parameter-errors.ts";
import { concatColumns, gatherColumn } from "../../../format/column-select.ts";
import { isValid, type Column, type ListColumn } from "../../../model/columns.ts";
import { DataType, dataTypeName } from "../../../model/data-type.ts";
import { fieldByName, type CollectionSchema, type FieldSchema } from "../../../model/schema.ts";
import { FieldPartialUpdateOpOpType } from "../../../wire/enums.gen.ts";
import type { UpsertRequest } from "../../../wire/messages.gen.ts";
import { packedAt } from "../../../wire/packed-bytes.ts";

/** How a partial upsert changes an Array field instead of replacing it. */
export type ArrayOp = "append" | "remove";

const { REPLACE, ARRAY_APPEND, ARRAY_REMOVE } = FieldPartialUpdateOpOpType;

/** The operations of a request by field name, checked in Milvus's order and words. A REPLACE is what happens without one. */
export function arrayOps(
  { fieldOps, fieldsData }: Pick<UpsertRequest, "fieldOps" | "fieldsData">,
  schema: CollectionSchema,
): ReadonlyMap<string, ArrayOp> {
  const seen = new Set<string>();
  const ops = new Map<string, ArrayOp>();
  for (const { fieldName, op } of fieldOps) {
    if (fieldName === "") throw parameterMissing("field_name", "FieldPartialUpdateOp.field_name is required");
    if (seen.has(fieldName)) throw parameterInvalid(`duplicate partial-update op for field "${fieldName}"`);
    seen.add(fieldName);
    if (op === REPLACE) continue;
    const field = fieldByName(schema, fieldName);
    if (field === undefined) throw parameterInvalid(`field "${fieldName}" not found in collection schema`);
    if (field.isPrimaryKey) {
      throw parameterInvalid(`field "${fieldName}" is the primary key and cannot carry a partial-update op`);
    }
    if (op !== ARRAY_APPEND && op !== ARRAY_REMOVE)
      throw parameterInvalid(`unsupported partial update op: ${op}`);
    if (field.type !== DataType.Array) {
      const name = op === ARRAY_APPEND ? "ARRAY_APPEND" : "ARRAY_REMOVE";
      throw parameterInvalid(
        `op ${name} requires Array field, but field "${fieldName}" is ${dataTypeName(field.type)}`,
      );
    }
    if (!fieldsData.some((data) => data.fieldName === fieldName)) {
      throw parameterInvalid(`partial-update op targets field "${fieldName}" not present in fields_data`);
    }
    ops.set(fieldName, op === ARRAY_APPEND ? "append" : "remove");
  }
  return ops;
}

/**
 * The arrays of `stored` at `places` (-1: a row that is new, and an empty array) with the elements of `change` appended, or without every
 * element that equals one of them. Where `change` is null the stored value stays; appending to null begins an array.
 */
export function applyArrayOp(
  op: ArrayOp,
  field: FieldSchema,
  stored: Column,
  places: Int32Array,
  change: Column,
): ListColumn {
  if (stored.kind !== "list" || change.kind !== "list") throw new TypeError(`${field.name} is no array`);
  const rows = change.rows;
  const child = concatColumns([stored.child, change.child]);
  if (child.kind === "list") throw new TypeError("an array of arrays");
  const keyOf = elementKeys(child);
  const offsets = new Int32Array(rows + 1);
  const validity = newBitset(rows);
  const elements: number[] = [];
  for (let row = 0; row < rows; row++) {
    const place = places[row] ?? -1;
    const before = place < 0 ? [] : elementsAt(stored, place, 0);
    const given = elementsAt(change, row, stored.child.rows);
    const had = place >= 0 && isValid(stored.validity, place);
    const changes = isValid(change.validity, row);
    if (op === "append") elements.push(...before, ...given);
    else {
      const gone = new Set(given.map(keyOf));
      elements.push(...before.filter((element) => !gone.has(keyOf(element))));
    }
    offsets[row + 1] = elements.length;
    const length = elements.length - (offsets[row] ?? 0);
    if (length > field.maxCapacity) {
      throw parameterInvalid(`array length ${length} exceeds max_capacity ${field.maxCapacity}`);
    }
    if (had || (changes && (op === "append" || place < 0))) setBit(validity, row);
  }
  const gathered = gatherColumn(child, elements);
  if (gathered.kind === "list") throw new TypeError("an array of arrays");
  return {
    ...change,
    offsets,
    child: gathered,
    validity: field.nullable ? validity : undefined,
  };
}

/** Positions of a row's elements in the joined child; none for a null row. */
function elementsAt(column: ListColumn, row: number, shift: number): readonly number[] {
  const start = column.offsets[row] ?? 0;
  const end = isValid(column.validity, row) ? (column.offsets[row + 1] ?? 0) : start;
  return Array.from({ length: end - start }, (_, i) => shift + start + i);
}

/** Equal for equal elements. */
function elementKeys(child: ListColumn["child"]): (element: number) => bigint | number | string {
  if (child.kind === "bytes") return (element) => utf8Decode(packedAt(child, element));
  const { values } = child;
  return (element) => values[element] ?? 0;
}
