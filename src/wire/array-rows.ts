import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { BytesColumn, FixedColumn, FixedValues, ListColumn } from "../model/columns.ts";
import { DataType, dataTypeName } from "../model/data-type.ts";
import { decode, encode, type Init } from "./codec.ts";
import type { ScalarField } from "./messages.gen.ts";
import { narrowIntegers } from "./narrow-integers.ts";
import { packBytes, packedAt, packedCount, type PackedBytes } from "./packed-bytes.ts";

/** Offsets and elements of array rows, each of which travels as the bytes of a ScalarField. */
export function arrayRowsToList(
  rows: PackedBytes,
  elementType: DataType,
): { readonly offsets: Int32Array; readonly child: FixedColumn | BytesColumn } {
  const count = packedCount(rows);
  const offsets = new Int32Array(count + 1);
  const parts: (FixedValues | PackedBytes)[] = [];
  for (let row = 0; row < count; row++) {
    const part = elementsOf(decode("schema.ScalarField", packedAt(rows, row)), elementType);
    parts.push(part);
    offsets[row + 1] = (offsets[row] ?? 0) + lengthOf(part);
  }
  return { offsets, child: joinElements(parts, elementType, offsets[count] ?? 0) };
}

/** The other way. Null rows become empty messages. */
export function listToArrayRows(list: ListColumn): PackedBytes {
  const { child, offsets } = list;
  const rows: Uint8Array[] = [];
  for (let row = 0; row < list.rows; row++) {
    const from = offsets[row] ?? 0;
    const to = offsets[row + 1] ?? 0;
    rows.push(encode("schema.ScalarField", rowMessage(child, from, to)));
  }
  return packBytes(rows);
}

function rowMessage(child: FixedColumn | BytesColumn, from: number, to: number): Init<ScalarField> {
  if (child.kind === "bytes") {
    return { stringData: { data: { offsets: child.offsets.subarray(from, to + 1), bytes: child.bytes } } };
  }
  return fixedMessage(child.type, child.values.subarray(from, to));
}

/** Fixed values in the member of a ScalarField that their type travels in. */
export function fixedMessage(type: DataType, values: FixedValues): Init<ScalarField> {
  if (values instanceof BigInt64Array) return { longData: { data: values } };
  if (values instanceof Float32Array) return { floatData: { data: values } };
  if (values instanceof Float64Array) return { doubleData: { data: values } };
  if (type === DataType.Bool && values instanceof Uint8Array) return { boolData: { data: values } };
  return { intData: { data: values instanceof Int32Array ? values : Int32Array.from(values) } };
}

type Member = "boolData" | "intData" | "longData" | "floatData" | "doubleData" | "stringData";

const members: Readonly<Partial<Record<DataType, { readonly member: Member; readonly name: string }>>> = {
  [DataType.Bool]: { member: "boolData", name: "bool array" },
  [DataType.Int8]: { member: "intData", name: "int array" },
  [DataType.Int16]: { member: "intData", name: "int array" },
  [DataType.Int32]: { member: "intData", name: "int array" },
  [DataType.Int64]: { member: "longData", name: "int64 array" },
  [DataType.Float]: { member: "floatData", name: "float array" },
  [DataType.Double]: { member: "doubleData", name: "double array" },
  [DataType.VarChar]: { member: "stringData", name: "string array" },
  [DataType.String]: { member: "stringData", name: "string array" },
};

function elementsOf(row: ScalarField, elementType: DataType): FixedValues | PackedBytes {
  const wanted = members[elementType];
  if (wanted === undefined) {
    throw parameterInvalid(`array element type: ${dataTypeName(elementType)} is not supported`, {
      expected: "valid array element type",
      actual: "array element type is not supported",
    });
  }
  const values = row[wanted.member]?.data;
  if (values === undefined) {
    const found = Object.entries(row).find(([, value]) => value !== undefined)?.[0];
    // Milvus prints the Go type of what it found; clients' tests compare the beginning of the sentence.
    const actual =
      found === undefined
        ? "nil array"
        : `*schemapb.ScalarField_${found.charAt(0).toUpperCase()}${found.slice(1)} array`;
    throw parameterInvalid("insert data does not match", { expected: wanted.name, actual });
  }
  return values instanceof Int32Array ? narrowIntegers(values, elementType) : values;
}

function lengthOf(part: FixedValues | PackedBytes): number {
  return ArrayBuffer.isView(part) ? part.length : packedCount(part);
}

function joinElements(
  parts: readonly (FixedValues | PackedBytes)[],
  type: DataType,
  total: number,
): FixedColumn | BytesColumn {
  if (members[type]?.member === "stringData") {
    const values = parts.flatMap((part) =>
      ArrayBuffer.isView(part) ? [] : Array.from({ length: packedCount(part) }, (_, i) => packedAt(part, i)),
    );
    const { offsets, bytes } = packBytes(values);
    return { kind: "bytes", type, rows: total, offsets, bytes, validity: undefined };
  }
  const out = emptyElements(type, total);
  let at = 0;
  for (const part of parts) {
    if (!ArrayBuffer.isView(part)) continue;
    out.set(part as never, at);
    at += part.length;
  }
  return { kind: "fixed", type, dim: 0, rows: total, values: out, validity: undefined };
}

function emptyElements(type: DataType, count: number): FixedValues {
  switch (type) {
    case DataType.Bool:
      return new Uint8Array(count);
    case DataType.Int8:
      return new Int8Array(count);
    case DataType.Int16:
      return new Int16Array(count);
    case DataType.Int64:
      return new BigInt64Array(count);
    case DataType.Float:
      return new Float32Array(count);
    case DataType.Double:
      return new Float64Array(count);
    default:
      return new Int32Array(count);
  }
}
