import { utf8Decode } from "../../../base/bytes.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { isValid, type BytesColumn } from "../../../model/columns.ts";
import type { CollectionSchema } from "../../../model/schema.ts";
import { packBytes } from "../../../wire/packed-bytes.ts";
import { META_FIELD } from "../check/schema.ts";
import { DataType } from "../../../model/data-type.ts";

/** `{}` for rows that came without undeclared keys. */
export function emptyDynamicColumn(rows: number): BytesColumn {
  const empty = new TextEncoder().encode("{}");
  const packed = packBytes(Array.from({ length: rows }, () => empty));
  return { kind: "bytes", type: DataType.JSON, rows, ...packed, validity: undefined };
}

/**
 * Each row must hold one JSON object without `$meta` and, with "declared-refused", without names of declared fields. A partial
 * update may carry those: a key may have become a field after its row was written.
 */
export function checkDynamicColumn(
  column: BytesColumn,
  schema: CollectionSchema,
  names: "declared-refused" | "declared-allowed",
): void {
  for (let row = 0; row < column.rows; row++) {
    const start = column.offsets[row] ?? 0;
    const end = column.offsets[row + 1] ?? 0;
    if (!isValid(column.validity, row) || isEmptyObject(column.bytes, start, end)) continue;
    const object = parseObject(column.bytes.subarray(start, end));
    if (Object.hasOwn(object, META_FIELD)) throw parameterInvalid(`cannot set json key to: ${META_FIELD}`);
    if (names === "declared-allowed") continue;
    for (const { name } of schema.fields) {
      if (Object.hasOwn(object, name))
        throw parameterInvalid(`dynamic field name cannot include the static field name: ${name}`);
    }
  }
}

function isEmptyObject(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 2 && bytes[start] === 0x7b && bytes[start + 1] === 0x7d;
}

function parseObject(bytes: Uint8Array): object {
  let text = "";
  let value: unknown;
  try {
    text = utf8Decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw notAnObject(error instanceof Error ? error.message : String(error));
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw notAnObject(`${text.slice(0, 100)} is not an object`);
}

function notAnObject(why: string): Error {
  return parameterInvalid(`invalid dynamic field data, only json map is supported: ${why}`);
}
