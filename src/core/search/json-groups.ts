import { assert } from "../../base/assert.ts";
import { bitsetBytes, setBit } from "../../base/bitset.ts";
import { concatBytes, utf8Encode } from "../../base/bytes.ts";
import { redkiteError } from "../../errors/redkite-error.ts";
import { jsonGroupReader, type JsonGroupValue } from "../../expr/json-group.ts";
import { fixedValuesOver, rowBytes } from "../../format/column-buffers.ts";
import { isValid, type BytesColumn, type Column } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import type { JsonGroups } from "../../model/read.ts";

/** What the rows of a JSON column are grouped by, as a column of values of the groups' type; text is VarChar. */
export function jsonGroups(column: Column, groups: JsonGroups): Column {
  const valueAt = groupValues(column, groups);
  const validity = new Uint8Array(bitsetBytes(column.rows));
  const values = Array.from({ length: column.rows }, (_, row) => {
    const value = valueAt(row);
    if (value === UNFIT) throw wrongType(groups.type);
    if (value !== undefined) setBit(validity, row);
    return value;
  });
  const type = jsonGroupsType(groups);
  const shape = { rows: values.length, type, validity };
  if (type === DataType.VarChar) {
    const texts = values.map((value) => utf8Encode(typeof value === "string" ? value : ""));
    const offsets = new Int32Array(values.length + 1);
    texts.forEach((text, row) => (offsets[row + 1] = (offsets[row] ?? 0) + text.length));
    return { kind: "bytes", ...shape, offsets, bytes: concatBytes(texts) };
  }
  const fixed = fixedValuesOver(type, new Uint8Array(values.length * rowBytes(type, 0)));
  values.forEach((value, row) => {
    if (value === undefined) return;
    if (fixed instanceof BigInt64Array) fixed[row] = BigInt(value);
    else fixed[row] = Number(value);
  });
  return { kind: "fixed", ...shape, dim: 0, values: fixed };
}

/** The type of the values of groups, as answers carry them. */
export function jsonGroupsType({ type }: JsonGroups): DataType {
  return type === DataType.None ? DataType.VarChar : type;
}

/** The same as a number for each row, equal where the values are. */
export function jsonGroupNumbers(column: Column, groups: JsonGroups): Int32Array {
  const valueAt = groupValues(column, groups);
  const known = new Map<JsonGroupValue | typeof UNFIT | undefined, number>([[undefined, 0]]);
  const numbers = new Int32Array(column.rows);
  for (let row = 0; row < column.rows; row++) {
    const value = valueAt(row);
    const number = known.get(value) ?? known.size;
    if (number === known.size) known.set(value, number);
    numbers[row] = number;
  }
  return numbers;
}

/** Stands for what has no value of the type where that is an error: it is one once the row is a hit. */
const UNFIT: unique symbol = Symbol("unfit");

function groupValues(
  column: Column,
  { path, type, strict }: JsonGroups,
): (row: number) => JsonGroupValue | typeof UNFIT | undefined {
  const { bytes, offsets, validity } = jsonColumn(column);
  const valueOf = jsonGroupReader(path, type);
  const otherwise = strict ? UNFIT : undefined;
  return (row) =>
    isValid(validity, row)
      ? (valueOf(bytes, offsets[row] ?? 0, offsets[row + 1] ?? 0) ?? otherwise)
      : undefined;
}

function jsonColumn(column: Column): BytesColumn {
  assert(column.kind === "bytes" && column.type === DataType.JSON, "groups of a field that is not JSON");
  return column;
}

/** As Milvus's core prints types. */
const typeNames = new Map<DataType, string>([
  [DataType.Bool, "value to bool"],
  [DataType.Int8, "value to int8_t"],
  [DataType.Int16, "value to int16_t"],
  [DataType.Int32, "value to int32_t"],
  [DataType.Int64, "value to int64_t"],
  [DataType.VarChar, "string to string"],
]);

function wrongType(type: DataType): Error {
  const cast = typeNames.get(type) ?? "object node to string";
  return redkiteError("segcore", {
    context: `failed to cast json ${cast}, wrong json data inner type`,
    blame: "input",
  });
}
